/** Whose time is believed, and from when on. */

import { beforeEach, expect, test } from "vitest";
import { ClockSource } from "../../../edge/time/clock-source.ts";
import type { Preference } from "../../../edge/time/clock-source.ts";
import type { Fix } from "../../../edge/sensors/reading.ts";
import { ManualClock } from "../../../platform/clock.ts";

const BUILT_MS = Date.parse("2026-11-01");
const TRUE_MS = Date.parse("2026-12-24T12:00:00Z");
const HOUR_MS = 3_600_000;

let clock: ManualClock;
let time: ClockSource;

/** Starts a board whose system clock says `systemMs`. */
function boot(systemMs: number, prefer?: Preference): void {
  clock = new ManualClock(systemMs);
  time = new ClockSource({ clock, notBeforeMs: BUILT_MS, waitForSyncMs: 120_000, prefer });
}

/** A fix that was heard now and says `timeMs`. */
function fix(timeMs: number, quality = 1): Fix {
  return { lat: 1, lon: 2, timeMs, quality, atMs: clock.monotonicMs() };
}

beforeEach(() => boot(0));

test("a board that wakes up in 1970 has no time", () => {
  expect(time.source).toBe("none");
  expect(time.nowMs()).toBeUndefined();
  expect(time.offsetMs()).toBeUndefined();
});

test("a clock that says less than the build date is not believed, one that says it is", () => {
  boot(BUILT_MS - 1);
  expect(time.source).toBe("none");
  clock.jump(1);
  expect(time.source).toBe("system");
  expect(time.nowMs()).toBe(BUILT_MS);
});

test("a clock that has lost its memory and says 2099 is not believed, whoever's it is", async () => {
  const wildMs = Date.parse("2099-12-31T23:59:00Z");
  boot(wildMs);
  time.hearSync(undefined);
  time.hearHub(wildMs, 0);
  time.hearFix(fix(wildMs));
  await clock.advance(1_000);
  time.hearFix(fix(wildMs + 1_000));
  expect([time.source, time.wantsHub]).toEqual(["none", true]);
  time.hearHub(TRUE_MS, clock.monotonicMs());
  expect([time.source, time.nowMs()]).toEqual(["hub", TRUE_MS]);
  clock.jump(TRUE_MS - clock.nowMs());
  expect(time.source).toBe("system");
});

test("when the clock is set, what was measured before gets its true time", async () => {
  const measuredMs = clock.monotonicMs();
  await clock.advance(60_000);
  clock.jump(TRUE_MS - clock.nowMs());
  expect(measuredMs + time.offsetMs()!).toBe(TRUE_MS - 60_000);
});

test("a receiver sets the time once two fixes agree", async () => {
  time.hearFix(fix(TRUE_MS));
  expect(time.source).toBe("none");
  await clock.advance(1_000);
  time.hearFix(fix(TRUE_MS + 1_000));
  expect(time.source).toBe("gps");
  expect(time.nowMs()).toBe(TRUE_MS + 1_000);
});

test("a wild fix between good ones sets nothing", async () => {
  for (const wildMs of [TRUE_MS, TRUE_MS + 900 * HOUR_MS, TRUE_MS - 20 * HOUR_MS]) {
    time.hearFix(fix(wildMs));
    await clock.advance(1_000);
  }
  expect(time.source).toBe("none");
});

test("fixes from before the build date, as after a week rollover, are not believed", async () => {
  for (let i = 0; i < 5; i++) {
    time.hearFix(fix(BUILT_MS - 1024 * 7 * 24 * HOUR_MS + i * 1_000));
    await clock.advance(1_000);
  }
  expect(time.source).toBe("none");
});

test("fixes without quality or without time set nothing", async () => {
  const { lat, lon } = fix(0);
  for (let i = 0; i < 3; i++) {
    time.hearFix(fix(TRUE_MS + i * 1_000, 0));
    time.hearFix({ lat, lon, quality: 1, atMs: clock.monotonicMs() });
    await clock.advance(1_000);
  }
  expect(time.source).toBe("none");
});

