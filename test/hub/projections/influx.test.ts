/** The mirror against a target that fails in every way at any write. The real InfluxDB is in influx.real.test.ts. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InfluxMirror } from "../../../hub/projections/influx.ts";
import type { MirrorLimits } from "../../../hub/projections/influx.ts";
import { mirrorPoints } from "../../../hub/projections/influx-point.ts";
import { parseInfluxUrl } from "../../../hub/projections/influx-target.ts";
import type { ProjectedEntry } from "../../../hub/projections/entry-feed.ts";
import { silentLogger } from "../../../platform/log.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { MemoryTarget } from "../support/memory-target.ts";
import type { KeptPoint } from "../support/memory-target.ts";
import { packs } from "../support/random-packs.ts";
import { IAT, packEntries, packEntry } from "../support/unsigned-packs.ts";

const PATH = "/hub/mirror/influx";
const LIMITS: MirrorLimits = { pointsMax: 8, bytesMax: 2000, countEvery: 1 };
const { signal } = new AbortController();

function open(target: MemoryTarget, files: MemoryFiles, limits = LIMITS): Promise<InfluxMirror> {
  return InfluxMirror.open({ target, files, path: PATH, logger: silentLogger }, limits);
}

/** Offers entries as the runner does, until all are taken. */
async function takeAll(mirror: InfluxMirror, entries: readonly ProjectedEntry[]): Promise<number> {
  let failures = 0;
  while (mirror.cursor.next < entries.length) {
    const from = mirror.cursor.next;
    await mirror.take(entries.slice(from, from + 7), signal).catch(() => (failures += 1));
  }
  return failures;
}

/** The whole log written at once. */
async function obvious(entries: readonly ProjectedEntry[]): Promise<Map<string, KeptPoint>> {
  const target = new MemoryTarget();
  await target.ensure();
  await target.write(mirrorPoints(entries));
  return target.points!;
}

describe("the mirror", () => {
  test("holds the log whatever failed, where it was cut off, and however often it was restarted", async () => {
    const faults = fc.array(fc.constantFrom("failed" as const, "lost" as const), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(packs, faults, fc.nat({ max: 30 }), async (specs, outages, restartAt) => {
        const entries = packEntries(specs);
        const files = new MemoryFiles();
        const target = new MemoryTarget();
        target.faults.push(...outages);
        await takeAll(await open(target, files), entries.slice(0, restartAt));
        const mirror = await open(target, files);
        expect(mirror.cursor.next).toBe(Math.min(restartAt, entries.length));
        await takeAll(mirror, entries);
        expect(target.points).toEqual(await obvious(entries));
        expect(Object.values(mirror.figures.refused).every((count) => count === 0)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test("counts what is refused for good, exactly, and goes on", async () => {
    const specs = Array.from({ length: 12 }, (_, i) => ({
      readings: [{ quantity: "temp", value: i, time: IAT + i }],
    }));
    const entries = packEntries(specs);
    const target = new MemoryTarget();
    target.refuses = ({ entry }) => entry % 3 === 0;
    const text = "partial write: points beyond retention policy dropped=1";
    target.faults.push({ reason: "beyond-retention", text });
    const mirror = await open(target, new MemoryFiles(), { ...LIMITS, pointsMax: 100 });
    await mirror.take(entries, signal);
    expect(mirror.cursor.next).toBe(12);
    expect(mirror.figures).toMatchObject({ taken: 8, refused: { "beyond-retention": 4 } });
    expect(target.writes).toBe(1);
  });

  test("notices points that were taken and are not there", async () => {
    const entries = packEntries([{ readings: [{ quantity: "temp", value: 1, time: IAT }] }]);
    const target = new MemoryTarget();
    target.faults.push("vanish");
    const mirror = await open(target, new MemoryFiles());
    await mirror.take(entries, signal);
    expect(mirror.figures).toMatchObject({ taken: 0, refused: { vanished: 1 } });
  });

  test("fills a database that has vanished, or another one, from the beginning", async () => {
    const entries = packEntries(
      Array.from({ length: 5 }, (_, i) => ({
        readings: [{ quantity: "temp", value: i, time: IAT + i }],
      })),
    );
    const files = new MemoryFiles();
    const target = new MemoryTarget();
    const mirror = await open(target, files);
    await takeAll(mirror, entries.slice(0, 4));
    await target.drop();
    expect(await takeAll(mirror, entries)).toBe(1);
    expect(target.points?.size).toBe(5);

    const other = new MemoryTarget();
    other.name = "another";
    await takeAll(await open(other, files), entries);
    expect(other.points?.size).toBe(5);

    await mirror.drop();
    expect(target.points).toBeUndefined();
    expect(mirror.cursor.next).toBe(0);
  });

  test("begins anew where its cursor's file is damaged", async () => {
    const files = new MemoryFiles();
    await files.makeFolder("/hub/mirror");
    await files.write(PATH, Uint8Array.of(0xff, 1, 2));
    expect((await open(new MemoryTarget(), files)).cursor.next).toBe(0);
  });
});

describe("points", () => {
  const at = { time: IAT, unit: "ug/m3" };

  test("one moment of a stream is one point, with the entry that proves it", () => {
    const entry = packEntry(7, {
      stream: "air",
      readings: [
        { ...at, quantity: "pm25", value: 12.5 },
        { ...at, quantity: "pm10", value: 999.9 },
        { ...at, quantity: "pm10-fault", value: true },
        { quantity: "note", value: "hello", time: IAT },
        { quantity: "door", value: false, time: IAT },
        { quantity: "entry", value: 5, time: IAT },
      ],
    });
    const [point, ...others] = mirrorPoints([entry]);
    expect(others).toEqual([]);
    expect(point).toMatchObject({
      measurement: "air",
      device: "air-1",
      timeMs: IAT * 1000,
      entry: 7,
    });
    const fields = Object.fromEntries([...point!.fields].map(([name, { value }]) => [name, value]));
    expect(fields).toEqual({
      entry: 7,
      lat: 51.59,
      lon: -2.99,
      pm25: 12.5,
      pm10: 999.9,
      pm10_fault: true,
      note_text: "hello",
      door_flag: false,
      entry_value: 5,
    });
  });

  test("of what is said twice, the later entry's word counts", () => {
    const said = (value: number) => ({ readings: [{ ...at, quantity: "pm25", value }] });
    const points = mirrorPoints(packEntries([said(1), said(2)]));
    expect(points).toHaveLength(1);
    expect(points[0]?.fields.get("pm25")?.value).toBe(2);
    expect(points[0]?.entry).toBe(1);
  });
});

describe("an InfluxDB address", () => {
  test.each([
    "127.0.0.1:8086/k",
    "http://127.0.0.1:8086",
    "http://127.0.0.1:8086/",
    "ftp://a/b",
    "",
  ])("%j is refused with what was expected", (text) =>
    expect(() => parseInfluxUrl(text)).toThrow("no address of an InfluxDB database"),
  );
});
