/** Packs as a generator for properties: several devices and streams, late and repeated times, faults, all kinds of values. */

import fc from "fast-check";
import type { Reading } from "../../../ledger/senml.ts";
import { IAT } from "./unsigned-packs.ts";
import type { PackSpec } from "./unsigned-packs.ts";

/** Few enough moments that times are often equal, over several hours. */
const moment = fc.integer({ min: 0, max: 40 }).map((step) => IAT + step * 450.25);

const value: fc.Arbitrary<number | string | boolean> = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -500, max: 5000 }).map((n) => n / 10) },
  { weight: 1, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }) },
  { weight: 1, arbitrary: fc.string({ maxLength: 8 }) },
  { weight: 1, arbitrary: fc.boolean() },
);

const reading: fc.Arbitrary<Reading[]> = fc
  .record({
    quantity: fc.constantFrom("pm25", "pm10", "temp", "note"),
    unit: fc.constantFrom("ug/m3", "Cel", undefined),
    value,
    time: moment,
    fault: fc.constantFrom(undefined, undefined, true, false),
  })
  .map(({ quantity, unit, value: own, time, fault }) => {
    // As it comes back from the log: -0 has no encoding.
    const known = { quantity, value: Object.is(own, -0) ? 0 : own, time };
    const main: Reading = unit === undefined ? known : { ...known, unit };
    return fault === undefined
      ? [main]
      : [main, { quantity: `${quantity}-fault`, value: fault, time }];
  });

/** One pack. */
export const pack: fc.Arbitrary<PackSpec> = fc.record({
  device: fc.constantFrom("air-1", "air-2", "noise-1"),
  stream: fc.constantFrom("main", "roof"),
  readings: fc.array(reading, { minLength: 1, maxLength: 6 }).map((groups) => groups.flat()),
});

/** A log's worth of packs. */
export const packs: fc.Arbitrary<PackSpec[]> = fc.array(pack, { minLength: 1, maxLength: 30 });
