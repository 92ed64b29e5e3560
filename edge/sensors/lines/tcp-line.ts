/**
 * A line over TCP, to a converter from serial to network such as ser2net, without any protocol of its own.
 *
 * A converter that lost its power says nothing of it: keep-alive finds that out within about half a minute.
 */

import { connect as connectSocket } from "node:net";
import type { TcpAddress } from "./address.ts";
import type { Connect } from "./line.ts";

const KEEP_ALIVE_MS = 10_000;
/** Commands to sensors are short; more than this waiting means that nobody reads them. */
const WAITING_BYTES_MAX = 4096;

/** Connects to a TCP server. */
export function tcpConnect(address: TcpAddress): Connect {
  return (events, signal) =>
    new Promise((resolve, reject) => {
      const socket = connectSocket({
        host: address.host,
        port: address.port,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_MS,
      });
      let isOpen = false;
      let cause: Error | undefined;
      const gone = new Promise<void>((done) => socket.once("close", () => done()));
      const abort = (): void => void socket.destroy(signal.reason as Error);
      socket.on("error", (error) => (cause = error));
      socket.once("close", () => {
        signal.removeEventListener("abort", abort);
        if (isOpen) events.closed(cause);
        else reject(cause ?? new Error("the connection was closed"));
      });
      socket.once("connect", () => {
        isOpen = true;
        signal.removeEventListener("abort", abort);
        resolve({
          write: (bytes) => {
            const isFull = socket.writableLength + bytes.length > WAITING_BYTES_MAX;
            if (isFull || !socket.writable) return false;
            // The caller may use its memory again at once.
            socket.write(bytes.slice());
            return true;
          },
          close: () => {
            socket.destroy();
            return gone;
          },
        });
      });
      socket.on("data", (chunk: Uint8Array) => events.bytes(chunk));
      socket.once("end", () => socket.destroy());
      signal.addEventListener("abort", abort, { once: true });
      if (signal.aborted) abort();
    });
}
