/** Rings on a disk in memory, which fails and loses its power. */

import { beforeEach, describe, expect, test } from "vitest";
import { segmentName } from "../../../../edge/cameras/recording/segment-list.ts";
import { Ring } from "../../../../edge/cameras/recording/ring.ts";
import type { RingParts } from "../../../../edge/cameras/recording/ring.ts";
import type { SegmentRecord } from "../../../../edge/cameras/recording/segment-record.ts";
import { encodeHex, encodeUtf8 } from "../../../../ledger/bytes.ts";
import { sha256 } from "../../../../ledger/sha256.ts";
import { ManualClock } from "../../../../platform/clock.ts";
import { nodeFiles } from "../../../../platform/files.ts";
import { silentLogger } from "../../../../platform/log.ts";
import { MemoryFiles } from "../../../../platform/memory-files.ts";
import { seededRandom } from "../../../../platform/random.ts";
import { testScope } from "../../../support/scope.ts";
import { recording } from "./fragmented-mp4.ts";

const FOLDER = "/data/cameras/street";
const NOW_MS = Date.parse("2026-12-01T12:00:00Z");
const HOUR_MS = 3_600_000;

const scope = testScope();
let files: MemoryFiles;
let clock: ManualClock;
let freeBytes: number;
let hasClock: boolean;
let removed: number[];

beforeEach(async () => {
  files = new MemoryFiles(seededRandom(1));
  clock = new ManualClock(NOW_MS);
  freeBytes = 1_000_000;
  hasClock = true;
  removed = [];
  await files.makeFolder("/data");
});

function open(changes: Partial<RingParts> = {}): Promise<Ring> {
  return Ring.open({
    device: "gate-1",
    camera: "street",
    files,
    folder: FOLDER,
    limits: { bytesMax: 10_000, ageMsMax: 24 * HOUR_MS },
    freeBytes: () => Promise.resolve(freeBytes),
    reserveBytes: () => 100_000,
    nowMs: () => (hasClock ? clock.nowMs() : undefined),
    clock,
    logger: silentLogger,
    removed: ({ number, bytes }) => {
      removed.push(number);
      freeBytes += bytes;
    },
    ...changes,
  });
}

/** What ffmpeg does: it writes, and does not sync. */
async function write(number: number, bytes: Uint8Array): Promise<void> {
  const file = await files.open(`${FOLDER}/${segmentName(number)}`);
  await file.append(bytes);
  await file.close();
}

/** A segment of a second that ffmpeg has closed. */
async function record(ring: Ring, number: number, bytes = recording(1, 1_000)): Promise<void> {
  await write(number, bytes);
  const endMs = clock.monotonicMs();
  await ring.take({ number, endMs, notBeforeMs: endMs - 5_000 });
}

const records = (ring: Ring): SegmentRecord[] => ring.segments.map(({ record }) => record);
const numbers = (ring: Ring): number[] => records(ring).map(({ number }) => number);

async function onDisk(): Promise<string[]> {
  return (await files.list(FOLDER)).filter((name) => name !== "next.json");
}

describe("a segment that is closed", () => {
  test("is known by its hash, its length and the times of its pictures", async () => {
    const ring = await open();
    expect(await ring.beginRun()).toBe(0);
    await clock.advance(60_000);
    const bytes = recording(2.5);
    await write(0, bytes);
    await ring.take({ number: 0, endMs: 50_000, notBeforeMs: 10_000 });
    const [segment] = ring.segments;
    expect(segment!.record).toEqual({
      number: 0,
      bytes: bytes.length,
      sha256: encodeHex(sha256(bytes)),
      signing: { state: "waiting" },
    });
    expect(segment!.span).toEqual({ fromMs: 47_500, toMs: 50_000 });
    expect(segment!.isDirty).toBe(false);
    const beside = new TextDecoder().decode(await files.read(`${FOLDER}/0000000000.json`));
    expect(JSON.parse(beside)).toMatchObject({
      kerbstone: "segment/v1",
      device: "gate-1",
      camera: "street",
      file: "0000000000.mp4",
      sha256: encodeHex(sha256(bytes)),
    });
  });

  test("did not begin before the one before it had ended, whatever its own time says", async () => {
    const ring = await open();
    await ring.beginRun();
    await write(0, recording(3_600));
    await ring.take({ number: 0, endMs: 50_000, notBeforeMs: 40_000 });
    expect(ring.segments[0]!.span).toEqual({ fromMs: 40_000, toMs: 50_000 });
  });

  test("is safe from a power cut before it is called whole", async () => {
    const ring = await open();
    await ring.beginRun();
    await record(ring, 0);
    const [before] = records(ring);
    files.crash();
    const [after] = records(await open());
    const bytes = await files.read(`${FOLDER}/0000000000.mp4`);
    expect(encodeHex(sha256(bytes!))).toBe(before!.sha256);
    // Nobody had noted the time of it.
    expect(after).toEqual({ ...before, signing: { state: "unsigned", reason: "no-time" } });
  });

  test("is taken once, and one that is not there not at all", async () => {
    const ring = await open();
    await record(ring, 0);
    await ring.take({ number: 0, endMs: 1, notBeforeMs: 0 });
    await ring.take({ number: 7, endMs: 1, notBeforeMs: 0 });
    expect(numbers(ring)).toEqual([0]);
  });

  test.each([
    ["has no pictures in it", recording(0)],
    ["is no recording", encodeUtf8("something else")],
    ["is torn", recording(1).subarray(0, 300)],
  ])("that %s is kept, and never signed", async (_, bytes) => {
    const ring = await open();
    await record(ring, 0, bytes);
    expect(records(ring)).toEqual([
      { number: 0, bytes: bytes.length, signing: { state: "unsigned", reason: "cut-off" } },
    ]);
  });
});