test("a receiver outranks a system clock that contradicts it, and yields to one that agrees", async () => {
  boot(TRUE_MS - 24 * HOUR_MS);
  time.hearFix(fix(TRUE_MS));
  await clock.advance(1_000);
  time.hearFix(fix(TRUE_MS + 1_000));
  expect(time.source).toBe("gps");
  clock.jump(24 * HOUR_MS - 300);
  expect(time.source).toBe("gps");
  expect(time.nowMs()).toBe(TRUE_MS + 700);
});

/** Has a receiver say twice, a second apart, what is so much ahead of the system's clock. */
async function hearAhead(aheadMs: number): Promise<void> {
  for (let fixes = 0; fixes < 2; fixes++) {
    time.hearFix(fix(clock.nowMs() + aheadMs));
    await clock.advance(1_000);
  }
}

test.each([HOUR_MS, -HOUR_MS, 900 * 24 * HOUR_MS, 2_501, -2_501])(
  "a receiver that says %d ms more than a clock that is kept is not believed in silence",
  async (aheadMs) => {
    boot(TRUE_MS);
    time.hearSync(true);
    await hearAhead(aheadMs);
    const nowMs = clock.nowMs();
    expect(time.now()).toMatchObject({ source: "ntp", nowMs, apartMs: aheadMs });
    expect(time.wantsHub).toBe(false);
    boot(TRUE_MS, "gps");
    time.hearSync(true);
    await hearAhead(aheadMs);
    const believedMs = clock.nowMs() + aheadMs;
    expect(time.now()).toMatchObject({ source: "gps", nowMs: believedMs, apartMs: -aheadMs });
  },
);

test.each(["ntp", "gps"] as const)(
  "where the two agree, or nobody keeps the system's clock, there is nothing to tell (%s)",
  async (prefer) => {
    boot(TRUE_MS, prefer);
    time.hearSync(true);
    await hearAhead(2_500);
    expect(time.now()).toEqual({
      source: "gps",
      offsetMs: time.offsetMs(),
      nowMs: clock.nowMs(),
    });
    for (const isKept of [undefined, false]) {
      boot(TRUE_MS, prefer);
      time.hearSync(isKept);
      await hearAhead(HOUR_MS);
      expect(time.now()).toEqual({
        source: "gps",
        offsetMs: TRUE_MS + HOUR_MS,
        nowMs: clock.nowMs() + HOUR_MS,
      });
    }
  },
);

test("a contradiction is over when the receiver agrees again, or has been silent for hours", async () => {
  boot(TRUE_MS);
  time.hearSync(true);
  await hearAhead(HOUR_MS);
  await hearAhead(0);
  expect(time.now()).not.toHaveProperty("apartMs");
  expect(time.source).toBe("gps");
  await hearAhead(HOUR_MS);
  await clock.advance(6 * HOUR_MS - 1_000);
  expect(time.now()).toHaveProperty("apartMs");
  await clock.advance(1);
  expect(time.now()).not.toHaveProperty("apartMs");
  expect(time.source).toBe("ntp");
});

test("a receiver that has been silent for hours no longer outranks a believed system clock", async () => {
  boot(TRUE_MS);
  time.hearFix(fix(TRUE_MS + HOUR_MS));
  time.hearFix(fix(TRUE_MS + HOUR_MS));
  expect(time.source).toBe("gps");
  await clock.advance(7 * HOUR_MS);
  expect(time.source).toBe("system");
});

