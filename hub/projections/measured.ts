/**
 * The values of a pack as projections and pages take them: times in milliseconds, faults as a mark on the value.
 *
 * In a pack a fault is a record of its own, `<quantity>-fault` (docs/formats.md, section 5). Here it is folded into the
 * value that it speaks of; raw values are kept as they are.
 */

import { faultName, faultOf } from "../../ledger/quantity.ts";
import type { Pack, Reading } from "../../ledger/senml.ts";

/** What a sensor measured, and whether it marks the value as faulty itself. */
export interface MeasuredValue {
  readonly quantity: string;
  readonly unit: string | undefined;
  readonly value: number | string | boolean;
  /** Milliseconds since 1970, whole: finer times are rounded. */
  readonly timeMs: number;
  readonly isFault: boolean;
}

/** Gives the values of a pack in its own order. A fault record without the value that it speaks of stays a value. */
export function measuredValues(pack: Pick<Pack, "readings">): MeasuredValue[] {
  const { readings } = pack;
  if (!readings.some(isFaultRecord)) return readings.map((reading) => measured(reading, false));
  const present = new Set(readings.map(keyOf));
  const faulty = new Set<string>();
  const values = readings.filter((reading) => {
    const base = isFaultRecord(reading) ? faultOf(reading.quantity)! : undefined;
    if (base === undefined || !present.has(keyOf({ ...reading, quantity: base }))) return true;
    if (reading.value === true) faulty.add(keyOf(reading));
    return false;
  });
  return values.map((reading) =>
    measured(reading, faulty.has(keyOf({ ...reading, quantity: faultName(reading.quantity) }))),
  );
}

function isFaultRecord(reading: Reading): boolean {
  return typeof reading.value === "boolean" && faultOf(reading.quantity) !== undefined;
}

function keyOf({ quantity, time }: Pick<Reading, "quantity" | "time">): string {
  return `${quantity} ${time}`;
}

function measured({ quantity, unit, value, time }: Reading, isFault: boolean): MeasuredValue {
  return { quantity, unit, value, timeMs: Math.round(time * 1000), isFault };
}
