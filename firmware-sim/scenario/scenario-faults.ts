/**
 * Sentences about what does not fit the shape of a scenario.
 */
import type { z } from "zod";
import { nearestName } from "../../platform/near-name.ts";
import { FIELD_NAMES } from "./scenario-schema.ts";

/** Describes one issue of a schema with these fields: where, what was expected, and what is there instead. */
export function describeIssue(
  issue: z.core.$ZodIssue,
  raw: unknown,
  fields: readonly string[] = FIELD_NAMES,
): string[] {
  const place = formatPath(issue.path);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      // A field that there is elsewhere is no answer to itself.
      const near = nearestName(
        key,
        fields.filter((field) => field !== key),
      );
      const here = fields.includes(key) ? " here" : "";
      const hint = near === undefined ? "" : `; did you mean ${near}?`;
      return `${formatPath([...issue.path, shorten(key)])}: there is no such field${here}${hint}`;
    });
  }
  if (issue.code === "invalid_key")
    return [`${place}: the name of a quantity is expected, such as pm25`];
  const found = valueAt(raw, issue.path);
  const instead = found === undefined ? "it is missing" : `not ${shorten(formatValue(found))}`;
  return [`${place}: expected ${issue.message}; ${instead}`];
}

/** Formats a path as people write it: `boards[1].listen`. */
export function formatPath(path: readonly PropertyKey[]): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else text += text === "" ? String(part) : `.${String(part)}`;
  }
  return text === "" ? "scenario" : text;
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) =>
      typeof value === "object" && value !== null ? Reflect.get(value, part) : undefined,
    raw,
  );
}

/** As TOML writes it, where JSON has no word for it. */
function formatValue(value: unknown): string {
  return typeof value === "number" ? String(value) : JSON.stringify(value);
}

function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}…`;
}