test("a receiver that has been silent for hours vouches for nothing, also where the system has no time", async () => {
  time.hearFix(fix(TRUE_MS));
  time.hearFix(fix(TRUE_MS));
  await clock.advance(6 * HOUR_MS);
  expect([time.source, time.wantsHub]).toEqual(["gps", false]);
  await clock.advance(1);
  // Counted on, and called what it is.
  expect([time.source, time.nowMs()]).toEqual(["system", TRUE_MS + 6 * HOUR_MS + 1]);
  expect(time.wantsHub).toBe(true);
  time.hearHub(TRUE_MS + 6 * HOUR_MS - 4_000, clock.monotonicMs());
  expect([time.source, time.nowMs()]).toEqual(["hub", TRUE_MS + 6 * HOUR_MS - 4_000]);
  for (const ms of [2_000, 1_000]) {
    time.hearFix(fix(TRUE_MS + 6 * HOUR_MS));
    await clock.advance(ms);
  }
  expect(time.source).toBe("gps");
});

test("the hub's word is the last resort", () => {
  time.hearHub(BUILT_MS - 1, 0);
  expect(time.source).toBe("none");
  time.hearHub(TRUE_MS, 0);
  expect(time.source).toBe("hub");
  clock.jump(TRUE_MS + 5_000);
  expect(time.source).toBe("system");
});

test("small differences between two readings of the clocks do not move the offset", () => {
  boot(TRUE_MS);
  const offsetMs = time.offsetMs()!;
  for (const step of [7, -9, 12]) {
    clock.jump(step);
    expect(time.offsetMs()).toBe(offsetMs);
  }
  clock.jump(200);
  expect(time.offsetMs()).toBeGreaterThan(offsetMs + 100);
});

test("a system clock that is kept in step says so", () => {
  boot(TRUE_MS);
  time.hearSync(true);
  expect(time.source).toBe("ntp");
  time.hearSync(undefined);
  expect(time.source).toBe("system");
});

test("one that is known not to be kept is believed only after a while", async () => {
  boot(TRUE_MS);
  time.hearSync(false);
  expect(time.source).toBe("none");
  await clock.advance(119_999);
  expect(time.source).toBe("none");
  await clock.advance(1);
  expect(time.source).toBe("system");
});

test("while it is waited for the hub is not believed either, a receiver is", async () => {
  boot(TRUE_MS);
  time.hearSync(false);
  time.hearHub(TRUE_MS, 0);
  expect(time.source).toBe("none");
  time.hearFix(fix(TRUE_MS));
  await clock.advance(1_000);
  time.hearFix(fix(TRUE_MS + 1_000));
  expect(time.source).toBe("gps");
});

test("the hub outranks a system clock that nobody keeps and that is far off, and no other", async () => {
  boot(TRUE_MS - 24 * HOUR_MS);
  time.hearSync(false);
  await clock.advance(120_000);
  expect(time.wantsHub).toBe(true);
  time.hearHub(TRUE_MS, clock.monotonicMs());
  expect([time.source, time.nowMs()]).toEqual(["hub", TRUE_MS]);
  time.hearSync(true);
  expect([time.source, time.wantsHub]).toEqual(["ntp", false]);
  time.hearSync(undefined);
  expect([time.source, time.wantsHub]).toEqual(["system", false]);
});

test("what is just believable is believed, and what just is not is not", async () => {
  boot(Date.UTC(2086, 0));
  expect(time.source).toBe("none");
  clock.jump(-1);
  expect(time.source).toBe("system");
  for (const [apartMs, source] of [
    [1_500, "gps"],
    [1_501, "none"],
  ] as const) {
    boot(0);
    time.hearFix(fix(TRUE_MS));
    time.hearFix(fix(TRUE_MS + apartMs));
    expect(time.source).toBe(source);
  }
  for (const [apartMs, source] of [
    [60_000, "system"],
    [60_001, "hub"],
  ] as const) {
    boot(TRUE_MS);
    time.hearSync(false);
    await clock.advance(120_000);
    time.hearHub(clock.nowMs() - apartMs, clock.monotonicMs());
    expect(time.source).toBe(source);
  }
});

test("the hub's word is not taken for a system clock that is nearly right", async () => {
  boot(TRUE_MS);
  time.hearSync(false);
  await clock.advance(120_000);
  time.hearHub(TRUE_MS + 120_000 + 59_000, clock.monotonicMs());
  expect(time.source).toBe("system");
});
