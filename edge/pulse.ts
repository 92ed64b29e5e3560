/**
 * A beat of about once a second that falls in with whatever wakes the agent anyway.
 *
 * A small computer that sleeps between two lines of a sensor spends most on waking up: what would be due in a moment is done
 * while it is awake.
 */

import type { Clock } from "../platform/clock.ts";

/** When a pulse beats. */
export interface PulseParts {
  readonly clock: Clock;
  /** The longest time between two beats. */
  readonly everyMs: number;
  /** How much sooner the next may come, where something wakes the program then. */
  readonly earlyMs: number;
}

/** See the head of the file. */
export class Pulse {
  private readonly parts: PulseParts;
  private earliestMs = Infinity;
  private beat: () => void = () => undefined;

  constructor(parts: PulseParts) {
    this.parts = parts;
  }

  /** Waits for the next beat, or until the signal; never rejects. For one caller at a time. */
  next(signal: AbortSignal): Promise<void> {
    const { clock, everyMs, earlyMs } = this.parts;
    this.earliestMs = clock.monotonicMs() + everyMs - earlyMs;
    return new Promise((resolve) => {
      this.beat = () => {
        this.earliestMs = Infinity;
        cancel();
        signal.removeEventListener("abort", this.beat);
        resolve();
      };
      const cancel = clock.after(everyMs, this.beat);
      signal.addEventListener("abort", this.beat, { once: true });
      if (signal.aborted) this.beat();
    });
  }

  /** Says that the program is awake. */
  awake(): void {
    if (this.parts.clock.monotonicMs() >= this.earliestMs) this.beat();
  }
}
