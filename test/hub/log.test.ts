import { describe, expect, test } from "vitest";
import { encodeHex } from "../../ledger/bytes.ts";
import { parseCheckpoint } from "../../ledger/checkpoint.ts";
import { Fault } from "../../ledger/fault.ts";
import { Refusal } from "../../ledger/errors.ts";
import { encodeErase } from "../../ledger/kinds/erase.ts";
import { decodeGenesis } from "../../ledger/kinds/genesis.ts";
import type { Genesis } from "../../ledger/kinds/genesis.ts";
import { inclusionPath, leafHash, verifyInclusion } from "../../ledger/merkle.ts";
import { nobleSigner } from "../../ledger/signature.ts";
import { decodeStatement } from "../../ledger/statement.ts";
import { ManualClock } from "../../platform/clock.ts";
import type { Clock } from "../../platform/clock.ts";
import { MemoryFiles } from "../../platform/memory-files.ts";
import { UserError } from "../../platform/user-error.ts";
import { HubLog } from "../../hub/log.ts";
import type { AcceptedEntry, SealedBlock } from "../../hub/log.ts";
import { MemoryEntryIndex } from "../../hub/store/memory-entry-index.ts";
import { describeWithShared } from "../support/shared-data.ts";
import { hex, readRefused, readSmallLog, REFUSED, SMALL_LOG } from "../support/small-log.ts";
import { ORIGIN } from "./support/devices.ts";
import { TestChain } from "./support/log-maker.ts";
import {
  accepted,
  checkFolder,
  createLog,
  diskHolds,
  enrolDevice,
  FOLDER,
  logParts,
  RestrictedDevice,
  START_MS,
} from "./support/log-bench.ts";

describe("deciding", () => {
  test("the same bytes are a repeat, in the open block and in the archive", async () => {
    const log = await createLog(logParts(new MemoryFiles()));
    const chain = enrolDevice(log, "air-1");
    const first = chain.readings(1, START_MS);
    const { index } = accepted(log.decide(first.bytes));
    expect(log.decide(first.bytes)).toMatchObject({ kind: "repeat", index });
    await log.seal();
    expect(log.decide(first.bytes)).toMatchObject({ kind: "repeat", index });
    expect(log.findBySeq(first.kid, 0)).toMatchObject({ index });
    expect(log.findByHash(first.hash)).toBe(index);
    await log.close();
  });

  test.each(["open", "sealed"])(
    "other bytes at a number are kept as evidence, %s",
    async (where) => {
      const files = new MemoryFiles();
      const log = await createLog(logParts(files));
      const chain = enrolDevice(log, "air-1");
      const clone = new TestChain(chain.device, chain.prev);
      const first = chain.readings(1, START_MS);
      const second = clone.readings(2, START_MS);
      const { index } = accepted(log.decide(first.bytes));
      if (where === "sealed") await log.seal();
      const decision = log.decide(second.bytes);
      expect(decision).toMatchObject({ kind: "equivocation", index });
      await log.durable();
      const [summary] = log.evidence.list();
      expect(summary).toMatchObject({ kind: "equivocation", subject: first.kid });
      const record = await log.evidence.get(summary!.id);
      expect(record?.parts.map((part) => encodeHex(part))).toEqual([
        encodeHex(first.bytes),
        encodeHex(second.bytes),
      ]);
      const unsigned = second.bytes.slice();
      unsigned[unsigned.length - 1]! ^= 1;
      expect(log.decide(unsigned)).toMatchObject({
        kind: "refused",
        refusal: { code: "bad-signature" },
        expected: 1,
      });
      await log.close();
      const again = await HubLog.open(logParts(files));
      expect(again.evidence.list()).toHaveLength(1);
      await again.close();
    },
  );

  test("a refusal says which number the key is to go on with", async () => {
    const log = await createLog(logParts(new MemoryFiles()));
    const chain = enrolDevice(log, "air-1");
    accepted(log.decide(chain.readings(1, START_MS).bytes));
    chain.readings(2, START_MS);
    const early = log.decide(chain.readings(3, START_MS).bytes);
    expect(early).toMatchObject({
      kind: "refused",
      refusal: { code: "broken-chain" },
      expected: 1,
    });
    expect(log.decide(new Uint8Array(3))).toMatchObject({ refusal: { code: "malformed" } });
    await log.close();
  });

  test("a signer's clock may be 300 s ahead, not more", async () => {
    const log = await createLog(logParts(new MemoryFiles()));
    const chain = enrolDevice(log, "air-1");
    const late = new TestChain(chain.device, chain.prev).readings(1, START_MS + 301_000);
    expect(log.decide(late.bytes)).toMatchObject({ refusal: { code: "future" }, expected: 0 });
    accepted(log.decide(chain.readings(1, START_MS + 300_000).bytes));
    await log.close();
  });

  test("nobody else speaks as hub, even with its key", async () => {
    const other = await createLog(logParts(new MemoryFiles()));
    const log = await createLog(logParts(new MemoryFiles()));
    const { statement } = accepted(
      other.submit({
        kind: "rules",
        stream: "log",
        iat: START_MS / 1000,
        payload: hex("a26176016a66726f6d48656967687401"),
      }),
    );
    expect(log.decide(statement.bytes)).toMatchObject({ refusal: { code: "wrong-role" } });
    await log.close();
    await other.close();
  });
});

