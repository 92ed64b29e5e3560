/** Packs: nothing lost, nothing twice, no instant split, no bound passed. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { noteReadings } from "../../../edge/packs/pack-notes.ts";
import { Packer, readingsOf } from "../../../edge/packs/packer.ts";
import type { ClosedPack } from "../../../edge/packs/packer.ts";
import type { SensorReading } from "../../../edge/sensors/reading.ts";
import { Refusal } from "../../../ledger/errors.ts";
import { decodePack, encodePack } from "../../../ledger/senml.ts";

const QUANTITIES = ["pm1", "pm25", "pm10", "temp", "rh", "co2"];

function reading(quantity: string, atMs: number, value = 1, fault = false): SensorReading {
  return { quantity, unit: "", value, atMs, ...(fault ? { fault } : {}) };
}

/** Frames as sensors give them: later and later, each with some quantities, sometimes several in one millisecond. */
const frames = fc.array(
  fc.record({
    waitMs: fc.oneof(
      fc.constant(0),
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 0, max: 9_000 }),
    ),
    quantities: fc.subarray(QUANTITIES, { minLength: 1 }),
    fault: fc.boolean(),
    looks: fc.boolean(),
  }),
  { maxLength: 120 },
);

const limits = fc.record({
  seconds: fc.integer({ min: 1, max: 60 }),
  readingsMax: fc.integer({ min: 1, max: 120 }),
});

test("whatever comes in goes out once, in order of time, in whole instants, within the bounds", () => {
  fc.assert(
    fc.property(frames, limits, (given, bounds) => {
      const packer = new Packer("air", bounds);
      const packs: ClosedPack[] = [];
      let nowMs = 1_000;
      let value = 0;
      const pushed: number[] = [];
      for (const frame of given) {
        nowMs += frame.waitMs;
        const readings = frame.quantities.map((quantity) => {
          value += 1;
          pushed.push(value);
          return reading(quantity, nowMs, value, frame.fault);
        });
        expect(packer.push(readings)).toEqual([]);
        if (frame.looks) packs.push(...packer.take(nowMs));
      }
      packs.push(...packer.takeAll());
      expect(packer.size).toBe(0);
      const out = packs.flatMap(({ readings }) => readings.map((one) => one.value as number));
      expect(out.toSorted((a, b) => a - b)).toEqual(pushed);
      const instants = new Set<number>();
      for (const pack of packs) checkPack(pack, bounds, instants);
    }),
    { numRuns: 300 },
  );
});

function checkPack(
  pack: ClosedPack,
  bounds: { seconds: number; readingsMax: number },
  instants: Set<number>,
): void {
  const times = pack.readings.map(({ atMs }) => atMs);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  const own = new Set(times);
  // More than the bound only where a single instant has more.
  if (own.size > 1) expect(pack.readings.length).toBeLessThanOrEqual(bounds.readingsMax);
  for (const atMs of own) {
    expect(instants.has(atMs)).toBe(false);
    instants.add(atMs);
    const quantities = pack.readings.filter((one) => one.atMs === atMs).map((one) => one.quantity);
    expect(new Set(quantities).size).toBe(quantities.length);
  }
  expect([pack.firstMs, pack.lastMs]).toEqual([times[0], times.at(-1)]);
}

test("a pack is closed when it is old enough", () => {
  const packer = new Packer("air", { seconds: 10, readingsMax: 64 });
  packer.push([reading("pm25", 1_000)]);
  packer.push([reading("pm25", 6_000)]);
  expect(packer.take(10_999)).toEqual([]);
  expect(packer.take(11_000)).toHaveLength(1);
});

test("a pack is closed when it is full, but not before the last instant is over", () => {
  const packer = new Packer("air", { seconds: 3_600, readingsMax: 4 });
  packer.push([reading("pm25", 1_000), reading("pm10", 1_000)]);
  packer.push([reading("pm25", 2_000), reading("pm10", 2_000)]);
  expect(packer.take(2_000)).toEqual([]);
  packer.push([reading("temp", 2_000)]);
  const [first, ...rest] = packer.take(2_001);
  expect(first?.readings).toHaveLength(2);
  expect(rest).toEqual([]);
  expect(packer.takeAll()[0]?.readings).toHaveLength(3);
});

test("two frames that arrived in one piece stay two", () => {
  const packer = new Packer("air", { seconds: 10, readingsMax: 64 });
  packer.push([
    reading("pm25", 5, 1),
    reading("pm10", 5, 2),
    reading("pm25", 5, 3),
    reading("pm10", 5, 4),
  ]);
  packer.push([reading("pm25", 5, 5)]);
  const [pack] = packer.takeAll();
  expect(pack?.readings.map(({ atMs, value }) => [atMs, value])).toEqual([
    [5, 1],
    [5, 2],
    [6, 3],
    [6, 4],
    [7, 5],
  ]);
});

test("an instant with more values than any pack can hold gives some back", () => {
  const packer = new Packer("air", { seconds: 10, readingsMax: 120 });
  const many = Array.from({ length: 300 }, (_, i) => reading(`q${i}`, 5));
  const tooMany = packer.push(many);
  expect(tooMany).toHaveLength(52);
  const [pack] = packer.takeAll();
  const about = { clockStepMs: 5_000, clockApartMs: 3_000, movedMetres: 151, dropped: 3 };
  const notes = { clock: "ntp", ...about, via: "airrohr:esp8266-1" } as const;
  const readings = [...readingsOf(pack!, 1.8e12), ...noteReadings(notes, 1.8e9)];
  expect(readings).toHaveLength(254);
  const payload = encodePack("air-1", { lat: 1, lon: 2 }, readings);
  expect(decodePack(payload, "air-1", 1.9e9)).not.toBeInstanceOf(Refusal);
});

test("the wall clock is added, and faults are flagged", () => {
  const packer = new Packer("air", { seconds: 10, readingsMax: 64 });
  packer.push([reading("pm25", 1_000, 999.9, true), reading("temp", 1_500.4, -3)]);
  const [pack] = packer.takeAll();
  expect(readingsOf(pack!, 1.8e12)).toEqual([
    { quantity: "pm25", unit: "", value: 999.9, time: 1_800_000_001 },
    { quantity: "pm25-fault", value: true, time: 1_800_000_001 },
    { quantity: "temp", unit: "", value: -3, time: 1_800_000_001.5 },
  ]);
});
