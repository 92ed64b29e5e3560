import { describe, expect, test } from "vitest";
import { BoardPower } from "../../../firmware-sim/faults/board-power.ts";
import type { FaultPlan } from "../../../firmware-sim/faults/fault-plan.ts";

const BOOT_MS = 4;

/** When the board is off, and after how many restarts it stands at the end, of 60 ms. */
function life(...plans: FaultPlan[]): { off: number[]; restarts: number } {
  const power = new BoardPower(plans, BOOT_MS);
  const off = Array.from({ length: 60 }, (_, ms) => ms).filter((ms) => !power.at(ms).isOn);
  return { off, restarts: power.at(60).restarts };
}

describe("a board", () => {
  test("that reboots is off for as long as it takes, or as long as said", () => {
    expect(life({ kind: "reboot", afterMs: 10 })).toEqual({ off: [10, 11, 12, 13], restarts: 1 });
    expect(life({ kind: "reboot", afterMs: 10, forMs: 2 })).toEqual({ off: [10, 11], restarts: 1 });
    expect(life({ kind: "reboot", afterMs: 10, everyMs: 30 }).off).toEqual([
      10, 11, 12, 13, 40, 41, 42, 43,
    ]);
  });

  test("that browns out resets at the end, and between as often as said", () => {
    const sag = { kind: "brown-out", share: 0.1, afterMs: 10, forMs: 12 } as const;
    expect(life({ ...sag, resets: 1 })).toEqual({ off: [22, 23, 24, 25], restarts: 1 });
    const thrice = life({ ...sag, forMs: 18, resets: 3 });
    expect(thrice).toEqual({ off: [16, 17, 18, 19, 22, 23, 24, 25, 28, 29, 30, 31], restarts: 3 });
  });

  test("that has no time to boot between two resets stays off until the last", () => {
    const plan = { kind: "brown-out", share: 0.1, afterMs: 10, forMs: 8, resets: 4 } as const;
    const { off, restarts } = life(plan);
    expect(off).toEqual([12, 13, 14, 15, 16, 17, 18, 19, 20, 21]);
    expect(restarts).toBe(4);
  });

  test("has its power without such faults", () => {
    expect(life({ kind: "stall", afterMs: 0 })).toEqual({ off: [], restarts: 0 });
  });
});
