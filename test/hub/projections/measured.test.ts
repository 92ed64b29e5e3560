import { describe, expect, test } from "vitest";
import { measuredValues } from "../../../hub/projections/measured.ts";
import type { Reading } from "../../../ledger/senml.ts";

const AT = 1_767_225_600.125;
const pm25: Reading = { quantity: "pm25", unit: "ug/m3", value: 999.9, time: AT };
const fault = (value: boolean, time = AT): Reading => ({ quantity: "pm25-fault", value, time });

describe("measured values", () => {
  test("a fault record marks the value of its moment, before or behind it", () => {
    const marked = { ...pm25, timeMs: 1_767_225_600_125, isFault: true };
    for (const readings of [
      [pm25, fault(true)],
      [fault(true), pm25],
    ]) {
      expect(measuredValues({ readings })).toEqual([
        { quantity: "pm25", unit: "ug/m3", value: 999.9, timeMs: marked.timeMs, isFault: true },
      ]);
    }
  });

  test("a fault record that says no marks nothing, and neither does one of another moment", () => {
    expect(measuredValues({ readings: [pm25, fault(false)] })).toMatchObject([{ isFault: false }]);
    expect(measuredValues({ readings: [pm25, fault(true, AT + 1)] })).toMatchObject([
      { quantity: "pm25", isFault: false },
      { quantity: "pm25-fault", value: true, isFault: false },
    ]);
  });

  test("what only looks like a fault record stays a value", () => {
    const number: Reading = { quantity: "pm25-fault", value: 1, time: AT };
    expect(measuredValues({ readings: [pm25, number] })).toHaveLength(2);
  });
});
