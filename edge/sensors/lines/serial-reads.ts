/**
 * Reads of a serial port that wake nobody but their reader.
 *
 * The `serialport` package hands each read to a thread, and asks twice for each piece that arrives, once to hear that there is
 * nothing yet. Its descriptor never blocks, so a read can as well be made at once, when the kernel says that there is
 * something. On a small computer most of what a sensor costs is waking up for it.
 */

import { readSync } from "node:fs";

/** What the package's ports are on systems with file descriptors; `fd` is null once the port is closed. */
interface PolledPort {
  readonly fd: number | null;
  readonly poller: {
    once(event: "readable", told: (error: Error | null) => void): unknown;
  };
  read: Read;
}

type Read = (
  buffer: Uint8Array,
  offset: number,
  length: number,
) => Promise<{ buffer: Uint8Array; bytesRead: number }>;

/** Makes an open port of the package read like that; one that has no descriptor, as on Windows, is left as it is. */
export function readInOwnThread(port: object | undefined): void {
  if (!isPolled(port)) return;
  port.read = async (buffer, offset, length) => {
    for (;;) {
      await readable(port);
      const bytesRead = readNow(port, buffer, offset, length);
      // A port that is pulled out is always readable, and there is never anything.
      if (bytesRead === 0) throw new Error("the port has hung up");
      if (bytesRead !== undefined) return { buffer, bytesRead };
    }
  };
}

function isPolled(port: object | undefined): port is PolledPort {
  return port !== undefined && "fd" in port && "poller" in port;
}

/** Rejects when the port is closed meanwhile, or fails. */
function readable(port: PolledPort): Promise<void> {
  return new Promise((resolve, reject) => {
    port.poller.once("readable", (error) => (error === null ? resolve() : reject(error)));
  });
}

/** The bytes that there are, as a number; `undefined` where somebody was quicker. */
function readNow(
  port: PolledPort,
  buffer: Uint8Array,
  offset: number,
  length: number,
): number | undefined {
  if (port.fd === null) throw new Error("the port is closed");
  try {
    return readSync(port.fd, buffer, offset, length, null);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EAGAIN" || code === "EINTR") return undefined;
    throw error;
  }
}
