/**
 * What time it is, and who says so.
 *
 * A board without a battery starts in the past, or where it was switched off (fake-hwclock). Until some source gives a
 * time that is not before the program was built, there is no wall clock here, and nothing is signed; readings wait by
 * monotonic time. A satellite receiver outranks a system clock that contradicts it and that nobody is known to keep; where
 * it contradicts one that is kept, one of the two is wrong and nobody here can tell which, so the settings decide and the
 * contradiction is told. A system clock that is known to be kept by nobody is believed only after a while, and the hub's
 * HTTP `Date` is a last resort. See docs/edge.md, "Time".
 */

import type { Clock } from "../../platform/clock.ts";
import type { Fix } from "../sensors/reading.ts";

/** Who vouches for the time, the best last. `system` is the machine's own clock, with nobody known to keep it right. */
export const TIME_SOURCES = ["none", "hub", "system", "ntp", "gps"] as const;

export type TimeSource = (typeof TIME_SOURCES)[number];

/** Who may be preferred where a receiver and a system clock that is kept contradict each other. */
export const PREFERENCES = ["ntp", "gps"] as const;

export type Preference = (typeof PREFERENCES)[number];

/** A time that is believed. */
export interface BelievedTime {
  readonly source: Exclude<TimeSource, "none">;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** Wall minus monotonic time, whole milliseconds. */
  readonly offsetMs: number;
  /**
   * By how much the other one of receiver and kept system clock is ahead, or behind where negative, whole milliseconds;
   * absent while they do not contradict each other.
   */
  readonly apartMs?: number;
}

/** What a clock source is made of. */
export interface ClockSourceParts {
  readonly clock: Clock;
  /** No time before this is believed (nor any from 2086 on): when the program was built, or earlier where recordings are replayed. */
  readonly notBeforeMs: number;
  /** For how long, from now, a system clock that nobody keeps is not believed yet; see `hearSync`. */
  readonly waitForSyncMs: number;
  /** Who is believed where a receiver contradicts a system clock that is kept; `ntp` unless given. */
  readonly prefer?: Preference | undefined;
}

/** Two fixes that disagree by more than this, after the time between them, are not believed. */
const FIXES_APART_MS_MAX = 1_500;
/** As long as the system clock is this near to the receiver's, it is the finer of the two; else they contradict each other. */
const SYSTEM_NEAR_MS = 2_500;
/** The two clocks are read one after the other in different grains: below this a difference says nothing. */
const OFFSET_STEP_MS = 20;
/** A system clock is trusted again over a receiver that has been silent for this long. */
const GPS_SILENT_MS_MAX = 6 * 3_600_000;
/** Clocks that have lost their memory say 2099 as well as 1970, and a receiver that lies says anything. */
const NOT_AFTER_MS = Date.UTC(2086, 0);
/** A system clock that nobody keeps, and that is further off than this from the hub's, is the worse of the two. */
const HUB_NEAR_MS = 60_000;

type Chosen = Pick<BelievedTime, "source" | "offsetMs" | "apartMs">;

interface Heard {
  readonly offsetMs: number;
  readonly atMs: number;
}

/** See the head of the file. */
export class ClockSource {
  private readonly clock: Clock;
  private readonly notBeforeMs: number;
  private readonly waitUntilMs: number;
  private readonly prefer: Preference;
  private lastFix: Heard | undefined;
  private gps: Heard | undefined;
  private hub: Heard | undefined;
  private isKept: boolean | undefined;
  private systemOffsetMs = NaN;

  constructor(parts: ClockSourceParts) {
    this.clock = parts.clock;
    this.notBeforeMs = parts.notBeforeMs;
    this.waitUntilMs = parts.clock.monotonicMs() + parts.waitForSyncMs;
    this.prefer = parts.prefer ?? "ntp";
  }

  /** Monotonic milliseconds, there from the start. */
  monotonicMs(): number {
    return this.clock.monotonicMs();
  }

  /** Takes a receiver's time, once two fixes in a row agree: a single one may be a glitch. */
  hearFix(fix: Fix): void {
    if (fix.timeMs === undefined || !this.isPossible(fix.timeMs) || fix.quality < 1) return;
    const heard = { offsetMs: fix.timeMs - fix.atMs, atMs: fix.atMs };
    const before = this.lastFix;
    this.lastFix = heard;
    if (before && Math.abs(heard.offsetMs - before.offsetMs) <= FIXES_APART_MS_MAX)
      this.gps = heard;
  }

