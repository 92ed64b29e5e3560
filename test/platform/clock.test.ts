/** Clocks: the one moved by hand, and what it shares with the system's. */
import { describe, expect, test } from "vitest";
import { ManualClock, systemClock } from "../../platform/clock.ts";

describe("ManualClock", () => {
  test("stands still until it is moved", async () => {
    const clock = new ManualClock(1_000_000);
    expect([clock.nowMs(), clock.monotonicMs()]).toEqual([1_000_000, 0]);
    await clock.advance(1500);
    expect([clock.nowMs(), clock.monotonicMs()]).toEqual([1_001_500, 1500]);
  });

  test("a jump moves the wall clock alone", async () => {
    const clock = new ManualClock(0);
    let rang = false;
    clock.after(100, () => {
      rang = true;
    });
    clock.jump(3_600_000);
    await clock.advance(99);
    expect([rang, clock.nowMs(), clock.monotonicMs()]).toEqual([false, 3_600_099, 99]);
    clock.jump(-3_600_000);
    await clock.advance(1);
    expect([rang, clock.nowMs()]).toEqual([true, 100]);
  });

  test("waits run at their own moment, in order, and those they ask for too", async () => {
    const clock = new ManualClock(0);
    const rang: string[] = [];
    const ring = (name: string) => () => {
      rang.push(`${name}@${clock.monotonicMs()}`);
    };
    clock.after(20, ring("b"));
    clock.after(10, () => {
      ring("a")();
      clock.after(5, ring("a2"));
    });
    clock.after(20, ring("c"));
    const cancel = clock.after(15, ring("never"));
    cancel();
    cancel();
    await clock.advance(30);
    expect(rang).toEqual(["a@10", "a2@15", "b@20", "c@20"]);
    expect(clock.pending).toBe(0);
  });

  test("a loop of sleeps goes round as often as there is time", async () => {
    const clock = new ManualClock(0);
    let rounds = 0;
    const stop = new AbortController();
    const loop = (async () => {
      for (;;) {
        await clock.sleep(60_000, stop.signal);
        rounds++;
      }
    })();
    await clock.advance(3_600_000);
    expect(rounds).toBe(60);
    stop.abort(new Error("enough"));
    await expect(loop).rejects.toThrow("enough");
    expect(clock.pending).toBe(0);
  });
});

describe("systemClock", () => {
  test("sleeps, and rejects with the reason when it is aborted, also beforehand", async () => {
    const before = systemClock.monotonicMs();
    await systemClock.sleep(5);
    expect(systemClock.monotonicMs() - before).toBeGreaterThanOrEqual(4);
    const stop = new AbortController();
    const long = systemClock.sleep(2 ** 40, stop.signal);
    stop.abort(new Error("enough"));
    await expect(long).rejects.toThrow("enough");
    await expect(systemClock.sleep(1, stop.signal)).rejects.toThrow("enough");
  });

  test("a wait longer than Node's timers can hold does not ring at once", async () => {
    let rang = false;
    const cancel = systemClock.after(2 ** 33, () => {
      rang = true;
    });
    await systemClock.sleep(20);
    cancel();
    expect(rang).toBe(false);
  });
});