describe("events", () => {
  test("entries are reported once, in order, when they are durable", async () => {
    const log = await createLog(logParts(new MemoryFiles()));
    const groups: (readonly AcceptedEntry[])[] = [];
    log.onAccepted((entries) => groups.push(entries));
    log.onAccepted(() => {
      throw new Error("a listener at fault");
    });
    const chain = enrolDevice(log, "air-1");
    expect(groups).toEqual([]);
    const waits = [log.durable()];
    for (let i = 0; i < 50; i++) {
      accepted(log.decide(chain.readings(i, START_MS)));
      waits.push(log.durable());
    }
    await Promise.all(waits);
    const indexes = groups.flat().map(({ index }) => index);
    expect(indexes).toEqual(Array.from({ length: 51 }, (_, i) => i + 2));
    expect(groups).toHaveLength(2);
    expect(groups[1]?.[0]?.pack?.readings).toMatchObject([{ quantity: "temp", value: 0 }]);
    await log.close();
  });

  test("one sync serves all that came meanwhile", async () => {
    const files = new MemoryFiles();
    const log = await createLog(logParts(files));
    const chain = enrolDevice(log, "air-1");
    await log.durable();
    let syncs = 0;
    files.setFaults(({ kind }) => {
      if (kind === "sync") syncs++;
      return undefined;
    });
    const waits: Promise<void>[] = [];
    for (let i = 0; i < 100; i++) {
      accepted(log.decide(chain.readings(i, START_MS)));
      waits.push(log.durable());
    }
    await Promise.all(waits);
    expect(syncs).toBe(2);
    await log.close();
  });
});