  /** Takes the time of a hub's answer that arrived at `atMs`; used only where nothing better is there. */
  hearHub(timeMs: number, atMs: number): void {
    if (this.isPossible(timeMs)) this.hub = { offsetMs: timeMs - atMs, atMs };
  }

  /**
   * Takes note whether the system's clock is kept in step (NTP and the like); `undefined` where nobody can tell.
   *
   * One that is known not to be kept is waited for, the hub's word too, and then taken for what it is; where nobody can
   * tell it is taken at once.
   */
  hearSync(isKept: boolean | undefined): void {
    this.isKept = isKept;
  }

  /** Whether the hub's word could help: nobody better tells the time. */
  get wantsHub(): boolean {
    const source = this.choose()?.source;
    if (source === "gps" || source === "ntp") return false;
    return source !== "system" || this.isKept === false || this.system() === undefined;
  }

  /** Who is believed at present. */
  get source(): TimeSource {
    return this.choose()?.source ?? "none";
  }

  /** Everything at one moment; `undefined` while no clock is believed. */
  now(): BelievedTime | undefined {
    const chosen = this.choose();
    if (chosen === undefined) return undefined;
    const { source, apartMs } = chosen;
    const offsetMs = Math.round(chosen.offsetMs);
    const nowMs = this.clock.monotonicMs() + offsetMs;
    return { source, offsetMs, nowMs, ...(apartMs === undefined ? {} : { apartMs }) };
  }

  /** Wall minus monotonic time in whole milliseconds; `undefined` while no clock is believed. */
  offsetMs(): number | undefined {
    return this.now()?.offsetMs;
  }

  /** Milliseconds since 1970; `undefined` while no clock is believed. */
  nowMs(): number | undefined {
    return this.now()?.nowMs;
  }

  private choose(): Chosen | undefined {
    const { gps, hub } = this;
    const system = this.system();
    const isHeard = gps && this.clock.monotonicMs() - gps.atMs <= GPS_SILENT_MS_MAX;
    if (gps && isHeard) return this.weigh(gps, system);
    // Counted on from the last fix, which nobody vouches for any more: still better than no time.
    const counted = gps && { source: "system" as const, offsetMs: gps.offsetMs };
    if (this.isWaitedFor) return counted;
    if (hub && (system === undefined || this.isWorseThanHub(system.offsetMs)))
      return { source: "hub", offsetMs: hub.offsetMs };
    return system ?? counted;
  }

  /** A receiver's word against that of the system's clock. */
  private weigh({ offsetMs }: Heard, system: Chosen | undefined): Chosen {
    if (system === undefined) return { source: "gps", offsetMs };
    const aheadMs = Math.round(offsetMs - system.offsetMs);
    // As long as both agree the receiver vouches, and the system's clock is the finer.
    if (Math.abs(aheadMs) <= SYSTEM_NEAR_MS) return { source: "gps", offsetMs: system.offsetMs };
    if (system.source !== "ntp") return { source: "gps", offsetMs };
    return this.prefer === "ntp"
      ? { ...system, apartMs: aheadMs }
      : { source: "gps", offsetMs, apartMs: -aheadMs };
  }

  /** Whether it may be this late, or this early, at all. */
  private isPossible(timeMs: number): boolean {
    return timeMs >= this.notBeforeMs && timeMs < NOT_AFTER_MS;
  }

  /** The system's clock, where it may be believed at all. */
  private system(): Chosen | undefined {
    const systemMs = this.clock.nowMs();
    if (!this.isPossible(systemMs) || this.isWaitedFor) return undefined;
    const source = this.isKept === true ? "ntp" : "system";
    return { source, offsetMs: this.steady(systemMs - this.clock.monotonicMs()) };
  }

  /** Whether the system's clock, which is not kept, may still come to be. */
  get isWaitedFor(): boolean {
    if (this.isKept !== false || !this.isPossible(this.clock.nowMs())) return false;
    return this.clock.monotonicMs() < this.waitUntilMs;
  }

  private isWorseThanHub(systemOffsetMs: number): boolean {
    if (this.isKept !== false || this.hub === undefined) return false;
    return Math.abs(this.hub.offsetMs - systemOffsetMs) > HUB_NEAR_MS;
  }

  private steady(offsetMs: number): number {
    const isSame = Math.abs(offsetMs - this.systemOffsetMs) < OFFSET_STEP_MS;
    if (!isSame) this.systemOffsetMs = Math.round(offsetMs);
    return this.systemOffsetMs;
  }
}
