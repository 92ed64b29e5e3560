/**
 * A board with the airRohr firmware of sensor.community: an SDS011, with a DHT22, or a BME280 where pressure is measured, and
 * a DNMS where noise is.
 *
 * `custom` is what the firmware sends to an own API: all values at once, the sensor's name in front, what the board says
 * of itself behind. `community` is what it sends to sensor.community: one message a sensor, without the name, with the
 * pin. Texts with two digits behind the point, blanks where the firmware has them.
 */
import { encodeUtf8 } from "../../ledger/bytes.ts";
import type { Values } from "../models/model.ts";
import type { BoardMessage, MessageBoard } from "./board.ts";

/** To whom it speaks, the usual one first. */
export const AIRROHR_DIALECTS = ["custom", "community"] as const;
export type AirRohrDialect = (typeof AIRROHR_DIALECTS)[number];

const SOFTWARE = "NRZ-2020-133";
const INTERVAL_MS = 145_000;
/** Pascals in a hectopascal. */
const PASCALS = 100;

/** A sensor on the board: its name in front, its pin, and what it says. */
interface Part {
  readonly prefix: string;
  readonly pin: number;
  readonly values: readonly (readonly [type: string, value: number])[];
}

/** One board. */
export class AirRohrBoard implements MessageBoard {
  readonly address: string;
  readonly #id: number;
  readonly #dialect: AirRohrDialect;

  /** `id` is that of the ESP8266, three bytes. */
  constructor(id: number, dialect: AirRohrDialect) {
    this.#id = id;
    this.#dialect = dialect;
    this.address = `push:esp8266-${id}`;
  }

  report(values: Values): BoardMessage[] {
    const parts = [...dustOf(values), ...climateOf(values), ...noiseOf(values)];
    if (parts.length === 0) return [];
    if (this.#dialect === "community")
      return parts.map(({ pin, values: said }) => this.#message(said.map(asItem), "", pin));
    const measured = parts.flatMap(({ prefix, values: said }) =>
      said.map(([type, value]) => asItem([prefix + type, value])),
    );
    const own = [
      item("samples", "4974213"),
      item("min_micro", "28"),
      item("max_micro", "20059"),
      item("interval", String(INTERVAL_MS)),
      item("signal", "-61"),
    ];
    return [this.#message([...measured, ...own], `"esp8266id": "${this.#id}", `, undefined)];
  }

  #message(items: readonly string[], id: string, pin: number | undefined): BoardMessage {
    const text = `{${id}"software_version": "${SOFTWARE}", "sensordatavalues":[${items.join(",")}]}`;
    const headers = {
      "User-Agent": `${SOFTWARE}/${this.#id}`,
      "Content-Type": "application/json",
      "X-Sensor": `esp8266-${this.#id}`,
      ...(pin === undefined ? {} : { "X-PIN": String(pin) }),
    };
    return { bytes: encodeUtf8(text), to: { kind: "post", headers } };
  }
}

function dustOf({ pm10, pm25 }: Values): Part[] {
  if (pm10 === undefined || pm25 === undefined) return [];
  return [
    {
      prefix: "SDS_",
      pin: 1,
      values: [
        ["P1", pm10],
        ["P2", pm25],
      ],
    },
  ];
}

function climateOf({ temp, rh, pressure }: Values): Part[] {
  if (temp === undefined || rh === undefined) return [];
  if (pressure === undefined)
    return [
      {
        prefix: "",
        pin: 7,
        values: [
          ["temperature", temp],
          ["humidity", rh],
        ],
      },
    ];
  return [
    {
      prefix: "BME280_",
      pin: 11,
      values: [
        ["temperature", temp],
        ["pressure", pressure * PASCALS],
        ["humidity", rh],
      ],
    },
  ];
}

function noiseOf({ laeq, lamin, lamax }: Values): Part[] {
  if (laeq === undefined || lamin === undefined || lamax === undefined) return [];
  return [
    {
      prefix: "DNMS_",
      pin: 15,
      values: [
        ["noise_LAeq", laeq],
        ["noise_LA_min", lamin],
        ["noise_LA_max", lamax],
      ],
    },
  ];
}

function asItem([type, value]: readonly [string, number]): string {
  return item(type, value.toFixed(2));
}

function item(type: string, value: string): string {
  return `{"value_type":"${type}","value":"${value}"}`;
}
