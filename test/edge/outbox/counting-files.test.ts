/** What a card has to bear is counted: bytes and syncs, whoever asks for them, and whether they succeed or not. */

import { expect, test } from "vitest";
import { countingFiles } from "../../../edge/outbox/counting-files.ts";
import { newCounters } from "../../../edge/counters.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";

test("bytes and syncs are counted, reading costs nothing", async () => {
  const counters = newCounters();
  const disk = new MemoryFiles();
  const files = countingFiles(disk, counters);
  const counted = (): number[] => [counters.bytesWritten, counters.syncs];
  await files.makeFolder("/data");
  // The file under another name, and its folder.
  await files.write("/data/a", new Uint8Array(10));
  expect(counted()).toEqual([10, 2]);
  const file = await files.open("/data/b");
  expect(counted()).toEqual([10, 3]);
  await file.append(new Uint8Array(7));
  expect(counted()).toEqual([17, 3]);
  await file.sync();
  expect(counted()).toEqual([17, 4]);
  await file.truncate(3);
  expect(counted()).toEqual([17, 5]);
  expect(await file.read(0, 3)).toEqual(new Uint8Array(3));
  expect([await files.read("/data/a"), await files.list("/data"), file.size]).toEqual([
    new Uint8Array(10),
    ["a", "b"],
    3,
  ]);
  expect([await files.exists("/data/c"), (await files.facts("/data/b"))?.size]).toEqual([false, 3]);
  expect(await files.readRange("/data/b", 1, 1)).toEqual(new Uint8Array(1));
  await file.close();
  expect(counted()).toEqual([17, 5]);
  await files.remove("/data/a");
  expect(counted()).toEqual([17, 6]);
  disk.setFaults(() => "undone");
  await expect(files.write("/data/a", new Uint8Array(5))).rejects.toThrow();
  expect(counted()).toEqual([22, 8]);
});
