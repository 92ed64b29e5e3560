/**
 * A board with ESPHome: each value as a bare number at a topic of its own, `NAME/sensor/SENSOR/state`, kept by the broker.
 *
 * Each with as many digits behind the point as ESPHome gives its kind of sensor. What is not a number yet is `nan`.
 */
import { encodeUtf8 } from "../../ledger/bytes.ts";
import type { Values } from "../models/model.ts";
import type { BoardMessage, MessageBoard, Presence } from "./board.ts";

/** Names as ESPHome makes them of those in its own examples, with the digits behind the point. */
const SENSORS: readonly (readonly [quantity: string, name: string, decimals: number])[] = [
  ["temp", "temperature", 1],
  ["rh", "humidity", 1],
  ["pressure", "pressure", 1],
  ["co2", "co2_value", 0],
  ["pm25", "particulate_matter__2_5__m_concentration", 1],
  ["pm10", "particulate_matter__10_0__m_concentration", 1],
  ["laeq", "laeq", 1],
  ["lamax", "lamax", 1],
  ["lamin", "lamin", 1],
];

/** One board. */
export class EsphomeBoard implements MessageBoard {
  readonly address: string;
  readonly presence: Presence;
  readonly #name: string;
  readonly #quantities: readonly string[] | undefined;

  /** `name` is the prefix of its topics; it speaks of all that is measured, or of these quantities. */
  constructor(name: string, quantities?: readonly string[]) {
    this.#name = name;
    this.#quantities = quantities;
    this.address = `mqtt:${name}/sensor/+/state`;
    this.presence = {
      online: [this.#message("status", "online")],
      offline: this.#message("status", "offline"),
    };
  }

  report(values: Values): BoardMessage[] {
    return SENSORS.flatMap(([quantity, name, decimals]) => {
      const value = values[quantity];
      if (value === undefined || !(this.#quantities?.includes(quantity) ?? true)) return [];
      const text = Number.isFinite(value) ? value.toFixed(decimals) : "nan";
      return [this.#message(`sensor/${name}/state`, text)];
    });
  }

  #message(leaf: string, text: string): BoardMessage {
    const topic = `${this.#name}/${leaf}`;
    return { bytes: encodeUtf8(text), to: { kind: "publish", topic, isRetained: true } };
  }
}
