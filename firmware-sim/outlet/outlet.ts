/**
 * Where a board's serial line comes out: a TCP port (tcp.ts), a serial device (serial.ts) or a pseudo terminal (pty.ts); or
 * where its messages go: to a broker (mqtt.ts) or by HTTP (push.ts).
 *
 * A serial line has no flow control: what nobody reads is gone. An outlet behaves so, counts what is gone, and tells
 * those who play recordings when somebody reads, so that they lose nothing.
 */

import type { Destination } from "../boards/board.ts";

/** An open outlet. It owns its socket or device until `close`. */
export interface Outlet {
  /** Where to connect: `tcp://host:port` or `serial:/path`; of messages, where they go. It stays the same. */
  readonly address: string;

  /** Bytes that were lost because nobody read them, or not fast enough. */
  readonly bytesLost: number;

  /**
   * Settles when the outlet can no longer be used: with the error, or with nothing after `close`. Never rejects.
   *
   * An outlet that is unplugged has not ended.
   */
  readonly ended: Promise<Error | undefined>;

  /**
   * Sends a chunk in one piece, in order, or loses it whole. The bytes must not be changed afterwards.
   *
   * A message says where it goes; the bytes of a line have nowhere else to go.
   */
  write(bytes: Uint8Array, to?: Destination): void;

  /** Waits until somebody reads and a chunk of ordinary size would not be lost. Rejects with the signal's reason. */
  ready(signal: AbortSignal): Promise<void>;

  /** Pulls the line out: whoever reads is cut off, and nobody can open it. What is sent meanwhile is lost. */
  unplug(): Promise<void>;

  /** Plugs it in again at the same address. Rejects with the system's error, or the signal's reason. */
  plug(signal: AbortSignal): Promise<void>;

  /** Sends what is still to be sent, waiting two seconds at most, and lets go of the line. May be called twice. */
  close(): Promise<void>;
}

/** Called with each piece of bytes that arrive from the other side. */
export type BytesReceived = (chunk: Uint8Array) => void;

/** Bytes that wait in an outlet for a slow reader before more are lost. */
export const WAITING_BYTES_MAX: number = 64 * 1024;

/** How long `close` waits for a slow reader. */
export const CLOSE_LIMIT_MS = 2000;

/** Those who wait for an outlet to become ready. */
export class ReadyQueue {
  readonly #isReady: () => boolean;
  readonly #waiting = new Set<() => void>();

  constructor(isReady: () => boolean) {
    this.#isReady = isReady;
  }

  /** Lets the waiting go on if the outlet has become ready. */
  check(): void {
    if (!this.#isReady()) return;
    for (const go of this.#waiting) go();
  }

  /** Waits until the outlet is ready. */
  wait(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(reasonOf(signal));
    if (this.#isReady()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        this.#waiting.delete(go);
        signal.removeEventListener("abort", stop);
        act();
      };
      const go = (): void => settle(resolve);
      const stop = (): void => settle(() => reject(reasonOf(signal)));
      this.#waiting.add(go);
      signal.addEventListener("abort", stop);
    });
  }
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error
    ? signal.reason
    : new Error("stopped", { cause: signal.reason });
}
