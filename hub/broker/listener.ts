/**
 * The TCP or TLS port of the broker.
 *
 * MQTT without TLS is offered on loopback only (docs/formats.md, section 10): a proxy on the same machine may end TLS.
 */

import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { UserError } from "../../platform/user-error.ts";

/** Where to listen. */
export interface ListenOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** PEM texts; without them the host must be a loopback address. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  readonly connectionsMax: number;
}

/** A port that is open. */
export interface Listener {
  readonly port: number;
  /** Takes no new connections any more; those there are end by themselves. */
  close(): Promise<void>;
}

/** A connection that sends nothing for this long is gone: half-open, or asleep without keep-alive. */
const IDLE_MS_MAX = 600_000;
const PROBE_MS = 60_000;
const HANDSHAKE_MS_MAX = 10_000;

/** Opens the port and hands each connection to `accept`. Rejects with `UserError` where it cannot. */
export async function listenMqtt(
  options: ListenOptions,
  accept: (socket: Socket) => void,
): Promise<Listener> {
  const { host, port, tls } = options;
  if (tls === undefined && !isLoopback(host)) {
    throw new UserError(
      `MQTT on ${host} needs TLS; without a certificate only loopback is served.`,
    );
  }
  const welcome = (socket: Socket): void => {
    socket.setNoDelay(true);
    socket.setKeepAlive(true, PROBE_MS);
    socket.setTimeout(IDLE_MS_MAX, () => socket.destroy());
    accept(socket);
  };
  const server =
    tls === undefined
      ? createServer(welcome)
      : createTlsServer({ ...tls, handshakeTimeout: HANDSHAKE_MS_MAX }, welcome);
  server.maxConnections = options.connectionsMax;
  await listening(server, host, port);
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      // Not waited for: it ends with the last connection, and connections are ended by those who were given them.
      server.close();
      return Promise.resolve();
    },
  };
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const isTaken = error.code === "EADDRINUSE";
      const reason = isTaken ? "the port is taken" : error.message;
      reject(new UserError(`cannot listen for MQTT on ${host}:${port}: ${reason}`));
    });
    server.listen(port, host, resolve);
  });
}
