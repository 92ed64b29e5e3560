/**
 * What an agent asks the world now and then: the machine, whether its clock is kept in step; the hub, for the time and for what a
 * refused login means. Nothing waits for an answer, and no answer is needed for sensors to be read.
 */

import type { Clock } from "../platform/clock.ts";
import type { Logger } from "../platform/log.ts";
import type { Standing } from "./delivery/standing.ts";
import type { ClockSource } from "./time/clock-source.ts";
import type { AskTimeSync } from "./time/time-sync.ts";

/** Whom it asks, and who hears the answers. */
export interface InquiryParts {
  readonly askTimeSync: AskTimeSync;
  readonly askHubTime?: (signal: AbortSignal) => Promise<number | undefined>;
  readonly askStanding?: (signal: AbortSignal) => Promise<Standing>;
  readonly time: ClockSource;
  readonly clock: Clock;
  readonly logger: Logger;
}

const TIME_EVERY_MS = 60_000;
/** Packs may wait for the answer. */
const SYNC_WAITED_EVERY_MS = 15_000;
/** Somebody may come to keep the clock, and then vouches for it. */
const SYNC_EVERY_MS = 60_000;
/**
 * Each question is a process. Whoever sets the clock by hand is found out by the step; and where its keeper is gone, the kernel
 * itself takes hours to say so.
 */
const SYNC_KEPT_EVERY_MS = 600_000;
/** Moved by this much the clock may have another keeper, or none. */
const CLOCK_STEP_MS = 1_000;
const STANDING_EVERY_MS = 600_000;

/** See the head of the file. */
export class Inquiries {
  private readonly parts: InquiryParts;
  private standingNow: Standing | undefined;
  private nextTimeMs = 0;
  private nextSyncMs = 0;
  /** Wall minus monotonic time at the last question whether the clock is kept. */
  private syncOffsetMs = 0;
  private nextStandingMs = 0;

  constructor(parts: InquiryParts) {
    this.parts = parts;
  }

  /** How the device stands with the hub, as that has said last. */
  get standing(): Standing | undefined {
    return this.standingNow;
  }

  /** Asks what is due; a few times a minute is often enough. */
  tick(signal: AbortSignal, isLoginRefused: boolean): void {
    const { clock, time } = this.parts;
    const nowMs = clock.monotonicMs();
    const isMoved = Math.abs(this.offsetMs() - this.syncOffsetMs) >= CLOCK_STEP_MS;
    if (isMoved || nowMs >= this.nextSyncMs) void this.askSync();
    if (time.wantsHub && nowMs >= this.nextTimeMs) void this.askTime(signal, nowMs);
    if (isLoginRefused && nowMs >= this.nextStandingMs) void this.askStanding(signal, nowMs);
  }

  /** Asks whether the system's clock is kept in step. */
  async askSync(): Promise<void> {
    const { clock, time, askTimeSync } = this.parts;
    this.syncOffsetMs = this.offsetMs();
    this.nextSyncMs = clock.monotonicMs() + SYNC_WAITED_EVERY_MS;
    const isKept = await askTimeSync();
    time.hearSync(isKept);
    if (isKept !== false) this.nextSyncMs = clock.monotonicMs() + SYNC_KEPT_EVERY_MS;
    else if (!time.isWaitedFor) this.nextSyncMs = clock.monotonicMs() + SYNC_EVERY_MS;
  }

  private offsetMs(): number {
    const { clock } = this.parts;
    return clock.nowMs() - clock.monotonicMs();
  }

  private async askTime(signal: AbortSignal, nowMs: number): Promise<void> {
    const { askHubTime, time, clock, logger } = this.parts;
    if (askHubTime === undefined) return;
    this.nextTimeMs = nowMs + TIME_EVERY_MS;
    try {
      const timeMs = await askHubTime(signal);
      if (timeMs !== undefined) time.hearHub(timeMs, clock.monotonicMs());
    } catch (error) {
      logger.info({ error }, "the hub could not be asked for the time");
    }
  }

  private async askStanding(signal: AbortSignal, nowMs: number): Promise<void> {
    const { askStanding, logger } = this.parts;
    if (askStanding === undefined) return;
    this.nextStandingMs = nowMs + STANDING_EVERY_MS;
    try {
      const before = this.standingNow;
      this.standingNow = await askStanding(signal);
      if (this.standingNow === before) return;
      logger.warn({ standing: this.standingNow }, "the hub refuses the login, and says why");
    } catch (error) {
      logger.info({ error }, "the hub could not be asked how this device stands with it");
    }
  }
}
