/**
 * What the objects of a smart meter's telegram say, in the units of the ledger.
 *
 * OBIS codes are those of IEC 62056-61 as DSMR and its relatives in Belgium, Luxembourg, Hungary, Ireland and the Baltics
 * use them. Only registers are read: never identification, serial numbers, messages, or who was connected when.
 */

import type { DsmrObject } from "../framers/dsmr.ts";

/** A value of the electricity meter itself. */
export interface MeterValue {
  readonly quantity: string;
  readonly value: number;
}

/** The last value that another meter (gas, water, heat) has given to the electricity meter. */
export interface AttachedValue extends MeterValue {
  /** When, as the telegram writes it (`YYMMDDhhmmss` and a letter for summer time), and the channel: changes with each value. */
  readonly capture: string;
}

/** Powers of ten from a unit of the telegram to that of the ledger. */
const POWERS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  W: { W: 0, kW: 3 },
  kWh: { Wh: -3, kWh: 0, MWh: 3 },
  V: { V: 0 },
  m3: { m3: 0 },
  J: { MJ: 6, GJ: 9 },
};

/** Quantities by code, with the unit of the ledger. */
const SINGLE: readonly (readonly [quantity: string, unit: string, code: string])[] = [
  ["power", "W", "1-0:1.7.0"],
  ["power-out", "W", "1-0:2.7.0"],
  ["voltage-l1", "V", "1-0:32.7.0"],
  ["voltage-l2", "V", "1-0:52.7.0"],
  ["voltage-l3", "V", "1-0:72.7.0"],
];
/** A total, or the tariffs that make it up where the meter sends no total. */
const TOTALS: readonly (readonly [quantity: string, code: string])[] = [
  ["energy", "1-0:1.8."],
  ["energy-out", "1-0:2.8."],
];
const TARIFFS = [1, 2, 3, 4];

/** What an attached meter counts, by the device type of EN 13757-3. */
const ATTACHED: ReadonlyMap<number, readonly [quantity: string, unit: string]> = new Map([
  [3, ["gas", "m3"]],
  [4, ["heat", "J"]],
  [6, ["water", "m3"]],
  [7, ["water", "m3"]],
]);
const CHANNELS = [1, 2, 3, 4];
/** Codes of the value: corrected for temperature, and not; and that of version 3 and before, with its value behind. */
const VALUE_CODES = ["24.2.1", "24.2.3", "24.3.0"];

/** Decodes the registers of the electricity meter. */
export function decodeMeter(objects: readonly DsmrObject[]): MeterValue[] {
  const registers = registersOf(objects);
  const singles = SINGLE.map(([quantity, unit, code]) => ({
    quantity,
    value: sumOf([registers.get(code)], unit),
  }));
  const totals = TOTALS.map(([quantity, code]) => {
    const total = sumOf([registers.get(`${code}0`)], "kWh");
    const tariffs = TARIFFS.map((tariff) => registers.get(`${code}${tariff}`));
    return {
      quantity,
      value:
        total ??
        sumOf(
          tariffs.filter((text) => text !== undefined),
          "kWh",
        ),
    };
  });
  return [...singles, ...totals].flatMap(({ quantity, value }) =>
    value === undefined ? [] : [{ quantity, value }],
  );
}

/**
 * Decodes what other meters have said, one value for each quantity.
 *
 * A meter that was taken away can leave its channel behind: the newest value is taken.
 */
export function decodeAttached(objects: readonly DsmrObject[]): AttachedValue[] {
  const newest = new Map<string, AttachedValue>();
  for (const channel of CHANNELS) {
    const value = attachedValue(objects, channel);
    const before = value === undefined ? undefined : newest.get(value.quantity);
    if (value !== undefined && (before === undefined || value.capture > before.capture))
      newest.set(value.quantity, value);
  }
  return [...newest.values()];
}

/** The first value of each object. */
function registersOf(objects: readonly DsmrObject[]): ReadonlyMap<string, string> {
  return new Map(objects.map(({ code, values }) => [code, values[0] ?? ""]));
}

function attachedValue(objects: readonly DsmrObject[], channel: number): AttachedValue | undefined {
  const prefix = `0-${channel}:`;
  const type = registersOf(objects).get(`${prefix}24.1.0`);
  const [quantity, unit] = ATTACHED.get(Number(type || NaN)) ?? [];
  const object = objects.find(({ code }) => VALUE_CODES.some((tail) => code === prefix + tail));
  if (quantity === undefined || unit === undefined || object === undefined) return undefined;
  const { code, values } = object;
  const [time = ""] = values;
  // (time)(value*unit), or (time)(…)(…)(…)(code)(unit)(value).
  const text = code.endsWith("24.3.0")
    ? `${values.at(-1)}*${values.at(-2)}`
    : (values.at(-1) ?? "");
  const value = sumOf([text], unit);
  return value === undefined ? undefined : { quantity, value, capture: `${time} ${channel}` };
}

/**
 * Adds texts such as `001581.123*kWh`, exactly as decimals; `undefined` for none, or where one is no value of this unit.
 */
function sumOf(texts: readonly (string | undefined)[], unit: string): number | undefined {
  const parts = texts.map((text) => {
    const groups = /^(?<whole>-?\d+)(?:\.(?<tenths>\d+))?\*(?<unit>\w+)$/.exec(text ?? "")?.groups;
    const power = POWERS[unit]?.[groups?.["unit"] ?? ""];
    return groups === undefined || power === undefined
      ? undefined
      : { digits: groups["whole"]!, decimals: groups["tenths"] ?? "", power };
  });
  if (parts.length === 0 || parts.includes(undefined)) return undefined;
  const known = parts.filter((part) => part !== undefined);
  const places = Math.max(...known.map(({ decimals, power }) => decimals.length - power), 0);
  const sum = known.reduce(
    (total, { digits, decimals, power }) =>
      total + BigInt(digits + decimals) * 10n ** BigInt(places - decimals.length + power),
    0n,
  );
  return Number(`${sum}e-${places}`);
}
