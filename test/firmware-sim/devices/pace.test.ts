/** Turns by the clock, and turns that could not be given. */
import { expect, test } from "vitest";
import { Pace } from "../../../firmware-sim/devices/pace.ts";
import { ManualClock } from "../../../platform/clock.ts";

test.each([0, 1, 7, 50, 333, 1000, 20_000])("%i turns a second are given", async (perSecond) => {
  const clock = new ManualClock(0);
  const pace = new Pace(clock, perSecond);
  let turns = 0;
  pace.start(() => turns++);
  await clock.advance(2000);
  expect(turns).toBe(2 * perSecond);
  expect(pace.missed).toBe(0);
  pace.stop();
  await clock.advance(2000);
  expect(turns).toBe(2 * perSecond);
});

test("a program that was busy makes up for a second, counts the rest, and says how late it was", async () => {
  // A clock whose wake-ups come late: the time jumps while the program does something else.
  const manual = new ManualClock(0);
  let lateMs = 0;
  const clock = Object.assign(Object.create(manual) as ManualClock, {
    monotonicMs: () => manual.monotonicMs() + lateMs,
    after: (ms: number, run: () => void) => manual.after(ms, run),
  });
  const pace = new Pace(clock, 100);
  let turns = 0;
  pace.start(() => turns++);
  await manual.advance(1000);
  expect(turns).toBe(100);
  lateMs = 5000;
  await manual.advance(20);
  expect(pace.missed).toBe(402);
  expect(turns).toBe(200);
  expect(pace.lag.summary().maxMs).toBe(5000);
  await manual.advance(980);
  expect(turns + pace.missed).toBe(700);
});