describe("sealing", () => {
  test("does not stop admission: what comes meanwhile is in the next block", async () => {
    const files = new MemoryFiles();
    const log = await createLog(logParts(files));
    const blocks: SealedBlock[] = [];
    log.onSealed((block) => blocks.push(block));
    const chain = enrolDevice(log, "air-1");
    for (let i = 0; i < 600; i++) accepted(log.decide(chain.readings(i, START_MS)));
    const sealing = log.seal();
    const next = accepted(log.decide(chain.readings(600, START_MS)));
    await expect(log.seal()).rejects.toThrow("sealed already");
    accepted(log.decide(chain.readings(601, START_MS)));
    const block = await sealing;
    expect(block).toMatchObject({ height: 1, first: 2, count: 601, index: 603, size: 603 });
    expect(next.index).toBe(604);
    expect(log.sealedSize).toBe(604);
    await log.seal();
    expect(blocks.map(({ height }) => height)).toEqual([1, 2]);
    expect(await log.block(1)).toEqual(block);
    expect(await log.blockOf(605)).toEqual(blocks[1]);
    expect(log.heightOf(606)).toBe(2);
    expect(log.checkpointAt(604)).toBe(block.note);
    expect(log.checkpointAt(605)).toBeUndefined();
    const checked = await checkFolder(files);
    expect(checked.entries).toHaveLength(607);
    await log.close();
  });

  test.each([253, 2044, 2060, 2300])("a block of %i entries leaves no tile out", async (count) => {
    const files = new MemoryFiles();
    const log = await createLog(logParts(files));
    const chain = enrolDevice(log, "air-1");
    for (let i = 0; i < count; i++) accepted(log.decide(chain.readings(i, START_MS)));
    await log.seal();
    const checked = await checkFolder(files);
    await log.close();
    const again = await HubLog.open(logParts(files));
    expect(again.sealedSize).toBe(checked.entries.length);
    await again.seal();
    await checkFolder(files);
    await again.close();
  });

  test("entries read the same from memory and from the archive, and proofs hold", async () => {
    const log = await createLog(logParts(new MemoryFiles()));
    const chain = enrolDevice(log, "air-1");
    for (let i = 0; i < 300; i++) accepted(log.decide(chain.readings(i, START_MS)));
    const before = await all(log);
    const { checkpoint } = await log.seal();
    accepted(log.decide(chain.readings(300, START_MS)));
    const after = await all(log);
    expect(after.slice(0, before.length)).toEqual(before);
    expect(after).toHaveLength(before.length + 2);
    for (const index of [0, 17, 255, 256, 303]) {
      const entry = (await log.entry(index))!;
      const path = await inclusionPath(index, checkpoint.size, log.nodes);
      const leaf = leafHash(entry);
      expect(verifyInclusion(leaf, index, checkpoint.size, path, checkpoint.root)).toBe(true);
    }
    expect(await log.entry(305)).toBeUndefined();
    expect(await log.entry(-1)).toBeUndefined();
    await log.close();
  });

  test("a time never runs backwards, and follows what devices say", async () => {
    const clock = new ManualClock(START_MS);
    const log = await createLog(logParts(new MemoryFiles(), { clock }));
    const chain = enrolDevice(log, "air-1");
    accepted(log.decide(chain.readings(1, START_MS + 300_000).bytes));
    clock.jump(-60_000);
    expect((await log.seal()).timeMs).toBe(START_MS);
    clock.jump(90_000);
    expect((await log.seal()).timeMs).toBe(START_MS + 30_000);
    await log.close();
  });

  test("a write that fails stops everything", async () => {
    const files = new MemoryFiles();
    const log = await createLog(logParts(files));
    const chain = enrolDevice(log, "air-1");
    files.setFaults(({ kind }) => (kind === "sync" ? "done" : undefined));
    await expect(log.durable()).rejects.toThrow("journal");
    expect(() => log.decide(chain.readings(1, START_MS).bytes)).toThrow();
    await expect(log.seal()).rejects.toThrow();
    await log.close();
  });
});

async function all(log: HubLog): Promise<string[]> {
  const entries: string[] = [];
  for await (const { index, bytes } of log.entries(0, 1e9)) {
    expect(index).toBe(entries.length);
    entries.push(encodeHex(bytes));
  }
  return entries;
}

