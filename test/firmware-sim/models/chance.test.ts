import { describe, expect, test } from "vitest";
import { Chance } from "../../../firmware-sim/models/chance.ts";
import { seededRandom } from "../../../platform/random.ts";

const SLOTS = Array.from({ length: 20_000 }, (_, slot) => slot);

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function variance(values: number[]): number {
  const middle = mean(values);
  return mean(values.map((value) => (value - middle) ** 2));
}

describe("Chance", () => {
  const chance = new Chance(seededRandom(7));

  test("gives the same for the same seed, slot and salt, in any order", () => {
    const again = new Chance(seededRandom(7));
    expect(again.unit(99, 1)).toBe(chance.unit(99, 1));
    expect(again.unit(1, 1)).toBe(chance.unit(1, 1));
    expect(new Chance(seededRandom(8)).unit(1, 1)).not.toBe(chance.unit(1, 1));
    expect(chance.unit(1, 2)).not.toBe(chance.unit(1, 1));
    expect(chance.unit(2 ** 40, 1)).not.toBe(chance.unit(2 ** 41, 1));
  });

  test("is evenly spread, also over neighbouring slots and salts", () => {
    const units = SLOTS.map((slot) => chance.unit(slot, 1));
    expect(mean(units)).toBeCloseTo(0.5, 1);
    expect(variance(units)).toBeCloseTo(1 / 12, 2);
    expect(mean(SLOTS.map((slot) => chance.unit(slot, 1) * chance.unit(slot + 1, 1)))).toBeCloseTo(
      0.25,
      1,
    );
    expect(mean(SLOTS.map((slot) => chance.unit(5, slot)))).toBeCloseTo(0.5, 1);
  });

  test("draws normal numbers", () => {
    const normals = SLOTS.map((slot) => chance.normal(slot, 3));
    expect(Math.abs(mean(normals))).toBeLessThan(0.03);
    expect(variance(normals)).toBeCloseTo(1, 1);
  });

  test.each([0.3, 4, 55, 400])("draws counts with mean and variance %s", (expected) => {
    const counts = SLOTS.map((slot) => chance.count(expected, slot, 4));
    expect(counts.every((count) => Number.isInteger(count) && count >= 0)).toBe(true);
    expect(Math.abs(mean(counts) - expected)).toBeLessThan(0.03 * expected + 0.01);
    expect(Math.abs(variance(counts) - expected)).toBeLessThan(0.06 * expected + 0.01);
    expect(chance.count(0, 1, 4)).toBe(0);
  });

  test("wanders without jumps, within its bounds", () => {
    let last = chance.wander(0, 1000, 5);
    for (let timeMs = 1; timeMs < 50_000; timeMs++) {
      const value = chance.wander(timeMs, 1000, 5);
      expect(Math.abs(value)).toBeLessThan(1);
      expect(Math.abs(value - last)).toBeLessThan(0.004);
      last = value;
    }
  });
});