describe("numbers", () => {
  test("go on after a restart, also when nothing is left", async () => {
    const ring = await open({ limits: { bytesMax: 10_000, ageMsMax: HOUR_MS } });
    await ring.beginRun();
    await record(ring, 0);
    await record(ring, 1);
    await clock.advance(2 * HOUR_MS);
    await ring.trim(undefined);
    expect(await onDisk()).toEqual([]);
    expect(await (await open()).beginRun()).toBe(2);
    expect(await (await open()).beginRun()).toBe(2);
  });

  test("are not used twice where a power cut took what was begun", async () => {
    for (let seed = 0; seed < 40; seed++) {
      files = new MemoryFiles(seededRandom(seed));
      const used = new Set<number>();
      for (let boot = 0; boot < 3; boot++) {
        const ring = await open();
        const first = await ring.beginRun();
        for (let number = first; number < first + 2; number++) {
          await record(ring, number);
          const [{ sha256: hash } = { sha256: undefined }] = records(ring).slice(-1);
          expect(hash).toBeDefined();
          expect(used.has(number)).toBe(false);
          used.add(number);
        }
        await write(first + 2, recording(1));
        files.crash();
      }
    }
  });
});

test("a number is not used again where the power went while its segment, the last, was removed", async () => {
  for (let at = 0; at < 6; at++) {
    files = new MemoryFiles(seededRandom(at));
    const ring = await open({ limits: { bytesMax: 10_000, ageMsMax: HOUR_MS } });
    await ring.beginRun();
    await record(ring, 0);
    await clock.advance(2 * HOUR_MS);
    const begun = files.operations;
    files.setFaults(({ ordinal }) => (ordinal === begun + at ? "power-cut" : undefined));
    await ring.trim(undefined).catch(() => undefined);
    files.setFaults();
    files.powerOn();
    expect(await (await open()).beginRun()).toBe(1);
  }
});

