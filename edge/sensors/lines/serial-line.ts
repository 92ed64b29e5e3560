/**
 * A line over a serial port, by the `serialport` package.
 *
 * Name ports by `/dev/serial/by-id/…`: the numbers of `/dev/ttyUSB…` change when sensors are plugged in again. The
 * package is loaded with the first serial line, so that agents without one do not need its native part.
 */

import { statSync } from "node:fs";
import type { SerialPort } from "serialport";
import type { Clock } from "../../../platform/clock.ts";
import type { SerialAddress } from "./address.ts";
import type { Connect, Connection, ConnectionEvents } from "./line.ts";
import { readInOwnThread } from "./serial-reads.ts";

const READ_BYTES = 4096;
/** Commands to sensors are short; more than this waiting means that nobody reads them. */
const WAITING_BYTES_MAX = 4096;

/** How often a look is taken whether the port is still the one that was opened; one that is pulled out says so by itself. */
const LOOK_MS = 5_000;

/** Opens a serial port, for this process alone. */
export function serialConnect(address: SerialAddress, clock: Clock): Connect {
  return async (events, signal) => {
    const { SerialPort } = await import("serialport");
    const { path, baudRate, dataBits, parity, stopBits } = address;
    const settings = { path, baudRate, dataBits, parity, stopBits, highWaterMark: READ_BYTES };
    const port = new SerialPort({ ...settings, autoOpen: false, lock: true });
    // A lost port is told of by `close`; without a listener, an error would end the process.
    port.on("error", () => undefined);
    await opened(port, signal);
    readInOwnThread(port.port);
    return connectionOf(port, events, clock);
  };
}

/** Waits until the port is open, or the signal aborted; then a port that opens late is closed again. */
function opened(port: SerialPort, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener("abort", abort, { once: true });
    port.open((error) => {
      signal.removeEventListener("abort", abort);
      if (error !== null) reject(error);
      else if (signal.aborted) port.close(() => undefined);
      else resolve();
    });
  });
}

function connectionOf(port: SerialPort, events: ConnectionEvents, clock: Clock): Connection {
  let finish: (cause?: Error | null) => void = () => undefined;
  const gone = new Promise<Error | undefined>((resolve) => {
    finish = (cause) => resolve(cause ?? undefined);
  });
  let lostBy: Error | undefined;
  let isClosing = false;
  const close = (): void => {
    isClosing = true;
    // What is still on its way to a sensor that is gone would keep the port from closing.
    if (port.isOpen)
      port.flush(() => port.isOpen && port.close((error) => finish(error ?? lostBy)));
  };
  const cancelWatch = watchDevice(port.path, clock, (cause) => {
    lostBy = cause;
    close();
  });
  void gone.then((cause) => {
    cancelWatch();
    port.removeAllListeners("data");
    events.closed(cause);
  });
  port.once("close", (cause?: Error | null) => finish(cause ?? lostBy));
  // A port that cannot even be closed says so here, and never says `close`; so do writes that closing cuts short.
  port.on("error", (error) => !port.isOpen && finish(isClosing ? lostBy : error));
  port.on("data", (chunk: Uint8Array) => events.bytes(chunk));
  return {
    write: (bytes) => {
      if (!port.isOpen || port.writableLength + bytes.length > WAITING_BYTES_MAX) return false;
      // The caller may use its memory again at once.
      port.write(bytes.slice());
      return true;
    },
    close: async () => {
      close();
      await gone;
    },
  };
}

/**
 * Watches whether a path still leads to the same device; says it once when it does not. Gives what ends the watch.
 *
 * A driver that does not hang up a port which is pulled out would leave it silent for ever. A sensor that is plugged in again
 * meanwhile has another device number.
 */
function watchDevice(path: string, clock: Clock, lost: (cause: Error) => void): () => void {
  let device: number | undefined;
  let cancel: () => void = () => undefined;
  const look = (): void => {
    try {
      // At once, since the names of devices are in memory: by a thread it would be three wake-ups.
      const { rdev } = statSync(path);
      device ??= rdev;
      if (rdev !== device) throw new Error(`${path} is another device now`);
      cancel = clock.after(LOOK_MS, look);
    } catch (error) {
      lost(error as Error);
    }
  };
  look();
  return () => cancel();
}