describe("restricted streams", () => {
  test("come with their preimage, which lasts until it is erased", async () => {
    const files = new MemoryFiles();
    let index = new MemoryEntryIndex();
    const parts = () => logParts(files, { openIndex: () => Promise.resolve(index) });
    const log = await createLog(parts());
    const meter = new RestrictedDevice(log, "meter-1");
    const { statement, preimage } = meter.pack(1);
    expect(log.decide(statement)).toMatchObject({ refusal: { code: "bad-preimage" } });
    const wrong = preimage.slice();
    wrong[20]! ^= 1;
    expect(log.decide(statement, { preimage: wrong })).toMatchObject({
      refusal: { code: "bad-preimage" },
    });
    const entry = accepted(log.decide(statement, { preimage }));
    expect(entry.pack?.readings).toMatchObject([{ quantity: "temp", value: 1 }]);
    const second = meter.pack(2);
    const kept = accepted(log.decide(second.statement, { preimage: second.preimage })).index;
    expect(await log.body(entry.index)).toEqual(preimage);
    await log.seal();
    expect(await log.body(entry.index)).toEqual(preimage);
    expect(await log.body(2)).toEqual(meter.profile);

    const third = meter.pack(3);
    const open = accepted(log.decide(third.statement, { preimage: third.preimage })).index;
    for (const [erased, hash] of [
      [entry.index, statement.payload],
      [open, third.statement.payload],
    ] as const) {
      const payload = encodeErase({ entry: erased, hash: hash as never, reason: "mistake" });
      accepted(log.submit({ kind: "erase", stream: "rights", iat: START_MS / 1000, payload }));
      expect(await log.body(erased)).toBeUndefined();
    }
    await log.durable();
    expect(await diskHolds(files, third.preimage)).toBe(true);
    // Another process finishes it, and neither preimage is anywhere on the disk after the block's end.
    const again = await HubLog.open(parts());
    expect(await again.body(open)).toBeUndefined();
    await again.seal();
    expect(await again.body(entry.index)).toBeUndefined();
    expect(await again.body(kept)).toEqual(second.preimage);
    expect(await diskHolds(files, preimage)).toBe(false);
    expect(await diskHolds(files, third.preimage)).toBe(false);
    await checkFolder(files);
    await again.close();
    index = new MemoryEntryIndex();
    const rebuilt = await HubLog.open(parts());
    expect(await rebuilt.body(kept)).toEqual(second.preimage);
    await rebuilt.close();
  });
});

/** A clock that says each of its times once, and the last one from then on. */
class ScriptedClock extends ManualClock implements Clock {
  times: number[] = [];

  constructor() {
    super(START_MS);
  }

  override nowMs(): number {
    return this.times.length > 1 ? this.times.shift()! : this.times[0]!;
  }
}

interface Noted {
  readonly size: number;
  readonly root: string;
  readonly note: string;
}

function genesisOf(payload: Uint8Array): Genesis {
  const genesis = decodeGenesis(payload);
  if (genesis instanceof Refusal) throw new Error(genesis.text);
  return genesis;
}

describe("opening", () => {
  test("goes on where the last process ended", async () => {
    const files = new MemoryFiles();
    const log = await createLog(logParts(files));
    const chain = enrolDevice(log, "air-1");
    accepted(log.decide(chain.readings(1, START_MS)));
    await log.close();
    const again = await HubLog.open(logParts(files, { origin: ORIGIN, blockSeconds: 300 }));
    expect(again.state.size).toBe(4);
    accepted(again.decide(chain.readings(2, START_MS)));
    await again.seal();
    expect((await checkFolder(files)).entries).toHaveLength(6);
    await again.close();
  });

  test("refuses what it cannot go on with", async () => {
    const files = new MemoryFiles();
    const refused = async (text: string | RegExp, changes: object = {}): Promise<void> => {
      const opening = HubLog.open(logParts(files, changes));
      await expect(opening).rejects.toThrow(text);
      await expect(opening).rejects.toBeInstanceOf(UserError);
    };
    await refused("There is no log");
    await (await createLog(logParts(files))).close();
    await refused("is kerbstone.test/hub, not other.example", { origin: "other.example" });
    await refused("a block every 300 s, not every 60 s", { blockSeconds: 60 });
    await refused("the given one is another", { signer: nobleSigner(new Uint8Array(32).fill(1)) });
    await expect(createLog(logParts(files))).rejects.toThrow("There is a log");
    const older = (await files.read(`${FOLDER}/commit`))!;
    const log = await HubLog.open(logParts(files));
    await log.seal();
    await log.close();
    await files.write(`${FOLDER}/commit`, older);
    await refused("mixes two states");
  });

  test("an origin that is none is refused before anything is written", async () => {
    const files = new MemoryFiles();
    const creating = HubLog.create({ ...logParts(files), origin: "https://x", blockSeconds: 300 });
    await expect(creating).rejects.toBeInstanceOf(UserError);
    await (await createLog(logParts(files))).close();
  });

  test("a key that was changed is the only one that opens the log", async () => {
    const files = new MemoryFiles();
    const next = nobleSigner(new Uint8Array(32).fill(77));
    const log = await createLog(logParts(files));
    accepted(log.rotate(next));
    await log.close();
    await expect(HubLog.open(logParts(files))).rejects.toThrow("the given one is another");
    const again = await HubLog.open(logParts(files, { signer: next }));
    expect(again.checkpointAt(2)).toBeDefined();
    await again.seal();
    await checkFolder(files);
    await again.close();
    const later = await HubLog.open(logParts(files, { signer: next }));
    // The index was made again, and the old key's signature is not in the log.
    expect((await later.block(0))?.note).toBeUndefined();
    expect((await later.block(1))?.note).toBeDefined();
    await later.close();
  });
});

