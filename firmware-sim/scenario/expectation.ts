/**
 * What is expected of a field of a scenario: a test, and the words in which a person is told.
 */
import { z } from "zod";

/** Expects what passes the test; `expected` completes the sentence "expected …", with an example. */
export function rule<T>(test: (value: unknown) => boolean, expected: string): z.ZodType<T> {
  return z.custom<T>(test, { error: expected });
}

/** Tests for a number from `min` to `max`, both included. */
export function within(min: number, max: number): (value: unknown) => boolean {
  return (value) => typeof value === "number" && value >= min && value <= max;
}

/** Tests for an integer from `min` to `max`, both included. */
export function whole(min: number, max: number): (value: unknown) => boolean {
  return (value) => Number.isInteger(value) && within(min, max)(value);
}

/** Tests for one of these texts. */
export function oneOf(names: readonly string[]): (value: unknown) => boolean {
  return (value) => typeof value === "string" && names.includes(value);
}

/** Lists texts as a person would write them in a scenario. */
export function quoted(names: readonly string[]): string {
  return names.map((each) => `"${each}"`).join(", ");
}
