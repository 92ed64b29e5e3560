/**
 * Boards with ESPHome: one bare number a message, at `NAME/sensor/SENSOR/state`.
 *
 * The messages say no unit, and the sensors are named by whoever set up the board: a preset has to go by names, and takes
 * ESPHome's own units for granted (degrees Celsius, percent, hectopascals, ppm, micrograms). What is called or measured
 * otherwise is for `values`.
 */

import { z } from "zod";
import { type DriverKind, driverKind } from "../driver.ts";
import type { Message } from "../framers/message.ts";
import { type MessageContent, MessageDriver } from "./message-driver.ts";
import { type ValueOptions, valueOptions } from "./message-values.ts";

interface Options {
  readonly values: readonly ValueOptions[];
}

/**
 * How the names of sensors end, in the form that ESPHome gives them in topics: all small, `_` for whatever is no letter
 * of ASCII or digit, so that "Particulate Matter <2.5µm" is `particulate_matter__2_5__m`.
 */
const QUANTITIES_BY_NAME: readonly (readonly [RegExp, string])[] = [
  [/(^|_)temperature$/, "temp"],
  [/(^|_)humidity$/, "rh"],
  [/(^|_)pressure$/, "pressure"],
  [/(^|_)(co2|carbon_dioxide)(_concentration|_value)?$/, "co2"],
  ...(["pm1", "pm25", "pm10"] as const).map((quantity) => [dustName(quantity), quantity] as const),
  [/(^|_)laeq$/, "laeq"],
  [/(^|_)lamax$/, "lamax"],
  [/(^|_)lamin$/, "lamin"],
];

/** Sensors that tell of the board and not of the place, or of something that only sounds alike: computed, or not of the air. */
const OTHER =
  /(^|_)(absolute|apparent|battery|board|chip|cpu|device|dew_?point|differential|esp32|esp8266|feels_like|frost_?point|heat_?index|internal|object|perceived|pipe|relative_pressure|sea_?level|setpoint|set_point|soc|soil|specific|surface|target|tyre|tire|water|wet_?bulb|wind_?chill)_/;

const STATE = /^(?<board>.+)\/sensor\/(?<name>[^/]+)\/state$/;
const STATUS = "/status";

/** ESPHome, as the registry lists it. */
export const esphome: DriverKind = driverKind<Options>({
  name: "esphome",
  title: "Board with ESPHome",
  baudRate: 0,
  lines: ["mqtt"],
  silentMs: 300_000,
  besides: (filter) => {
    const board = /^(?<board>.+)\/sensor\/[^/]+\/(state|#)$/.exec(filter)?.groups?.["board"];
    return board === undefined ? [] : [board + STATUS];
  },
  options: z.strictObject({ values: valueOptions.default([]) }),
  create: ({ values }) => new MessageDriver(readEsphome, values),
});

function dustName(quantity: "pm1" | "pm25" | "pm10"): RegExp {
  const size = { pm1: "1(_0)?", pm25: "2_?5", pm10: "10(_0)?" }[quantity];
  return new RegExp(
    `(^|_)(pm|particulate_matter)_*${size}(_*m)?((_weight|_mass)?_concentration)?$`,
  );
}

function readEsphome({ topic, payload }: Message): MessageContent {
  if (topic.endsWith(STATUS) && (payload === "online" || payload === "offline"))
    return {
      kind: "presence",
      board: topic.slice(0, -STATUS.length),
      isOnline: payload === "online",
    };
  const name = STATE.exec(topic)?.groups?.["name"]?.toLowerCase();
  if (name === undefined) return { kind: "other" };
  const quantity = OTHER.test(`${name}_`)
    ? undefined
    : QUANTITIES_BY_NAME.find(([ending]) => ending.test(name))?.[1];
  if (quantity === undefined) return { kind: "other" };
  return { kind: "values", values: [{ quantity, value: payload, source: topic }] };
}
