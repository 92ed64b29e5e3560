/**
 * What finds frames in a stream of bytes that may begin anywhere, be cut anywhere and hold anything.
 *
 * See docs/drivers.md, "Framers". Framers know nothing of what a frame means; drivers do.
 */

/** What a framer counts; numbers only grow. */
export interface FramerCounters {
  framesGood: number;
  /** What began like a frame and was none: cut, wrong length, wrong checksum. */
  framesBad: number;
  /** Bytes that belong to no good frame. */
  bytesSkipped: number;
}

/** A frame with the monotonic time, in milliseconds, of the piece that completed it. */
export interface Framed<F> {
  readonly frame: F;
  readonly atMs: number;
}

/** A line that says nothing for this long is between frames: what is pending will never be completed. */
export const SILENCE_MS = 500;

/**
 * A framer. Its memory is bounded whatever arrives, and no method throws.
 *
 * A good frame is found wherever it begins, whatever came before it; unless its first bytes make a frame together with
 * what came before, checksum and all, which nobody could tell.
 */
export interface Framer<F> {
  /** Takes the next bytes, after noting whether there was silence before them; does not keep `chunk`. */
  push(chunk: Uint8Array, atMs: number): Framed<F>[];

  /** Gives up on a pending half of a frame if there has been silence; gives the frames found behind its beginning. */
  silence(atMs: number): Framed<F>[];

  /** Forgets what is pending, without counting it. */
  reset(): void;

  /** A copy of the counters. */
  counters(): FramerCounters;
}
