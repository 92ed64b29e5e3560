/** Series and latest values against slow obvious ones: filter, sort, take the last. */

import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { IndexDb } from "../../../hub/index-db.ts";
import { Issuers } from "../../../hub/projections/issuers.ts";
import { Latest } from "../../../hub/projections/latest.ts";
import type { LatestValue } from "../../../hub/projections/latest.ts";
import { Series } from "../../../hub/projections/series.ts";
import type { SeriesPoint, SeriesQuery } from "../../../hub/projections/series.ts";
import type { Projection } from "../../../hub/projections/projection.ts";
import type { ProjectedEntry } from "../../../hub/projections/entry-feed.ts";
import { Scope } from "../../support/scope.ts";
import { pack, packs } from "../support/random-packs.ts";
import { IAT, packEntries } from "../support/unsigned-packs.ts";
import type { PackSpec } from "../support/unsigned-packs.ts";

const HOUR_MS = 3_600_000;
const RUNS = { numRuns: 25 };

const scope = new Scope();
afterAll(() => scope.end());

interface Kept {
  readonly latest: Latest;
  readonly series: Series;
  readonly issuers: Issuers;
  readonly all: readonly Projection[];
  readonly db: IndexDb;
}

async function open(folder: string): Promise<Kept> {
  const db = IndexDb.open(folder);
  const latest = await Latest.open(db);
  const series = await Series.open(db);
  const issuers = await Issuers.open(db);
  return { latest, series, issuers, all: [latest, series, issuers], db };
}

/** Takes entries in portions; the cut points are taken one after another, round and round. */
async function takeAll(
  kept: Kept,
  entries: readonly ProjectedEntry[],
  portions: readonly number[] = [entries.length],
): Promise<void> {
  const { signal } = new AbortController();
  for (const projection of kept.all) {
    for (let turn = 0; projection.cursor.next < entries.length; turn++) {
      const from = projection.cursor.next;
      const to = from + portions[turn % portions.length]!;
      await projection.take(entries.slice(from, to), signal);
    }
  }
}

async function everyPoint(series: Series, query: SeriesQuery): Promise<SeriesPoint[]> {
  const points: SeriesPoint[] = [];
  let fromMs: number | undefined = query.fromMs;
  while (fromMs !== undefined) {
    // A bound of one pack, so that every answer is cut off as soon as it may be.
    const page = await series.query({ ...query, fromMs }, 1);
    expect(page.nextMs ?? Infinity).toBeGreaterThan(fromMs);
    points.push(...page.points);
    fromMs = page.nextMs;
  }
  return points;
}

function obviousPoints(entries: readonly ProjectedEntry[], query: SeriesQuery): SeriesPoint[] {
  return entries
    .filter(
      ({ statement: { issuer, stream } }) => issuer === query.device && stream === query.stream,
    )
    .flatMap(({ index, measured }) =>
      (measured?.values ?? []).map((value) => ({ ...value, entry: index })),
    )
    .filter(({ quantity }) => quantity === query.quantity)
    .filter(({ timeMs }) => timeMs >= query.fromMs && timeMs < query.toMs)
    .sort((a, b) => a.timeMs - b.timeMs || a.entry - b.entry);
}

function obviousLatest(entries: readonly ProjectedEntry[], device: string): LatestValue[] {
  const all = entries
    .filter(({ statement }) => statement.issuer === device)
    .flatMap(({ index, statement: { stream }, measured }) =>
      (measured?.values ?? []).map((value) => ({ ...value, stream, entry: index })),
    );
  const keys = new Set(all.map(({ stream, quantity }) => `${stream} ${quantity}`));
  return [...keys].map((key) => {
    const values = all.filter(({ stream, quantity }) => `${stream} ${quantity}` === key);
    return values.reduce((a, b) => (b.timeMs >= a.timeMs ? b : a));
  });
}

const byKey = (a: LatestValue, b: LatestValue): number =>
  `${a.stream} ${a.quantity}` < `${b.stream} ${b.quantity}` ? -1 : 1;

const query: fc.Arbitrary<SeriesQuery> = fc
  .record({
    device: fc.constantFrom("air-1", "air-2"),
    stream: fc.constantFrom("main", "roof"),
    quantity: fc.constantFrom("pm25", "temp", "note"),
    fromMs: fc.integer({ min: -HOUR_MS, max: 4 * HOUR_MS }),
    spanMs: fc.integer({ min: 0, max: 6 * HOUR_MS }),
    limit: fc.integer({ min: 1, max: 12 }),
  })
  .map(({ fromMs, spanMs, ...rest }) => {
    const start = IAT * 1000 + fromMs;
    return { ...rest, fromMs: start, toMs: start + spanMs };
  });

