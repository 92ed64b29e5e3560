/**
 * A framer over a rolling buffer, for protocols whose frames can be told by looking at their first bytes.
 *
 * Where something begins like a frame and is none, one byte is dropped and the rest looked at again: the next good
 * frame may begin right behind it.
 */

import { concatBytes } from "../../../ledger/bytes.ts";
import { type Framed, type Framer, type FramerCounters, SILENCE_MS } from "./framer.ts";

/** What the bytes at the front of the buffer are. */
export type Verdict<F> =
  /** The first `length` bytes are a good frame. */
  | { readonly kind: "frame"; readonly length: number; readonly frame: F }
  /** No frame begins within the first `length` bytes. */
  | { readonly kind: "noise"; readonly length: number }
  /** The first `length` bytes stand between frames by right, and are not counted. */
  | { readonly kind: "filler"; readonly length: number }
  /** They begin like a frame and are none. */
  | { readonly kind: "broken" }
  /** They begin like a frame, and more bytes must tell. */
  | { readonly kind: "incomplete" };

/** How to tell the frames of a protocol. */
export interface FrameFormat<F> {
  /** Bytes of the longest frame. What is still incomplete at this length counts as broken. */
  readonly bytesMax: number;

  /** Judges what `bytes`, at least one, begin with. Pure; must not keep `bytes`. */
  examine(bytes: Uint8Array): Verdict<F>;
}

/** See the head of the file. */
export class RollingFramer<F> implements Framer<F> {
  private readonly format: FrameFormat<F>;
  private readonly silenceMs: number;
  private readonly counts: FramerCounters = { framesGood: 0, framesBad: 0, bytesSkipped: 0 };
  /** Less than `bytesMax` bytes between calls. */
  private pending: Uint8Array = new Uint8Array(0);
  private lastMs = -Infinity;

  constructor(format: FrameFormat<F>, silenceMs: number = SILENCE_MS) {
    this.format = format;
    this.silenceMs = silenceMs;
  }

  push(chunk: Uint8Array, atMs: number): Framed<F>[] {
    const frames = this.silence(atMs);
    if (chunk.length === 0) return frames;
    this.lastMs = atMs;
    this.pending = this.pending.length === 0 ? chunk : concatBytes(this.pending, chunk);
    frames.push(...this.scan(false));
    return frames;
  }

  silence(atMs: number): Framed<F>[] {
    if (this.pending.length === 0 || atMs - this.lastMs < this.silenceMs) return [];
    return this.scan(true);
  }

  reset(): void {
    this.pending = new Uint8Array(0);
  }

  counters(): FramerCounters {
    return { ...this.counts };
  }

  /** Takes all that can be told off the front; with `isEnd`, everything. */
  private scan(isEnd: boolean): Framed<F>[] {
    const frames: Framed<F>[] = [];
    let at = 0;
    while (at < this.pending.length) {
      const rest = this.pending.subarray(at);
      const verdict = this.format.examine(rest);
      if (verdict.kind === "incomplete") {
        if (!isEnd && rest.length < this.format.bytesMax) break;
        at += this.dropOne();
      } else if (verdict.kind === "broken") at += this.dropOne();
      else {
        at += verdict.length;
        if (verdict.kind === "noise") this.counts.bytesSkipped += verdict.length;
        if (verdict.kind === "frame") {
          this.counts.framesGood += 1;
          frames.push({ frame: verdict.frame, atMs: this.lastMs });
        }
      }
    }
    // A copy, since the line may use the memory of its chunk again.
    this.pending = this.pending.slice(at);
    return frames;
  }

  private dropOne(): number {
    this.counts.framesBad += 1;
    this.counts.bytesSkipped += 1;
    return 1;
  }
}
