/**
 * How a configuration names the line to a sensor. See docs/drivers.md, "Lines".
 *
 * `serial:/dev/serial/by-id/usb-…?baud=9600&mode=8N1`, the bare path of a serial port, or `tcp://host:port` for a
 * converter from serial to network.
 */

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

export type LineAddress = SerialAddress | TcpAddress;

const BAUD_MIN = 50;
const BAUD_MAX = 4_000_000;
const PARITIES = { N: "none", E: "even", O: "odd" } as const;

/** Parses an address; `undefined` where it is none. `baudRate` is for serial addresses that do not say theirs. */
export function parseLineAddress(text: string, baudRate = 9600): LineAddress | undefined {
  if (text.startsWith("tcp://")) return parseTcp(text);
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