describe("projections in the index", () => {
  test("answer as the obvious ones do, however the log came and wherever it was interrupted", async () => {
    const portions = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        packs,
        portions,
        fc.nat({ max: 30 }),
        fc.array(query, { minLength: 3, maxLength: 3 }),
        async (specs, cuts, restartAt, queries) => {
          const folder = await scope.folder("index");
          const entries = packEntries(specs);
          let kept = await open(folder);
          await takeAll(kept, entries.slice(0, restartAt), cuts);
          await kept.db.close();
          kept = await open(folder);
          await takeAll(kept, entries, cuts);
          await expectObvious(kept, entries, queries);
          await kept.db.close();
        },
      ),
      RUNS,
    );
  });

  test("made again they are what they were", async () => {
    await fc.assert(
      fc.asyncProperty(
        packs,
        fc.array(query, { minLength: 3, maxLength: 3 }),
        async (specs, queries) => {
          const entries = packEntries(specs);
          const kept = await open(await scope.folder("index"));
          await takeAll(kept, entries, [2]);
          for (const projection of kept.all) await projection.reset();
          for (const { cursor } of kept.all) expect(cursor.next).toBe(0);
          expect(kept.latest.of("air-1")).toEqual([]);
          await takeAll(kept, entries);
          await expectObvious(kept, entries, queries);
          await kept.db.close();
        },
      ),
      { numRuns: 8 },
    );
  });

  test("taking entries again that were taken before changes nothing", async () => {
    const specs = fc.sample(pack, { numRuns: 20, seed: 4 });
    const entries = packEntries(specs);
    const kept = await open(await scope.folder("index"));
    await takeAll(kept, entries);
    const { signal } = new AbortController();
    for (const projection of kept.all) {
      await projection.take(entries.slice(5), signal);
      expect(projection.cursor.next).toBe(entries.length);
    }
    const [asked] = fc.sample(query, { numRuns: 1, seed: 4 });
    await expectObvious(kept, entries, [asked!]);
    await kept.db.close();
  });

  test("a table of another version is thrown away", async () => {
    const folder = await scope.folder("index");
    const db = IndexDb.open(folder);
    const old = await db.shelf("latest", 0);
    await old.commit({ next: 7, hash: new Uint8Array(32) }, () => {
      old.table.put(["air-1", "main", "temp"], Uint8Array.of(0xff));
    });
    await db.close();
    const kept = await open(folder);
    expect(kept.latest.cursor.next).toBe(0);
    expect(kept.latest.of("air-1")).toEqual([]);
    await kept.db.close();
  });

  test("a device with very many quantities keeps the newest of them", async () => {
    const quantities = Array.from({ length: 600 }, (_, i) => `q${i}`);
    const specs: PackSpec[] = quantities.map((quantity, i) => ({
      readings: [{ quantity, value: i, time: IAT + i }],
    }));
    const folder = await scope.folder("index");
    const kept = await open(folder);
    await takeAll(kept, packEntries(specs), [7]);
    const names = kept.latest.of("air-1").map(({ quantity }) => quantity);
    expect(names).toEqual(quantities.slice(-names.length));
    expect(names.length).toBe(512);
    await kept.db.close();
    const again = await open(folder);
    expect(again.latest.of("air-1").map(({ quantity }) => quantity)).toEqual(names.toSorted());
    await again.db.close();
  });

  test("an hour with more values than an answer may hold comes in parts", async () => {
    const specs: PackSpec[] = Array.from({ length: 60 }, (_, i) => ({
      readings: Array.from({ length: 100 }, (__, k) => ({
        quantity: "temp",
        value: k,
        time: IAT + ((i * 37 + k * 101) % 3500),
      })),
    }));
    const entries = packEntries(specs);
    const kept = await open(await scope.folder("index"));
    await takeAll(kept, entries, [50]);
    const asked = { device: "air-1", stream: "main", quantity: "temp", limit: 300 };
    const range = { fromMs: IAT * 1000, toMs: (IAT + 3600) * 1000 };
    await expectObvious(kept, entries, [{ ...asked, ...range }]);
    await kept.db.close();
  });
});

async function expectObvious(
  kept: Kept,
  entries: readonly ProjectedEntry[],
  queries: readonly SeriesQuery[],
): Promise<void> {
  for (const each of queries) {
    expect(await everyPoint(kept.series, each)).toEqual(obviousPoints(entries, each));
  }
  for (const device of ["air-1", "air-2", "noise-1"]) {
    expect(kept.latest.of(device).toSorted(byKey)).toEqual(
      obviousLatest(entries, device).toSorted(byKey),
    );
    const own = entries.filter(({ statement }) => statement.issuer === device);
    expect(kept.issuers.entriesOf(device, 0, 1000)).toEqual(own.map(({ index }) => index));
  }
}