describeWithShared("the small log, said again by this hub", [SMALL_LOG, REFUSED], () => {
  const vectors = readSmallLog();
  const hub = nobleSigner(hex(vectors.keys[0]!.seed));

  test("gives the same bytes, roots and checkpoints", async () => {
    const { log, files } = await replay(22);
    expect((await all(log)).map((entry, i) => entry === vectors.entries[i]!.entry)).not.toContain(
      false,
    );
    for (const { size, root, note } of vectors.checkpoints as readonly Noted[]) {
      const height = log.heightOf(size - 1)!;
      const block = (await log.block(height))!;
      expect(encodeHex(block.checkpoint.root)).toBe(root);
      expect(block.note).toBe(note);
      const parsed = parseCheckpoint(block.note!);
      expect(parsed instanceof Fault ? 0 : parsed.size).toBe(size);
    }
    await checkFolder(files);
    await log.close();
  });

  for (const { desc, after, entry, code } of readRefused().filter((each) => each.after > 1)) {
    test(`${desc}: ${code}`, async () => {
      const { log } = await replay(after);
      const decision = log.decide(hex(entry));
      expect(["refused", "equivocation"]).toContain(decision.kind);
      expect(decision).toMatchObject({ refusal: { code } });
      await log.close();
    });
  }

  /** Has a hub say or take the first `count` entries, by a clock that stands where each was made. */
  async function replay(count: number): Promise<{ log: HubLog; files: MemoryFiles }> {
    const files = new MemoryFiles();
    const clock = new ScriptedClock();
    const statements = vectors.entries.map(({ entry }) => {
      const statement = decodeStatement(hex(entry));
      if (!("kind" in statement)) throw new Error(statement.text);
      return statement;
    });
    const { registrars } = genesisOf(statements[0]!.payload);
    clock.times = [1_767_225_600_000, 1_767_225_600_000, 1_767_225_600_250];
    const origin = vectors.origin;
    const parts = logParts(files, { clock, signer: hub });
    const log = await HubLog.create({ ...parts, origin, blockSeconds: 300, registrars });
    for (const [index, statement] of statements.entries()) {
      if (index < 2 || index >= count) continue;
      clock.times = [statement.iat * 1000];
      const preimage = vectors.bodies.find((body) => body.entry === index)?.preimage;
      if (statement.kind === "seal") {
        clock.times = [statement.iat * 1000 + 250];
        await log.seal();
      } else if (statement.kind === "rekey")
        accepted(log.rotate(nobleSigner(hex(vectors.keys[6]!.seed))));
      else if (statement.issuer === "hub") {
        const { kind, stream, iat, payload } = statement;
        accepted(log.submit({ kind, stream, iat, payload }));
      } else accepted(log.decide(statement.bytes, preimage ? { preimage: hex(preimage) } : {}));
    }
    return { log, files };
  }
});
