/**
 * Which board it is that sends messages: all drivers of messages hear the same ones, and one that finds readings has it.
 *
 * A message that was kept by the broker tells as much of the board as a fresh one, and is taken for one here. What no driver
 * takes is shown value by value, so that a person can say what it is. Pure.
 */

import { encodeUtf8 } from "../../ledger/bytes.ts";
import { QUANTITIES } from "../../ledger/quantity.ts";
import { type Driver, type DriverKind, linesOf, type Surroundings } from "../sensors/driver.ts";
import { formatPointer } from "../sensors/drivers/json-pointer.ts";
import { type Message, messageFramer } from "../sensors/framers/message.ts";
import type { LineKind } from "../sensors/lines/address.ts";
import { needsNoOptions } from "./recognition.ts";

/** A board that was recognised. */
export interface RecognisedBoard {
  readonly kind: DriverKind;
  /** What it measures, in order of name. */
  readonly quantities: readonly string[];
}

/** A value in a message that nobody has understood. */
export interface StrangeValue {
  readonly topic: string;
  /** JSON Pointer. */
  readonly path: string;
  readonly value: number;
  /** What it may be, going by its name alone. */
  readonly quantity: string | undefined;
}

const VALUES_MAX = 40;
const DEPTH_MAX = 4;

/** Drivers that hear one line of messages together. */
export class MessageEar {
  private readonly framer = messageFramer();
  private readonly listeners: readonly { readonly kind: DriverKind; readonly driver: Driver }[];
  private readonly strange = new Map<string, StrangeValue>();
  private found: RecognisedBoard | undefined;

  /** Of the kinds, those that can hang on such a line and be made without options are tried. */
  constructor(kinds: readonly DriverKind[], line: LineKind, surroundings: Surroundings) {
    this.listeners = kinds
      .filter((kind) => linesOf(kind).includes(line) && needsNoOptions(kind))
      .map((kind) => ({ kind, driver: kind.create({}, surroundings) }));
  }

  /** Takes a message as a line hands it on; gives what it says. */
  hear(line: Uint8Array, atMs: number): Message[] {
    const messages = this.framer.push(line, atMs).map(({ frame }) => frame);
    for (const message of messages) this.take(message, atMs);
    return messages;
  }

  /** Who it is, once a message was understood. */
  recognised(): RecognisedBoard | undefined {
    return this.found;
  }

  /** Numbers that no driver took. */
  strangeValues(): StrangeValue[] {
    return [...this.strange.values()];
  }

  private take(message: Message, atMs: number): void {
    const { topic, payload } = message;
    const fresh = encodeUtf8(`${JSON.stringify({ topic, payload })}\n`);
    for (const { kind, driver } of this.listeners) {
      if (this.found || !mayBe(kind, message)) continue;
      const quantities = driver
        .push(fresh, atMs)
        .flatMap((event) => (event.kind === "readings" ? event.readings : []))
        .map(({ quantity }) => quantity);
      if (quantities.length > 0) this.found = { kind, quantities: quantities.toSorted() };
    }
    for (const [pointer, value] of numbersIn(payload, [])) {
      const path = formatPointer(pointer);
      const name =
        pointer.at(-1) ??
        topic
          .replace(/\/state$/, "")
          .split("/")
          .at(-1) ??
        "";
      if (this.strange.size < VALUES_MAX || this.strange.has(topic + path))
        this.strange.set(topic + path, { topic, path, value, quantity: guess(name) });
    }
  }
}

/** Zigbee2MQTT's keys are those that anybody would take: its own mark has to be there, or its name. */
function mayBe({ name }: DriverKind, { topic, payload }: Message): boolean {
  if (name !== "zigbee2mqtt" || /(^|\/)zigbee2mqtt/.test(topic)) return true;
  return typeof payload === "object" && payload !== null && Object.hasOwn(payload, "linkquality");
}

function numbersIn(
  value: unknown,
  pointer: readonly string[],
): (readonly [readonly string[], number])[] {
  if (typeof value === "number" && Number.isFinite(value)) return [[pointer, value]];
  if (typeof value !== "object" || value === null || pointer.length >= DEPTH_MAX) return [];
  return Object.entries(value)
    .slice(0, VALUES_MAX)
    .flatMap(([name, inner]) => numbersIn(inner, [...pointer, name]));
}

const GUESSES: Readonly<Record<string, string>> = {
  temperature: "temp",
  humidity: "rh",
  hum: "rh",
  pm2_5: "pm25",
  "pm2.5": "pm25",
  pm_2_5: "pm25",
  noise: "laeq",
};

function guess(name: string): string | undefined {
  const small = name.toLowerCase();
  return QUANTITIES.has(small) ? small : GUESSES[small];
}
