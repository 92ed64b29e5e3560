/** The outbox on a disk that fails in every way. */

import { expect, test } from "vitest";
import { equalBytes } from "../../../ledger/bytes.ts";
import { encodeGap } from "../../../ledger/kinds/gap.ts";
import { asHash, sha256 } from "../../../ledger/sha256.ts";
import { signStatement } from "../../../ledger/statement.ts";
import { Outbox } from "../../../edge/outbox/outbox.ts";
import { HEADER_BYTES_MIN } from "../../../edge/outbox/segment-header.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import type { Fault } from "../../../platform/memory-files.ts";
import { seededRandom } from "../../../platform/random.ts";
import { UserError } from "../../../platform/user-error.ts";
import { nativeSigner } from "../../support/native-signer.ts";

const signer = nativeSigner(new Uint8Array(32).fill(9));
const gapPayload = encodeGap({ from: 4, to: 5, reason: "refused" });
const KID = new Uint8Array(8).fill(7);
const ENROLMENT = sha256(new Uint8Array([1]));

function open(files: MemoryFiles, segmentBytes = 1_500): Promise<Outbox> {
  return Outbox.open({ files, folder: "/outbox", kid: KID, segmentBytes });
}

/** Stands for a signed statement: what it says depends on the signer's state only, and on when it was signed. */
function statementOf(seq: number, salt: number, bytes = 160): Uint8Array {
  const statement = new Uint8Array(bytes).fill(salt & 0xff);
  new DataView(statement.buffer).setUint32(0, seq);
  new DataView(statement.buffer).setUint32(4, salt);
  return statement;
}

/** Adds the next statement as the chain would: a gap where one is due. */
function addNext(outbox: Outbox, salt: number): number {
  const { seq, follows } = outbox.tail!;
  const gap = follows < seq ? { gap: { from: follows } } : {};
  outbox.add({ seq, statement: statementOf(seq, salt), ...gap });
  return seq;
}

async function filled(files: MemoryFiles, count: number): Promise<Outbox> {
  const outbox = await open(files);
  await outbox.anchor({ seq: 0, follows: 0, prev: ENROLMENT });
  for (let i = 0; i < count; i++) addNext(outbox, 1);
  await outbox.flush();
  return outbox;
}

test("a new outbox has no chain until it is anchored", async () => {
  const files = new MemoryFiles();
  const outbox = await open(files);
  expect(outbox.tail).toBeUndefined();
  expect(() => outbox.add({ seq: 0, statement: statementOf(0, 1) })).toThrow(RangeError);
  await outbox.anchor({ seq: 0, follows: 0, prev: ENROLMENT });
  files.crash();
  const again = await open(files);
  expect(again.tail).toEqual({ seq: 0, follows: 0, prev: ENROLMENT });
  expect(await again.hashAt(-1)).toEqual(ENROLMENT);
});

test("what was flushed is there after a power cut, with the counter behind it", async () => {
  const files = new MemoryFiles();
  await filled(files, 20);
  files.crash();
  const outbox = await open(files);
  expect(outbox.durable).toBe(19);
  expect(outbox.tail).toEqual({ seq: 20, follows: 20, prev: sha256(statementOf(19, 1)) });
  for (let seq = 0; seq < 20; seq++) {
    expect((await outbox.read(seq))?.statement).toEqual(statementOf(seq, 1));
  }
});

test("an anchor never moves a chain back, nor under what waits for the disk", async () => {
  const outbox = await filled(new MemoryFiles(), 3);
  const prev = ENROLMENT;
  await expect(outbox.anchor({ seq: 2, follows: 2, prev })).rejects.toThrow(RangeError);
  await expect(outbox.anchor({ seq: 5, follows: 6, prev })).rejects.toThrow(RangeError);
  addNext(outbox, 1);
  await expect(outbox.anchor({ seq: 9, follows: 4, prev })).rejects.toThrow(RangeError);
  await outbox.flush();
  await outbox.anchor({ seq: 9, follows: 4, prev });
  expect(() => outbox.add({ seq: 9, statement: statementOf(9, 1), gap: { from: 5 } })).toThrow(
    /gap from 4/,
  );
});

