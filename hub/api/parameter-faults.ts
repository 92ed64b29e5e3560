/** What is wrong with the parameters of a request: each by its name, with what was expected, and an example. */

import { z } from "zod";
import { nearestName } from "../../platform/near-name.ts";
import { exampleOf, expectation, written } from "../../platform/setting.ts";
import type { JsonSchema } from "../../platform/setting.ts";

/**
 * Says all that is wrong, as one clause without a full stop. `texts` are the parameters as they came, `issues` what the
 * schemas of `shape` say of them.
 */
export function parameterFaults(
  shape: Readonly<Record<string, z.ZodType>>,
  texts: Readonly<Record<string, unknown>>,
  issues: readonly z.core.$ZodIssue[],
): string {
  return issues.flatMap((issue) => explain(shape, texts, issue)).join("; ");
}

function explain(
  shape: Readonly<Record<string, z.ZodType>>,
  texts: Readonly<Record<string, unknown>>,
  issue: z.core.$ZodIssue,
): string[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => unknownName(key, Object.keys(shape)));
  }
  const name = String(issue.path[0]);
  const wanted = shape[name];
  if (wanted === undefined) return [`${name}: ${issue.message}`];
  const schema = z.toJSONSchema(wanted, { io: "input", unrepresentable: "any" }) as JsonSchema;
  // A pattern is explained by whoever wrote it.
  const said = issue.message.startsWith("expected ");
  const expected = said ? issue.message : `expected ${expectation(schema)}`;
  const example = exampleOf(schema);
  const help = isPlain(example) ? `; for example ${name}=${example}` : "";
  return [`${name}: ${expected}, ${found(texts[name])}${help}`];
}

function isPlain(value: unknown): value is string | number {
  return typeof value === "string" || typeof value === "number";
}

function found(given: unknown): string {
  if (given === undefined) return "found nothing";
  return Array.isArray(given) ? "found it more than once" : `found ${written(given)}`;
}

function unknownName(name: string, known: readonly string[]): string {
  const near = nearestName(name, known);
  if (near !== undefined) return `there is no parameter ${name}; did you mean ${near}?`;
  const list = known.length === 0 ? "there are none here" : `known are ${known.join(", ")}`;
  return `there is no parameter ${name}: ${list}`;
}
