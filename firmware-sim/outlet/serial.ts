/**
 * A board's line as a serial device: one end of a PTY pair, or a real adapter with a cable to the edge.
 *
 * A line that was pulled out shows at the next write: serialport 13 takes the end of a PTY for an empty read and
 * reads again without end.
 */
import { SerialPort } from "serialport";
import type { Clock } from "../../platform/clock.ts";
import {
  type BytesReceived,
  CLOSE_LIMIT_MS,
  type Outlet,
  ReadyQueue,
  WAITING_BYTES_MAX,
} from "./outlet.ts";

/** Which device, and how fast. Always eight data bits, no parity, one stop bit. */
export interface SerialPlace {
  readonly path: string;
  readonly baud: number;
}

/** Opens the device for this process alone. Rejects with serialport's error when it cannot. */
export async function openSerialOutlet(
  place: SerialPlace,
  received: BytesReceived,
  clock: Clock,
): Promise<Outlet> {
  const port = new SerialPort({ path: place.path, baudRate: place.baud, autoOpen: false });
  await new Promise<void>((resolve, reject) => {
    port.open((error) => (error === null ? resolve() : reject(error)));
  });
  return new SerialOutlet(place, port, received, clock);
}

class SerialOutlet implements Outlet {
  readonly address: string;
  readonly ended: Promise<Error | undefined>;
  readonly #port: SerialPort;
  readonly #clock: Clock;
  readonly #queue: ReadyQueue;
  #bytesLost = 0;

  constructor(place: SerialPlace, port: SerialPort, received: BytesReceived, clock: Clock) {
    this.address = `serial:${place.path}`;
    this.#port = port;
    this.#clock = clock;
    this.#queue = new ReadyQueue(() => this.#takesBytes());
    this.ended = new Promise((resolve) => {
      // After an unplugging serialport says so by "close" with an error; "error" tells of single calls.
      port.on("error", (error: Error) => resolve(error));
      port.once("close", (error: Error | null) => resolve(error ?? undefined));
    });
    port.on("data", (chunk: Buffer) => received(chunk));
    port.on("drain", () => this.#queue.check());
  }

  get bytesLost(): number {
    return this.#bytesLost;
  }

  write(bytes: Uint8Array): void {
    if (this.#takesBytes()) this.#port.write(bytes);
    else this.#bytesLost += bytes.length;
  }

  ready(signal: AbortSignal): Promise<void> {
    return this.#queue.wait(signal);
  }

  async close(): Promise<void> {
    if (!this.#port.isOpen) return;
    await this.#flushed();
    await new Promise<void>((resolve) => {
      // An error here means that the device is gone already.
      if (this.#port.isOpen) this.#port.close(() => resolve());
      else resolve();
    });
  }

  #flushed(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(CLOSE_LIMIT_MS, resolve);
      this.#port.drain(() => {
        cancel();
        resolve();
      });
    });
  }

  #takesBytes(): boolean {
    return this.#port.isOpen && this.#port.writableLength < WAITING_BYTES_MAX;
  }
}
