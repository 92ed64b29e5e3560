/**
 * Readers of JSON whose shape nobody vouches for.
 *
 * A reader gives the typed value, or `undefined` where the value is of another shape. Members that a reader does not
 * name are passed over, so that a newer hub may say more.
 */

/** Reads one value; `undefined` says that it does not fit. */
export type Reader<T> = (value: unknown) => T | undefined;

/** Reads a text. */
export function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Reads a finite number. */
export function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** Reads a count, an index or a size: a whole number from 0 to 2^53 - 1. */
export function whole(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}

/** Reads true or false. */
export function flag(value: unknown): boolean | undefined {
  return typeof value === "boolean" ? value : undefined;
}

/** Reads one of the given texts. */
export function oneOf<const T extends string>(...texts: readonly T[]): Reader<T> {
  return (value) => texts.find((known) => known === value);
}

/** Reads what `reader` reads; a member that is null or left out gives `null`. */
export function nullable<T>(reader: Reader<T>): Reader<T | null> {
  return (value) => (value === null || value === undefined ? null : reader(value));
}

/** Reads an array, all items of which must fit. */
export function list<T>(reader: Reader<T>): Reader<readonly T[]> {
  return (value) => {
    if (!Array.isArray(value)) return undefined;
    const items: T[] = [];
    for (const raw of value as unknown[]) {
      const item = reader(raw);
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  };
}

/** Reads an object, all named members of which must fit. */
export function record<T extends object>(readers: {
  readonly [K in keyof T]: Reader<T[K]>;
}): Reader<T> {
  const members = Object.entries<Reader<unknown>>(readers);
  return (value) => {
    if (!isObject(value)) return undefined;
    const fitting: Record<string, unknown> = {};
    for (const [name, reader] of members) {
      const member = reader(value[name]);
      if (member === undefined) return undefined;
      fitting[name] = member;
    }
    return fitting as T;
  };
}

/** Says whether a value is an object with members, and no array. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Parses JSON; `undefined` where the text is none. */
export function parseJson(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}
