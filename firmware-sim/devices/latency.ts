/**
 * How long something took, many times over, in memory that does not grow: a histogram with steps of some four percent.
 */

/** Steps to each doubling. */
const STEPS = 16;
/** The least that is told apart, and below. */
const FLOOR_MS = 0.1;
/** A little more than a day. */
const BUCKETS = STEPS * 30;

/** What a histogram says, in milliseconds; all 0 where nothing was recorded. */
export interface LatencySummary {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Durations in milliseconds, by their size. */
export class Latency {
  readonly #buckets = new Uint32Array(BUCKETS);
  #count = 0;
  #maxMs = 0;

  /** Takes a duration; one below 0, of a clock that was set, counts as 0. */
  record(ms: number): void {
    const step = Math.ceil(Math.log2(Math.max(ms, FLOOR_MS) / FLOOR_MS) * STEPS);
    this.#buckets[Math.min(BUCKETS - 1, step)]! += 1;
    this.#count += 1;
    this.#maxMs = Math.max(this.#maxMs, ms);
  }

  /** Says what half of them, and all but one in a hundred, did not exceed. Only the greatest is exact. */
  summary(): LatencySummary {
    return {
      count: this.#count,
      p50Ms: this.#quantile(0.5),
      p99Ms: this.#quantile(0.99),
      maxMs: round(this.#maxMs),
    };
  }

  #quantile(share: number): number {
    const rank = Math.ceil(this.#count * share);
    let seen = 0;
    for (let step = 0; step < BUCKETS && rank > 0; step++) {
      seen += this.#buckets[step]!;
      if (seen >= rank) return round(Math.min(this.#maxMs, FLOOR_MS * 2 ** (step / STEPS)));
    }
    return 0;
  }
}

/** Three digits are more than enough. */
function round(ms: number): number {
  return ms === 0 ? 0 : Number(ms.toPrecision(3));
}
