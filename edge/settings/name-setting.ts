/** A setting that is a name of the ledger (docs/formats.md, section 3). */

import { z } from "zod";
import { isName } from "../../ledger/name.ts";

/** Makes one; `what` and `example` are for messages. */
export function nameOf(what: string, example: string): z.ZodString {
  return z
    .string()
    .refine(isName, `expected ${what}: 1 to 63 of a-z, 0-9 and -, the first no hyphen`)
    .meta({ description: what, examples: [example] });
}
