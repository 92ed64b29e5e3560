import { expect, test } from "vitest";
import { SegmentClock } from "../../../../edge/cameras/recording/segment-clock.ts";

/** Ends by the clock against the truth, over segments of a minute; `lateMs` is how late each line is heard. */
function errors(
  count: number,
  parts: {
    readonly rate?: number;
    readonly lateMs?: (segment: number) => number;
    readonly standsMs?: (segment: number) => number;
  },
): number[] {
  const { rate = 1, lateMs = () => 20, standsMs = () => 0 } = parts;
  const clock = new SegmentClock();
  const beginMs = 5_000;
  let stood = 0;
  return Array.from({ length: count }, (_, at) => {
    const endSeconds = 60 * (at + 1);
    stood += standsMs(at);
    const trueMs = beginMs + (endSeconds * 1000) / rate + stood;
    const heardMs = trueMs + lateMs(at);
    const heard = { endSeconds, heardMs, firstPictureMs: beginMs + 20, lastPictureMs: heardMs };
    return clock.endOf(heard) - trueMs;
  });
}

const worst = (all: readonly number[]): number => Math.max(...all.map(Math.abs));

test("lines that come at once are believed", () => {
  expect(worst(errors(1_000, {}))).toBeLessThanOrEqual(20);
});

test("a line that comes late for once moves nothing, be it the first", () => {
  const found = errors(100, { lateMs: (at) => (at % 10 === 5 ? 4_000 : 20) });
  expect(worst(found)).toBeLessThan(100);
  const first = errors(10, { lateMs: (at) => (at === 0 ? 3_000 : 20) });
  expect(worst(first)).toBeLessThan(100);
});

test("a camera's clock that runs fast or slow for a week is followed", () => {
  for (const rate of [0.9999, 1.0001]) {
    expect(worst(errors(10_080, { rate }))).toBeLessThan(200);
  }
});

test("a stream that stood still, as its own time does not tell, is followed after some segments", () => {
  const found = errors(40, { standsMs: (at) => (at === 20 ? 7_000 : 0) });
  expect(worst(found.slice(0, 20))).toBeLessThan(100);
  expect(worst(found.slice(23))).toBeLessThan(100);
});

test("pictures never ended later than the newest one came: a camera that hangs adds no time", () => {
  const clock = new SegmentClock();
  const firstPictureMs = 9_000;
  const heard = { endSeconds: 42, heardMs: 62_000, firstPictureMs, lastPictureMs: 50_000 };
  expect(clock.endOf(heard)).toBe(50_000);
});

test("it never runs backwards, whatever the stream says", () => {
  const clock = new SegmentClock();
  const end = (endSeconds: number, heardMs: number): number =>
    clock.endOf({ endSeconds, heardMs, firstPictureMs: 5_000, lastPictureMs: heardMs });
  const first = end(60, 65_000);
  const second = end(1, 66_000);
  const third = end(100_000, 67_000);
  expect(second).toBeGreaterThanOrEqual(first);
  expect(third).toBeGreaterThanOrEqual(second);
  expect(third).toBeLessThanOrEqual(67_000);
});
