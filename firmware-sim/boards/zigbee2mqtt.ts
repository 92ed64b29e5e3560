/**
 * A Zigbee device behind Zigbee2MQTT 2: one JSON object at its topic, keys in order of the alphabet, with battery and link
 * quality; or, where it measures power, a plug.
 *
 * Zigbee2MQTT says of each device whether it is there. Here that is the broker's word when the simulator goes, since the
 * two go together.
 */
import { encodeUtf8 } from "../../ledger/bytes.ts";
import type { Values } from "../models/model.ts";
import type { BoardMessage, MessageBoard, Presence } from "./board.ts";

/** Keys of what is measured, with the digits behind the point. */
const KEYS: readonly (readonly [quantity: string, key: string, decimals: number])[] = [
  ["co2", "co2", 0],
  ["energy", "energy", 2],
  ["rh", "humidity", 2],
  ["pm10", "pm10", 0],
  ["pm25", "pm25", 0],
  ["power", "power", 1],
  ["pressure", "pressure", 1],
  ["temp", "temperature", 2],
];
const BATTERY_PERCENT = 97;
const BATTERY_MILLIVOLTS = 2985;

/** One device. */
export class Zigbee2MqttBoard implements MessageBoard {
  readonly address: string;
  readonly presence: Presence;
  readonly #topic: string;
  readonly #quantities: readonly string[] | undefined;

  /** Speaks at `topic`, such as `zigbee2mqtt/kitchen`; of all that is measured, or of these quantities. */
  constructor(topic: string, quantities?: readonly string[]) {
    this.#topic = topic;
    this.#quantities = quantities;
    this.address = `mqtt:${topic}`;
    const state = (place: string, word: string): BoardMessage =>
      message(place, { state: word }, true);
    this.presence = {
      online: [
        state(`${topic.split("/")[0]}/bridge/state`, "online"),
        state(`${topic}/availability`, "online"),
      ],
      offline: state(`${topic}/availability`, "offline"),
    };
  }

  report(values: Values, timeMs: number): BoardMessage[] {
    const said = KEYS.flatMap(([quantity, key, decimals]) => {
      const value = values[quantity];
      const isMeant = this.#quantities?.includes(quantity) ?? true;
      return value === undefined || !isMeant
        ? []
        : [[key, Number(value.toFixed(decimals))] as const];
    });
    if (said.length === 0) return [];
    const { power, "voltage-l1": voltage = 230 } = values;
    const supply =
      power === undefined
        ? { battery: BATTERY_PERCENT, voltage: BATTERY_MILLIVOLTS }
        : { current: Number((power / voltage).toFixed(2)), voltage: Math.round(voltage) };
    // Changes from message to message, as that of a real link.
    const linkquality = 80 + (Math.floor(timeMs / 1000) % 60);
    const entries = Object.entries({ ...Object.fromEntries(said), ...supply, linkquality });
    return [
      message(
        this.#topic,
        Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1))),
        false,
      ),
    ];
  }
}

function message(topic: string, payload: object, isRetained: boolean): BoardMessage {
  return {
    bytes: encodeUtf8(JSON.stringify(payload)),
    to: { kind: "publish", topic, isRetained },
  };
}
