/** How often the machine is asked whether its clock is kept: each question is a process of its own. */

import { beforeEach, expect, test } from "vitest";
import { Inquiries } from "../../edge/inquiries.ts";
import { ClockSource } from "../../edge/time/clock-source.ts";
import { ManualClock } from "../../platform/clock.ts";
import { silentLogger } from "../../platform/log.ts";

const BUILT_MS = Date.parse("2026-11-01");
const TRUE_MS = Date.parse("2026-12-24T12:00:00Z");
const never = new AbortController().signal;

let clock: ManualClock;
let time: ClockSource;
let inquiries: Inquiries;
let isKept: boolean | undefined;
let questions: number;

beforeEach(() => {
  clock = new ManualClock(TRUE_MS);
  time = new ClockSource({ clock, notBeforeMs: BUILT_MS, waitForSyncMs: 120_000 });
  questions = 0;
  const askTimeSync = (): Promise<boolean | undefined> => {
    questions += 1;
    return Promise.resolve(isKept);
  };
  inquiries = new Inquiries({ askTimeSync, time, clock, logger: silentLogger });
});

/** Lets an agent's ticks pass, one a second; gives how often the machine was asked meanwhile. */
async function askedIn(seconds: number): Promise<number> {
  const before = questions;
  for (let second = 0; second < seconds; second++) {
    inquiries.tick(never, false);
    await clock.advance(1_000);
  }
  return questions - before;
}

test.each([true, undefined])(
  "a clock that is believed (%s) is asked about seldom",
  async (kept) => {
    isKept = kept;
    await inquiries.askSync();
    expect(await askedIn(599)).toBe(0);
    expect(await askedIn(600)).toBe(1);
  },
);

test("a clock that was moved is asked about at once, in either direction", async () => {
  isKept = true;
  await inquiries.askSync();
  for (const ms of [-1_000, 7_200_000]) {
    clock.jump(ms);
    isKept = !isKept;
    expect(await askedIn(1)).toBe(1);
    expect(time.source).toBe(isKept ? "ntp" : "none");
  }
  clock.jump(999);
  expect(await askedIn(10)).toBe(0);
});

test("a clock that is waited for is asked about often, one that nobody keeps less so", async () => {
  isKept = false;
  await inquiries.askSync();
  expect(await askedIn(119)).toBe(7);
  expect(time.source).toBe("none");
  await askedIn(60);
  expect(time.source).toBe("system");
  expect(await askedIn(600)).toBe(10);
});
