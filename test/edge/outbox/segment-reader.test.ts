/** Reading back from segments that are full: how often the disk is asked. */

import { expect, test } from "vitest";
import { sha256 } from "../../../ledger/sha256.ts";
import { Outbox } from "../../../edge/outbox/outbox.ts";
import { SegmentReader } from "../../../edge/outbox/segment-reader.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";

test("the two segments asked for last are held, and no more", async () => {
  const files = new MemoryFiles();
  const parts = { files, folder: "/outbox", kid: new Uint8Array(8), segmentBytes: 1 };
  const outbox = await Outbox.open(parts);
  await outbox.anchor({ seq: 0, follows: 0, prev: sha256(new Uint8Array(1)) });
  for (let seq = 0; seq < 3; seq++) {
    outbox.add({ seq, statement: new Uint8Array(160).fill(seq) });
    await outbox.flush();
  }
  const paths = (await files.list("/outbox")).map((name) => `/outbox/${name}`);
  let reads = 0;
  const counted = new Proxy(files, {
    get: (target, name) => {
      if (name === "read") reads += 1;
      const value = Reflect.get(target, name) as unknown;
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
  const reader = new SegmentReader(counted);
  const readsFor = async (...segments: number[]): Promise<number> => {
    reads = 0;
    for (const seq of segments) {
      const path = paths.find((name) => name.endsWith(`${seq}.outbox`))!;
      expect((await reader.read(path, seq))?.statement[0]).toBe(seq);
    }
    return reads;
  };
  expect(await readsFor(0, 1, 1, 1, 0, 1)).toBe(2);
  expect(await readsFor(2, 1)).toBe(1);
  expect(await readsFor(0)).toBe(1);
  reader.drop(paths.find((name) => name.endsWith("0.outbox"))!);
  expect(await readsFor(1, 0)).toBe(1);
});
