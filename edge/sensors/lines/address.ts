/**
 * How a configuration names the line to a sensor. See docs/drivers.md, "Lines".
 *
 * `serial:/dev/serial/by-id/usb-…?baud=9600&mode=8N1`, the bare path of a serial port, `tcp://host:port` for a
 * converter from serial to network, `mqtt:TOPIC-FILTER` for messages of the LAN's broker, or `push:BOARD-ID` for a board
 * that pushes over HTTP. Addresses are shown to people: where the broker is, and its password, stand elsewhere in the
 * settings.
 */

import { isTopicFilter } from "../topic-filter.ts";

/** A serial port of this machine. */
export interface SerialAddress {
  readonly kind: "serial";
  readonly path: string;
  readonly baudRate: number;
  readonly dataBits: 5 | 6 | 7 | 8;
  readonly parity: "none" | "even" | "odd";
  readonly stopBits: 1 | 2;
}

/** A TCP server that passes bytes on as they are. */
export interface TcpAddress {
  readonly kind: "tcp";
  readonly host: string;
  readonly port: number;
}

/** Messages of the LAN's broker. */
export interface MqttAddress {
  readonly kind: "mqtt";
  /** As MQTT 3.1.1 has it; wildcards allowed. */
  readonly filter: string;
  /** Further filters: where the driver hears whether the board is there. */
  readonly besides?: readonly string[];
}

/** What one board pushes. */
export interface PushAddress {
  readonly kind: "push";
  /** As the board calls itself, such as `esp8266-1234567`. */
  readonly board: string;
}

export type LineAddress = SerialAddress | TcpAddress | MqttAddress | PushAddress;

/** Of what kind a line is. */
export type LineKind = LineAddress["kind"];

/** The forms of an address, for whoever got one wrong. */
export const ADDRESS_FORMS =
  "a serial port's path, serial:PATH?baud=9600, tcp://host:port, mqtt:TOPIC or push:BOARD";

const BAUD_MIN = 50;
const BAUD_MAX = 4_000_000;
const PARITIES = { N: "none", E: "even", O: "odd" } as const;

/** Parses an address; `undefined` where it is none. `baudRate` is for serial addresses that do not say theirs. */
export function parseLineAddress(text: string, baudRate = 9600): LineAddress | undefined {
  if (text.startsWith("tcp://")) return parseTcp(text);
  if (text.startsWith("mqtt:")) return parseMqtt(text.slice("mqtt:".length));
  if (text.startsWith("push:")) return parsePush(text.slice("push:".length));
  const [path = "", ...query] = text.replace(/^serial:/, "").split("?");
  if (!path.startsWith("/") || path.includes("\0") || query.length > 1) return undefined;
  const settings = new URLSearchParams(query[0] ?? "");
  const names = [...settings.keys()];
  const isKnown = names.every((name) => name === "baud" || name === "mode");
  if (!isKnown || new Set(names).size < names.length) return undefined;
  const baud = Number(settings.get("baud") ?? baudRate);
  const mode = parseMode(settings.get("mode") ?? "8N1");
  if (!Number.isInteger(baud) || baud < BAUD_MIN || baud > BAUD_MAX) return undefined;
  return mode && { kind: "serial", path, baudRate: baud, ...mode };
}

/** Data bits, parity and stop bits, such as `8N1`. */
function parseMode(
  text: string,
): Pick<SerialAddress, "dataBits" | "parity" | "stopBits"> | undefined {
  const groups = /^(?<data>[5-8])(?<parity>[NEO])(?<stop>[12])$/.exec(text)?.groups;
  if (groups === undefined) return undefined;
  return {
    dataBits: Number(groups["data"]) as SerialAddress["dataBits"],
    parity: PARITIES[groups["parity"] as keyof typeof PARITIES],
    stopBits: Number(groups["stop"]) as SerialAddress["stopBits"],
  };
}

function parseTcp(text: string): TcpAddress | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const rest = url.username + url.password + url.search + url.hash;
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = Number(url.port);
  if (rest !== "" || !["", "/"].includes(url.pathname) || host === "" || port === 0)
    return undefined;
  return { kind: "tcp", host, port };
}

function parseMqtt(filter: string): MqttAddress | undefined {
  // Not a URL: where the broker is stands under [lan].
  if (filter.startsWith("//") || !isTopicFilter(filter)) return undefined;
  return { kind: "mqtt", filter };
}

/** Says whether a board may call itself so. */
export function isBoardId(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text);
}

function parsePush(board: string): PushAddress | undefined {
  return isBoardId(board) ? { kind: "push", board } : undefined;
}
