import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  closings,
  type FaultWindow,
  followWindows,
  inWindow,
  nextEdgeMs,
  openedMs,
} from "../../../firmware-sim/faults/fault-window.ts";
import { ManualClock } from "../../../platform/clock.ts";

const ONCE = { afterMs: 10, forMs: 5 };
const AGAIN = { afterMs: 10, forMs: 5, everyMs: 20 };
const FOR_GOOD = { afterMs: 10 };

/** The moments of 0 to 59 at which something is so. */
function when(is: (ms: number) => boolean): number[] {
  return Array.from({ length: 60 }, (_, ms) => ms).filter(is);
}

describe("a window", () => {
  test("is open once, again and again, or for good", () => {
    expect(when((ms) => inWindow(ONCE, ms))).toEqual([10, 11, 12, 13, 14]);
    expect(when((ms) => inWindow(AGAIN, ms))).toEqual([
      10, 11, 12, 13, 14, 30, 31, 32, 33, 34, 50, 51, 52, 53, 54,
    ]);
    expect(when((ms) => inWindow(FOR_GOOD, ms))).toEqual(when((ms) => ms >= 10));
  });

  test("counts how often it has closed, and knows when it opened", () => {
    expect([14, 15, 34, 35, 59].map((ms) => closings(AGAIN, ms))).toEqual([0, 1, 1, 2, 3]);
    expect([14, 15, 1e6].map((ms) => closings(ONCE, ms))).toEqual([0, 1, 1]);
    expect(closings(FOR_GOOD, 1e6)).toBe(0);
    expect([9, 12, 15, 33].map((ms) => openedMs(AGAIN, ms))).toEqual([
      undefined,
      10,
      undefined,
      30,
    ]);
    expect(openedMs(FOR_GOOD, 1e6)).toBe(10);
  });

  test("changes at its edges and nowhere else", () => {
    const windows = fc.record(
      {
        afterMs: fc.nat(50),
        forMs: fc.integer({ min: 1, max: 20 }),
        everyMs: fc.integer({ min: 21, max: 40 }),
      },
      { requiredKeys: ["afterMs", "forMs"] },
    );
    fc.assert(
      fc.property(windows, fc.nat(200), (window: FaultWindow, ms) => {
        const edge = nextEdgeMs(window, ms);
        const is = inWindow(window, ms);
        const until = Math.min(edge ?? Infinity, 400);
        const before = Array.from({ length: Math.max(0, until - ms) }, (_, at) => ms + at);
        expect(before.find((at) => inWindow(window, at) !== is)).toBeUndefined();
        if (edge !== undefined) {
          expect(edge).toBeGreaterThan(ms);
          expect(inWindow(window, edge)).toBe(!is);
        }
      }),
    );
  });
});

describe("who follows windows", () => {
  test("looks at once and at every edge, until there are no more", async () => {
    const clock = new ManualClock(0);
    await clock.advance(1000);
    const looks: number[] = [];
    const signal = new AbortController().signal;
    const over = followWindows(
      [ONCE, { afterMs: 12, forMs: 100 }],
      { clock, bornMs: 1000, signal },
      (ms) => void looks.push(ms),
    );
    await clock.advance(1000);
    await over;
    expect(looks).toEqual([0, 10, 12, 15, 112]);
  });

  test("makes up for what it was late for, and stops with the signal", async () => {
    const clock = new ManualClock(0);
    const looks: number[] = [];
    const stop = new AbortController();
    const over = followWindows([AGAIN], { clock, bornMs: 0, signal: stop.signal }, async (ms) => {
      looks.push(ms);
      if (ms === 10) await clock.sleep(7);
    });
    await clock.advance(40);
    stop.abort(new Error("enough"));
    await expect(over).rejects.toThrow("enough");
    // The edge at 15 had passed when it could look again; what it saw then was the state after it.
    expect(looks).toEqual([0, 10, 18, 30, 35]);
  });
});
