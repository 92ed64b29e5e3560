/**
 * One WebSocket (RFC 6455) of live pictures, by the library `ws`: signs of life both ways, bounded closing, no throws.
 *
 * What is said on it is the doors' business. `ws` itself bounds the size of messages, their fragments and the pongs
 * that wait; compression is off, since pictures are compressed and its memory would be strangers' to use up.
 */

import type { Buffer } from "node:buffer";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import type { Clock } from "../../platform/clock.ts";
import { CLOSE_CODES } from "./closing.ts";
import type { Closing } from "./closing.ts";
import type { PreviewLimits } from "./limits.ts";
import { PROTOCOL } from "./words.ts";

/** What happens on a connection. None of these may throw. */
export interface SocketEvents {
  text(text: string): void;
  /** The bytes are the receiver's. */
  bytes(bytes: Uint8Array): void;
  /** A sign of life that says nothing. */
  ping(): void;
  /** What came breaks the rules of WebSocket itself, or its bounds; the library has begun to close. */
  broken(): void;
  /** Called once, when nothing more will come. */
  closed(): void;
}

/** What a connection works with. */
export interface SocketParts {
  readonly socket: WebSocket;
  readonly clock: Clock;
  readonly limits: Pick<PreviewLimits, "pingEveryMs" | "silenceMsMax">;
  readonly events: SocketEvents;
}

/** How long the other side may take to agree to an end. */
const GOODBYE_MS_MAX = 1_000;

/** Makes what upgrades requests; messages have at most `messageBytesMax` bytes. */
export function previewUpgrader(messageBytesMax: number): WebSocketServer {
  return new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: messageBytesMax,
    perMessageDeflate: false,
    handleProtocols: () => PROTOCOL,
  });
}

/** See the head of the file. */
export class PreviewSocket {
  readonly #parts: SocketParts;
  readonly #timers = new Set<() => void>();
  #heardMs: number;
  #isEnding = false;

  constructor(parts: SocketParts) {
    const { socket, clock, events } = parts;
    this.#parts = parts;
    this.#heardMs = clock.monotonicMs();
    const heard = (): void => {
      this.#heardMs = clock.monotonicMs();
    };
    socket.on("message", (data: Buffer, isBinary) => {
      heard();
      if (this.#isEnding) return;
      if (isBinary) events.bytes(data);
      else events.text(data.toString("utf8"));
    });
    socket.on("ping", () => {
      heard();
      if (!this.#isEnding) events.ping();
    });
    socket.on("pong", heard);
    socket.on("error", (error: NodeJS.ErrnoException) => {
      // A fault of the line is followed by its close, and that is all that there is to it.
      if (error.code?.startsWith("WS_ERR_") === true && !this.#isEnding) events.broken();
    });
    socket.once("close", () => {
      this.#isEnding = true;
      for (const cancel of this.#timers) cancel();
      events.closed();
    });
    this.#watch();
  }

  /** Bytes that the other side has not taken yet. */
  get queuedBytes(): number {
    return this.#parts.socket.bufferedAmount;
  }

  sendText(text: string): void {
    if (!this.#isEnding) this.#parts.socket.send(text);
  }

  /** Sends bytes, which nobody changes afterwards. */
  sendBytes(bytes: Uint8Array): void {
    if (!this.#isEnding) this.#parts.socket.send(bytes);
  }

  /** Reads nothing more for a while. */
  pauseFor(ms: number): void {
    const { socket } = this.#parts;
    if (socket.isPaused) return;
    socket.pause();
    this.after(ms, () => socket.resume());
  }

  /** Runs something after a while, if the connection is still there. */
  after(ms: number, run: () => void): () => void {
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

  /** Ends the connection, and says why. What is queued is still sent if the other side takes it soon. */
  close(reason: Closing): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    const { socket } = this.#parts;
    socket.close(CLOSE_CODES[reason], reason);
    // The answer to the close frame has to be read, also where reading was held up.
    if (socket.isPaused) socket.resume();
    this.after(GOODBYE_MS_MAX, () => socket.terminate());
  }

  /** Ends the connection at once. */
  terminate(): void {
    this.#isEnding = true;
    this.#parts.socket.terminate();
  }

  #watch(): void {
    const { socket, clock, limits } = this.#parts;
    this.after(limits.pingEveryMs, () => {
      if (clock.monotonicMs() - this.#heardMs >= limits.silenceMsMax) this.terminate();
      else {
        if (!this.#isEnding) socket.ping();
        this.#watch();
      }
    });
  }
}
