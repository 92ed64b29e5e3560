/** Clips by hash and by time against a slow obvious way: filter, sort. */

import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { IndexDb } from "../../../hub/index-db.ts";
import { Clips } from "../../../hub/projections/clips.ts";
import type { ClipPlace, ClipQuery, FoundClip } from "../../../hub/projections/clips.ts";
import { projectedEntry } from "../../../hub/projections/entry-feed.ts";
import type { ProjectedEntry } from "../../../hub/projections/entry-feed.ts";
import { encodeHex } from "../../../ledger/bytes.ts";
import { encodeClip } from "../../../ledger/kinds/clip.ts";
import { sha256, ZERO_HASH } from "../../../ledger/sha256.ts";
import { signStatement } from "../../../ledger/statement.ts";
import { Scope } from "../../support/scope.ts";
import { packEntry } from "../support/unsigned-packs.ts";

const scope = new Scope();
afterAll(() => scope.end());

const nobody = { publicKey: new Uint8Array(32), sign: () => new Uint8Array(64) };

interface Spec {
  readonly device: string;
  /** Which recording; equal numbers are equal bytes. */
  readonly film: number;
  readonly fromMs: number;
  readonly lengthMs: number;
}

function clipEntry(index: number, { device, film, fromMs, lengthMs }: Spec): ProjectedEntry {
  const payload = encodeClip({
    camera: "street",
    fromMs,
    toMs: fromMs + lengthMs,
    sha256: sha256(Uint8Array.of(film)),
    bytes: 1_000 + film,
    type: "video/mp4",
  });
  const chain = { issuer: device, seq: index, prev: ZERO_HASH };
  const draft = { kind: "clip", stream: "camera", iat: 1_800_000_000, payload } as const;
  return projectedEntry(index, signStatement(chain, draft, nobody));
}

function found(index: number, { device, film, fromMs, lengthMs }: Spec): FoundClip {
  return {
    device,
    stream: "camera",
    camera: "street",
    fromMs,
    toMs: fromMs + lengthMs,
    sha256: encodeHex(sha256(Uint8Array.of(film))),
    bytes: 1_000 + film,
    type: "video/mp4",
    entry: index,
  };
}

const spec: fc.Arbitrary<Spec> = fc.record({
  device: fc.constantFrom("gate-1", "gate-10", "gate-2"),
  film: fc.nat(5),
  fromMs: fc.nat(5_000),
  lengthMs: fc.oneof(fc.nat(60), fc.nat(2_000)),
});

function obvious(specs: readonly Spec[], query: ClipQuery): FoundClip[] {
  return specs
    .map((each, index) => found(index, each))
    .filter(({ device }) => device === query.device)
    .filter(({ fromMs, toMs }) => toMs > query.fromMs && fromMs < query.toMs)
    .sort((a, b) => a.toMs - b.toMs || a.entry - b.entry);
}

function every(clips: Clips, query: ClipQuery): FoundClip[] {
  const all: FoundClip[] = [];
  let after: ClipPlace | undefined;
  for (let pages = 0; pages < 1_000; pages++) {
    const page = clips.query({ ...query, after });
    expect(page.clips.length).toBeLessThanOrEqual(query.limit);
    all.push(...page.clips);
    if (page.next === undefined) return all;
    after = page.next;
  }
  throw new Error("the list has no end");
}

test("found by time in parts of any size, by hash the first, also after a restart", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(spec, { maxLength: 30 }),
      fc.nat(5_000),
      fc.nat(3_000),
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 1, max: 9 }),
      async (specs, fromMs, lengthMs, limit, portion) => {
        const folder = await scope.folder("clips");
        let db = IndexDb.open(folder);
        let clips = await Clips.open(db);
        const entries = specs.map((each, index) => clipEntry(index, each));
        for (let at = 0; at < entries.length; at += portion) {
          await clips.take(entries.slice(at, at + portion));
        }
        await db.close();
        db = IndexDb.open(folder);
        clips = await Clips.open(db);
        for (const device of ["gate-1", "gate-2", "nobody"]) {
          const query = { device, fromMs, toMs: fromMs + lengthMs, limit };
          expect(every(clips, query)).toEqual(obvious(specs, query));
        }
        for (let film = 0; film < 7; film++) {
          const hash = encodeHex(sha256(Uint8Array.of(film)));
          const first = specs.findIndex((each) => each.film === film);
          expect(clips.byHash(hash)).toEqual(
            first === -1 ? undefined : found(first, specs[first]!),
          );
        }
        await db.close();
      },
    ),
    { numRuns: 25 },
  );
});

test("one recording that claims to be longer than the log costs little, and is found", async () => {
  const db = IndexDb.open(await scope.folder("clips"));
  const clips = await Clips.open(db);
  const long = { device: "gate-1", film: 1, fromMs: 0, lengthMs: 2 ** 52 };
  const many = Array.from({ length: 5_000 }, (_, at) => ({
    device: "gate-1",
    film: 2,
    fromMs: 10_000 + at,
    lengthMs: 1,
  }));
  await clips.take([long, ...many].map((each, index) => clipEntry(index, each)));
  const query = { device: "gate-1", fromMs: 100, toMs: 200, limit: 100 };
  // Nothing of the hour is in the first parts: they end at their bound, and say where to go on.
  const first = clips.query(query);
  expect(first.clips).toEqual([]);
  expect(first.next).toBeDefined();
  expect(every(clips, query)).toEqual([found(0, long)]);
  await db.close();
});

test("other entries are passed over, and a fresh start empties it", async () => {
  const db = IndexDb.open(await scope.folder("clips"));
  const clips = await Clips.open(db);
  const pack = packEntry(0, {
    readings: [{ quantity: "pm25", unit: "ug/m3", value: 1, time: 1_767_225_600 }],
  });
  const one = { device: "gate-1", film: 1, fromMs: 10, lengthMs: 5 };
  await clips.take([pack, clipEntry(1, one)]);
  expect(clips.cursor.next).toBe(2);
  const query = { device: "gate-1", fromMs: 0, toMs: 100, limit: 10 };
  expect(clips.query(query).clips).toEqual([found(1, one)]);
  // Taken again, nothing changes.
  await clips.take([clipEntry(1, one)]);
  expect(clips.query(query).clips).toHaveLength(1);
  await clips.reset();
  expect(clips.query(query).clips).toEqual([]);
  expect(clips.cursor.next).toBe(0);
  await db.close();
});
