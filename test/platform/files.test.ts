/** The machine's own disk: the conformance suite, and what only a real file system shows. */
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { encodeUtf8 } from "../../ledger/bytes.ts";
import { TEMPORARY_PREFIX, nodeFiles } from "../../platform/files.ts";
import { testScope } from "../support/scope.ts";
import { describeFiles } from "./files-conformance.ts";

const scope = testScope();

describeFiles("node", async () => ({ files: nodeFiles, folder: await scope.folder("files") }));

test("a half-written file of a crash is not listed, and the next write takes its place", async () => {
  const folder = await scope.folder("files");
  await writeFile(join(folder, `${TEMPORARY_PREFIX}a`), "half of a longer text");
  expect(await nodeFiles.list(folder)).toEqual([]);
  await nodeFiles.write(join(folder, "a"), encodeUtf8("whole"));
  expect(await readdir(folder)).toEqual(["a"]);
  expect(await nodeFiles.read(join(folder, "a"))).toEqual(encodeUtf8("whole"));
});

test("a write that fails leaves nothing behind", async () => {
  const folder = await scope.folder("files");
  await nodeFiles.makeFolder(join(folder, "a"));
  await expect(nodeFiles.write(join(folder, "a"), encodeUtf8("x"))).rejects.toThrow();
  expect(await readdir(folder)).toEqual(["a"]);
});

test("reads give plain bytes, not Node's Buffer", async () => {
  const path = join(await scope.folder("files"), "a");
  await nodeFiles.write(path, encodeUtf8("x"));
  expect((await nodeFiles.read(path))?.constructor).toBe(Uint8Array);
});
