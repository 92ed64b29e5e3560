/** The disk in memory: the conformance suite, faults in both forms, and what a power cut leaves. */
import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../ledger/bytes.ts";
import { type Fault, MemoryFiles } from "../../platform/memory-files.ts";
import { seededRandom } from "../../platform/random.ts";
import { describeFiles } from "./files-conformance.ts";

describeFiles("memory", async () => {
  const files = new MemoryFiles();
  await files.makeFolder("/disk");
  return { files, folder: "/disk" };
});

function bytes(text: string): Uint8Array {
  return encodeUtf8(text);
}

async function diskWith(seed: number | string = 1): Promise<MemoryFiles> {
  const files = new MemoryFiles(seededRandom(seed));
  await files.makeFolder("/disk");
  return files;
}

describe("faults", () => {
  test("a write that is not done keeps the old content, one that is done has the new", async () => {
    const files = await diskWith();
    await files.write("/disk/a", bytes("old"));
    files.setFaults(() => "undone");
    await expect(files.write("/disk/a", bytes("new"))).rejects.toMatchObject({ code: "EIO" });
    expect(await files.read("/disk/a")).toEqual(bytes("old"));
    files.setFaults(() => "done");
    await expect(files.write("/disk/a", bytes("new"))).rejects.toMatchObject({ code: "EIO" });
    expect(await files.read("/disk/a")).toEqual(bytes("new"));
    files.setFaults();
    await files.remove("/disk/a");
  });

  test("the plan sees each change with its path, kind and number", async () => {
    const files = await diskWith();
    const seen: string[] = [];
    files.setFaults(({ ordinal, kind, path }) => {
      seen.push(`${ordinal} ${kind} ${path}`);
      return undefined;
    });
    const file = await files.open("/disk/j");
    await file.append(bytes("abc"));
    await file.sync();
    await file.truncate(1);
    await files.remove("/disk/j");
    expect(seen).toEqual([
      "1 open /disk/j",
      "2 append /disk/j",
      "3 sync /disk/j",
      "4 truncate /disk/j",
      "5 sync /disk/j",
      "6 remove /disk/j",
    ]);
  });

  test.each(["undone", "done", "part"] as const)(
    "after an append that is %s the file takes nothing, until it is cut back",
    async (fault) => {
      const files = await diskWith();
      const file = await files.open("/disk/j");
      await file.append(bytes("good"));
      files.setFaults(({ kind }) => (kind === "append" ? fault : undefined));
      const lost = file.append(bytes("lost"));
      const behind = file.append(bytes("behind"));
      await expect(lost).rejects.toMatchObject({ code: "ENOSPC" });
      await expect(behind).rejects.toThrow("earlier append failed");
      files.setFaults();
      await expect(file.append(bytes("more"))).rejects.toThrow("earlier append failed");
      await expect(file.sync()).rejects.toThrow("earlier append failed");
      expect(file.size).toBe(4);
      await file.truncate(4);
      await file.append(bytes("!"));
      await file.sync();
      files.crash();
      expect(await files.read("/disk/j")).toEqual(bytes("good!"));
    },
  );

  test("after a sync that failed the file takes nothing any more", async () => {
    const files = await diskWith();
    const file = await files.open("/disk/j");
    await file.append(bytes("abc"));
    files.setFaults(({ kind }) => (kind === "sync" ? "undone" : undefined));
    await expect(file.sync()).rejects.toThrow("EIO");
    files.setFaults();
    await expect(file.sync()).rejects.toThrow("earlier sync failed");
    await expect(file.append(bytes("d"))).rejects.toThrow("earlier sync failed");
    await expect(file.truncate(0)).rejects.toThrow("earlier sync failed");
    expect(await file.read(0, 3)).toEqual(bytes("abc"));
    await file.close();
  });
});

describe("power", () => {
  test("what was synced stays, whatever the cut does to the rest", async () => {
    const lengths = new Set<number>();
    let holes = 0;
    for (let seed = 0; seed < 200; seed++) {
      const files = await diskWith(seed);
      const file = await files.open("/disk/j");
      await file.append(new Uint8Array(700).fill(1));
      await file.sync();
      await file.append(new Uint8Array(2000).fill(2));
      files.crash();
      const left = (await files.read("/disk/j"))!;
      expect(left.subarray(0, 700)).toEqual(new Uint8Array(700).fill(1));
      expect(left.length).toBeLessThanOrEqual(2700);
      const tail = left.subarray(700);
      expect(tail.every((byte) => byte === 2 || byte === 0)).toBe(true);
      if (tail.includes(0)) holes++;
      lengths.add(left.length);
    }
    expect(lengths.has(700)).toBe(true);
    expect(lengths.has(2700)).toBe(true);
    expect(lengths.size).toBeGreaterThan(10);
    expect(holes).toBeGreaterThan(10);
  });

  test("the same seed leaves the same", async () => {
    const run = async (): Promise<Uint8Array | undefined> => {
      const files = await diskWith("same");
      const file = await files.open("/disk/j");
      await file.append(new Uint8Array(5000).fill(7));
      files.crash();
      return files.read("/disk/j");
    };
    expect(await run()).toEqual(await run());
  });

  test("files that were open are dead, and open anew", async () => {
    const files = await diskWith();
    const file = await files.open("/disk/j");
    files.crash();
    await expect(file.append(bytes("x"))).rejects.toMatchObject({ code: "EBADF" });
    await expect(file.read(0, 1)).resolves.toEqual(bytes(""));
    const again = await files.open("/disk/j");
    await again.append(bytes("x"));
    expect(again.size).toBe(1);
  });

  test("a cut in the middle of a write leaves the old or the new, and nothing works until it is back", async () => {
    const contents = new Set<string>();
    for (let seed = 0; seed < 40; seed++) {
      const files = await diskWith(seed);
      await files.write("/disk/a", bytes("old"));
      const cutAt: Fault = "power-cut";
      files.setFaults(({ kind }) => (kind === "write" ? cutAt : undefined));
      await expect(files.write("/disk/a", bytes("new"))).rejects.toThrow();
      await expect(files.read("/disk/a")).rejects.toThrow("EIO");
      await expect(files.makeFolder("/disk/b")).rejects.toThrow("EIO");
      files.powerOn();
      files.setFaults();
      contents.add(new TextDecoder().decode(await files.read("/disk/a")));
    }
    expect(contents).toEqual(new Set(["old", "new"]));
  });
});
