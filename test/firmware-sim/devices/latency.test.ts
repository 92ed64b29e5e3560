/** The histogram of durations against the plain way of sorting them. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Latency } from "../../../firmware-sim/devices/latency.ts";

test("quantiles are those of the sorted durations, a few percent above at most", () => {
  const durations = fc.array(fc.double({ min: 0.1, max: 1e7, noNaN: true }), { minLength: 1 });
  fc.assert(
    fc.property(durations, (all) => {
      const latency = new Latency();
      for (const ms of all) latency.record(ms);
      const sorted = all.toSorted((a, b) => a - b);
      const { count, p50Ms, p99Ms, maxMs } = latency.summary();
      expect(count).toBe(all.length);
      for (const [share, found] of [
        [0.5, p50Ms],
        [0.99, p99Ms],
        [1, maxMs],
      ] as const) {
        const exact = sorted[Math.ceil(share * all.length) - 1]!;
        // Three digits are kept.
        expect(found).toBeGreaterThanOrEqual(exact * 0.994);
        expect(found).toBeLessThanOrEqual(exact * 1.06);
      }
    }),
  );
});

test("nothing, and less than nothing, is 0", () => {
  const latency = new Latency();
  expect(latency.summary()).toEqual({ count: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 });
  latency.record(-5);
  expect(latency.summary()).toEqual({ count: 1, p50Ms: 0, p99Ms: 0, maxMs: 0 });
});
