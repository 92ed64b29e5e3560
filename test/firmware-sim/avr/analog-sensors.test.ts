import { describe, expect, test } from "vitest";
import { ANALOG_SENSORS, usualSensors, voltsAt } from "../../../firmware-sim/avr/analog-sensors.ts";
import { MODEL_QUANTITIES } from "../../../firmware-sim/models/city.ts";

describe("an analog sensor", () => {
  test("gives the voltages of its data sheet", () => {
    const volts = (quantity: string, value: number): number =>
      voltsAt({ quantity, ...ANALOG_SENSORS[quantity]! }, { [quantity]: value });
    for (const [temp, expected] of [
      [-40, 0.1],
      [0, 0.5],
      [25, 0.75],
      [125, 1.75],
    ] as const)
      expect(volts("temp", temp)).toBeCloseTo(expected);
    expect(volts("rh", 75.3)).toBeCloseTo(3.134, 3);
    expect(volts("laeq", 65)).toBeCloseTo(1.3);
    expect([0, 10].map((level) => volts("level", level))).toEqual([0.5, 4.5]);
    expect([0, 2000].map((co2) => volts("co2", co2))).toEqual([0.4, 2]);
  });

  test("stays between ground and supply, and is at ground where there is nothing", () => {
    const temp = { quantity: "temp", ...ANALOG_SENSORS["temp"]! };
    expect([-200, 1000].map((value) => voltsAt(temp, { temp: value }))).toEqual([0, 5]);
    expect(voltsAt(temp, { rh: 50 })).toBe(0);
    expect(voltsAt(undefined, { temp: 20 })).toBe(0);
  });
});

test("what is attached when nothing is said follows from what is measured", () => {
  const attached = (model: keyof typeof MODEL_QUANTITIES): [string, string][] =>
    [...usualSensors(MODEL_QUANTITIES[model])].map(([input, { quantity }]) => [input, quantity]);
  expect(attached("air")).toEqual([
    ["A0", "temp"],
    ["A1", "rh"],
    ["A2", "co2"],
  ]);
  expect(attached("noise")).toEqual([["A0", "laeq"]]);
  expect(attached("parking")).toEqual([]);
});
