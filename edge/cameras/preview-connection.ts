/**
 * One connection of the live pictures' channel (docs/preview.md), from the handshake to the end, over the library `ws`.
 *
 * Every wait has a limit: for the handshake, and for a sign of life from the hub. What the hub does not take in time is
 * dropped here, in whole messages, so that a slow line costs pictures and never memory.
 */

import type { Buffer } from "node:buffer";
import { WebSocket } from "ws";
import type { ClientOptions } from "ws";
import type { Clock } from "../../platform/clock.ts";
import { ORDER_BYTES_MAX, parseOrder, PREVIEW_PROTOCOL } from "./preview-words.ts";
import type { PreviewOrder } from "./preview-words.ts";

/** Where the hub takes live pictures. */
export interface PreviewAddress {
  /** `wss:`, or `ws:` on this very machine. */
  readonly url: string;
  /** PEM of the authority behind the hub's certificate; the system's where absent. */
  readonly ca?: string | undefined;
}

/** What a connection is made of. */
export interface PreviewConnectionParts {
  readonly address: PreviewAddress;
  /** A fresh token. */
  readonly token: string;
  readonly clock: Clock;
  readonly limits: PreviewConnectionLimits;
  /** Takes orders; must not throw. */
  readonly ordered: (order: PreviewOrder) => void;
}

/** Bounds of a connection. */
export interface PreviewConnectionLimits {
  readonly handshakeMsMax: number;
  readonly pingEveryMs: number;
  /** A hub from which nothing came for so long is gone. */
  readonly silenceMsMax: number;
  /** Bytes that the hub has not taken, above which pictures are dropped. */
  readonly queueBytesMax: number;
}

export const PREVIEW_CONNECTION_LIMITS: PreviewConnectionLimits = {
  handshakeMsMax: 15_000,
  pingEveryMs: 15_000,
  silenceMsMax: 45_000,
  queueBytesMax: 524_288,
};

const GOODBYE_MS_MAX = 1_000;
const CODE_GOING = 1001;

/** See the head of the file. */
export class PreviewConnection {
  /** Settles, never rejecting, when the connection is over; with the reason, if it was not `close`. */
  readonly ended: Promise<Error | undefined>;
  bytesSent = 0;
  bytesDropped = 0;
  readonly #parts: PreviewConnectionParts;
  readonly #socket: WebSocket;
  readonly #timers = new Set<() => void>();
  #heardMs: number;
  #fault: Error | undefined;
  #isClosing = false;

  private constructor(parts: PreviewConnectionParts) {
    const { address, token, clock, ordered } = parts;
    this.#parts = parts;
    this.#heardMs = clock.monotonicMs();
    this.#socket = new WebSocket(address.url, PREVIEW_PROTOCOL, optionsOf(address.ca, token));
    const socket = this.#socket;
    const heard = (): void => {
      this.#heardMs = clock.monotonicMs();
    };
    socket.on("ping", heard);
    socket.on("pong", heard);
    socket.on("message", (data: Buffer, isBinary) => {
      heard();
      const order = isBinary ? undefined : parseOrder(data.toString("utf8"));
      if (order !== undefined && !this.#isClosing) ordered(order);
    });
    socket.on("error", (error) => {
      this.#fault ??= error;
    });
    socket.on("unexpected-response", (_request, response) => {
      this.fail(refusedBy(response.statusCode ?? 0));
      response.destroy();
    });
    this.ended = new Promise((resolve) => {
      socket.once("close", (code, reason) => {
        for (const cancel of this.#timers) cancel();
        const words = [code, reason.toString("utf8")].join(" ").trim();
        this.#fault ??= new Error(`the hub ended the connection: ${words}`);
        resolve(this.#isClosing ? undefined : this.#fault);
      });
    });
  }

  /** Connects. Rejects, with the connection ended, where the hub refuses or does not answer in time. */
  static async open(
    parts: PreviewConnectionParts,
    signal: AbortSignal,
  ): Promise<PreviewConnection> {
    const connection = new PreviewConnection(parts);
    const abort = (): void => connection.fail(new Error("the program is stopping"));
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    try {
      await connection.#opened();
    } finally {
      signal.removeEventListener("abort", abort);
    }
    return connection;
  }

  /** Says a word of control. */
  say(word: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(word);
  }

  /** Sends pictures of the camera with this number, or drops them where too much waits already. */
  show(index: number, packets: Uint8Array): void {
    if (this.#socket.readyState !== WebSocket.OPEN || this.#isClosing) return;
    if (this.#socket.bufferedAmount > this.#parts.limits.queueBytesMax) {
      this.bytesDropped += packets.length;
      return;
    }
    const message = new Uint8Array(1 + packets.length);
    message[0] = index;
    message.set(packets, 1);
    this.bytesSent += packets.length;
    this.#socket.send(message);
  }

  /** Ends the connection at once. */
  fail(reason: Error): void {
    this.#fault ??= reason;
    this.#socket.terminate();
  }

  /** Says goodbye, and resolves when the connection is over. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#socket.close(CODE_GOING);
    this.#after(GOODBYE_MS_MAX, () => this.#socket.terminate());
    await this.ended;
  }

  async #opened(): Promise<void> {
    const { limits } = this.#parts;
    const late = new Error(`the hub does not answer within ${limits.handshakeMsMax} ms`);
    const cancel = this.#after(limits.handshakeMsMax, () => this.fail(late));
    const open = new Promise<"open">((resolve) => {
      this.#socket.once("open", () => resolve("open"));
    });
    const first = await Promise.race([open, this.ended]);
    cancel();
    if (first !== "open") throw first ?? new Error("the connection was closed");
    this.#watch();
  }

  #watch(): void {
    const { limits, clock } = this.#parts;
    this.#after(limits.pingEveryMs, () => {
      if (clock.monotonicMs() - this.#heardMs >= limits.silenceMsMax) {
        this.fail(new Error(`the hub has said nothing for ${limits.silenceMsMax} ms`));
      } else {
        if (this.#socket.readyState === WebSocket.OPEN) this.#socket.ping();
        this.#watch();
      }
    });
  }

  #after(ms: number, run: () => void): () => void {
    const cancel = this.#parts.clock.after(ms, () => {
      this.#timers.delete(cancel);
      run();
    });
    this.#timers.add(cancel);
    return () => {
      this.#timers.delete(cancel);
      cancel();
    };
  }
}

function optionsOf(ca: string | undefined, token: string): ClientOptions {
  return {
    headers: { authorization: `Bearer ${token}` },
    maxPayload: ORDER_BYTES_MAX,
    perMessageDeflate: false,
    ...(ca === undefined ? {} : { ca }),
  };
}

/** What a person may do something about. */
function refusedBy(status: number): Error {
  const hint = status === 401 ? "; is the device enrolled, and its clock right?" : "";
  const old = status === 404 ? "; does it know live pictures?" : "";
  return new Error(`the hub answers with HTTP status ${status}${hint}${old}`);
}
