/**
 * The gate through which all connections of a run go: so many a second, and so many that are not through yet.
 *
 * A city's devices do not come in one wave either (docs/edge.md, "Sending"); and what is to be measured is the hub, not the
 * length of a listening socket's queue.
 */
import type { Clock } from "../../platform/clock.ts";

/** Bounds of a gate. */
export interface GateLimits {
  readonly perSecondMax: number;
  /** Connections that are being opened at the same time. */
  readonly openingMax: number;
}

/** Lets in one after another, in the order in which they came. */
export class Gate {
  readonly #clock: Clock;
  readonly #limits: GateLimits;
  #waiting: (() => void)[] = [];
  #opening = 0;
  #nextMs = 0;
  #isTimed = false;

  constructor(clock: Clock, limits: GateLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Waits for its turn; gives what is to be called, once or more, when the opening is over. Never rejects. */
  async enter(signal: AbortSignal): Promise<() => void> {
    if (signal.aborted) return () => undefined;
    await new Promise<void>((resolve) => {
      const abort = (): void => {
        this.#waiting = this.#waiting.filter((each) => each !== admit);
        resolve();
      };
      const admit = (): void => {
        signal.removeEventListener("abort", abort);
        resolve();
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#waiting.push(admit);
      this.#look();
    });
    if (signal.aborted) return () => undefined;
    let isInside = true;
    return () => {
      if (isInside) this.#opening -= 1;
      isInside = false;
      this.#look();
    };
  }

  #look(): void {
    if (this.#isTimed) return;
    const nowMs = this.#clock.monotonicMs();
    while (this.#waiting.length > 0 && this.#opening < this.#limits.openingMax) {
      if (nowMs < this.#nextMs) return this.#lookLater(this.#nextMs - nowMs);
      // What a late look has missed is not made up for, but for a few.
      const paceMs = 1000 / this.#limits.perSecondMax;
      this.#nextMs = Math.max(this.#nextMs, nowMs - 10 * paceMs) + paceMs;
      this.#opening += 1;
      this.#waiting.shift()!();
    }
  }

  #lookLater(ms: number): void {
    this.#isTimed = true;
    this.#clock.after(ms, () => {
      this.#isTimed = false;
      this.#look();
    });
  }
}
