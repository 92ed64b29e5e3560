/** Parameters that several routes of the query API take, with what is said of wrong ones. */

import { z } from "zod";

const NAME = "expected a name of a-z, 0-9 and -";

/** The name of a device, a stream or a quantity. */
export const nameParameter: z.ZodString = z
  .string(NAME)
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, NAME)
  .meta({ examples: ["air-1"] });

/** Milliseconds since 1970. */
export const timeParameter: z.ZodNumber = z
  .number()
  .int()
  .min(0)
  .meta({ examples: [1_796_083_200_000] });
