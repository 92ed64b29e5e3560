/**
 * Boards with Tasmota: one JSON object with a part for each sensor, at `tele/NAME/SENSOR`, every five minutes unless set.
 *
 * Such as `{"Time":"2026-03-02T07:00:00","BME280":{"Temperature":21.7,…},"PressureUnit":"hPa","TempUnit":"C"}`. `Time`
 * is the board's own and has no zone: it is not believed.
 */

import { z } from "zod";
import { type DriverKind, driverKind } from "../driver.ts";
import type { Message } from "../framers/message.ts";
import { type MessageContent, MessageDriver } from "./message-driver.ts";
import { type FoundValue, type ValueOptions, valueOptions } from "./message-values.ts";
import { SDS011_FAULTS } from "./sds011.ts";

interface Options {
  readonly values: readonly ValueOptions[];
}

/** How the number of a key becomes ours. */
interface Conversion {
  readonly scale: number;
  readonly offset: number;
  readonly decimals?: number;
}

const AS_IT_IS: Conversion = { scale: 1, offset: 0 };

/** By `TempUnit`. */
const TO_CELSIUS: Readonly<Record<string, Conversion>> = {
  C: AS_IT_IS,
  F: { scale: 1 / 1.8, offset: -32 / 1.8, decimals: 2 },
};

/** By `PressureUnit`. */
const TO_HECTOPASCAL: Readonly<Record<string, Conversion>> = {
  hPa: AS_IT_IS,
  mmHg: { scale: 1.333_223_874_15, offset: 0, decimals: 2 },
  inHg: { scale: 33.863_886_666_7, offset: 0, decimals: 2 },
};

/** What a part of a message may hold, by its key. */
const QUANTITY_OF: Readonly<Record<string, string>> = {
  Temperature: "temp",
  Humidity: "rh",
  Pressure: "pressure",
  CarbonDioxide: "co2",
  PM1: "pm1",
  "PM2.5": "pm25",
  PM10: "pm10",
  // An SPS30 writes them so.
  PM1_0: "pm1",
  PM2_5: "pm25",
};

/** Of electricity. `Total` counts since somebody set it to zero. */
const ENERGY_OF: Readonly<Record<string, string>> = {
  Power: "power",
  Total: "energy",
  Voltage: "voltage",
  Current: "current",
  Frequency: "frequency",
};

const CLIMATE =
  /^(AHT[123]X|AM23\d\d|BME280|BME680|BME68X|BMP\d\d\d|CHIRP|DHT\d\d|DS18\w\d\d|DS1822|HDC\d+|HP303B|HTU2\d|LM75AD|MCP9808|SHT\w+|SI70\d\d|TMP\d+)$/;
const DUST = /^(SDS0X1|PMS\w+|SPS30|HPMA|VINDRIKTNING|HM330X)$/;
/** An SDS011, whose signs of a stuck fan come through as they are. */
const SDS = "SDS0X1";
const GAS = /^(MHZ19\w?|SCD30|SCD4\w|SENSEAIR|S8|CM110\d|T67XX)$/;
/** Several of a kind are told apart by a number or an address: `DS18B20-1`, `SHT3X-0x44`. */
const INDEX = /[-_](0x)?[0-9A-Fa-f]{1,2}$/;

const SENSOR = "/SENSOR";
const WILL = "/LWT";

/** Tasmota, as the registry lists it. */
export const tasmota: DriverKind = driverKind<Options>({
  name: "tasmota",
  title: "Board with Tasmota",
  baudRate: 0,
  lines: ["mqtt"],
  silentMs: 660_000,
  besides: (filter) => (filter.endsWith(SENSOR) ? [filter.slice(0, -SENSOR.length) + WILL] : []),
  options: z.strictObject({ values: valueOptions.default([]) }),
  create: ({ values }) => new MessageDriver(readTasmota, values),
});

function readTasmota({ topic, payload }: Message): MessageContent {
  if (topic.endsWith(WILL) && (payload === "Online" || payload === "Offline"))
    return {
      kind: "presence",
      board: topic.slice(0, -WILL.length),
      isOnline: payload === "Online",
    };
  if (!topic.endsWith(SENSOR)) return { kind: "other" };
  // Garbled on its way, perhaps.
  if (!isTable(payload)) return { kind: "values", values: [] };
  const temperature = conversion(TO_CELSIUS, payload["TempUnit"] ?? "C");
  const pressure = conversion(TO_HECTOPASCAL, payload["PressureUnit"] ?? "hPa");
  const conversionOf = (quantity: string): Conversion | undefined => {
    if (quantity === "temp") return temperature;
    return quantity === "pressure" ? pressure : AS_IT_IS;
  };
  const values = Object.entries(payload).flatMap(([name, part]): FoundValue[] => {
    if (!isTable(part)) return [];
    return Object.entries(part).flatMap(([key, value]): FoundValue[] => {
      const quantity = quantityOf(name.replace(INDEX, ""), key);
      if (quantity === undefined) return [];
      const how = conversionOf(quantity);
      const source = `${topic}#/${name}/${key}`;
      // A unit that nobody knows makes the value unusable, and has to be counted as that.
      if (how === undefined) return [{ quantity, value: undefined, source }];
      const faultValues = name.startsWith(SDS) ? SDS011_FAULTS[quantity] : undefined;
      return [{ quantity, value, source, ...how, ...(faultValues ? { faultValues } : {}) }];
    });
  });
  return { kind: "values", values };
}

function conversion(
  byUnit: Readonly<Record<string, Conversion>>,
  unit: unknown,
): Conversion | undefined {
  return typeof unit === "string" && Object.hasOwn(byUnit, unit) ? byUnit[unit] : undefined;
}

/** What a part's key means; of parts that nobody knows, such as the chip's own temperature, nothing is taken. */
function quantityOf(part: string, key: string): string | undefined {
  const table = part === "ENERGY" ? ENERGY_OF : QUANTITY_OF;
  if (!Object.hasOwn(table, key)) return undefined;
  const quantity = table[key]!;
  if (part === "ENERGY" || CLIMATE.test(part)) return quantity;
  if (DUST.test(part)) return quantity.startsWith("pm") ? quantity : undefined;
  // An MH-Z19 tells the temperature of its own inside.
  if (GAS.test(part)) return quantity === "co2" || part.startsWith("SCD") ? quantity : undefined;
  return undefined;
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
