/** Asking whether the clock is kept, once for all who want to know. */

import { expect, test } from "vitest";
import { rememberTimeSync, systemTimeSync } from "../../../edge/time/time-sync.ts";
import { ManualClock } from "../../../platform/clock.ts";

test("an answer is kept for a while, for everybody", async () => {
  const clock = new ManualClock(0);
  const answers = [false, true];
  let asked = 0;
  const ask = rememberTimeSync(() => Promise.resolve(answers[asked++]), clock, 10_000);
  expect(await Promise.all([ask(), ask()])).toEqual([false, false]);
  await clock.advance(9_999);
  expect(await ask()).toBe(false);
  await clock.advance(1);
  expect(await ask()).toBe(true);
  expect(asked).toBe(2);
});

test("this machine is asked without a rejection, whatever it has", async () => {
  expect([true, false, undefined]).toContain(await systemTimeSync());
});