test.each(["undone", "done"] as const)(
  "an anchor that the disk refuses (%s) moves nothing, and voids nothing of what is signed after it",
  async (fault) => {
    const files = new MemoryFiles();
    const outbox = await filled(files, 3);
    const leap = { seq: 1_000, follows: 2, prev: ENROLMENT };
    files.setFaults(({ kind }) => (kind === "write" ? fault : undefined));
    await expect(outbox.anchor(leap)).rejects.toThrow();
    files.setFaults();
    expect(outbox.tail?.seq).toBe(3);
    for (let i = 0; i < 3; i++) addNext(outbox, 1);
    // Nor is anything signed behind it that it would void, where it cannot be removed.
    files.setFaults(({ kind }) => (kind === "remove" ? "undone" : undefined));
    await outbox.flush().catch(() => undefined);
    files.setFaults();
    await outbox.flush();
    files.crash();
    const again = await open(files);
    expect(again.tail).toEqual({ seq: 6, follows: 6, prev: sha256(statementOf(5, 1)) });
    for (let seq = 0; seq < 6; seq++)
      expect((await again.read(seq))?.statement).toEqual(statementOf(seq, 1));
  },
);

test("an anchor in the place of an empty segment that fails never costs the numbers that were leapt over", async () => {
  for (let cut = 0; cut < 6; cut++) {
    const files = new MemoryFiles(seededRandom(cut));
    const outbox = await filled(files, 3);
    const prev = ENROLMENT;
    await outbox.anchor({ seq: 1_000, follows: 3, prev });
    files.setFaults(({ kind }) => (kind === "write" ? "undone" : undefined));
    await expect(outbox.anchor({ seq: 1_000, follows: 2, prev })).rejects.toThrow();
    let left = cut;
    files.setFaults(() => (left-- > 0 ? undefined : "power-cut"));
    await outbox.anchor({ seq: 2_000, follows: 2, prev }).catch(() => undefined);
    files.setFaults();
    files.powerOn();
    expect((await open(files)).tail!.seq).toBeGreaterThanOrEqual(1_000);
  }
});

test("nothing may be sent before it is flushed", async () => {
  const files = new MemoryFiles();
  const outbox = await filled(files, 3);
  addNext(outbox, 1);
  expect(outbox.nextLive(3)).toBeUndefined();
  expect(await outbox.read(3)).toBeUndefined();
  await outbox.flush();
  expect(outbox.nextLive(3)).toBe(3);
});

test("the newest statements are at hand, without a look at the disk; older ones are read back", async () => {
  const files = new MemoryFiles();
  const outbox = await open(files, 1_000_000);
  await outbox.anchor({ seq: 0, follows: 0, prev: ENROLMENT });
  for (let seq = 0; seq < 40; seq++) addNext(outbox, seq);
  expect(await outbox.read(39)).toBeUndefined();
  await outbox.flush();
  const [name] = await files.list("/outbox");
  const path = `/outbox/${name}`;
  // Closed, so that it looks at what now has the name.
  await outbox.close();
  await files.write(path, new Uint8Array((await files.read(path))!.length));
  const again = await outbox.read(39);
  expect(again?.statement).toEqual(statementOf(39, 39));
  expect(await outbox.hashAt(38)).toEqual(sha256(statementOf(38, 38)));
  // Bounded: a backlog is not held in memory.
  const old = await Promise.all(Array.from({ length: 24 }, (_, seq) => outbox.read(seq)));
  expect(old.filter((record) => record !== undefined)).toEqual([]);
});

test("statements that are added together share one sync", async () => {
  const files = new MemoryFiles();
  const outbox = await open(files, 1_000_000);
  await outbox.anchor({ seq: 0, follows: 0, prev: ENROLMENT });
  const before = files.operations;
  const flushes: Promise<void>[] = [];
  for (let i = 0; i < 50; i++) {
    addNext(outbox, 1);
    flushes.push(outbox.flush());
  }
  await Promise.all(flushes);
  expect(files.operations - before).toBe(2);
});

test("segments go when all in them is let go, and the counter stays", async () => {
  const files = new MemoryFiles();
  const outbox = await filled(files, 4);
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < 4; i++) addNext(outbox, 1);
    await outbox.flush();
  }
  const before = outbox.bytes;
  await outbox.letGo(41);
  expect(outbox.bytes).toBeLessThan(before / 3);
  files.crash();
  const again = await open(files);
  expect(again.tail?.seq).toBe(44);
  expect(await again.read(0)).toBeUndefined();
  expect((await again.read(43))?.statement).toEqual(statementOf(43, 1));
  expect(await again.hashAt(again.knownFrom!)).toEqual(sha256(statementOf(again.knownFrom!, 1)));
});

