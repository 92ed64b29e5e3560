/**
 * The power goes, or a write fails, at every single change of the disk that a hub makes, and the log holds after it.
 */
import { describe, expect, test } from "vitest";
import { encodeHex } from "../../../ledger/bytes.ts";
import { encodeErase } from "../../../ledger/kinds/erase.ts";
import { asHash, sha256 } from "../../../ledger/sha256.ts";
import type { Hash } from "../../../ledger/sha256.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import type { Fault } from "../../../platform/memory-files.ts";
import { seededRandom } from "../../../platform/random.ts";
import { UserError } from "../../../platform/user-error.ts";
import { HubLog } from "../../../hub/log.ts";
import type { EntryIndex } from "../../../hub/store/entry-index.ts";
import { MemoryEntryIndex } from "../../../hub/store/memory-entry-index.ts";
import type { TestChain } from "../support/log-maker.ts";
import {
  accepted,
  checkFolder,
  diskHolds,
  createLog,
  enrolDevice,
  logParts,
  RestrictedDevice,
  START_MS,
} from "../support/log-bench.ts";

const FAULTS: readonly Fault[] = ["undone", "done", "part", "power-cut"];

/** What somebody was told is durable. */
class Promises {
  /** Hashes of entries, by their index. */
  readonly hashes = new Map<number, string>();
  /** Preimages of restricted packs, by entry. */
  readonly bodies = new Map<number, Uint8Array>();
  erased: number | undefined;

  follow(log: HubLog): void {
    log.onAccepted((entries) => {
      for (const { statement, index } of entries) {
        this.hashes.set(index, encodeHex(statement.hash));
        const preimage = preimages.get(encodeHex(statement.hash));
        if (preimage !== undefined) this.bodies.set(index, preimage);
        if (statement.kind === "erase") this.erased = [...this.bodies.keys()][0];
      }
    });
  }
}

const preimages = new Map<string, Uint8Array>();

/** What a hub does in a few blocks: enrols, takes in, seals while more comes, erases. Ends early by throwing. */
async function work(log: HubLog, promises: Promises): Promise<void> {
  promises.follow(log);
  const chain = enrolDevice(log, "air-1");
  const meter = new RestrictedDevice(log, "meter-1");
  await log.durable();
  take(log, chain, 250);
  const hidden = takeHidden(log, meter, 1);
  takeHidden(log, meter, 2);
  const sealing = log.seal();
  sealing.catch(() => undefined);
  take(log, chain, 10);
  const payload = encodeErase({ entry: hidden.index, hash: hidden.hash, reason: "mistake" });
  accepted(log.submit({ kind: "erase", stream: "rights", iat: START_MS / 1000, payload }));
  takeHidden(log, meter, 3);
  await log.durable();
  await sealing;
  take(log, chain, 3);
  await log.seal();
  await log.seal();
  await log.close();
}

function take(log: HubLog, chain: TestChain, count: number): void {
  for (let i = 0; i < count; i++) accepted(log.decide(chain.readings(i, START_MS)));
}

function takeHidden(
  log: HubLog,
  meter: RestrictedDevice,
  value: number,
): { index: number; hash: Hash } {
  const { statement, preimage } = meter.pack(value);
  preimages.set(encodeHex(statement.hash), preimage);
  const { index } = accepted(log.decide(statement, { preimage }));
  return { index, hash: asHash(statement.payload) };
}

