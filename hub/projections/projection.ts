/**
 * Projections: everything that is made out of the log and can be made again (docs/architecture.md).
 *
 * A projection takes durable entries in order from where its cursor stands. One that fails is counted and tried again
 * after a wait; neither failing nor lagging is felt by admission, which does not know that it exists.
 */

import { equalBytes } from "../../ledger/bytes.ts";
import { sha256 } from "../../ledger/sha256.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Logger } from "../../platform/log.ts";
import type { Random } from "../../platform/random.ts";
import type { Cursor } from "../index-db.ts";
import type { EntryFeed, ProjectedEntry } from "./entry-feed.ts";

/** Something made out of the log. Calls do not overlap. */
export interface Projection {
  /** A word for logs and metrics. */
  readonly name: string;

  /** Where it stands; what lies before is durable. */
  readonly cursor: Cursor;

  /**
   * Takes the entries that follow the cursor.
   *
   * Taking some of them is enough; the cursor says how many. After a rejection the entries behind the cursor are
   * offered again, so taking one twice must do no harm.
   */
  take(entries: readonly ProjectedEntry[], signal: AbortSignal): Promise<void>;

  /** Sets the cursor to the beginning, and throws away what was made. */
  reset(): Promise<void>;
}

/** How a projection is doing. */
export interface ProjectionStatus {
  readonly name: string;
  /** Index of the entry that it takes next. */
  readonly next: number;
  /** Durable entries that it has not taken. */
  readonly lag: number;
  /** Since the start. */
  readonly failures: number;
  /** Of the last try, where that failed. */
  readonly lastError: string | undefined;
}

/** What a runner works with. */
export interface RunnerPorts {
  readonly feed: EntryFeed;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Bounds of one step, and the pace. */
export interface RunnerLimits {
  readonly entriesMax: number;
  /** Between two steps of a projection that has kept up: what arrives meanwhile shares one commit. */
  readonly paceMs: number;
  readonly firstWaitMs: number;
  readonly waitMsMax: number;
}

export const RUNNER_LIMITS: RunnerLimits = {
  entriesMax: 256,
  paceMs: 100,
  firstWaitMs: 250,
  waitMsMax: 30_000,
};

/** Feeds one projection until it is stopped. */
export class ProjectionRunner {
  readonly projection: Projection;
  readonly #ports: RunnerPorts;
  readonly #limits: RunnerLimits;
  #failures = 0;
  /** In a row. */
  #failed = 0;
  #lastError: string | undefined;
  #stop: AbortController | undefined;
  #running: Promise<void> = Promise.resolve();
  #wake: () => void = () => undefined;

  constructor(projection: Projection, ports: RunnerPorts, limits: RunnerLimits = RUNNER_LIMITS) {
    this.projection = projection;
    this.#ports = ports;
    this.#limits = limits;
  }

  /** Begins, or begins again after `stop`. */
  start(): void {
    if (this.#stop !== undefined) return;
    const stop = new AbortController();
    this.#stop = stop;
    this.#running = this.#run(stop.signal);
  }

  /** Ends after the step that is under way. */
  async stop(): Promise<void> {
    this.#stop?.abort(new Error("the projection is stopped"));
    this.#stop = undefined;
    this.#wake();
    await this.#running;
  }

  /** Throws away what was made, and makes it again. */
  async rebuild(clear: () => Promise<void> = () => this.projection.reset()): Promise<void> {
    const wasRunning = this.#stop !== undefined;
    await this.stop();
    await clear();
    if (wasRunning) this.start();
  }

  /** Resolves when all entries below `size` are taken; rejects when the signal is aborted before. */
  async reached(size: number, signal: AbortSignal): Promise<void> {
    while (this.projection.cursor.next < size) await this.#ports.clock.sleep(5, signal);
  }

  status(): ProjectionStatus {
    const { next } = this.projection.cursor;
    return {
      name: this.projection.name,
      next,
      lag: Math.max(0, this.#ports.feed.size - next),
      failures: this.#failures,
      lastError: this.#lastError,
    };
  }

  /** Never rejects. */
  async #run(signal: AbortSignal): Promise<void> {
    const unsubscribe = this.#ports.feed.onGrown(() => this.#wake());
    let isChecked = false;
    while (!signal.aborted) {
      try {
        if (!isChecked) await this.#checkHistory();
        isChecked = true;
        await this.#step(signal);
        this.#failed = 0;
        this.#lastError = undefined;
      } catch (error) {
        if (signal.aborted) break;
        this.#fail(error);
      }
      await this.#pause(signal);
    }
    unsubscribe();
  }

  /** A cursor that is not of this log's history is worth nothing: the data folder was restored, or changed. */
  async #checkHistory(): Promise<void> {
    const { feed, logger } = this.#ports;
    const { name, cursor } = this.projection;
    if (cursor.next === 0) return;
    const last = cursor.next <= feed.size ? await feed.entry(cursor.next - 1) : undefined;
    if (last !== undefined && equalBytes(sha256(last), cursor.hash)) return;
    logger.warn({ projection: name, next: cursor.next }, "a projection is of another history");
    await this.projection.reset();
  }

  async #step(signal: AbortSignal): Promise<void> {
    const { feed } = this.#ports;
    const entries = await feed.read(this.projection.cursor.next, this.#limits.entriesMax);
    if (entries.length > 0) await this.projection.take(entries, signal);
  }

  #fail(error: unknown): void {
    const { name, cursor } = this.projection;
    this.#failures += 1;
    this.#failed += 1;
    this.#lastError = error instanceof Error ? error.message : String(error);
    const fields = { projection: name, next: cursor.next, failed: this.#failed, error };
    this.#ports.logger.warn(fields, "a projection failed and will try again");
  }

  /** Waits for entries, for the pace, or after a failure. */
  async #pause(signal: AbortSignal): Promise<void> {
    const { feed, clock } = this.#ports;
    const isBehind = feed.size - this.projection.cursor.next >= this.#limits.entriesMax;
    if (this.#failed === 0 && isBehind) {
      // Catching up shares the thread with admission.
      await new Promise<void>((resolve) => setImmediate(resolve));
      return;
    }
    const waitMs = this.#failed === 0 ? this.#limits.paceMs : this.#backOffMs();
    await clock.sleep(waitMs, signal).catch(() => undefined);
    if (this.#failed > 0 || feed.size > this.projection.cursor.next || signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  #backOffMs(): number {
    const { firstWaitMs, waitMsMax } = this.#limits;
    const ceilingMs = Math.min(waitMsMax, firstWaitMs * 2 ** Math.min(this.#failed - 1, 16));
    return ceilingMs * (0.5 + this.#ports.random.unit() / 2);
  }
}

/** The cursor behind the last of some entries, which are at least one. */
export function cursorAfter(entries: readonly ProjectedEntry[]): Cursor {
  const last = entries.at(-1);
  if (last === undefined) throw new RangeError("no entries");
  return { next: last.index + 1, hash: last.statement.hash };
}