test("a last segment that is full goes as well when all in it is let go: it must not keep more from being signed", async () => {
  const files = new MemoryFiles();
  const outbox = await filled(files, 40);
  await outbox.letGo(38);
  expect((await outbox.read(39))?.statement).toEqual(statementOf(39, 1));
  await outbox.letGo(39);
  expect(outbox.bytes).toBeLessThan(200);
  expect(outbox.tail).toEqual({ seq: 40, follows: 40, prev: sha256(statementOf(39, 1)) });
  expect(await outbox.hashAt(39)).toEqual(sha256(statementOf(39, 1)));
  files.crash();
  const again = await open(files);
  expect(addNext(again, 2)).toBe(40);
  await again.flush();
  expect((await again.read(40))?.statement).toEqual(statementOf(40, 2));
});

test.each(["undone", "done"] as const)(
  "what the disk would not remove (%s) is nothing that a hub can be served with",
  async (fault) => {
    const files = new MemoryFiles();
    const outbox = await filled(files, 4);
    for (let i = 0; i < 8; i++) {
      addNext(outbox, 1);
      await outbox.flush();
    }
    expect(outbox.knownFrom).toBe(-1);
    files.setFaults(({ kind }) => (kind === "remove" ? fault : undefined));
    await expect(outbox.letGo(9)).rejects.toThrow();
    expect(outbox.knownFrom).toBeGreaterThan(-1);
    expect((await outbox.read(outbox.knownFrom! + 1))?.seq).toBe(outbox.knownFrom! + 1);
    files.setFaults();
    await outbox.letGo(9);
    expect((await files.list("/outbox")).length).toBe(1);
  },
);

test("what waits for the disk is not passed over by a full segment that is let go", async () => {
  const files = new MemoryFiles();
  const outbox = await filled(files, 40);
  addNext(outbox, 2);
  addNext(outbox, 2);
  await outbox.letGo(39);
  await outbox.flush();
  files.crash();
  const again = await open(files);
  expect(again.tail?.seq).toBe(42);
  for (const seq of [40, 41])
    expect((await again.read(seq))?.statement).toEqual(statementOf(seq, 2));
});

test("a segment smaller than its own header takes a statement all the same, and is begun anew but once", async () => {
  const files = new MemoryFiles();
  const outbox = await open(files, 1);
  await outbox.anchor({ seq: 0, follows: 0, prev: ENROLMENT });
  for (let i = 0; i < 3; i++) addNext(outbox, 1);
  await outbox.flush();
  await outbox.letGo(2);
  const { operations } = files;
  await outbox.letGo(2);
  await outbox.letGo(1);
  expect(files.operations).toBe(operations);
  expect(outbox.oldest).toBe(3);
});

test("letting go of what is not there yet lets go of nothing more", async () => {
  const outbox = await filled(new MemoryFiles(), 5);
  await outbox.letGo(1_000);
  // Nor is anything kept again because a late ack says less.
  await outbox.letGo(2);
  expect(outbox.oldest).toBe(5);
  addNext(outbox, 1);
  await outbox.flush();
  expect(outbox.oldest).toBe(5);
});

test("the outbox of another key is refused", async () => {
  const files = new MemoryFiles();
  await filled(files, 1);
  const opened = Outbox.open({ files, folder: "/outbox", kid: new Uint8Array(8).fill(8) });
  await expect(opened).rejects.toThrow(UserError);
});

test("another version of the format is refused, not guessed at", async () => {
  const files = new MemoryFiles();
  await filled(files, 1);
  const path = "/outbox/0000000000000000.outbox";
  const bytes = (await files.read(path))!;
  bytes[4] = 1;
  await files.write(path, bytes);
  await expect(open(files)).rejects.toThrow(/version 1, this program reads version 2/);
});

test("a torn end costs numbers, so that none is signed twice, and is owned up to by a gap", async () => {
  const files = new MemoryFiles();
  await filled(files, 3);
  const path = "/outbox/0000000000000000.outbox";
  const bytes = (await files.read(path))!;
  await files.write(path, bytes.subarray(0, bytes.length - 20));
  const outbox = await open(files);
  expect(outbox.durable).toBe(1);
  const tail = outbox.tail!;
  expect(tail.follows).toBe(2);
  expect(tail.seq).toBeGreaterThan(2);
  expect(tail.prev).toEqual(sha256(statementOf(1, 1)));
  expect(() => outbox.add({ seq: tail.seq, statement: statementOf(tail.seq, 2) })).toThrow(/gap/);
  files.crash();
  const again = await open(files);
  expect(again.tail).toEqual(tail);
  addNext(again, 2);
  await again.flush();
  expect(again.nextLive(2)).toBe(tail.seq);
});