describe("bounds", () => {
  test("the oldest go when there are too many bytes, the one being written counts and stays", async () => {
    const ring = await open();
    for (let number = 0; number < 10; number++) await record(ring, number);
    expect(await ring.trim(undefined)).toBeUndefined();
    expect(removed).toEqual([]);
    await write(10, new Uint8Array(2_500));
    expect(await ring.trim(10)).toBeUndefined();
    expect(removed).toEqual([0, 1, 2]);
    expect(ring.bytes).toBe(7_000);
    expect(await onDisk()).toContain("0000000010.mp4");
    expect(await onDisk()).toHaveLength(7 * 2 + 1);
  });

  test("a wall clock that is set forward removes nothing that was recorded since the start", async () => {
    const ring = await open();
    await record(ring, 0);
    ring.note(0, { fromMs: NOW_MS - 1_000, toMs: NOW_MS });
    clock.jump(365 * 24 * HOUR_MS);
    await ring.trim(undefined);
    expect(numbers(ring)).toEqual([0]);
    await clock.advance(25 * HOUR_MS);
    await ring.trim(undefined);
    expect(numbers(ring)).toEqual([]);
  });

  test("what is too old goes after a restart, by the wall clock as far as it is known", async () => {
    const before = await open();
    await record(before, 0);
    before.note(0, { fromMs: NOW_MS - 30 * HOUR_MS, toMs: NOW_MS - 25 * HOUR_MS });
    await before.save();
    const ring = await open();
    await record(ring, 1);
    hasClock = false;
    await ring.trim(undefined);
    expect(numbers(ring)).toEqual([0, 1]);
    hasClock = true;
    await ring.trim(undefined);
    expect(numbers(ring)).toEqual([1]);
    await clock.advance(23 * HOUR_MS);
    await ring.trim(undefined);
    expect(numbers(ring)).toEqual([1]);
    await clock.advance(2 * HOUR_MS);
    await ring.trim(undefined);
    expect(numbers(ring)).toEqual([]);
  });

  test("a time in the future keeps nothing for ever", async () => {
    const ring = await open();
    await record(ring, 0);
    ring.note(0, { fromMs: NOW_MS * 2, toMs: NOW_MS * 2 });
    await clock.advance(25 * HOUR_MS);
    await ring.trim(undefined);
    expect(numbers(ring)).toEqual([]);
  });

  test("statements come first: below the reserve the oldest go, and in the end nothing is recorded", async () => {
    const ring = await open();
    for (let number = 0; number < 3; number++) await record(ring, number);
    // A removal gives back what the segment took.
    freeBytes = 99_500;
    expect(await ring.trim(undefined)).toBeUndefined();
    expect(removed).toEqual([0]);
    freeBytes = 50_000;
    expect(await ring.trim(undefined)).toBe("disk-full");
    expect(removed).toEqual([0, 1, 2]);
    freeBytes = 200_000;
    expect(await ring.trim(undefined)).toBeUndefined();
  });

  test("a segment that alone is too large is said to be", async () => {
    const ring = await open();
    await record(ring, 0);
    await write(1, new Uint8Array(10_001));
    expect(await ring.trim(1)).toBe("segment-too-large");
    expect(removed).toEqual([0]);
  });
});

describe("after a power cut", () => {
  test("what was not finished is kept, never signed, and counts", async () => {
    const ring = await open();
    await record(ring, 0);
    await write(1, recording(4, 3_000));
    const again = await open();
    expect(records(again)[1]).toEqual({
      number: 1,
      bytes: 3_000,
      signing: { state: "unsigned", reason: "cut-off" },
    });
    expect(again.bytes).toBe(4_000);
    expect(await again.beginRun()).toBe(2);
    // It is known from now on, and stays what it is.
    expect(records(await open())).toEqual(records(again));
  });

  test("an empty file, and what a crash between two removals left, go away", async () => {
    const ring = await open();
    await record(ring, 0);
    await write(1, new Uint8Array(0));
    await files.remove(`${FOLDER}/0000000000.mp4`);
    const again = await open();
    expect(numbers(again)).toEqual([]);
    expect(await onDisk()).toEqual([]);
  });

  test("a segment that has another length than it had when it was hashed is never signed", async () => {
    const ring = await open();
    await record(ring, 0);
    ring.note(0, { fromMs: 1, toMs: 2 });
    await ring.save();
    await write(0, new Uint8Array(3));
    expect(records(await open())[0]).toMatchObject({ signing: { reason: "cut-off" } });
  });

  test("what was signed of a segment that somebody has changed stays beside it", async () => {
    const ring = await open();
    await record(ring, 0);
    const signing = { state: "signed", seq: 7, statement: "00".repeat(32) } as const;
    ring.note(0, { fromMs: 1, toMs: 2, signing });
    await ring.save();
    const path = `${FOLDER}/0000000000.json`;
    const noted = await files.read(path);
    await write(0, new Uint8Array(3));
    const again = await open();
    expect(records(again)[0]).toMatchObject({ signing: { state: "unsigned" } });
    await again.save();
    expect(await files.read(path)).toEqual(noted);
  });

  test("a record that cannot be read is not believed", async () => {
    const ring = await open();
    await record(ring, 0);
    await files.write(`${FOLDER}/0000000000.json`, encodeUtf8(`{"kerbstone": "segment/v1"`));
    expect(records(await open())[0]).toMatchObject({ signing: { reason: "cut-off" } });
  });

  test("files of other people are left alone", async () => {
    await open();
    await files.write(`${FOLDER}/notes.txt`, encodeUtf8("mine"));
    await files.write(`${FOLDER}/holiday.mp4`, encodeUtf8("mine"));
    await files.write(`${FOLDER}/holiday.json`, encodeUtf8("mine"));
    const ring = await open();
    await ring.adopt(0);
    expect(numbers(ring)).toEqual([]);
    expect(await onDisk()).toEqual(["holiday.json", "holiday.mp4", "notes.txt"]);
  });

  test("at whatever change the power goes, nothing is signed as what it is not", async () => {
    let cuts = 0;
    for (let at = 0; at < 60; at++) {
      files = new MemoryFiles(seededRandom(at));
      const written = new Map<number, string>();
      const begun = files.operations;
      files.setFaults(({ ordinal }) => (ordinal === begun + at ? "power-cut" : undefined));
      try {
        const ring = await open();
        const first = await ring.beginRun();
        for (let number = first; number < first + 3; number++) {
          const bytes = recording(1 + number, 4_000);
          written.set(number, encodeHex(sha256(bytes)));
          await record(ring, number, bytes);
          ring.note(number, { fromMs: 10, toMs: 20 });
          await ring.save();
          await ring.trim(undefined);
        }
      } catch {
        cuts += 1;
      }
      files.setFaults();
      files.powerOn();
      const ring = await open();
      for (const { record } of ring.segments) {
        if (record.signing.state !== "waiting") continue;
        const bytes = await files.read(ring.pathOf(record.number));
        expect(record.sha256).toBe(written.get(record.number));
        expect(encodeHex(sha256(bytes!))).toBe(record.sha256);
      }
      expect(await ring.beginRun()).toBeGreaterThanOrEqual(numbers(ring).length);
    }
    expect(cuts).toBeGreaterThan(20);
  });
});

