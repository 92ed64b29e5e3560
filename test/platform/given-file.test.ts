/** Files that a person names: what is no file is refused in a sentence, and never opened. */

import { createServer } from "node:net";
import { mkdir, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../ledger/bytes.ts";
import { nodeFiles } from "../../platform/files.ts";
import { needRegularFile, readGivenFile, readGivenText } from "../../platform/given-file.ts";
import { UserError } from "../../platform/user-error.ts";
import { testScope } from "../support/scope.ts";

const scope = testScope();

let folder: string;

beforeEach(async () => {
  folder = await scope.folder("given");
});

/** What is at a path instead of a file; gives the path. */
const OTHERS: readonly [string, RegExp, () => Promise<string>][] = [
  [
    "a folder",
    /inner is a folder, and a file is needed there\.$/,
    async () => {
      const path = join(folder, "inner");
      await mkdir(path);
      return path;
    },
  ],
  [
    "a socket, which is refused like a pipe",
    /sock is a pipe or a device, and a file is needed there\.$/,
    async () => {
      const path = join(folder, "sock");
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(path, resolve));
      scope.defer(() => server.close());
      return path;
    },
  ],
  [
    "a device that never ends",
    /^\/dev\/zero is a pipe or a device, and a file is needed there\.$/,
    () => Promise.resolve("/dev/zero"),
  ],
];

describe.each(OTHERS)("%s", (_name, sentence, make) => {
  test.each<[string, (path: string) => Promise<unknown>]>([
    ["is not read", (path) => readGivenFile(nodeFiles, path)],
    ["is not read as text", (path) => readGivenText(nodeFiles, path, "policy file")],
    ["is no regular file", (path) => needRegularFile(nodeFiles, path)],
  ])("%s", async (_what, act) => {
    const path = await make();
    const refused = await act(path).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(UserError);
    expect((refused as UserError).message).toMatch(sentence);
  });
});

test("a file is read whole, also an empty one", async () => {
  const path = join(folder, "a");
  await writeFile(path, "");
  expect(await readGivenFile(nodeFiles, path)).toEqual(new Uint8Array(0));
  await writeFile(path, "grüß");
  expect(await readGivenFile(nodeFiles, path)).toEqual(encodeUtf8("grüß"));
  expect(await readGivenText(nodeFiles, path)).toBe("grüß");
  await needRegularFile(nodeFiles, path);
});

test("what is not there is named by what it should be", async () => {
  const path = join(folder, "absent");
  await expect(readGivenFile(nodeFiles, path)).rejects.toThrow(`There is no file ${path}.`);
  await expect(readGivenText(nodeFiles, path, "policy file")).rejects.toThrow(
    `There is no policy file ${path}.`,
  );
  await needRegularFile(nodeFiles, path);
});

test("text in another encoding is refused", async () => {
  const path = join(folder, "latin");
  await writeFile(path, Uint8Array.of(0x67, 0xfc));
  await expect(readGivenText(nodeFiles, path)).rejects.toThrow(`${path} is no text in UTF-8.`);
});

test("what is too large for memory is refused before it is read", async () => {
  const path = join(folder, "film");
  const handle = await open(path, "w");
  await handle.truncate(501 * 1024 * 1024);
  await handle.close();
  await expect(readGivenFile(nodeFiles, path, "policy file")).rejects.toThrow(
    `${path} is too large for a policy file: it has more than 500 MiB.`,
  );
});
