/**
 * What drivers make of frames: readings and fixes, still on the monotonic clock.
 *
 * Whether the wall clock can be believed is not known here, so times are those at which the frame was complete
 * (docs/edge.md, "Time"). Faulty values are flagged and kept as they came, never corrected and never left out.
 */

import { QUANTITIES } from "../../ledger/quantity.ts";

/** One value of one quantity, as a sensor gave it. */
export interface SensorReading {
  readonly quantity: string;
  /** SenML unit; empty for booleans, texts and bare numbers. */
  readonly unit: string;
  readonly value: number | string | boolean;
  /** Monotonic milliseconds at which the frame was complete. */
  readonly atMs: number;
  /** Set where the value is the sensor's own fault code, or beyond what it can measure. */
  readonly fault?: boolean;
}

/** A position from a satellite receiver, WGS 84 degrees. Only fixes that the receiver itself vouches for get here. */
export interface Fix {
  readonly lat: number;
  readonly lon: number;
  /** UTC by the receiver, milliseconds since 1970; absent where the position is believed and the time is not. */
  readonly timeMs?: number;
  /** As in GGA: 1 satellites, 2 differential, 3 precise, 4 and 5 real-time kinematic. */
  readonly quality: number;
  /** Monotonic milliseconds of the first of the sentences that it was put together from. */
  readonly atMs: number;
}

/**
 * Makes a reading of a quantity that `ledger/quantity.ts` knows, with its unit.
 *
 * A number outside the quantity's range is flagged, whatever `fault` says, and so is carbon dioxide of 0: no air is without
 * it, and sensors say so before they have measured. Throws for an unknown quantity.
 */
export function knownReading(
  quantity: string,
  value: number,
  atMs: number,
  fault = false,
): SensorReading {
  const known = QUANTITIES.get(quantity);
  if (known === undefined) throw new RangeError(`no quantity is called ${quantity}`);
  const isNone = quantity === "co2" && value === 0;
  const isFaulty = fault || isNone || !(value >= known.min && value <= known.max);
  return { quantity, unit: known.unit, value, atMs, ...(isFaulty ? { fault: true } : {}) };
}
