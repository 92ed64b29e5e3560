/** A beat that is never later than asked, and sooner where the program is awake anyway. */

import { beforeEach, expect, test } from "vitest";
import { Pulse } from "../../edge/pulse.ts";
import { ManualClock } from "../../platform/clock.ts";

let clock: ManualClock;
let pulse: Pulse;
let stop: AbortController;
let beats: number[];

beforeEach(() => {
  clock = new ManualClock(0);
  pulse = new Pulse({ clock, everyMs: 1_000, earlyMs: 250 });
  stop = new AbortController();
  beats = [];
});

/** Notes when it beats, until the signal. */
async function follow(): Promise<void> {
  while (!stop.signal.aborted) {
    await pulse.next(stop.signal);
    beats.push(clock.monotonicMs());
  }
}

/** A sensor that wakes the program every so often. */
async function hear(everyMs: number, times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    await clock.advance(everyMs);
    pulse.awake();
  }
  await clock.advance(0);
}

test("where nothing wakes the program it beats by itself", async () => {
  const done = follow();
  await clock.advance(3_500);
  expect(beats).toEqual([1_000, 2_000, 3_000]);
  stop.abort();
  await done;
  expect(clock.pending).toBe(0);
});

test("it falls in with a sensor, and then never wakes the program", async () => {
  const done = follow();
  await hear(200, 20);
  expect(beats).toEqual([800, 1_600, 2_400, 3_200, 4_000]);
  stop.abort();
  await done;
});

test("it beats once, not with every piece of a burst, nor in between", async () => {
  const done = follow();
  await hear(740, 1);
  expect(beats).toEqual([]);
  await clock.advance(20);
  for (let piece = 0; piece < 5; piece++) pulse.awake();
  await clock.advance(0);
  expect(beats).toEqual([760]);
  await hear(10, 50);
  expect(beats).toEqual([760]);
  stop.abort();
  await done;
});

test("an end that was asked for before is not waited for", async () => {
  stop.abort();
  await pulse.next(stop.signal);
  expect(clock.pending).toBe(0);
  pulse.awake();
});
