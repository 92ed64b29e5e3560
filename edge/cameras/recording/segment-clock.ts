/**
 * When the pictures of a segment came, by this machine's monotonic clock.
 *
 * A stream has a time of its own, counted by the camera's clock; ffmpeg says in it where a segment ends, and says so
 * when the next one has begun, or later where the machine is busy. So each line says how far the two clocks are apart at
 * most, and the least of these is the truth but for what the camera's clock drifts. Pure.
 */

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

  /**
   * Says when the pictures ended that end at `endSeconds` in the stream.
   *
   * `heardMs` is when that was heard, `lastPictureMs` when the newest picture came: it cannot have ended later. Never
   * goes back behind what it said before.
   */
  endOf(endSeconds: number, heardMs: number, lastPictureMs: number): number {
    const latestMs = Math.min(heardMs, lastPictureMs);
    const offsetMs = this.offsetAt(latestMs - endSeconds * 1000, latestMs);
    this.lastMs = Math.max(this.lastMs, Math.min(latestMs, endSeconds * 1000 + offsetMs));
    return this.lastMs;
  }

  private offsetAt(heardOffsetMs: number, atMs: number): number {
    const before = this.offsetMs;
    if (before === undefined) return (this.offsetMs = heardOffsetMs);
    const drifted = before + Math.max(0, atMs - this.lastMs) * DRIFT;
    if (heardOffsetMs <= drifted + LATE_MS) this.late = [];
    else this.late.push(heardOffsetMs);
    const hasStoodStill = this.late.length >= LATE_LINES_MAX;
    this.offsetMs = hasStoodStill ? Math.min(...this.late) : Math.min(heardOffsetMs, drifted);
    if (hasStoodStill) this.late = [];
    return this.offsetMs;
  }
}
