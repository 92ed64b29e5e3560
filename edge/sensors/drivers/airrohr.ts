/**
 * Boards with the airRohr firmware of sensor.community, or whatever speaks like them: values as texts, by `value_type`.
 *
 * To an own API a board sends all its values at once, with the sensor's name in front (`SDS_P1`, `BME280_pressure`, a DHT
 * without); to sensor.community one message a sensor, without these names, and with the pin that the sensor is thought to
 * hang on. Names and pins are those of the firmware's source.
 */

import { z } from "zod";
import { type DriverKind, driverKind } from "../driver.ts";
import { type Message, PIN_MARK } from "../framers/message.ts";
import { type MessageContent, MessageDriver } from "./message-driver.ts";
import type { FoundValue } from "./message-values.ts";
import { SDS011_FAULTS } from "./sds011.ts";

interface Options {
  /** Of the quantities that these sensors give, only theirs are taken. */
  readonly sensor: readonly SensorName[];
}

/** `P1` is coarser than `P2`. */
const QUANTITY_OF: Readonly<Record<string, string>> = {
  P0: "pm1",
  P1: "pm10",
  P2: "pm25",
  temperature: "temp",
  humidity: "rh",
  pressure: "pressure",
  co2_ppm: "co2",
  noise_LAeq: "laeq",
  noise_LA_min: "lamin",
  noise_LA_max: "lamax",
};

/** What boards say of themselves, beside what they measure. */
const HOUSEKEEPING = new Set(["samples", "min_micro", "max_micro", "interval", "signal"]);

const DUST = ["pm1", "pm10", "pm25"];
const CLIMATE = ["temp", "rh"];
const NOISE = ["laeq", "lamin", "lamax"];

/** The sensors by the name in front of their values: the pin under which sensor.community knows each, what it gives. */
const SENSORS = {
  SDS: { pin: "1", gives: DUST },
  PMS: { pin: "1", gives: DUST },
  HPM: { pin: "1", gives: DUST },
  NPM: { pin: "1", gives: DUST },
  IPS: { pin: "1", gives: DUST },
  SPS30: { pin: "1", gives: DUST },
  BMP: { pin: "3", gives: ["temp", "pressure"] },
  BMP280: { pin: "3", gives: ["temp", "pressure"] },
  DHT: { pin: "7", gives: CLIMATE },
  HTU21D: { pin: "7", gives: CLIMATE },
  SHT3X: { pin: "7", gives: CLIMATE },
  BME280: { pin: "11", gives: [...CLIMATE, "pressure"] },
  DS18B20: { pin: "13", gives: ["temp"] },
  DNMS: { pin: "15", gives: NOISE },
  SCD30: { pin: "17", gives: [...CLIMATE, "co2"] },
} as const satisfies Readonly<Record<string, { pin: string; gives: readonly string[] }>>;

type SensorName = keyof typeof SENSORS;

/** A PPD42NS counts particles, and calls them `P1` and `P2` like the others their micrograms. */
const COUNTING_PIN = "5";
const COUNTING_MARKS = ["durP1", "ratioP1", "durP2", "ratioP2"];
/** The heated inlet that Nettigo's boards have: its temperature and humidity are not those of the place. */
const HEATED_INLET = "HECA";
/** From pascals. */
const TO_HECTOPASCAL = { scale: 0.01, offset: 0 };
const VALUES_MAX = 128;

const sensorName = z.enum(Object.keys(SENSORS) as SensorName[]);

/** airRohr boards, as the registry lists them. */
export const airrohr: DriverKind = driverKind<Options>({
  name: "airrohr",
  title: "sensor.community board (airRohr)",
  baudRate: 0,
  lines: ["push"],
  // They send every 145 seconds; one message may get lost.
  silentMs: 330_000,
  options: z.strictObject({
    sensor: z
      .preprocess(
        (given) => (typeof given === "string" ? [given] : given),
        z.array(sensorName).max(16),
      )
      .default([]),
  }),
  create: ({ sensor }) => new MessageDriver((message) => readAirRohr(message, sensor), []),
});

/** A value with the sensor that it comes from. */
interface Part {
  readonly type: string;
  /** The name in front; empty for none. */
  readonly sensor: string;
  readonly value: unknown;
}

function readAirRohr({ topic, payload }: Message, winners: readonly SensorName[]): MessageContent {
  const [board = "", pin] = topic.split(PIN_MARK);
  const parts = partsOf(payload);
  const isCounting =
    pin === COUNTING_PIN || parts.some(({ type }) => COUNTING_MARKS.includes(type));
  const values = parts.flatMap(({ type, sensor, value }): FoundValue[] => {
    if (sensor === HEATED_INLET) return [];
    const quantity = Object.hasOwn(QUANTITY_OF, type) ? QUANTITY_OF[type] : undefined;
    const isCount = sensor === "PPD" || (isCounting && sensor === "" && /^P\d$/.test(type));
    if (quantity === undefined || isCount || !isWanted(quantity, sensor, pin, winners)) return [];
    const source = `${board} ${sensor === "" && pin !== undefined ? `pin ${pin}` : sensor}`.trim();
    const conversion = quantity === "pressure" ? TO_HECTOPASCAL : {};
    const isSds = sensor === "SDS" || (sensor === "" && pin === SENSORS.SDS.pin);
    const faultValues = isSds ? SDS011_FAULTS[quantity] : undefined;
    return [{ quantity, value, source, ...conversion, ...(faultValues ? { faultValues } : {}) }];
  });
  const isHousekeeping = parts.length > 0 && parts.every(({ type }) => HOUSEKEEPING.has(type));
  return isHousekeeping ? { kind: "other" } : { kind: "values", values };
}

/** Whether a value counts beside those of the sensors that were named to win. */
function isWanted(
  quantity: string,
  sensor: string,
  pin: string | undefined,
  winners: readonly SensorName[],
): boolean {
  const rivals = winners.filter((name) =>
    (SENSORS[name].gives as readonly string[]).includes(quantity),
  );
  if (rivals.length === 0) return true;
  return rivals.some((name) => {
    if (sensor !== "") return sensor === name;
    // To an own API, a DHT's values alone have no name in front.
    return pin === undefined ? name === "DHT" : SENSORS[name].pin === pin;
  });
}

/** The values of a message; none where it is no such message. */
function partsOf(payload: unknown): Part[] {
  if (typeof payload !== "object" || payload === null) return [];
  const { sensordatavalues: list } = payload as { sensordatavalues?: unknown };
  if (!Array.isArray(list)) return [];
  return list.slice(0, VALUES_MAX).flatMap((item: unknown): Part[] => {
    if (typeof item !== "object" || item === null) return [];
    const { value_type: name, value } = item as { value_type?: unknown; value?: unknown };
    if (typeof name !== "string") return [];
    const groups = /^(?<sensor>[A-Z0-9]+)_(?<type>.+)$/.exec(name)?.groups;
    return [{ type: groups?.["type"] ?? name, sensor: groups?.["sensor"] ?? "", value }];
  });
}
