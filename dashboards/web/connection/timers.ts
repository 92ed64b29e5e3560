/** Time and chance, as the page's parts get them. */

/** A clock that can wake somebody up. */
export interface Timers {
  /** POSIX time by this machine. */
  nowMs(): number;
  /** Runs something once after a while; the answer cancels it. */
  after(delayMs: number, run: () => void): () => void;
  /** A number from 0 up to 1. */
  chance(): number;
}
