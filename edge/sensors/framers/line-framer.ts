/**
 * A framer of text lines, each ended by CR, LF or both.
 *
 * Unlike a frame with a head, a line that is broken at its front must not be believed from its middle on, so a bad line
 * is dropped whole: the next one begins behind its end.
 */

import { type Framed, type Framer, type FramerCounters, SILENCE_MS } from "./framer.ts";

/** What a line is: a frame, something to pass over without counting it, or bad. */
export type LineVerdict<F> = { readonly frame: F } | "filler" | "bad";

/** How to read lines. */
export interface LineFormat<F> {
  /** Bytes of the longest line, its end not counted. */
  readonly bytesMax: number;

  /** Judges a line that is not empty. Each byte is one character of `line`, 0 to 255. Pure. */
  parse(line: string): LineVerdict<F>;
}

const CR = 0x0d;
const LF = 0x0a;

/** See the head of the file. */
export class LineFramer<F> implements Framer<F> {
  private readonly format: LineFormat<F>;
  private readonly silenceMs: number;
  private readonly counts: FramerCounters = { framesGood: 0, framesBad: 0, bytesSkipped: 0 };
  private pending = "";
  /** The line is too long already: what is still to come of it is dropped unread. */
  private isOverlong = false;
  private lastMs = -Infinity;

  constructor(format: LineFormat<F>, silenceMs: number = SILENCE_MS) {
    this.format = format;
    this.silenceMs = silenceMs;
  }

  push(chunk: Uint8Array, atMs: number): Framed<F>[] {
    const frames = this.silence(atMs);
    if (chunk.length === 0) return frames;
    this.lastMs = atMs;
    for (const byte of chunk) {
      if (byte === CR || byte === LF) frames.push(...this.endLine());
      else this.take(byte);
    }
    return frames;
  }

  silence(atMs: number): Framed<F>[] {
    if (atMs - this.lastMs >= this.silenceMs) {
      if (this.pending !== "") this.drop();
      this.reset();
    }
    return [];
  }

  reset(): void {
    this.pending = "";
    this.isOverlong = false;
  }

  counters(): FramerCounters {
    return { ...this.counts };
  }

  private take(byte: number): void {
    if (this.isOverlong) this.counts.bytesSkipped += 1;
    else {
      this.pending += String.fromCharCode(byte);
      if (this.pending.length > this.format.bytesMax) {
        this.drop();
        this.isOverlong = true;
      }
    }
  }

  private endLine(): Framed<F>[] {
    const line = this.pending;
    const verdict = line === "" ? "filler" : this.format.parse(line);
    if (verdict === "bad") this.drop();
    this.reset();
    if (verdict === "bad" || verdict === "filler") return [];
    this.counts.framesGood += 1;
    return [{ frame: verdict.frame, atMs: this.lastMs }];
  }

  private drop(): void {
    this.counts.framesBad += 1;
    this.counts.bytesSkipped += this.pending.length;
    this.pending = "";
  }
}
