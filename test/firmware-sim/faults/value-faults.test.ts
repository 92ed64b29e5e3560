import { describe, expect, test } from "vitest";
import type { FaultPlan } from "../../../firmware-sim/faults/fault-plan.ts";
import { valueFaultOf, type ValueFault } from "../../../firmware-sim/faults/value-faults.ts";
import { seededRandom } from "../../../platform/random.ts";

const HOUR = 3_600_000;

function fault(plan: FaultPlan, seed = 1): ValueFault {
  const made = valueFaultOf(plan, seededRandom(seed));
  if (made === undefined) throw new Error("no fault of values");
  return made;
}

describe("values stick", () => {
  test("one while the others go on, and comes loose again", () => {
    const stuck = fault({ kind: "stuck", quantity: "pm25", afterMs: 10, forMs: 10 });
    const seen = [5, 10, 19, 20].map((ms) => stuck.values({ pm25: ms, pm10: ms }, ms));
    expect(seen).toEqual([
      { pm25: 5, pm10: 5 },
      { pm25: 10, pm10: 10 },
      { pm25: 10, pm10: 19 },
      { pm25: 20, pm10: 20 },
    ]);
  });

  test("all where none is named", () => {
    const stuck = fault({ kind: "stuck", afterMs: 0 });
    stuck.values({ a: 1, b: 2 }, 0);
    expect(stuck.values({ a: 3, b: 4 }, 1)).toEqual({ a: 1, b: 2 });
  });
});

describe("a value drifts", () => {
  test("by so much an hour from when the window opened, and is well again afterwards", () => {
    const drift = fault({
      kind: "drift",
      quantity: "temp",
      perHour: 2,
      afterMs: HOUR,
      forMs: 2 * HOUR,
      everyMs: 4 * HOUR,
    });
    const seen = [0, 1, 1.5, 2.75, 3, 5.5].map((hours) =>
      drift.values({ temp: 20, rh: 50 }, hours * HOUR),
    );
    expect(seen.map(({ temp }) => temp)).toEqual([20, 20, 21, 23.5, 20, 21]);
    expect(seen.every(({ rh }) => rh === 50)).toBe(true);
  });

  test("by a factor an hour, in either direction", () => {
    const up = fault({ kind: "drift", quantity: "co2", factorPerHour: 2, afterMs: 0 });
    const down = fault({ kind: "drift", quantity: "co2", factorPerHour: 0.5, afterMs: 0 });
    expect(up.values({ co2: 400 }, 1.5 * HOUR)["co2"]).toBeCloseTo(400 * 2 ** 1.5);
    expect(down.values({ co2: 400 }, 2 * HOUR)["co2"]).toBeCloseTo(100);
  });

  test("and stays a number however long that goes on", () => {
    const drift = fault({ kind: "drift", quantity: "co2", factorPerHour: 100, afterMs: 0 });
    expect(Number.isFinite(drift.values({ co2: 400 }, 1e9 * HOUR)["co2"])).toBe(true);
  });

  test("only if it is measured", () => {
    const drift = fault({ kind: "drift", quantity: "co2", perHour: 1, afterMs: 0 });
    expect(drift.values({ temp: 20 }, HOUR)).toEqual({ temp: 20 });
  });
});

describe("under too little power", () => {
  const plan: FaultPlan = { kind: "brown-out", share: 0, resets: 1, afterMs: 10, forMs: 10 };

  test("values shake, but for those that are counted or computed", () => {
    const sag = fault(plan);
    const seen = sag.values({ temp: 20, energy: 7, lat: 51 }, 15);
    expect(seen).toMatchObject({ energy: 7, lat: 51 });
    expect(seen["temp"]).not.toBe(20);
    expect(Math.abs((seen["temp"] ?? 0) - 20)).toBeLessThanOrEqual(10);
    expect(sag.values({ temp: 20 }, 20)).toEqual({ temp: 20 });
  });

  test("they shake in the same way from the same seed", () => {
    const shake = (seed: number): unknown => fault(plan, seed).values({ temp: 20 }, 15);
    expect(shake(1)).toEqual(shake(1));
    expect(shake(2)).not.toEqual(shake(1));
  });
});

test("faults of other sorts are none of values", () => {
  expect(valueFaultOf({ kind: "stall", afterMs: 0 }, seededRandom(1))).toBeUndefined();
});
