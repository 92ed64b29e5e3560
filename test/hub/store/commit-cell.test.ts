import { describe, expect, test } from "vitest";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { nodeFiles } from "../../../platform/files.ts";
import {
  CommitConflict,
  FileCommitCell,
  MemoryCommitCell,
} from "../../../hub/store/commit-cell.ts";
import type { CommitCell } from "../../../hub/store/commit-cell.ts";
import { testScope } from "../../support/scope.ts";

const scope = testScope();

/** What every cell keeps to. `reopen` gives the same cell as another process would see it. */
function conformance(
  name: string,
  make: () => Promise<{ cell: CommitCell; reopen: () => CommitCell }>,
): void {
  describe(name, () => {
    test("is empty, then holds what was swapped in", async () => {
      const { cell, reopen } = await make();
      expect(await cell.read()).toBeUndefined();
      await cell.swap(undefined, "one");
      expect(await cell.read()).toBe("one");
      await cell.swap("one", "two — ü\n");
      expect(await reopen().read()).toBe("two — ü\n");
    });

    test("refuses to swap what it does not hold, and keeps what it holds", async () => {
      const { cell, reopen } = await make();
      await expect(cell.swap("none", "one")).rejects.toBeInstanceOf(CommitConflict);
      expect(await cell.read()).toBeUndefined();
      await cell.swap(undefined, "one");
      await expect(cell.swap(undefined, "two")).rejects.toBeInstanceOf(CommitConflict);
      await expect(reopen().swap("two", "three")).rejects.toBeInstanceOf(CommitConflict);
      expect(await cell.read()).toBe("one");
    });
  });
}

conformance("MemoryCommitCell", () => {
  const cell = new MemoryCommitCell();
  return Promise.resolve({ cell, reopen: () => cell });
});

conformance("FileCommitCell in memory", () => {
  const files = new MemoryFiles();
  const open = (): CommitCell => new FileCommitCell(files, "commit");
  return Promise.resolve({ cell: open(), reopen: open });
});

conformance("FileCommitCell on a disk", async () => {
  const folder = await scope.folder("cell");
  const open = (): CommitCell => new FileCommitCell(nodeFiles, `${folder}/commit`);
  return { cell: open(), reopen: open };
});

test.each(["undone", "done", "power-cut"] as const)(
  "a swap that fails as %s leaves the one or the other",
  async (fault) => {
    const files = new MemoryFiles();
    const cell = new FileCommitCell(files, "commit");
    await cell.swap(undefined, "one");
    files.setFaults(() => fault);
    await expect(cell.swap("one", "two")).rejects.toThrow("EIO");
    files.setFaults();
    files.crash();
    expect(["one", "two"]).toContain(await cell.read());
  },
);
