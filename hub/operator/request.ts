/** Requests of an operator, read by their shape. */

import type { z } from "zod";
import { UserError } from "../../platform/user-error.ts";

/** Reads a request. Throws `UserError` that names all that is wrong with it. */
export function parseRequest<T>(schema: z.ZodType<T>, request: unknown): T {
  const parsed = schema.safeParse(request);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new UserError(faults.join("; "));
}
