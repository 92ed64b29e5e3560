import { expect, test } from "vitest";
import { silentLogger } from "../../../platform/log.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { EvidenceStore } from "../../../hub/store/evidence-store.ts";
import type { EvidenceRecord } from "../../../hub/store/evidence-store.ts";

const FOLDER = "/evidence";

function record(n: number, subject = "log.example"): EvidenceRecord {
  return {
    kind: "fork",
    subject,
    foundMs: 1000 - n,
    parts: [Uint8Array.of(n), Uint8Array.of(n, n)],
  };
}

test("keeps each proof once, through a restart, in the order of finding", async () => {
  const files = new MemoryFiles();
  const store = await EvidenceStore.open(files, FOLDER, silentLogger);
  const first = await store.put(record(1));
  expect(await store.put({ ...record(1), foundMs: 5 })).toBe(first);
  const second = await store.put(record(2));
  files.crash();
  const again = await EvidenceStore.open(files, FOLDER, silentLogger);
  expect(again.list().map(({ id }) => id)).toEqual([second, first]);
  expect(await again.get(first!)).toEqual(record(1));
  expect(await again.get("fork-00000000000000000000000000000000")).toBeUndefined();
  expect(await again.get("../commit")).toBeUndefined();
});

test("has a bound for each culprit, not for all together", async () => {
  const files = new MemoryFiles();
  const store = await EvidenceStore.open(files, FOLDER, silentLogger);
  for (let n = 0; n < 16; n++) expect(await store.put(record(n))).toBeDefined();
  expect(await store.put(record(16))).toBeUndefined();
  expect(await store.put(record(3))).toBeDefined();
  expect(await store.put(record(16, "other.example"))).toBeDefined();
  const again = await EvidenceStore.open(files, FOLDER, silentLogger);
  expect(again.list()).toHaveLength(17);
  expect(await again.put(record(17))).toBeUndefined();
});

test("leaves a file out that is no proof, says so, and keeps it", async () => {
  const files = new MemoryFiles();
  const store = await EvidenceStore.open(files, FOLDER, silentLogger);
  const good = await store.put(record(1));
  const path = `${FOLDER}/fork-${"0".repeat(32)}.cbor`;
  await files.write(path, new Uint8Array([0x78]));
  const warned: object[] = [];
  const logger = { ...silentLogger, warn: (fields: object) => warned.push(fields) };
  const again = await EvidenceStore.open(files, FOLDER, logger);
  expect(again.list().map(({ id }) => id)).toEqual([good]);
  expect(warned).toEqual([{ path }]);
  expect(await files.exists(path)).toBe(true);
});
