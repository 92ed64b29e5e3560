/**
 * The way to the LAN's broker: an MQTT client over TCP or TLS, with packets that are too long made short on the way in.
 *
 * The library's own transports hand its parser whatever comes; so the socket is made here, and given to it.
 */

import { connect as connectTcp, isIP } from "node:net";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { Buffer } from "node:buffer";
import { MqttClient } from "mqtt";
import type { IClientOptions } from "mqtt";
import { PAYLOAD_BYTES_MAX } from "../framers/message.ts";
import { TOPIC_BYTES_MAX } from "../topic-filter.ts";
import type { BrokerAccess } from "./lan-access.ts";
import { PacketTrim } from "./packet-trim.ts";

/** Makes an MQTT client that connects at once. `trimmed` is told of packets that were too long. */
export type ConnectBroker = (
  access: BrokerAccess,
  options: IClientOptions,
  trimmed: () => void,
) => MqttClient;

const PORTS = { "mqtt:": 1883, "mqtts:": 8883 };
/** A message that is taken whole, with its topic and identifier. */
const PACKET_BYTES_MAX = PAYLOAD_BYTES_MAX + TOPIC_BYTES_MAX + 4;

/** The real one. */
export const connectBroker: ConnectBroker = (access, options, trimmed) =>
  new MqttClient(() => new TrimmedStream(openSocket(access), trimmed), {
    ...options,
    // The library looks at it for its own transports only; it must not be left open.
    protocol: new URL(access.url).protocol === "mqtts:" ? "mqtts" : "mqtt",
  });

function openSocket({ url, ca }: BrokerAccess): Socket {
  const { protocol, hostname, port: given } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const isTls = protocol === "mqtts:";
  const port = given === "" ? PORTS[isTls ? "mqtts:" : "mqtt:"] : Number(given);
  if (!isTls) return connectTcp({ host, port, noDelay: true });
  return connectTls({
    host,
    port,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === undefined ? {} : { ca: Buffer.from(ca) }),
  });
}

/** A socket whose incoming packets are trimmed. */
class TrimmedStream extends Duplex {
  readonly #socket: Socket;
  readonly #trim = new PacketTrim(PACKET_BYTES_MAX);

  constructor(socket: Socket, trimmed: () => void) {
    super();
    this.#socket = socket;
    socket.on("data", (chunk: Uint8Array) => {
      try {
        const before = this.#trim.trimmed;
        const rest = this.#trim.push(chunk);
        if (this.#trim.trimmed > before) trimmed();
        if (rest.length > 0 && !this.push(rest)) socket.pause();
      } catch (error) {
        this.destroy(error as Error);
      }
    });
    socket.once("end", () => this.push(null));
    socket.once("error", (error) => this.destroy(error));
    socket.once("close", () => this.destroy());
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Uint8Array, _: string, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
