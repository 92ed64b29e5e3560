/** JSON Pointer (RFC 6901): which part of a message is meant. */

/** A pointer, taken apart: names of members and places in arrays. */
export type JsonPointer = readonly string[];

/** Parses a pointer; empty is the whole. `undefined` where it is none. */
export function parsePointer(text: string): JsonPointer | undefined {
  if (text === "") return [];
  if (!text.startsWith("/") || /~(?![01])/.test(text)) return undefined;
  // In this order, so that `~01` is `~1` (section 4).
  return text
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** Formats a pointer. */
export function formatPointer(pointer: JsonPointer): string {
  return pointer.map((part) => `/${part.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** Gives what a pointer leads to; `undefined` where there is nothing. */
export function resolvePointer(value: unknown, pointer: JsonPointer): unknown {
  let found = value;
  for (const part of pointer) {
    if (typeof found !== "object" || found === null) return undefined;
    if (Array.isArray(found) && !/^(0|[1-9]\d*)$/.test(part)) return undefined;
    if (!Object.hasOwn(found, part)) return undefined;
    found = (found as Readonly<Record<string, unknown>>)[part];
  }
  return found;
}
