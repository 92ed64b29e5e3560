/** The quarantine keeps the newest, once each, and stops nobody. */

import { expect, test } from "vitest";
import { Quarantine } from "../../../edge/outbox/quarantine.ts";
import { silentLogger } from "../../../platform/log.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";

const bytesOf = (value: number): Uint8Array => new Uint8Array([value]);

test("at its bound the oldest makes room, and that is said", async () => {
  const files = new MemoryFiles();
  const said: object[] = [];
  const logger = { ...silentLogger, warn: (fields: object) => void said.push(fields) };
  const quarantine = new Quarantine({ files, folder: "/quarantine", logger, itemsMax: 3 });
  for (const number of [1, 2, 3, 3, 20])
    expect(await quarantine.put(number, "malformed", bytesOf(number))).toBe(true);
  const names = await files.list("/quarantine");
  expect(names.map((name) => Number(name.split("-")[0]))).toEqual([2, 3, 20]);
  expect(said).toMatchObject([{ name: expect.stringMatching(/^0000000000000001-/) as string }]);
});

test("it knows what was put away, by number and content, and not what the disk has lost", async () => {
  const files = new MemoryFiles();
  const quarantine = new Quarantine({ files, folder: "/quarantine", logger: silentLogger });
  expect(await quarantine.has(5, bytesOf(5))).toBe(false);
  await quarantine.put(5, "malformed", bytesOf(5));
  expect(await quarantine.has(5, bytesOf(5))).toBe(true);
  expect(await quarantine.has(5, bytesOf(6))).toBe(false);
  expect(await quarantine.has(6, bytesOf(5))).toBe(false);
});

test("a disk that fails is no reason to stop", async () => {
  const files = new MemoryFiles();
  const quarantine = new Quarantine({ files, folder: "/quarantine", logger: silentLogger });
  files.setFaults(() => "undone");
  expect(await quarantine.put(1, "malformed", bytesOf(1))).toBe(false);
  expect(await quarantine.has(1, bytesOf(1))).toBe(false);
});
