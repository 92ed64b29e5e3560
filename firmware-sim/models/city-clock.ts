/**
 * The city's time, which may begin elsewhere than the clock's and pass faster.
 */
import type { Clock } from "../../platform/clock.ts";

/** Reads the city's time off a clock. */
export class CityClock {
  readonly clock: Clock;
  readonly #startMs: number | undefined;
  readonly #speed: number;
  readonly #bornMs: number;
  readonly #bornMonotonicMs: number;

  /** Begins now, at `startMs` (Unix milliseconds) or at the clock's own time. */
  constructor(clock: Clock, startMs: number | undefined, speed: number) {
    this.clock = clock;
    this.#startMs = startMs;
    this.#speed = speed;
    this.#bornMs = clock.nowMs();
    this.#bornMonotonicMs = clock.monotonicMs();
  }

  /** Gives the city's time, Unix milliseconds. A city that was not moved follows the clock, also when it is set. */
  nowMs(): number {
    if (this.#startMs === undefined && this.#speed === 1) return this.clock.nowMs();
    return this.atMs(this.clock.monotonicMs());
  }

  /** Gives the city's time at a moment of the clock's monotonic time, whether or not the clock was set since. */
  atMs(monotonicMs: number): number {
    const elapsedMs = monotonicMs - this.#bornMonotonicMs;
    return Math.floor((this.#startMs ?? this.#bornMs) + elapsedMs * this.#speed);
  }
}
