/** The log on a real disk with LMDB: starting, and starting without the index. */
import { readFile, rm, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { encodeHex } from "../../ledger/bytes.ts";
import { ManualClock } from "../../platform/clock.ts";
import type { Files } from "../../platform/files.ts";
import { nodeFiles } from "../../platform/files.ts";
import { MemoryFiles } from "../../platform/memory-files.ts";
import { silentLogger } from "../../platform/log.ts";
import { opensslVerify } from "../../platform/native-verify.ts";
import { HubLog } from "../../hub/log.ts";
import type { HubLogParts } from "../../hub/log.ts";
import type { EntryIndex } from "../../hub/store/entry-index.ts";
import { MemoryEntryIndex } from "../../hub/store/memory-entry-index.ts";
import { testScope } from "../support/scope.ts";
import {
  accepted,
  checkFolder,
  createLog,
  enrolDevice,
  HUB_SIGNER,
  logParts,
  START_MS,
} from "./support/log-bench.ts";

const scope = testScope();

async function diskParts(): Promise<HubLogParts> {
  return {
    files: nodeFiles,
    folder: await scope.folder("log"),
    signer: HUB_SIGNER,
    verify: opensslVerify,
    clock: new ManualClock(START_MS),
    logger: silentLogger,
  };
}

/** Fills a new log with a few blocks and an open one. */
async function fill(parts: HubLogParts): Promise<void> {
  const log = await createLog(parts);
  const chain = enrolDevice(log, "air-1");
  for (let i = 0; i < 700; i++) {
    accepted(log.decide(chain.readings(i, START_MS)));
    if (i % 150 === 149) await log.seal();
  }
  await log.close();
}

/** What can be asked of a log, asked. */
async function answers(log: HubLog): Promise<unknown> {
  const found: unknown[] = [];
  const kid = log.state.registry.liveKey("air-1")!.kid;
  for await (const { index, bytes } of log.entries(0, log.state.size)) {
    found.push([index, encodeHex(bytes).length, log.heightOf(index)]);
  }
  for (let seq = 0; seq < 700; seq++) {
    const at = log.findBySeq(kid, seq)!;
    expect(log.findByHash(at.hash)).toBe(at.index);
    found.push(at.index);
  }
  for (let height = 0; height < 5; height++) found.push(await log.block(height));
  return found;
}

describe("an index", () => {
  test("that was deleted or damaged is made again, and answers the same", async () => {
    const parts = await diskParts();
    await fill(parts);
    let log = await HubLog.open(parts);
    const before = await answers(log);
    await log.close();

    await rm(`${parts.folder}/index`, { recursive: true });
    log = await HubLog.open(parts);
    expect(await answers(log)).toEqual(before);
    await log.close();

    const file = `${parts.folder}/index/entries/data.mdb`;
    const whole = await readFile(file);
    for (const damaged of [
      new Uint8Array(9000).fill(7),
      new Uint8Array(0),
      new Uint8Array(whole.length),
      whole.subarray(0, 5000),
      whole.subarray(0, 8192),
      whole.subarray(0, whole.length - 4096),
    ]) {
      await writeFile(file, damaged);
      log = await HubLog.open(parts);
      expect(await answers(log)).toEqual(before);
      await log.close();
    }
    log = await HubLog.open(parts);
    await log.seal();
    await log.close();
    await checkFolder(nodeFiles, parts.folder);
  });

  test("of another log is thrown away", async () => {
    const [mine, other] = [await diskParts(), await diskParts()];
    await fill(mine);
    const log = await HubLog.create({ ...other, origin: "other.example", blockSeconds: 300 });
    await log.close();
    await rm(`${mine.folder}/index`, { recursive: true });
    await nodeFiles.makeFolder(`${mine.folder}/index/entries`);
    const stray = await nodeFiles.read(`${other.folder}/index/entries/data.mdb`);
    await nodeFiles.write(`${mine.folder}/index/entries/data.mdb`, stray!);
    const opened = await HubLog.open(mine);
    expect(opened.findByHash(opened.state.registry.liveKey("air-1")!.lastHash)).toBeDefined();
    await opened.close();
  });

  test("made from tiles that were changed refuses to start", async () => {
    const files = new MemoryFiles();
    const log = await createLog(logParts(files));
    enrolDevice(log, "air-1");
    await log.seal();
    await log.close();
    const path = "/data/log/tile/entries/000.p/4";
    const bytes = (await files.read(path))!;
    bytes[bytes.length - 1]! ^= 1;
    await files.write(path, bytes);
    await expect(HubLog.open(logParts(files))).rejects.toThrow("do not give the root");
  });
});

describe("a start", () => {
  test("reads as much after many blocks as after few", async () => {
    const files = new MemoryFiles();
    const index = new MemoryEntryIndex();
    const parts = logParts(files, { openIndex: () => Promise.resolve<EntryIndex>(index) });
    let log = await createLog(parts);
    const reads: number[] = [];
    for (const blocks of [20, 400]) {
      while ((log.state.head?.height ?? 0) < blocks) await log.seal();
      await log.close();
      const counting = countingFiles(files);
      log = await HubLog.open({ ...parts, files: counting.files });
      reads.push(counting.reads());
    }
    await log.close();
    // One more level of the tree, with its one partial tile, is all that the length may add.
    expect(reads[1]).toBeLessThanOrEqual(reads[0]! + 2);
    expect(reads[0]).toBeLessThan(20);
  });
});

/** Counts everything that is read. */
function countingFiles(files: Files): { files: Files; reads: () => number } {
  let count = 0;
  const counted = new Set(["read", "readRange", "list", "open"]);
  const proxy = new Proxy(files, {
    get: (target, name) => {
      const method = Reflect.get(target, name, target) as unknown;
      if (typeof method !== "function") return method;
      return (...args: unknown[]) => {
        if (counted.has(String(name))) count++;
        return Reflect.apply(method, target, args) as unknown;
      };
    },
  });
  return { files: proxy, reads: () => count };
}
