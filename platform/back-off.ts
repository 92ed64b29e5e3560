/**
 * How long to wait before the next try: exponential, with jitter, so that a city of devices does not come back in one
 * wave after the hub was away.
 */

import type { Random } from "./random.ts";

/** The bounds of a wait. */
export interface BackOffLimits {
  readonly firstMs: number;
  readonly mostMs: number;
}

/** Waits that double from try to try, each shortened by chance to between half and all of it. */
export class BackOff {
  private readonly random: Random;
  private readonly limits: BackOffLimits;
  private tries = 0;

  constructor(random: Random, limits: BackOffLimits) {
    this.random = random;
    this.limits = limits;
  }

  /** Gives the next wait in milliseconds. */
  nextMs(): number {
    const wholeMs = Math.min(this.limits.mostMs, this.limits.firstMs * 2 ** this.tries);
    this.tries = Math.min(this.tries + 1, 30);
    return Math.round(wholeMs * (0.5 + 0.5 * this.random.unit()));
  }

  /** Begins anew after a success. */
  reset(): void {
    this.tries = 0;
  }
}
