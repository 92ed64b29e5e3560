/**
 * The models together: what a day in the simulated city looks like.
 */
import { describe, expect, test } from "vitest";
import {
  City,
  MODEL_NAMES,
  MODEL_QUANTITIES,
  type ModelName,
  type Place,
} from "../../../firmware-sim/models/city.ts";
import type { Model, Values } from "../../../firmware-sim/models/model.ts";
import { M2_PERIOD_MS } from "../../../firmware-sim/models/water.ts";
import { QUANTITIES } from "../../../ledger/quantity.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** A Monday; local time is UTC. */
const MONDAY = Date.UTC(2026, 1, 2);

function city(seed: number | string = 7): City {
  return new City({
    seed,
    timeZone: "Europe/London",
    roads: [{ name: "kingsway", vehiclesPerHour: 1600, freeSpeed: 13.4 }],
  });
}

function model(name: ModelName, more: Partial<Place> = {}, from: City = city()): Model {
  return from.model({
    name: `a-${name}`,
    model: name,
    settings: {},
    road: "kingsway",
    lat: 51.5877,
    lon: -2.9984,
    intervalMs: MINUTE_MS,
    ...more,
  });
}

function series(
  from: Model,
  quantity: string,
  startMs: number,
  endMs: number,
  stepMs: number,
): number[] {
  const values: number[] = [];
  for (let timeMs = startMs; timeMs < endMs; timeMs += stepMs)
    values.push(from.at(timeMs)[quantity] ?? Number.NaN);
  return values;
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function correlation(a: number[], b: number[]): number {
  const [meanA, meanB] = [mean(a), mean(b)];
  const product = (x: number[], meanX: number, y: number[], meanY: number): number =>
    x.reduce((sum, value, at) => sum + (value - meanX) * ((y[at] ?? 0) - meanY), 0);
  return (
    product(a, meanA, b, meanB) /
    Math.sqrt(product(a, meanA, a, meanA) * product(b, meanB, b, meanB))
  );
}

describe.each(MODEL_NAMES)("the model %s", (name) => {
  const times = Array.from({ length: 500 }, (_, at) => MONDAY + at * 1_234_567);

  test("gives the same for the same seed, whatever was asked before", () => {
    const forwards = times.map((timeMs) => model(name).at(timeMs));
    const one = model(name);
    const backwards = times.toReversed().map((timeMs) => one.at(timeMs));
    expect(backwards.toReversed()).toEqual(forwards);
  });

  test("gives another for another seed, and for another place", () => {
    const at = (from: Model): Values[] => times.map((timeMs) => from.at(timeMs));
    expect(at(model(name, {}, city(8)))).not.toEqual(at(model(name)));
    if (name !== "traffic")
      expect(at(model(name, { name: "elsewhere" }))).not.toEqual(at(model(name)));
  });

  test("measures what it says, within what such sensors can measure", () => {
    for (const timeMs of times) {
      const values = model(name).at(timeMs);
      expect(Object.keys(values)).toEqual(MODEL_QUANTITIES[name]);
      for (const [quantity, value] of Object.entries(values)) {
        const { min, max } = QUANTITIES.get(quantity) ?? { min: -180, max: 180 };
        expect(value, quantity).toBeGreaterThanOrEqual(min);
        expect(value, quantity).toBeLessThanOrEqual(max);
      }
    }
  });
});

describe("a day", () => {
  const week = (from: Model, quantity: string): number[] =>
    series(from, quantity, MONDAY, MONDAY + 5 * DAY_MS, 10 * MINUTE_MS);
  const flow = week(model("traffic", { intervalMs: 10 * MINUTE_MS }), "vehicles");

  test("has its rush hours: vehicles by the hour, slow when they are many", () => {
    const hourly = Array.from({ length: 24 }, (_, hour) =>
      mean(flow.filter((_value, at) => Math.floor(at / 6) % 24 === hour)),
    );
    expect(hourly.indexOf(Math.max(...hourly.slice(0, 12)))).toBe(8);
    expect([16, 17]).toContain(hourly.indexOf(Math.max(...hourly.slice(12))));
    expect(Math.min(...hourly)).toBeLessThan(0.1 * Math.max(...hourly));
    expect(correlation(flow, week(model("traffic"), "speed"))).toBeLessThan(-0.7);
  });

  test("counts the vehicles that the road has, however often it is asked", () => {
    const bySecond = series(
      model("traffic", { intervalMs: 10_000 }),
      "vehicles",
      MONDAY,
      MONDAY + DAY_MS,
      10_000,
    );
    const total = (counts: number[]): number => counts.reduce((sum, count) => sum + count, 0);
    const day = flow.slice(0, 144);
    expect(Math.abs(total(bySecond) / total(day) - 1)).toBeLessThan(0.03);
  });

  test("is louder and dirtier where the traffic is", () => {
    expect(correlation(flow, week(model("noise"), "laeq"))).toBeGreaterThan(0.6);
    expect(correlation(flow, week(model("air"), "no2"))).toBeGreaterThan(0.6);
    expect(correlation(flow, week(model("air"), "pm25"))).toBeGreaterThan(0.3);
    const night = mean(
      series(model("noise"), "laeq", MONDAY + 2 * HOUR_MS, MONDAY + 4 * HOUR_MS, MINUTE_MS),
    );
    const rush = mean(
      series(model("noise"), "laeq", MONDAY + 8 * HOUR_MS, MONDAY + 9 * HOUR_MS, MINUTE_MS),
    );
    expect(rush - night).toBeGreaterThan(8);
  });

  test("keeps the order of sound levels and of particle sizes", () => {
    for (let timeMs = MONDAY; timeMs < MONDAY + DAY_MS; timeMs += 97_000) {
      const { laeq = 0, lamax = 0, lamin = 0 } = model("noise").at(timeMs);
      expect(lamin).toBeLessThan(laeq);
      expect(laeq).toBeLessThan(lamax);
      const { pm25 = 0, pm10 = 0 } = model("air").at(timeMs);
      expect(pm25).toBeLessThan(pm10);
    }
  });

  test("has cars in the car park by day", () => {
    const park = model("parking", { settings: { capacity: 650 } });
    const { occupied = 0, spaces = 0 } = park.at(MONDAY + 11 * HOUR_MS);
    expect(occupied + spaces).toBe(650);
    expect(occupied).toBeGreaterThan(3 * (park.at(MONDAY + 3 * HOUR_MS)["occupied"] ?? 0));
  });
});

test("tides come twice a lunar day, and springs differ from neaps", () => {
  const water = model("water");
  const stepMs = 2 * MINUTE_MS;
  const levels = series(water, "level", MONDAY, MONDAY + 30 * DAY_MS, stepMs);
  // High water: the greatest level of the four hours around it.
  const reach = (2 * HOUR_MS) / stepMs;
  const highs = levels.flatMap((level, at) =>
    at >= reach &&
    at < levels.length - reach &&
    level === Math.max(...levels.slice(at - reach, at + reach))
      ? [at]
      : [],
  );
  const periodMs = (((highs.at(-1) ?? 0) - (highs[0] ?? 0)) * stepMs) / (highs.length - 1);
  expect(Math.abs(periodMs - M2_PERIOD_MS)).toBeLessThan(10 * MINUTE_MS);
  const heights = highs.map((at) => levels[at] ?? 0);
  expect(Math.max(...heights) - Math.min(...heights)).toBeGreaterThan(2);
});

test("a receiver stays within some metres of where it stands", () => {
  const gps = model("position", { settings: { spread: 2 } });
  for (let timeMs = MONDAY; timeMs < MONDAY + DAY_MS; timeMs += 61_000) {
    const { lat = 0, lon = 0 } = gps.at(timeMs);
    const north = (lat - 51.5877) * 111_195;
    const east = (lon + 2.9984) * 111_195 * Math.cos((lat * Math.PI) / 180);
    expect(Math.hypot(north, east)).toBeLessThan(8);
  }
});

test("boards beside one road see the same traffic, boards elsewhere another", () => {
  const from = city();
  const counts = (more: Partial<Place>): number[] =>
    series(model("traffic", more, from), "vehicles", MONDAY, MONDAY + DAY_MS, MINUTE_MS);
  expect(counts({ name: "one" })).toEqual(counts({ name: "two" }));
  expect(counts({ name: "one", road: "elsewhere" })).not.toEqual(counts({ name: "one" }));
});
