/**
 * Time as an argument: the wall clock, a clock that never jumps, and waiting.
 *
 * Programs get `systemClock` from their `main.ts`; tests and the simulated city move a `ManualClock` by hand, so that
 * an hour passes in a moment and always in the same way.
 */

/** Where a part gets its time from. Waits follow the monotonic time: setting the wall clock does not disturb them. */
export interface Clock {
  /** Milliseconds since 1970, UTC, whole. May jump in either direction. */
  nowMs(): number;

  /** Milliseconds since some moment of this process; never runs backwards. */
  monotonicMs(): number;

  /**
   * Calls `run` once after at least `ms`, and gives a function that cancels it.
   *
   * Cancelling twice, or after it ran, does nothing. What `run` throws is an uncaught exception.
   */
  after(ms: number, run: () => void): () => void;

  /** Waits at least `ms`. Rejects with the signal's reason as soon as it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The longest delay that Node's timers take; a longer one would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The machine's own clocks. Pending waits keep the process alive. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (ms, run) => {
    let timer: NodeJS.Timeout;
    const wait = (leftMs: number): void => {
      timer =
        leftMs > TIMER_MS_MAX
          ? setTimeout(() => wait(leftMs - TIMER_MS_MAX), TIMER_MS_MAX)
          : setTimeout(run, leftMs);
    };
    wait(ms);
    return () => clearTimeout(timer);
  },
  sleep: (ms, signal) => sleepBy(systemClock, ms, signal),
};

/** Builds `sleep` from `after`. */
function sleepBy(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(reasonOf(signal));
      return;
    }
    const abort = (): void => {
      cancel();
      reject(reasonOf(signal));
    };
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener("abort", abort);
      resolve();
    });
    signal?.addEventListener("abort", abort, { once: true });
  });
}

/** The error with which an aborted wait rejects. */
function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new Error("the wait was aborted", { cause: reason });
}

interface Timer {
  atMs: number;
  run: () => void;
}

/** A clock that stands still until it is told to move. */
export class ManualClock implements Clock {
  #monotonicMs = 0;
  #offsetMs: number;
  readonly #timers = new Set<Timer>();

  /** Starts at `startMs` since 1970, UTC. */
  constructor(startMs: number) {
    this.#offsetMs = startMs;
  }

  nowMs(): number {
    return Math.floor(this.#offsetMs + this.#monotonicMs);
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  after(ms: number, run: () => void): () => void {
    const timer: Timer = { atMs: this.#monotonicMs + Math.max(0, ms), run };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepBy(this, ms, signal);
  }

  /** How many waits are pending. */
  get pending(): number {
    return this.#timers.size;
  }

  /**
   * Lets `ms` pass: runs each wait that falls due at its own moment, in order, those of one moment in order of asking.
   *
   * Before each step and at the end it lets the event loop turn once, so that what a wait has set going settles and
   * may ask for further waits within the same span.
   */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#monotonicMs + ms;
    for (;;) {
      await turnOfEventLoop();
      const timer = this.#firstDue(untilMs);
      if (timer === undefined) break;
      this.#timers.delete(timer);
      this.#monotonicMs = Math.max(this.#monotonicMs, timer.atMs);
      timer.run();
    }
    this.#monotonicMs = Math.max(this.#monotonicMs, untilMs);
  }

  /** Sets the wall clock forward, or back where negative, as NTP or a person would; waits are not moved. */
  jump(ms: number): void {
    this.#offsetMs += ms;
  }

  #firstDue(untilMs: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.atMs <= untilMs && (first === undefined || timer.atMs < first.atMs)) first = timer;
    }
    return first;
  }
}

function turnOfEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