test("behind a torn end, while no gap could be signed yet, nothing is there that could be sent", async () => {
  const files = new MemoryFiles();
  await filled(files, 3);
  const path = "/outbox/0000000000000000.outbox";
  const bytes = (await files.read(path))!;
  await files.write(path, bytes.subarray(0, bytes.length - 20));
  for (let start = 0; start < 3; start++) {
    const outbox = await open(files);
    expect(outbox.durable).toBe(1);
    expect(outbox.nextLive(2)).toBeUndefined();
    // Nothing can be let go either that is not there.
    await outbox.letGo(1_000);
    expect(outbox.oldest).toBe(outbox.tail!.seq);
    await outbox.close();
  }
});

test("a torn end costs as many numbers as could have stood in it", async () => {
  const files = new MemoryFiles();
  await filled(files, 6);
  const path = "/outbox/0000000000000000.outbox";
  const bytes = (await files.read(path))!;
  // The file has its length, and from the fourth record on nothing but zeros.
  const record = (bytes.length - HEADER_BYTES_MIN) / 6;
  bytes.fill(0, bytes.length - Math.floor(3 * record));
  await files.write(path, bytes);
  const outbox = await open(files);
  expect(outbox.tail!.follows).toBeLessThan(4);
  expect(outbox.tail!.seq).toBeGreaterThanOrEqual(6);
});

test("what only the page cache holds after kill -9 is made safe before it may be sent", async () => {
  // Chance decides what a power cut leaves of what was not synced.
  for (let seed = 0; seed < 8; seed++) {
    const files = new MemoryFiles(seededRandom(seed));
    const outbox = await filled(files, 2);
    // It is written, and killed before it is synced.
    files.setFaults(({ kind }) => (kind === "sync" ? "undone" : undefined));
    addNext(outbox, 1);
    await expect(outbox.flush()).rejects.toThrow();
    files.setFaults();
    expect((await open(files)).durable).toBe(2);
    files.crash();
    expect((await open(files)).durable).toBe(2);
  }
});

test("after a sync that failed, what was added meanwhile is where it is looked for", async () => {
  const files = new MemoryFiles();
  const outbox = await filled(files, 2);
  addNext(outbox, 1);
  files.setFaults(({ kind }) => (kind === "sync" ? "undone" : undefined));
  await expect(outbox.flush()).rejects.toThrow();
  files.setFaults();
  addNext(outbox, 1);
  await outbox.flush();
  for (const box of [outbox, await open(files)])
    for (let seq = 0; seq < 4; seq++)
      expect((await box.read(seq))?.statement).toEqual(statementOf(seq, 1));
});

test("a sector that comes back from older days, behind what is newer, is damage and no record", async () => {
  const files = new MemoryFiles();
  const outbox = await filled(files, 3);
  await outbox.close();
  const path = "/outbox/0000000000000000.outbox";
  const bytes = (await files.read(path))!;
  const record = (bytes.length - HEADER_BYTES_MIN) / 3;
  const old = bytes.subarray(HEADER_BYTES_MIN, HEADER_BYTES_MIN + record);
  await files.write(path, Uint8Array.from([...bytes, ...old]));
  const again = await open(files);
  expect(again.durable).toBe(2);
  expect(again.tail!.seq).toBeGreaterThan(3);
  expect(again.tail!.prev).toEqual(sha256(statementOf(2, 1)));
});