/** Starts the hub again, has it seal once more, and checks everything: nothing that was promised is gone or moved. */
async function restartAndCheck(
  files: MemoryFiles,
  promises: Promises,
  openIndex: () => Promise<EntryIndex>,
): Promise<void> {
  files.setFaults();
  files.powerOn();
  let log: HubLog;
  try {
    log = await HubLog.open(logParts(files, { openIndex }));
  } catch (error) {
    // Nothing was ever promised of a log whose making failed; then it can be made now.
    if (promises.hashes.size > 0 || !(error instanceof UserError)) throw error;
    expect(error.message).toContain("There is no log");
    log = await createLog(logParts(files, { openIndex }));
  }
  expect(log.sealedSize).toBeGreaterThanOrEqual(2);
  const { entries } = await checkFolder(files);
  expect(entries.length).toBe(log.sealedSize);
  // What comes after a torn end must survive the next power cut as everything else does.
  promises.follow(log);
  enrolDevice(log, "air-2");
  await log.durable();
  files.crash();
  await log.close();
  log = await HubLog.open(logParts(files, { openIndex }));
  await log.seal();
  const [firstHidden] = promises.bodies.keys();
  for (const [index, preimage] of promises.bodies) {
    const found = await log.body(index);
    if (index === promises.erased) expect(found).toBeUndefined();
    // The first may be erased without anybody having been told.
    else if (index !== firstHidden || found !== undefined) expect(found).toEqual(preimage);
  }
  if (promises.erased !== undefined) {
    expect(await diskHolds(files, promises.bodies.get(promises.erased)!)).toBe(false);
  }
  await log.close();
  const checked = await checkFolder(files);
  const hashes = checked.entries.map((entry) => encodeHex(sha256(entry)));
  expect(new Set(hashes).size).toBe(hashes.length);
  for (const [index, hash] of promises.hashes) expect(hashes[index]).toBe(hash);
}

/** How many changes of the disk `create` and `work` make when nothing fails. */
async function countChanges(): Promise<{ created: number; all: number }> {
  const files = new MemoryFiles();
  const log = await createLog(logParts(files));
  const created = files.operations;
  await work(log, new Promises());
  return { created, all: files.operations };
}

async function live(files: MemoryFiles, promises: Promises, index: EntryIndex): Promise<void> {
  const openIndex = (): Promise<EntryIndex> => Promise.resolve(index);
  const log = await createLog(logParts(files, { openIndex }));
  await work(log, promises);
}

describe.each(FAULTS)("a change that ends as %s", (fault) => {
  test("at every single point", async () => {
    const { all } = await countChanges();
    expect(all).toBeGreaterThan(60);
    for (let point = 0; point < all; point++) {
      const files = new MemoryFiles(seededRandom(`${fault}/${point}`));
      const promises = new Promises();
      let index: EntryIndex = new MemoryEntryIndex();
      files.setFaults(({ ordinal }) => (ordinal === point ? fault : undefined));
      let failed = false;
      await live(files, promises, index).catch(() => (failed = true));
      // Collecting old tiles is the one thing that may fail without anybody minding.
      if (!failed && fault === "power-cut") throw new Error(`nothing failed at ${point}`);
      // A failed change does not undo the ones before, but whatever was not synced may be gone.
      files.crash();
      if (point % 2 === 0) index = new MemoryEntryIndex();
      await restartAndCheck(files, promises, () => Promise.resolve(index)).catch(
        (cause: unknown) => {
          throw new Error(`after ${fault} at change ${point}`, { cause });
        },
      );
    }
  }, 120_000);
});

test("a power cut during the restart after a power cut", async () => {
  const { created, all } = await countChanges();
  for (let point = created; point < all; point++) {
    const files = new MemoryFiles(seededRandom(`again/${point}`));
    const promises = new Promises();
    files.setFaults(({ ordinal }) => (ordinal === point ? "power-cut" : undefined));
    await live(files, promises, new MemoryEntryIndex()).catch(() => undefined);
    for (let again = 0; ; again++) {
      files.powerOn();
      const from = files.operations + again;
      files.setFaults(({ ordinal }) => (ordinal === from ? "power-cut" : undefined));
      try {
        const log = await HubLog.open(logParts(files));
        files.setFaults();
        await log.close();
        break;
      } catch (error) {
        if (files.operations <= from) throw error;
      }
    }
    await restartAndCheck(files, promises, () => Promise.resolve(new MemoryEntryIndex())).catch(
      (cause: unknown) => {
        throw new Error(`after two power cuts, the first at change ${point}`, { cause });
      },
    );
  }
}, 120_000);
