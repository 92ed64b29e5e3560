import { describe, expect, test } from "vitest";
import { parkingActivity, roadActivity, TimeZone } from "../../../firmware-sim/models/day.ts";

const TUESDAY = 2;
const SUNDAY = 0;

describe("TimeZone", () => {
  test("knows summer time and the weekday", () => {
    const london = new TimeZone("Europe/London");
    expect(london.local(Date.UTC(2026, 0, 6, 8, 30))).toEqual({ hour: 8.5, weekday: TUESDAY });
    expect(london.local(Date.UTC(2026, 6, 7, 8, 30))).toEqual({ hour: 9.5, weekday: TUESDAY });
    // Clocks went forward at 01:00 UTC.
    expect(london.local(Date.UTC(2026, 2, 29, 0, 59)).hour).toBeCloseTo(0.983, 3);
    expect(london.local(Date.UTC(2026, 2, 29, 1, 0)).hour).toBe(2);
  });

  test("crosses midnight in both directions", () => {
    expect(new TimeZone("America/St_Johns").local(Date.UTC(2026, 0, 4, 2, 0))).toEqual({
      hour: 22.5,
      weekday: 6,
    });
    expect(new TimeZone("Asia/Kathmandu").local(Date.UTC(2026, 0, 3, 19, 0))).toEqual({
      hour: 0.75,
      weekday: 0,
    });
    expect(new TimeZone("UTC").local(Date.UTC(1969, 11, 31, 6))).toEqual({ hour: 6, weekday: 3 });
  });

  test("throws for a zone that is none", () => {
    expect(() => new TimeZone("Europe/Newport")).toThrow(RangeError);
  });
});

/** The hour at which a shape is greatest within [from, to). */
function peak(shape: (hour: number) => number, from: number, to: number): number {
  let best = from;
  for (let hour = from; hour < to; hour += 0.05) if (shape(hour) > shape(best)) best = hour;
  return best;
}

describe("roads", () => {
  const working = (hour: number): number => roadActivity({ hour, weekday: TUESDAY });
  const sunday = (hour: number): number => roadActivity({ hour, weekday: SUNDAY });

  test("are fullest in the two rush hours of a working day, and nearly empty at night", () => {
    expect(peak(working, 5, 12)).toBeGreaterThan(7.5);
    expect(peak(working, 5, 12)).toBeLessThan(9);
    expect(peak(working, 14, 24)).toBeGreaterThan(16.5);
    expect(peak(working, 14, 24)).toBeLessThan(18.5);
    expect(working(12)).toBeLessThan(0.75 * working(8.25));
    expect(working(3)).toBeLessThan(0.06);
  });

  test("know no rush hour on Sundays", () => {
    expect(peak(sunday, 0, 24)).toBeGreaterThan(12);
    expect(peak(sunday, 0, 24)).toBeLessThan(15);
    expect(sunday(8.25)).toBeLessThan(0.5 * working(8.25));
  });

  test("stay between 0 and 1, and have no step at midnight", () => {
    for (const shape of [working, sunday]) {
      for (let hour = 0; hour < 24; hour += 0.1) {
        expect(shape(hour)).toBeGreaterThan(0);
        expect(shape(hour)).toBeLessThanOrEqual(1);
      }
      expect(Math.abs(shape(23.999) - shape(0))).toBeLessThan(0.01);
    }
  });
});

test("car parks fill in the morning and empty in the evening", () => {
  const share = (hour: number): number => parkingActivity({ hour, weekday: TUESDAY });
  expect(share(4)).toBeLessThan(0.15);
  expect(share(11)).toBeGreaterThan(0.85);
  expect(share(20)).toBeLessThan(0.4);
});