describe("a disk that fails", () => {
  test.each(["undone", "done"] as const)(
    "a sync that fails (%s) leaves it unsigned",
    async (fault) => {
      const ring = await open();
      files.setFaults(({ kind, path }) =>
        kind === "sync" && path.endsWith(".mp4") ? fault : undefined,
      );
      await record(ring, 0);
      expect(records(ring)[0]).toMatchObject({
        number: 0,
        signing: { state: "unsigned", reason: "disk" },
      });
    },
  );

  test.each(["undone", "done"] as const)(
    "what is known of it is written again where that failed (%s)",
    async (fault) => {
      const ring = await open();
      files.setFaults(({ kind, path }) =>
        kind === "write" && path.endsWith("0.json") ? fault : undefined,
      );
      await expect(record(ring, 0)).rejects.toThrow();
      expect(ring.segments[0]!.isDirty).toBe(true);
      files.setFaults();
      await ring.save();
      expect(ring.segments[0]!.isDirty).toBe(false);
      expect(await onDisk()).toContain("0000000000.json");
    },
  );

  test("one that takes nothing says so before a run begins", async () => {
    const ring = await open();
    files.setFaults(() => "undone");
    await expect(ring.beginRun()).rejects.toMatchObject({ code: "EIO" });
  });

  test("one that is full is opened all the same, and what is found is written later", async () => {
    await record(await open(), 0);
    await write(1, recording(1, 1_000));
    files.setFaults(({ kind }) => (kind === "write" ? "undone" : undefined));
    const ring = await open();
    expect(numbers(ring)).toEqual([0, 1]);
    expect(await onDisk()).not.toContain("0000000001.json");
    files.setFaults();
    await ring.save();
    expect(await onDisk()).toContain("0000000001.json");
  });

  test("a folder with the name of a recording is none, and stops nothing", async () => {
    const folder = await scope.folder("ring");
    await nodeFiles.makeFolder(`${folder}/0000000003.mp4`);
    const ring = await open({ files: nodeFiles, folder });
    expect(numbers(ring)).toEqual([]);
    expect(await ring.beginRun()).toBe(4);
    freeBytes = 0;
    expect(await ring.trim(undefined)).toBe("disk-full");
  });

  test("a removal that fails is done again", async () => {
    const ring = await open();
    for (let number = 0; number < 12; number++) await record(ring, number);
    files.setFaults(({ kind }) => (kind === "remove" ? "done" : undefined));
    await expect(ring.trim(undefined)).rejects.toThrow();
    files.setFaults();
    await ring.trim(undefined);
    expect(numbers(ring)[0]).toBe(2);
    expect(ring.bytes).toBe(10_000);
  });
});

test("others on the machine cannot look at it", async () => {
  await open();
  expect((await files.facts(FOLDER))!.mode).toBe(0o700);
  expect((await files.facts("/data/cameras"))!.mode).toBe(0o700);
});
