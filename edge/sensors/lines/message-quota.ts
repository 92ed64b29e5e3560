/**
 * How many messages of a sensor are taken: so many a second in the long run, and some at once. What comes beyond is for
 * the caller to drop and to count, or one mad board would push the readings of all others out of memory.
 */

/** The bounds. */
export interface QuotaLimits {
  readonly perSecond: number;
  readonly atOnce: number;
}

/** A bucket that fills by the clock. Times are monotonic milliseconds. */
export class MessageQuota {
  private readonly limits: QuotaLimits;
  private left: number;
  private lastMs: number;

  constructor(limits: QuotaLimits, nowMs: number) {
    this.limits = limits;
    this.left = limits.atOnce;
    this.lastMs = nowMs;
  }

  /** Says whether one more may be taken now, and counts it. */
  take(nowMs: number): boolean {
    const { perSecond, atOnce } = this.limits;
    this.left = Math.min(atOnce, this.left + ((nowMs - this.lastMs) * perSecond) / 1000);
    this.lastMs = nowMs;
    if (this.left < 1) return false;
    this.left -= 1;
    return true;
  }
}
