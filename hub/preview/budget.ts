/** How much a second somebody may cost, of whatever it is, with one second's worth in advance. */

import type { Clock } from "../../platform/clock.ts";

/** A bucket that fills by time and may be overdrawn once. */
export class Budget {
  readonly #clock: Clock;
  readonly #perSecond: number;
  #level: number;
  #atMs: number;

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#level = perSecond;
    this.#atMs = clock.monotonicMs();
  }

  /** Whether there is nothing left to spend. */
  get isSpent(): boolean {
    this.#refill();
    return this.#level <= 0;
  }

  /** Spends, more than there is if need be; gives the milliseconds until the debt is paid, 0 where there is none. */
  spend(amount: number): number {
    this.#refill();
    this.#level -= amount;
    return this.#level >= 0 ? 0 : Math.ceil((-this.#level / this.#perSecond) * 1000);
  }

  #refill(): void {
    const nowMs = this.#clock.monotonicMs();
    const gained = ((nowMs - this.#atMs) / 1000) * this.#perSecond;
    this.#level = Math.min(this.#perSecond, this.#level + gained);
    this.#atMs = nowMs;
  }
}
