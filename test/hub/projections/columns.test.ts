import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeColumns, encodeColumns } from "../../../hub/projections/columns.ts";
import type { MeasuredValue } from "../../../hub/projections/measured.ts";

const value: fc.Arbitrary<MeasuredValue> = fc.record({
  quantity: fc.constantFrom("pm25", "temp", "note"),
  unit: fc.constantFrom("ug/m3", undefined),
  value: fc.oneof(
    fc.integer({ min: -9999, max: 9999 }).map((n) => n / 100),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (n === 0 ? 0 : n)),
    fc.maxSafeInteger(),
    fc.string(),
    fc.boolean(),
  ),
  timeMs: fc.integer({ min: 268_435_456_000, max: 4_000_000_000_000 }),
  isFault: fc.boolean(),
});

/** What a column keeps together. */
function grouped(values: readonly MeasuredValue[]): MeasuredValue[] {
  const keyOf = ({ quantity, unit }: MeasuredValue): string => `${quantity} ${unit}`;
  const keys = [...new Set(values.map(keyOf))];
  return keys.flatMap((key) => values.filter((each) => keyOf(each) === key));
}

describe("columns", () => {
  test("give back every value exactly, column by column", () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 40 }), (values) => {
        expect(decodeColumns(encodeColumns(values))).toEqual(grouped(values));
      }),
    );
  });

  test("give one quantity alone", () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 40 }), (values) => {
        const temps = grouped(values).filter(({ quantity }) => quantity === "temp");
        expect(decodeColumns(encodeColumns(values), "temp")).toEqual(temps);
      }),
    );
  });

  test("take a byte or two for a value of a slowly changing quantity", () => {
    const values = Array.from({ length: 64 }, (_, i) => ({
      quantity: i % 2 === 0 ? "pm25" : "pm10",
      unit: "ug/m3",
      value: (123 + Math.round(5 * Math.sin(i))) / 10,
      timeMs: 1_767_225_600_000 + Math.floor(i / 2) * 1000,
      isFault: false,
    }));
    expect(encodeColumns(values).length / values.length).toBeLessThan(4);
  });
});
