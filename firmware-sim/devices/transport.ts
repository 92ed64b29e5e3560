/**
 * How simulated devices reach the hub's broker: TCP, or TLS where the hub has it (docs/formats.md, section 10).
 */
import type { Duplex } from "node:stream";
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { UserError } from "../../platform/user-error.ts";

/** Begins a connection. It may be written to at once; a failure comes out of the stream. */
export type Dial = () => Duplex;

/** Where a broker is. */
export interface BrokerAddress {
  readonly isTls: boolean;
  readonly host: string;
  readonly port: number;
}

/** Parses `mqtt://host[:port]` or `mqtts://host[:port]`. Throws `UserError` for anything else. */
export function parseBrokerAddress(text: string): BrokerAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isTls = url?.protocol === "mqtts:";
  if (url === undefined || (!isTls && url.protocol !== "mqtt:") || url.hostname === "") {
    throw new UserError(
      `--mqtt expects an address such as mqtts://hub.example:8883, not "${text}".`,
    );
  }
  const port = url.port === "" ? (isTls ? 8883 : 1883) : Number(url.port);
  return { isTls, host: hostOf(url), port };
}

/** The host of a URL as sockets take it: IPv6 addresses without brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, "$1");
}

/** Formats an address as `parseBrokerAddress` reads it. */
export function formatBrokerAddress({ isTls, host, port }: BrokerAddress): string {
  return `${isTls ? "mqtts" : "mqtt"}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Makes the way to a broker. `ca` is the PEM text of the authority to be believed, in place of the system's. */
export function dialTo(address: BrokerAddress, ca?: string): Dial {
  const { isTls, host, port } = address;
  if (!isTls) {
    return () => connectTcp({ host, port, noDelay: true });
  }
  const trust = ca === undefined ? {} : { ca };
  return () => {
    const socket = connectTls({
      host,
      port,
      ...(isName(host) ? { servername: host } : {}),
      ...trust,
    });
    socket.setNoDelay(true);
    return socket;
  };
}

/** Server names are names, never addresses (RFC 6066, 3). */
function isName(host: string): boolean {
  return !host.includes(":") && !/^[\d.]+$/.test(host);
}
