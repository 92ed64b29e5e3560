import { describe, expect, test } from "vitest";
import type { FaultPlan } from "../../../firmware-sim/faults/fault-plan.ts";
import { StationFaults } from "../../../firmware-sim/faults/station-faults.ts";
import { seededRandom } from "../../../platform/random.ts";

const ALWAYS = { afterMs: 0 };
const CHUNKS = Array.from({ length: 100 }, (_, at) => new Uint8Array(10).fill(at));

function faults(plans: FaultPlan[], seed = 1): StationFaults {
  return new StationFaults(plans, seededRandom(seed), 0);
}

function pass(plans: FaultPlan[], seed?: number): Uint8Array[] {
  const line = faults(plans, seed);
  return CHUNKS.flatMap((chunk) => line.bytes(chunk, 0));
}

describe("at a station", () => {
  test("without faults nothing changes", () => {
    expect(pass([])).toEqual(CHUNKS);
    expect(faults([]).values({ a: 1 }, 0)).toEqual({ a: 1 });
  });

  test("faults act in the order in which they are listed", () => {
    const twice: FaultPlan = { kind: "duplicate", share: 1, ...ALWAYS };
    const joined: FaultPlan = { kind: "merge", share: 1, afterMs: 0, forMs: 1 };
    const first = faults([twice, joined]);
    expect(first.bytes(Uint8Array.of(1), 0)).toEqual([]);
    expect(first.bytes(Uint8Array.of(2), 1)).toEqual([Uint8Array.of(1, 1, 2), Uint8Array.of(2)]);
    const second = faults([joined, twice]);
    second.bytes(Uint8Array.of(1), 0);
    expect(second.bytes(Uint8Array.of(2), 1)).toEqual([Uint8Array.of(1, 2), Uint8Array.of(1, 2)]);
    const stuck: FaultPlan = { kind: "stuck", quantity: "a", ...ALWAYS };
    const drift: FaultPlan = { kind: "drift", quantity: "a", perHour: 1, ...ALWAYS };
    const seen = [faults([stuck, drift]), faults([drift, stuck])].map((each) => {
      each.values({ a: 10 }, 0);
      return each.values({ a: 11 }, 3_600_000)["a"];
    });
    expect(seen).toEqual([11, 10]);
  });

  test("the same seed makes the same faults, another seed others", () => {
    const plans: FaultPlan[] = [
      { kind: "split", share: 0.3, ...ALWAYS },
      { kind: "garbage", share: 0.3, bytesMax: 9, ...ALWAYS },
      { kind: "bit-flips", share: 0.01, ...ALWAYS },
      { kind: "merge", share: 0.3, ...ALWAYS },
    ];
    expect(pass(plans)).toEqual(pass(plans));
    expect(pass(plans, 2)).not.toEqual(pass(plans));
  });

  test("a stall swallows everything in its window", () => {
    const line = faults([{ kind: "stall", afterMs: 100, forMs: 50, everyMs: 200 }]);
    const silent = Array.from({ length: 600 }, (_, ms) => ms).filter(
      (ms) => line.bytes(Uint8Array.of(1), ms).length === 0,
    );
    expect(silent[0]).toBe(100);
    expect(silent).toHaveLength(150);
    expect(silent).toContain(349);
    expect(silent).not.toContain(350);
  });

  test("delays and errors of clocks add up while they last", () => {
    const line = faults([
      { kind: "delay", ms: 100, afterMs: 0 },
      { kind: "delay", ms: 30, afterMs: 10, forMs: 10 },
      { kind: "clock-jump", ms: -3_600_000, afterMs: 10, forMs: 10 },
    ]);
    expect([9, 10, 20].map((ms) => line.delayMs(ms))).toEqual([100, 130, 100]);
    expect([9, 10, 20].map((ms) => line.clockErrorMs(ms))).toEqual([0, -3_600_000, 0]);
  });

  test("the line is away when it is pulled out", () => {
    const line = faults([{ kind: "unplug", afterMs: 10, forMs: 10 }]);
    expect([9, 10, 19, 20].map((ms) => line.isUnplugged(ms))).toEqual([false, true, true, false]);
  });
});