test("the order in which a disk lists segments means nothing", async () => {
  const files = new MemoryFiles();
  const outbox = await filled(files, 4);
  for (let i = 0; i < 20; i++) {
    addNext(outbox, 1);
    await outbox.flush();
  }
  const backwards = new Proxy(files, {
    get: (target, name) => {
      if (name === "list")
        return async (folder: string) => (await target.list(folder)).toReversed();
      const value = Reflect.get(target, name) as unknown;
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
  const again = await open(backwards);
  expect(again.tail?.seq).toBe(24);
  expect((await again.read(0))?.statement).toEqual(statementOf(0, 1));
});

test("a gap that the disk has not taken leaves out nothing", async () => {
  const files = new MemoryFiles();
  const outbox = await open(files, 400);
  await outbox.anchor({ seq: 0, follows: 0, prev: ENROLMENT });
  for (let i = 0; i < 4; i++) addNext(outbox, 1);
  await outbox.flush();
  outbox.add({ seq: 4, statement: statementOf(4, 2), gap: { from: 2 } });
  // The segment is full: another is begun, and the power goes before the gap is in it.
  files.setFaults(({ kind }) => (kind === "append" ? "undone" : undefined));
  await expect(outbox.flush()).rejects.toThrow();
  files.setFaults();
  files.crash();
  const again = await open(files);
  expect(again.nextLive(2)).toBe(2);
  expect(again.nextToRenew()).toBeUndefined();
});

test("what is still to be signed anew is kept, though a receipt for what came behind it lets go of it", async () => {
  const files = new MemoryFiles();
  const outbox = await open(files, 400);
  await outbox.anchor({ seq: 0, follows: 0, prev: ENROLMENT });
  for (let i = 0; i < 6; i++) addNext(outbox, 1);
  await outbox.flush();
  outbox.add({ seq: 6, statement: statementOf(6, 2), gap: { from: 2 } });
  await outbox.flush();
  await outbox.letGo(6);
  for (const box of [outbox, await open(files, 400)]) {
    expect(box.nextToRenew()).toBe(2);
    expect((await box.read(2))?.statement).toEqual(statementOf(2, 1));
  }
});

test("what gaps have left out outlives one start after another, and many gaps a long header", async () => {
  const files = new MemoryFiles();
  let outbox = await open(files, 600);
  await outbox.anchor({ seq: 0, follows: 0, prev: ENROLMENT });
  for (let round = 0; round < 80; round++) {
    const seq = addNext(outbox, 1);
    outbox.add({ seq: seq + 1, statement: statementOf(seq + 1, 2), gap: { from: seq } });
    await outbox.flush();
    outbox.skipRenewal(seq);
    if (round % 8 === 0) {
      await outbox.close();
      outbox = await open(files, 600);
    }
    expect(outbox.nextLive(0)).toBe(1);
    expect(outbox.nextLive(seq)).toBe(seq + 1);
  }
});

test("a wish to sign anew outlives the power", async () => {
  const files = new MemoryFiles();
  const outbox = await filled(files, 6);
  const prev = sha256(statementOf(1, 1));
  await outbox.anchor({ seq: 100, follows: 2, prev }, { from: 2, to: 5 });
  files.crash();
  const again = await open(files);
  for (const box of [outbox, again]) expect(box.nextToRenew()).toBe(2);
});

test("what was signed anew is kept until that is safe, though space is given back meanwhile", async () => {
  const files = new MemoryFiles();
  const outbox = await open(files, 400);
  await outbox.anchor({ seq: 0, follows: 0, prev: ENROLMENT });
  for (let i = 0; i < 6; i++) addNext(outbox, 1);
  await outbox.flush();
  outbox.add({ seq: 6, statement: statementOf(6, 2), gap: { from: 2 } });
  await outbox.flush();
  for (const replaces of [2, 3, 4, 5])
    outbox.add({ seq: replaces + 5, statement: statementOf(replaces + 5, 2), replaces });
  await outbox.letGo(1);
  files.crash();
  const again = await open(files, 400);
  for (const seq of [2, 3, 4, 5]) {
    expect(again.nextToRenew()).toBe(seq);
    expect((await again.read(seq))?.statement).toEqual(statementOf(seq, 1));
    again.skipRenewal(seq);
  }
});

test("the newest word on what came before a number counts, as after a leap", async () => {
  const files = new MemoryFiles();
  const outbox = await open(files, 400);
  await outbox.anchor({ seq: 0, follows: 0, prev: ENROLMENT });
  for (let i = 0; i < 6; i++) addNext(outbox, 1);
  await outbox.flush();
  expect(await outbox.hashAt(1)).toEqual(sha256(statementOf(1, 1)));
  const foreign = sha256(new Uint8Array([7]));
  await outbox.anchor({ seq: 1_000, follows: 2, prev: foreign });
  for (const box of [outbox, await open(files, 400)]) expect(await box.hashAt(1)).toEqual(foreign);
});

test("any single rotten byte loses at most what it lies in, and no number is used again", async () => {
  const clean = new MemoryFiles();
  await filled(clean, 6);
  const [name] = await clean.list("/outbox");
  const path = `/outbox/${name}`;
  const bytes = (await clean.read(path))!;
  for (let at = 0; at < bytes.length; at += 7) {
    const files = new MemoryFiles();
    await files.makeFolder("/outbox");
    const rotten = bytes.slice();
    rotten[at]! ^= 0x10;
    await files.write(path, rotten);
    const opened = await open(files).catch((error: unknown) => error as Error);
    if (opened instanceof Error) {
      expect(opened).toBeInstanceOf(UserError);
      continue;
    }
    expect(opened.tail!.seq).toBeGreaterThanOrEqual(6);
    let unreadable = 0;
    for (let seq = 0; seq < 6; seq++) {
      const record = await opened.read(seq);
      if (record === undefined) unreadable += 1;
      else expect(record.statement).toEqual(statementOf(seq, 1));
    }
    expect(unreadable).toBe(1);
  }
});

test("a gap takes the place of what it covers, and says what is to be signed anew", async () => {
  const files = new MemoryFiles();
  const outbox = await filled(files, 10);
  outbox.add({ seq: 10, statement: statementOf(10, 2), gap: { from: 4, refused: 4 } });
  await outbox.flush();
  expect(outbox.nextLive(4)).toBe(10);
  expect(outbox.nextLive(3)).toBe(3);
  for (const seq of [5, 6]) {
    expect(outbox.nextToRenew()).toBe(seq);
    const next = outbox.tail!.seq;
    outbox.add({ seq: next, statement: statementOf(next, 2), replaces: seq });
  }
  await outbox.flush();
  files.crash();
  const again = await open(files);
  expect(again.nextLive(4)).toBe(10);
  expect(again.nextLive(11)).toBe(11);
  for (const seq of [7, 8, 9]) {
    expect(again.nextToRenew()).toBe(seq);
    // What is still to be signed anew is in force; what was refused, or is signed anew, is not under that number.
    expect([4, 5, seq].map((number) => again.isInForce(number))).toEqual([false, false, true]);
    again.skipRenewal(seq);
    expect(again.isInForce(seq)).toBe(false);
  }
  expect(again.nextToRenew()).toBeUndefined();
});

test("a gap over a gap renews only what the first had left", async () => {
  const outbox = await filled(new MemoryFiles(), 6);
  outbox.add({ seq: 6, statement: statementOf(6, 2), gap: { from: 2, refused: 2 } });
  await outbox.flush();
  for (let seq = outbox.nextToRenew(); seq !== undefined; seq = outbox.nextToRenew()) {
    const next = outbox.tail!.seq;
    outbox.add({ seq: next, statement: statementOf(next, 2), replaces: seq });
  }
  await outbox.flush();
  expect(outbox.tail!.seq).toBe(10);
  outbox.add({ seq: 10, statement: statementOf(10, 3), gap: { from: 2, refused: 8 } });
  await outbox.flush();
  const renewed: number[] = [];
  for (let seq = outbox.nextToRenew(); seq !== undefined; seq = outbox.nextToRenew()) {
    renewed.push(seq);
    outbox.skipRenewal(seq);
  }
  expect(renewed).toEqual([7, 9]);
  expect(outbox.nextLive(2)).toBe(10);
});

test("a leap over many numbers does not look at each of them, nor does another start", async () => {
  const files = new MemoryFiles();
  const outbox = await filled(files, 5);
  await outbox.anchor({ seq: 2 ** 40, follows: 3, prev: asHash(new Uint8Array(32)) });
  outbox.add({ seq: 2 ** 40, statement: statementOf(1, 2), gap: { from: 3 } });
  await outbox.flush();
  for (const box of [outbox, await open(files)]) {
    expect(box.nextToRenew()).toBe(3);
    box.skipRenewal(3);
    expect(box.nextToRenew()).toBe(4);
    box.skipRenewal(4);
    expect(box.nextToRenew()).toBeUndefined();
    expect(box.nextLive(3)).toBe(2 ** 40);
  }
});

test("segments of which all is signed anew are given back before the older ones", async () => {
  const files = new MemoryFiles();
  const outbox = await filled(files, 1);
  for (let i = 0; i < 60; i++) {
    addNext(outbox, 1);
    await outbox.flush();
  }
  const before = outbox.bytes;
  outbox.add({ seq: 61, statement: statementOf(61, 2), gap: { from: 2 } });
  await outbox.flush();
  for (let seq = outbox.nextToRenew(); seq !== undefined; seq = outbox.nextToRenew()) {
    outbox.skipRenewal(seq);
  }
  addNext(outbox, 3);
  await outbox.flush();
  expect(outbox.bytes).toBeLessThan(before / 4);
  files.crash();
  const again = await open(files);
  expect((await again.read(0))?.statement).toEqual(statementOf(0, 1));
  expect(again.nextLive(2)).toBe(61);
});

test("an outbox is opened by its headers and its newest segment, whatever gaps there were", async () => {
  const files = new MemoryFiles();
  const outbox = await filled(files, 20);
  outbox.add({ seq: 20, statement: statementOf(20, 2), gap: { from: 15, refused: 16 } });
  await outbox.flush();
  for (const replaces of [15, 17]) {
    const next = outbox.tail!.seq;
    outbox.add({ seq: next, statement: statementOf(next, 2), replaces });
    await outbox.flush();
  }
  const all = await files.list("/outbox");
  expect(all.length).toBeGreaterThan(2);
  const read: string[] = [];
  const watched = new Proxy(files, {
    get: (target, name) => {
      if (name === "read")
        return (path: string) => {
          read.push(path);
          return target.read(path);
        };
      const value = Reflect.get(target, name) as unknown;
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
  const again = await Outbox.open({ files: watched, folder: "/outbox", kid: KID });
  expect(read).toEqual([`/outbox/${all.at(-1)}`]);
  expect(again.nextLive(15)).toBe(20);
  expect(again.nextToRenew()).toBe(18);
  expect(again.durable).toBe(22);
});

test("with everything let go there is room again, however much was signed in one go", async () => {
  const files = new MemoryFiles();
  const outbox = await open(files, 500);
  await outbox.anchor({ seq: 0, follows: 0, prev: ENROLMENT });
  for (let i = 0; i < 40; i++) addNext(outbox, 1);
  await outbox.flush();
  expect(outbox.bytes).toBeGreaterThan(7_000);
  expect((await files.list("/outbox")).length).toBeGreaterThan(10);
  await outbox.letGo(39);
  expect(outbox.bytes).toBeLessThan(500);
  expect(outbox.tail!.seq).toBe(40);
  addNext(outbox, 2);
  await outbox.flush();
  files.crash();
  expect((await open(files)).tail!.seq).toBe(41);
});

test("a gap outlives what it left out, and a hub that stands before it can still be served", async () => {
  const files = new MemoryFiles();
  // A segment for each two statements.
  const outbox = await open(files, 400);
  await outbox.anchor({ seq: 0, follows: 0, prev: ENROLMENT });
  for (let i = 0; i < 6; i++) addNext(outbox, 1);
  await outbox.flush();
  const prev = sha256(statementOf(3, 1));
  const draft = { kind: "gap", stream: "air", iat: 2 ** 28, payload: gapPayload } as const;
  const gap = signStatement({ issuer: "air-1", seq: 6, prev }, draft, signer);
  outbox.add({ seq: 6, statement: gap.bytes, gap: { from: 4 } });
  await outbox.flush();
  for (const seq of [4, 5]) outbox.skipRenewal(seq);
  addNext(outbox, 2);
  await outbox.flush();
  await outbox.letGo(3);
  for (const box of [outbox, await open(files, 400)]) {
    // 4 and 5 are gone, and so is all before them.
    expect(box.oldest).toBe(6);
    expect(box.knownFrom).toBe(3);
    expect(box.nextLive(4)).toBe(6);
    expect(await box.hashAt(3)).toEqual(prev);
    // What the gap names is the one before it, and nobody remembers the one that it left out.
    expect(await box.hashAt(4)).toBeUndefined();
  }
});

test("a gap over everything leaves the oldest segment for those who stand before it", async () => {
  const files = new MemoryFiles();
  const outbox = await open(files, 400);
  await outbox.anchor({ seq: 0, follows: 0, prev: ENROLMENT });
  for (let i = 0; i < 6; i++) addNext(outbox, 1);
  await outbox.flush();
  outbox.add({ seq: 6, statement: statementOf(6, 2), gap: { from: 0 } });
  await outbox.flush();
  for (let seq = 0; seq < 6; seq++) outbox.skipRenewal(seq);
  addNext(outbox, 2);
  await outbox.flush();
  for (const box of [outbox, await open(files, 400)]) {
    expect(box.knownFrom).toBe(-1);
    expect(box.nextLive(0)).toBe(6);
    expect(await box.hashAt(-1)).toEqual(ENROLMENT);
  }
});

/** What an observer on the wire has seen: each number with one content, for ever. */
class Wire {
  private readonly seen = new Map<number, Uint8Array>();

  async publishAll(outbox: Outbox): Promise<void> {
    for (let seq = outbox.oldest; seq <= outbox.durable; seq++) {
      const record = await outbox.read(seq);
      if (record === undefined) continue;
      const before = this.seen.get(seq);
      if (before && !equalBytes(before, record.statement))
        throw new Error(`${seq} was signed twice`);
      this.seen.set(seq, record.statement);
    }
  }

  /** Checks that all that was ever sent and not let go is still there, and the counter lies behind it. */
  async check(outbox: Outbox): Promise<void> {
    for (const [seq, statement] of this.seen) {
      if (outbox.tail!.seq <= seq) throw new Error(`${seq} would be signed again`);
      if (seq < outbox.oldest) continue;
      const kept = (await outbox.read(seq))?.statement;
      if (kept === undefined || !equalBytes(kept, statement)) throw new Error(`${seq} is lost`);
    }
  }
}

/** A life of an outbox in which one disk operation goes wrong; gives how many operations there were. */
async function liveThrough(ordinal: number, fault: Fault, seed: number): Promise<number> {
  const files = new MemoryFiles(seededRandom(seed));
  const wire = new Wire();
  let salt = 0;
  let hits = 0;
  files.setFaults((operation) => {
    if (operation.ordinal !== ordinal) return undefined;
    hits += 1;
    return fault;
  });
  let outbox: Outbox | undefined;
  const attempt = async (work: (outbox: Outbox) => Promise<void>): Promise<void> => {
    for (let tries = 0; tries < 4; tries++) {
      try {
        outbox ??= await open(files, 600);
        await work(outbox);
        return;
      } catch (error) {
        if (hits === 0 || error instanceof RangeError) throw error;
        if (fault === "power-cut") {
          files.powerOn();
          outbox = undefined;
        }
      }
    }
    throw new Error("the outbox did not come back");
  };
  await attempt(async (box) => {
    if (box.tail === undefined) await box.anchor({ seq: 0, follows: 0, prev: ENROLMENT });
  });
  for (let round = 0; round < 8; round++) {
    salt += 1;
    let isAdded = false;
    await attempt(async (box) => {
      if (!isAdded || fault === "power-cut") for (let i = 0; i < 3; i++) addNext(box, salt);
      isAdded = true;
      salt += 1;
      await box.flush();
    });
    await wire.publishAll(outbox!);
    if (round % 3 === 2) await attempt((box) => box.letGo(box.durable - 4));
    await wire.check(outbox!);
  }
  const { operations } = files;
  files.setFaults();
  files.crash();
  const last = await open(files, 600);
  await wire.check(last);
  await wire.publishAll(last);
  return operations;
}

test.each(["undone", "done", "part", "power-cut"] as const)(
  "one fault (%s) at any disk operation: nothing sent is lost, no number is signed twice",
  async (fault) => {
    const operations = await liveThrough(-1, fault, 0);
    expect(operations).toBeGreaterThan(20);
    for (let ordinal = 0; ordinal < operations; ordinal++) {
      // Chance decides only what a power cut leaves.
      for (let seed = 0; seed < (fault === "power-cut" ? 12 : 1); seed++)
        await liveThrough(ordinal, fault, seed);
    }
  },
  60_000,
);

test("a disk that fails for a long time loses nothing of what was added", async () => {
  const files = new MemoryFiles();
  const outbox = await filled(files, 2);
  files.setFaults(() => "undone");
  for (let i = 0; i < 5; i++) {
    addNext(outbox, 5);
    await expect(outbox.flush()).rejects.toThrow();
  }
  expect(outbox.isFlushed).toBe(false);
  expect(outbox.durable).toBe(1);
  files.setFaults();
  await outbox.flush();
  expect(outbox.durable).toBe(6);
  files.crash();
  const again = await open(files);
  for (let seq = 2; seq < 7; seq++) {
    expect((await again.read(seq))?.statement).toEqual(statementOf(seq, 5));
  }
});
