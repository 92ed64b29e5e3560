/**
 * What a configuration may call a quantity that only its own board or bus knows.
 */

import { z } from "zod";
import { isName } from "../../../ledger/name.ts";
import { faultOf, NOTES, QUANTITIES } from "../../../ledger/quantity.ts";

const POSITION = ["lat", "lon"];
const UNIT = /^[A-Za-z0-9%/.^-]{0,16}$/;

/** Says whether a name is free to be given a meaning. */
export function isFreeQuantity(name: string): boolean {
  const isTaken = QUANTITIES.has(name) || NOTES.has(name) || POSITION.includes(name);
  return isName(name) && !isTaken && faultOf(name) === undefined;
}

/** The name of such a quantity. */
export const ownQuantity: z.ZodType<string> = z.string().refine(isFreeQuantity, {
  error:
    "a name of a-z, 0-9 and -, that is no known quantity or note, no position and no fault mark",
});

/** Its SenML unit; empty for bare numbers and booleans. */
export const ownUnit: z.ZodType<string> = z.string().regex(UNIT);

/** Why a quantity cannot be given so, and where: an own one needs its unit, a known one has it. `undefined` where it can. */
export function quantityFault(
  quantity: string,
  unit: string | undefined,
): { path: string[]; message: string } | undefined {
  const known = QUANTITIES.get(quantity);
  if (known === undefined && !isFreeQuantity(quantity))
    return { path: ["quantity"], message: `${quantity} is not for sensors to say` };
  if (known !== undefined && unit !== undefined && unit !== known.unit)
    return { path: ["unit"], message: `the unit of ${quantity} is ${known.unit || "none"}` };
  if (known === undefined && unit === undefined)
    return { path: ["unit"], message: `nobody knows ${quantity}: say its unit, or "" for none` };
  return undefined;
}
