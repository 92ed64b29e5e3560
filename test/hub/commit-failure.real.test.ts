/** An index on a full disk: its writes fail with the reason, and nothing else does. */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { IndexDb } from "../../hub/index-db.ts";
import { lacks } from "../support/requirements.ts";
import { testScope } from "../support/scope.ts";
import { mounting, smallDisk } from "../support/small-disk.ts";

/** LMDB takes a write that went half-way for an error of the disk. */
const FULL: unknown = expect.stringMatching(/^(ENOSPC|EIO)$/);

describe.skipIf(lacks(mounting))("an index on a full disk", () => {
  const scope = testScope();

  test("says so, keeps what it had, and goes on when there is room again", async () => {
    const disk = await smallDisk(scope, 1_048_576);
    const ballast = join(disk, "ballast");
    await writeFile(ballast, new Uint8Array(524_288));
    const path = join(disk, "index");
    const db = IndexDb.open(path);
    const shelf = await db.shelf("things", 1);
    const add = (next: number): Promise<void> =>
      shelf.commit({ next, hash: new Uint8Array(32) }, () => {
        for (const part of [1, 2, 3]) shelf.table.put([next, part], new Uint8Array(10_000));
        shelf.table.remove([next - 10, 1]);
      });

    let next = 0;
    const failure: unknown = await (async () => {
      for (;;) await add(++next);
    })().catch((error: unknown) => error);
    // A rejection without a listener would fail this test too.
    expect(failure).toMatchObject({ code: FULL, path });
    expect(shelf.cursor.next).toBe(next - 1);
    expect(shelf.table.get([next, 1])).toBeUndefined();
    await expect(add(next)).rejects.toMatchObject({ code: FULL });

    await rm(ballast);
    await add(next);
    expect(shelf.cursor.next).toBe(next);
    expect(shelf.table.get([next, 3])).toHaveLength(10_000);
    await db.close();
  });

  test("does not keep anybody from stopping", async () => {
    const disk = await smallDisk(scope, 262_144);
    const db = IndexDb.open(join(disk, "index"));
    const shelf = await db.shelf("things", 1);
    const cursor = { next: 1, hash: new Uint8Array(32) };
    const tooMuch = new Uint8Array(524_288);
    const adding = shelf.commit(cursor, () => shelf.table.put([1], tooMuch));
    await expect(adding).rejects.toMatchObject({ code: FULL });
    await db.close();
  });
});
