/** Where `kerbstone audit` looks for a log, and what it says where there is none. */

import { beforeEach, expect, test } from "vitest";
import { run, sourceOf } from "../../../hub/checking/audit-command.ts";
import { encodeUtf8 } from "../../../ledger/bytes.ts";
import { systemClock } from "../../../platform/clock.ts";
import { exitCodeOf } from "../../../platform/lifecycle.ts";
import type { ProgramIo } from "../../../platform/lifecycle.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { seededRandom } from "../../../platform/random.ts";

let files: MemoryFiles;
let err: string;

const ioFor = (...argv: string[]): ProgramIo => ({
  argv,
  env: {},
  stdout: { write: () => undefined },
  stderr: { write: (text) => (err += text) },
  signal: new AbortController().signal,
  clock: systemClock,
  random: seededRandom(1),
  files,
  cwd: "/",
});

beforeEach(async () => {
  files = new MemoryFiles();
  err = "";
  for (const folder of ["/city/hub/log", "/city/peer-gwent/log", "/city/logs", "/web", "/empty"])
    await files.makeFolder(folder);
  for (const log of ["/city/hub/log", "/city/peer-gwent/log", "/web"])
    await files.write(`${log}/checkpoint`, encodeUtf8(log));
  await files.write("/city/policy.txt", encodeUtf8("log x"));
});

test.each([
  ["/city/hub/log", "/city/hub/log"],
  ["/city/hub", "/city/hub/log"],
  ["/web", "/web"],
])("%s has a log", async (place, log) => {
  const source = await sourceOf(place, ioFor());
  expect(await source.read("checkpoint")).toEqual(encodeUtf8(log));
});

test.each<[string, string]>([
  [
    "/city",
    "There is no log in /city: it has no file named checkpoint.\nDid you mean /city/hub or /city/peer-gwent?\n",
  ],
  ["/empty", "There is no log in /empty: it has no file named checkpoint.\n"],
  [
    "/nowhere",
    "There is no folder /nowhere.\nExpected the folder of a log, or an address with http:// or https://.\n",
  ],
  [
    "/city/policy.txt",
    "/city/policy.txt is no folder, and that of a log is needed there.\nOne proof or evidence file is checked by kerbstone verify.\n",
  ],
])("%s has none, and it says what to do", async (place, sentence) => {
  expect(await exitCodeOf(run, ioFor(place))).toBe(2);
  expect(err).toBe(`kerbstone: ${sentence}`);
});
