/**
 * Messages as lines of JSON (NDJSON), such as `{"topic":"garden/air","payload":{"temp":21.5}}`.
 *
 * A line to the LAN's broker or to the boards that push hands each message to its driver so. A line of any other JSON is
 * the payload itself, without a topic: that is what boards print on a serial port. There is no checksum in it.
 */

import { decodeUtf8, encodeUtf8 } from "../../../ledger/bytes.ts";
import type { Framer } from "./framer.ts";
import { LineFramer, type LineVerdict } from "./line-framer.ts";

/** One message. */
export interface Message {
  /** Empty where it has none. */
  readonly topic: string;
  /** What the payload says as JSON, or its text where it is none. */
  readonly payload: unknown;
  /** The broker had kept it for whoever would come: when it was said, nobody knows. */
  readonly isRetained: boolean;
}

/** Between a board's id and the pin of the sensor that its push is of, in the topic of a push. */
export const PIN_MARK = "/pin/";

/** Bytes of the longest payload that is taken. */
export const PAYLOAD_BYTES_MAX = 65_536;

/** Bytes of the longest line, its end not counted: JSON may grow when it is written anew. */
export const MESSAGE_BYTES_MAX: number = 2 * PAYLOAD_BYTES_MAX;

/** Makes a framer of messages. */
export function messageFramer(): Framer<Message> {
  return new LineFramer({ bytesMax: MESSAGE_BYTES_MAX, parse: parseMessage });
}

/**
 * Formats a message as a line with its end; `undefined` where it is none that can be handed on: no UTF-8, too long, or
 * nested beyond reason.
 */
export function formatMessage(
  topic: string,
  payload: Uint8Array,
  isRetained = false,
): Uint8Array | undefined {
  const text = payload.length > PAYLOAD_BYTES_MAX ? undefined : decodeUtf8(payload);
  if (text === undefined) return undefined;
  const said = parseJson(text);
  const line = stringify({
    topic,
    payload: said === undefined ? text : said,
    ...(isRetained ? { retained: true } : {}),
  });
  const bytes = line === undefined ? undefined : encodeUtf8(`${line}\n`);
  return bytes === undefined || bytes.length > MESSAGE_BYTES_MAX ? undefined : bytes;
}

function parseMessage(line: string): LineVerdict<Message> {
  if (line.trim() === "") return "filler";
  const text = decodeUtf8(Uint8Array.from(line, (character) => character.charCodeAt(0)));
  const value = text === undefined ? undefined : parseJson(text);
  if (typeof value !== "object" || value === null) return "bad";
  return { frame: asMessage(value) ?? { topic: "", payload: value, isRetained: false } };
}

/** What a line of ours says; `undefined` where it is a board's own. */
function asMessage(value: object): Message | undefined {
  const { topic, payload, retained, ...others } = value as Readonly<Record<string, unknown>>;
  const isOurs = typeof topic === "string" && payload !== undefined;
  if (!isOurs || Object.keys(others).length > 0) return undefined;
  if (retained !== undefined && retained !== true) return undefined;
  return { topic, payload, isRetained: retained === true };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** JSON that is nested some thousand levels deep can be read, and not be written. */
function stringify(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}
