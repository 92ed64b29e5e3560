/**
 * A live picture on its way to the canvas: hands packets to the thread that decodes them, and watches over that thread.
 *
 * A camera that means ill can send what takes minutes to decode. The page must not stand still for that: a thread that does
 * not answer in time is ended, and a new one goes on with the next picture that stands by itself. After that has happened
 * a few times in a row there is nothing more to expect of the camera.
 */

import type { Timers } from "../connection/timers.ts";
import type { Pixels } from "./picture-decoder.ts";

/** What the thread is asked. */
export interface PictureRequest {
  /** Whole transport packets. */
  readonly packets: Uint8Array<ArrayBuffer>;
  /** Whether pixels are wanted. */
  readonly isDrawn: boolean;
  /** Whether packets before these are missing. */
  readonly isAfterLoss: boolean;
}

/** What it answers, to each request in order. */
export interface PictureReply {
  /** Of the packets that it was asked about. */
  readonly bytes: number;
  /** How many pictures they completed. */
  readonly pictures: number;
  readonly pixels: Pixels | undefined;
}

/** What of a worker is used. */
export interface PictureThread {
  ask(request: PictureRequest): void;
  end(): void;
}

/** What a moving picture works with. */
export interface MovingPictureParts {
  readonly timers: Timers;
  /** Starts a thread; `onReply` is called for each reply. */
  readonly start: (onReply: (reply: PictureReply) => void) => PictureThread;
  /** Pictures are drawn this far apart at least; 0 for all of them. */
  readonly apartMs: number;
  /** Called after each reply with pictures; `pixels` of the last one where it is to be drawn. */
  readonly onPicture: (pixels: Pixels | undefined) => void;
  /** Called once, when nothing more is to be expected. */
  readonly onHopeless: () => void;
}

/** Long for a picture, short for a person. */
const ANSWER_MS_MAX = 3_000;
/** Bytes that wait for the thread; a machine that is slower than its camera gets to see fewer pictures. */
const WAITING_BYTES_MAX = 1_048_576;
const HANGS_MAX = 3;

/** See the head of the file. */
export class MovingPicture {
  readonly #parts: MovingPictureParts;
  #thread: PictureThread | undefined;
  #waitingBytes = 0;
  #isAfterLoss = false;
  #hangs = 0;
  #drawnMs = Number.NEGATIVE_INFINITY;
  #cancelLimit: (() => void) | undefined;
  #isOver = false;

  constructor(parts: MovingPictureParts) {
    this.#parts = parts;
  }

  /** Takes whole transport packets, which are the thread's from now on. */
  take(packets: Uint8Array<ArrayBuffer>): void {
    if (this.#isOver || packets.length === 0) return;
    if (this.#waitingBytes + packets.length > WAITING_BYTES_MAX) {
      this.#isAfterLoss = true;
      return;
    }
    const { timers, apartMs } = this.#parts;
    const isDrawn = timers.nowMs() - this.#drawnMs >= apartMs;
    this.#thread ??= this.#startThread();
    if (this.#waitingBytes === 0) this.#limit();
    this.#waitingBytes += packets.length;
    const isAfterLoss = this.#isAfterLoss;
    this.#isAfterLoss = false;
    this.#thread.ask({ packets, isDrawn, isAfterLoss });
  }

  /** Ends it for good. */
  stop(): void {
    this.#isOver = true;
    this.#endThread();
  }

  #startThread(): PictureThread {
    const thread: PictureThread = this.#parts.start((reply) => {
      // One that was ended may still have an answer under way.
      if (thread === this.#thread) this.#takeReply(reply);
    });
    return thread;
  }

  #takeReply({ bytes, pictures, pixels }: PictureReply): void {
    this.#waitingBytes -= bytes;
    this.#cancelLimit?.();
    if (this.#waitingBytes > 0) this.#limit();
    if (pictures === 0) return;
    this.#hangs = 0;
    if (pixels !== undefined) this.#drawnMs = this.#parts.timers.nowMs();
    this.#parts.onPicture(pixels);
  }

  #limit(): void {
    this.#cancelLimit = this.#parts.timers.after(ANSWER_MS_MAX, () => {
      this.#endThread();
      this.#hangs += 1;
      if (this.#hangs < HANGS_MAX) return;
      this.#isOver = true;
      this.#parts.onHopeless();
    });
  }

  #endThread(): void {
    this.#cancelLimit?.();
    this.#thread?.end();
    this.#thread = undefined;
    this.#waitingBytes = 0;
    this.#isAfterLoss = true;
  }
}
