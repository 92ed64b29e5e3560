/**
 * What every implementation of `Files` must do, as far as it can be seen without cutting the power.
 */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../ledger/bytes.ts";
import type { Files } from "../../platform/files.ts";

/** Text as the bytes of a file. */
function bytes(text: string): Uint8Array {
  return encodeUtf8(text);
}

/** Defines the suite. `begin` gives the files under test and the path of an empty folder on them. */
export function describeFiles(
  name: string,
  begin: () => Promise<{ files: Files; folder: string }>,
): void {
  describe(`Files: ${name}`, () => {
    test("what was written is read, whole and in parts", async () => {
      const { files, folder } = await begin();
      const path = join(folder, "a");
      await files.write(path, bytes("hello"));
      expect(await files.read(path)).toEqual(bytes("hello"));
      expect(await files.readRange(path, 1, 3)).toEqual(bytes("ell"));
      expect(await files.readRange(path, 3, 100)).toEqual(bytes("lo"));
      expect(await files.readRange(path, 9, 1)).toEqual(bytes(""));
      expect(await files.exists(path)).toBe(true);
    });

    test("what is not there is undefined, not an error", async () => {
      const { files, folder } = await begin();
      const path = join(folder, "absent");
      expect(await files.read(path)).toBeUndefined();
      expect(await files.readRange(path, 0, 1)).toBeUndefined();
      expect(await files.facts(path)).toBeUndefined();
      expect(await files.exists(path)).toBe(false);
      expect(await files.list(path)).toEqual([]);
      await files.remove(path);
    });

    test("writing again replaces the whole content", async () => {
      const { files, folder } = await begin();
      const path = join(folder, "a");
      await files.write(path, bytes("a long text"));
      await files.write(path, bytes("short"));
      expect(await files.read(path)).toEqual(bytes("short"));
    });

    test("writes of one path happen in the order of asking", async () => {
      const { files, folder } = await begin();
      const path = join(folder, "a");
      const numbers = Array.from({ length: 20 }, (_, i) => i);
      await Promise.all(numbers.map((i) => files.write(path, bytes(`${i}`))));
      expect(await files.read(path)).toEqual(bytes("19"));
    });

    test("writes of many paths at once all arrive", async () => {
      const { files, folder } = await begin();
      const names = Array.from({ length: 30 }, (_, i) => `n${100 + i}`);
      await Promise.all(names.map((name) => files.write(join(folder, name), bytes(name))));
      expect(await files.list(folder)).toEqual(names);
      for (const name of names) expect(await files.read(join(folder, name))).toEqual(bytes(name));
    });

    test("writing into a folder that is missing fails", async () => {
      const { files, folder } = await begin();
      const path = join(folder, "no", "a");
      await expect(files.write(path, bytes("x"))).rejects.toMatchObject({ code: "ENOENT" });
      await expect(files.open(path)).rejects.toMatchObject({ code: "ENOENT" });
    });

    test("a file cannot take the place of a folder", async () => {
      const { files, folder } = await begin();
      await files.makeFolder(join(folder, "f", "g"));
      await expect(files.write(join(folder, "f"), bytes("x"))).rejects.toThrow();
      await expect(files.read(join(folder, "f"))).rejects.toMatchObject({ code: "EISDIR" });
      expect(await files.list(folder)).toEqual(["f"]);
    });

    test("folders are made with those above them, and again", async () => {
      const { files, folder } = await begin();
      const deep = join(folder, "x", "y", "z");
      await files.makeFolder(deep);
      await files.makeFolder(deep);
      expect(await files.list(join(folder, "x"))).toEqual(["y"]);
      expect(await files.facts(deep)).toMatchObject({ isFolder: true, isFile: false });
    });

    test("a folder for its owner alone is one, and one that is there stays as it is", async () => {
      const { files, folder } = await begin();
      await files.makeFolder(join(folder, "x", "y"), { mode: 0o700 });
      expect(await files.facts(join(folder, "x"))).toMatchObject({ mode: 0o700 });
      expect(await files.facts(join(folder, "x", "y"))).toMatchObject({ mode: 0o700 });
      await files.makeFolder(join(folder, "x", "y", "z"));
      expect(await files.facts(join(folder, "x", "y"))).toMatchObject({ mode: 0o700 });
    });

    test("lists names in order, files and folders alike, of this folder only", async () => {
      const { files, folder } = await begin();
      await files.makeFolder(join(folder, "b", "inner"));
      await files.write(join(folder, "c"), bytes(""));
      await files.write(join(folder, "a"), bytes(""));
      await files.write(join(folder, "b", "d"), bytes(""));
      expect(await files.list(folder)).toEqual(["a", "b", "c"]);
    });

    test("removes files and empty folders only", async () => {
      const { files, folder } = await begin();
      await files.makeFolder(join(folder, "f"));
      await files.write(join(folder, "f", "a"), bytes("x"));
      await expect(files.remove(join(folder, "f"))).rejects.toMatchObject({ code: "ENOTEMPTY" });
      await files.remove(join(folder, "f", "a"));
      await files.remove(join(folder, "f"));
      expect(await files.list(folder)).toEqual([]);
    });

    test("keeps the mode that was asked for, also over an older file", async () => {
      const { files, folder } = await begin();
      const path = join(folder, "key");
      await files.write(path, bytes("x"));
      await files.write(path, bytes("y"), { mode: 0o600 });
      expect(await files.facts(path)).toEqual({
        size: 1,
        mode: 0o600,
        isFolder: false,
        isFile: true,
      });
    });

    test("what is handed out belongs to the caller", async () => {
      const { files, folder } = await begin();
      const path = join(folder, "a");
      const content = bytes("abc");
      await files.write(path, content);
      content[0] = 0;
      const first = await files.read(path);
      first![1] = 0;
      expect(await files.read(path)).toEqual(bytes("abc"));
    });
  });

  describe(`AppendFile: ${name}`, () => {
    test("grows, is read while open, and is found again", async () => {
      const { files, folder } = await begin();
      const path = join(folder, "journal");
      const file = await files.open(path);
      expect(file.size).toBe(0);
      expect(await files.list(folder)).toEqual(["journal"]);
      await file.append(bytes("abc"));
      await file.append(bytes("def"));
      expect(file.size).toBe(6);
      expect(await file.read(2, 3)).toEqual(bytes("cde"));
      expect(await file.read(4, 100)).toEqual(bytes("ef"));
      expect(await file.read(100, 1)).toEqual(bytes(""));
      await file.sync();
      await file.close();
      const again = await files.open(path);
      expect(again.size).toBe(6);
      await again.append(bytes("g"));
      await again.close();
      expect(await files.read(path)).toEqual(bytes("abcdefg"));
    });

    test("keeps the order of appends that nobody waited for", async () => {
      const { files, folder } = await begin();
      const file = await files.open(join(folder, "journal"));
      const parts = Array.from({ length: 50 }, (_, i) => `${i},`);
      await Promise.all(parts.map((part) => file.append(bytes(part))));
      await file.sync();
      expect(await files.read(join(folder, "journal"))).toEqual(bytes(parts.join("")));
      await file.close();
    });

    test("is cut back, and goes on from there", async () => {
      const { files, folder } = await begin();
      const file = await files.open(join(folder, "journal"));
      await file.append(bytes("abcdef"));
      await file.truncate(2);
      expect(file.size).toBe(2);
      await file.append(bytes("X"));
      expect(await file.read(0, 10)).toEqual(bytes("abX"));
      await expect(file.truncate(4)).rejects.toThrow(RangeError);
      await expect(file.truncate(-1)).rejects.toThrow(RangeError);
      await file.close();
    });

    test("finishes what is under way when it is closed, and takes nothing after", async () => {
      const { files, folder } = await begin();
      const path = join(folder, "journal");
      const file = await files.open(path);
      const appended = file.append(bytes("last"));
      await Promise.all([file.close(), file.close()]);
      await appended;
      expect(await files.read(path)).toEqual(bytes("last"));
      await expect(file.append(bytes("x"))).rejects.toThrow("closed");
      await expect(file.sync()).rejects.toThrow("closed");
      await expect(file.read(0, 1)).rejects.toThrow("closed");
    });
  });
}
