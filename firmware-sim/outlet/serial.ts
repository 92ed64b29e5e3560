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

/** How often a device that was unplugged is tried again. */
const RETRY_MS = 1000;

/** Opens the device for this process alone. Rejects with serialport's error when it cannot. */
export async function openSerialOutlet(
  place: SerialPlace,
  received: BytesReceived,
  clock: Clock,
): Promise<Outlet> {
  return new SerialOutlet(place, await openPort(place), received, clock);
}

class SerialOutlet implements Outlet {
  readonly address: string;
  readonly ended: Promise<Error | undefined>;
  readonly #place: SerialPlace;
  readonly #received: BytesReceived;
  readonly #clock: Clock;
  readonly #queue: ReadyQueue;
  #port: SerialPort | undefined;
  #bytesLost = 0;
  #end: (error?: Error) => void = () => undefined;

  constructor(place: SerialPlace, port: SerialPort, received: BytesReceived, clock: Clock) {
    this.address = `serial:${place.path}`;
    this.#place = place;
    this.#received = received;
    this.#clock = clock;
    this.#queue = new ReadyQueue(() => this.#takesBytes());
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.#use(port);
  }

  get bytesLost(): number {
    return this.#bytesLost;
  }

  write(bytes: Uint8Array): void {
    if (this.#takesBytes()) this.#port?.write(bytes);
    else this.#bytesLost += bytes.length;
  }

  ready(signal: AbortSignal): Promise<void> {
    return this.#queue.wait(signal);
  }

  async unplug(): Promise<void> {
    const port = this.#port;
    this.#port = undefined;
    if (port !== undefined) await closePort(port);
  }

  /** Tries again until the device is there: whoever made a PTY pair may have to make it anew. */
  async plug(signal: AbortSignal): Promise<void> {
    while (this.#port === undefined) {
      try {
        this.#use(await openPort(this.#place));
      } catch {
        await this.#clock.sleep(RETRY_MS, signal);
      }
    }
  }

  async close(): Promise<void> {
    const port = this.#port;
    this.#port = undefined;
    if (port?.isOpen === true) {
      await this.#flushed(port);
      await closePort(port);
    }
    this.#end();
  }

  #use(port: SerialPort): void {
    this.#port = port;
    const lost = (error?: Error | null): void => {
      if (port === this.#port) this.#end(error ?? undefined);
    };
    // After an unplugging serialport says so by "close" with an error; "error" tells of single calls.
    port.on("error", lost);
    port.once("close", lost);
    port.on("data", (chunk: Buffer) => this.#received(chunk));
    port.on("drain", () => this.#queue.check());
    this.#queue.check();
  }

  #flushed(port: SerialPort): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(CLOSE_LIMIT_MS, resolve);
      port.drain(() => {
        cancel();
        resolve();
      });
    });
  }

  #takesBytes(): boolean {
    const port = this.#port;
    return port?.isOpen === true && port.writableLength < WAITING_BYTES_MAX;
  }
}

async function openPort({ path, baud }: SerialPlace): Promise<SerialPort> {
  const port = new SerialPort({ path, baudRate: baud, autoOpen: false });
  await new Promise<void>((resolve, reject) => {
    port.open((error) => (error === null ? resolve() : reject(error)));
  });
  return port;
}

function closePort(port: SerialPort): Promise<void> {
  return new Promise((resolve) => {
    // An error here means that the device is gone already.
    if (port.isOpen) port.close(() => resolve());
    else resolve();
  });
}
