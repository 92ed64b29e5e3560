/**
 * Sensors with an analog output: which voltage stands for which value. Straight lines, as their data sheets have them.
 */
import type { Values } from "../models/model.ts";

/** What is attached to an analog input. */
export interface AnalogSensor {
  readonly quantity: string;
  /** At a value of zero, were it to go so far. */
  readonly volts: number;
  readonly voltsPerUnit: number;
}

/** The inputs of an Arduino Uno or Nano; those of the board at hand by number. */
export const ANALOG_INPUTS = ["A0", "A1", "A2", "A3", "A4", "A5", "A6", "A7"] as const;
export type AnalogInput = (typeof ANALOG_INPUTS)[number];

/** Sensors that are in use, by what they measure; all of them for a supply of 5 V. */
export const ANALOG_SENSORS: Readonly<Record<string, Omit<AnalogSensor, "quantity">>> = {
  /** TMP36. */
  temp: { volts: 0.5, voltsPerUnit: 0.01 },
  /** HIH-4030, at 25 degrees. */
  rh: { volts: 0.8, voltsPerUnit: 0.031 },
  /** SEN0232: 50 dB a volt. */
  laeq: { volts: 0, voltsPerUnit: 0.02 },
  /** A pressure transducer of 0.5 to 4.5 V for 10 m of water. */
  level: { volts: 0.5, voltsPerUnit: 0.4 },
  /** MH-Z19 at its analog output: 0.4 to 2 V for 2000 ppm. */
  co2: { volts: 0.4, voltsPerUnit: 0.0008 },
};

const SUPPLY_VOLTS = 5;

/** Gives the voltage at an input: 0 where nothing is attached, or not measured; never beyond ground and supply. */
export function voltsAt(sensor: AnalogSensor | undefined, values: Values): number {
  const value = sensor === undefined ? undefined : values[sensor.quantity];
  if (sensor === undefined || value === undefined) return 0;
  return Math.min(SUPPLY_VOLTS, Math.max(0, sensor.volts + sensor.voltsPerUnit * value));
}

/** Attaches the sensors that there are for what is measured, from A0 on, in the order of `ANALOG_SENSORS`. */
export function usualSensors(measured: readonly string[]): Map<AnalogInput, AnalogSensor> {
  const sensors = Object.entries(ANALOG_SENSORS)
    .filter(([quantity]) => measured.includes(quantity))
    .map(([quantity, line]) => ({ quantity, ...line }));
  return new Map(
    ANALOG_INPUTS.flatMap((input, at) => {
      const sensor = sensors[at];
      return sensor === undefined ? [] : [[input, sensor] as const];
    }),
  );
}
