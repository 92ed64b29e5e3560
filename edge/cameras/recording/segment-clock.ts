/**
 * When the pictures of a segment came, by this machine's monotonic clock.
 *
 * A stream has a time of its own, counted by the camera's clock from its first picture; ffmpeg says in it where a segment
 * ends, and says so when the next one has begun, or later where the machine is busy. So the first picture and each line
 * say how far the two clocks are apart at most, and the least of these is the truth but for what the camera's clock
 * drifts. Pure.
 */

/** What is heard of the end of a segment. Times are monotonic milliseconds, but for `endSeconds`. */
export interface HeardEnd {
  /** In the time of the stream. */
  readonly endSeconds: number;
  readonly heardMs: number;
  /** When the first picture of the run came, and the newest: the segment cannot have ended later. */
  readonly firstPictureMs: number;
  readonly lastPictureMs: number;
}

/** How much faster or slower a camera's clock may run than ours. */
const DRIFT = 0.000_5;
/** Lines may be late for once; a difference that stays is the stream's, which has stood still. */
const LATE_LINES_MAX = 3;
const LATE_MS = 1_000;

/** Follows one run of ffmpeg. */
export class SegmentClock {
  private offsetMs: number | undefined;
  private lastMs = 0;
  private late: number[] = [];

  /** Says when the pictures of a segment ended. Never goes back behind what it said before. */
  endOf({ endSeconds, heardMs, firstPictureMs, lastPictureMs }: HeardEnd): number {
    const latestMs = Math.min(heardMs, lastPictureMs);
    this.offsetMs ??= firstPictureMs;
    const offsetMs = this.offsetAt(latestMs - endSeconds * 1000, latestMs);
    this.lastMs = Math.max(this.lastMs, Math.min(latestMs, endSeconds * 1000 + offsetMs));
    return this.lastMs;
  }

  private offsetAt(heardOffsetMs: number, atMs: number): number {
    const drifted = this.offsetMs! + Math.max(0, atMs - this.lastMs) * DRIFT;
    if (heardOffsetMs <= drifted + LATE_MS) this.late = [];
    else this.late.push(heardOffsetMs);
    const hasStoodStill = this.late.length >= LATE_LINES_MAX;
    this.offsetMs = hasStoodStill ? Math.min(...this.late) : Math.min(heardOffsetMs, drifted);
    if (hasStoodStill) this.late = [];
    return this.offsetMs;
  }
}
