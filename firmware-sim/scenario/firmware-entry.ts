/**
 * What a scenario says of a board with firmware of its own (`firmware = "air.hex"`): the shape of its fields, their
 * rules, and its plan.
 */
import { z } from "zod";
import { isName } from "../../ledger/name.ts";
import {
  ANALOG_INPUTS,
  ANALOG_SENSORS,
  type AnalogInput,
  type AnalogSensor,
  usualSensors,
} from "../avr/analog-sensors.ts";
import type { ModelName } from "../models/city.ts";
import { CAMERA_FIELDS } from "./camera-entry.ts";
import { oneOf, quoted, rule, whole, within } from "./expectation.ts";

/** What is attached to an analog input: a sensor that is known by what it measures, or a line of one's own. */
type SensorEntry = string | AnalogSensor;

/** The fields that only boards with firmware have. */
export interface FirmwareEntry {
  readonly firmware?: string;
  readonly mcu?: McuName;
  readonly clockHz?: number;
  readonly adc?: Readonly<Partial<Record<AnalogInput, SensorEntry>>>;
}

/** What there is to be measured when nothing is said. */
export const FIRMWARE_MODEL: ModelName = "air";

/** The processors that can be simulated. */
const MCUS = ["atmega328p"] as const;
type McuName = (typeof MCUS)[number];

const quantity = rule<string>(isName, 'the name of a quantity, such as "temp"');
const sensor: z.ZodType<SensorEntry> = z.union(
  [
    quantity,
    z.strictObject({
      quantity,
      volts: rule<number>(within(-5, 5), "volts of -5 to 5, such as 0.5"),
      voltsPerUnit: rule<number>(
        (value) => within(-5, 5)(value) && value !== 0,
        "volts for each unit, such as 0.01",
      ),
    }),
  ],
  {
    error:
      'a quantity, such as "temp", or its line, such as { quantity = "no2", volts = 0.2, voltsPerUnit = 0.01 }',
  },
);

/** The shapes of these fields. */
export const FIRMWARE_FIELDS: {
  readonly [F in keyof FirmwareEntry]-?: z.ZodExactOptional<
    z.ZodType<NonNullable<FirmwareEntry[F]>>
  >;
} = {
  firmware: rule<string>(
    (value) => typeof value === "string" && value !== "",
    'the path of a file in Intel HEX, such as "air.hex"',
  ).exactOptional(),
  mcu: rule<McuName>(oneOf(MCUS), `one of ${quoted(MCUS)}`).exactOptional(),
  clockHz: rule<number>(
    whole(1_000_000, 20_000_000),
    "a frequency of 1000000 to 20000000, such as 16000000",
  ).exactOptional(),
  adc: z
    .partialRecord(z.enum(ANALOG_INPUTS), sensor, {
      error: `a table of inputs, A0 to A7, such as { A0 = "temp", A1 = "rh" }`,
    })
    .exactOptional(),
};

/** Fields of other boards, which mean nothing to one with firmware of its own. */
const FOREIGN_FIELDS = [
  "board",
  "replay",
  "capture",
  "everySeconds",
  "id",
  "dialect",
  "quantities",
  "units",
  ...Object.keys(CAMERA_FIELDS),
];

type Table = Readonly<Record<string, unknown>>;

/** Gives a sentence for each rule that a board with firmware breaks. `measured` is what its model measures. */
export function firmwareEntryFaults(board: Table, measured: readonly string[]): string[] {
  const { adc } = board;
  const inputs = typeof adc === "object" && adc !== null ? Object.entries(adc as Table) : [];
  return [
    ...FOREIGN_FIELDS.filter((field) => board[field] !== undefined).map(
      (field) => `.${field}: a board with firmware of its own has none`,
    ),
    ...inputs.flatMap(([input, entry]) => sensorFaults(`.adc.${input}`, entry, measured)),
  ];
}

/** Gives a sentence for each field that needs firmware, on a board that has none. */
export function firmwareLacking(board: Table): string[] {
  return Object.keys(FIRMWARE_FIELDS)
    .filter((field) => board[field] !== undefined)
    .map((field) => `.${field}: only a board with firmware has it, and this one has none`);
}

/** Gives what is attached to the inputs, by number: what is said, or what there is for the model. */
export function inputsOf(
  { adc }: FirmwareEntry,
  measured: readonly string[],
): ReadonlyMap<number, AnalogSensor> {
  const said = Object.entries(adc ?? {}).flatMap(([input, entry]) => {
    const attached = typeof entry === "string" ? knownSensor(entry) : entry;
    return attached === undefined ? [] : [[input, attached] as const];
  });
  const attached = adc === undefined ? [...usualSensors(measured)] : said;
  return new Map(attached.map(([input, each]) => [inputNumber(input), each]));
}

function sensorFaults(place: string, entry: unknown, measured: readonly string[]): string[] {
  const name: unknown =
    typeof entry === "object" && entry !== null ? (entry as Table)["quantity"] : entry;
  if (typeof name !== "string") return [];
  if (!measured.includes(name))
    return [`${place}: "${name}" is not measured; ${measured.join(", ")}`];
  if (typeof entry !== "string" || knownSensor(name) !== undefined) return [];
  const known = Object.keys(ANALOG_SENSORS).join(", ");
  return [
    `${place}: there are sensors for ${known}; for "${name}" say volts and voltsPerUnit besides`,
  ];
}

function knownSensor(quantity: string): AnalogSensor | undefined {
  const line = ANALOG_SENSORS[quantity];
  return line && { quantity, ...line };
}

function inputNumber(input: string): number {
  return ANALOG_INPUTS.findIndex((name) => name === input);
}
