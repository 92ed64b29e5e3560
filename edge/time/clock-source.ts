/**
 * What time it is, and who says so.
 *
 * A board without a battery starts in the past. Until some source gives a time that is not before the program was
 * built, there is no wall clock here, and nothing is signed; readings wait by monotonic time. A satellite receiver
 * outranks a system clock that contradicts it, and the hub's HTTP `Date` is a last resort. See docs/edge.md, "Time".
 */

import type { Clock } from "../../platform/clock.ts";
import type { Fix } from "../sensors/reading.ts";

/** Where the time comes from. */
export type TimeSource = "none" | "system" | "gps" | "hub";

/** What a clock source is made of. */
export interface ClockSourceParts {
  readonly clock: Clock;
  /** No time before this is believed: when the program was built, or earlier where recordings are replayed. */
  readonly notBeforeMs: number;
}

/** Two fixes that disagree by more than this, after the time between them, are not believed. */
const FIXES_APART_MS_MAX = 1_500;
/** As long as the system clock is this near to the receiver's, it is the finer of the two. */
const SYSTEM_NEAR_MS = 2_500;
/** The two clocks are read one after the other in different grains: below this a difference says nothing. */
const OFFSET_STEP_MS = 20;
/** A system clock is trusted again over a receiver that has been silent for this long. */
const GPS_SILENT_MS_MAX = 6 * 3_600_000;

interface Heard {
  readonly offsetMs: number;
  readonly atMs: number;
}

/** See the head of the file. */
export class ClockSource {
  private readonly clock: Clock;
  private readonly notBeforeMs: number;
  private lastFix: Heard | undefined;
  private gps: Heard | undefined;
  private hub: Heard | undefined;
  private systemOffsetMs = NaN;

  constructor(parts: ClockSourceParts) {
    this.clock = parts.clock;
    this.notBeforeMs = parts.notBeforeMs;
  }

  /** Monotonic milliseconds, there from the start. */
  monotonicMs(): number {
    return this.clock.monotonicMs();
  }

  /** Takes a receiver's time, once two fixes in a row agree: a single one may be a glitch. */
  hearFix(fix: Fix): void {
    if (fix.timeMs === undefined || fix.timeMs < this.notBeforeMs || fix.quality < 1) return;
    const heard = { offsetMs: fix.timeMs - fix.atMs, atMs: fix.atMs };
    const before = this.lastFix;
    this.lastFix = heard;
    if (before && Math.abs(heard.offsetMs - before.offsetMs) <= FIXES_APART_MS_MAX)
      this.gps = heard;
  }

  /** Takes the time of a hub's answer that arrived at `atMs`; used only where nothing better is there. */
  hearHub(timeMs: number, atMs: number): void {
    if (timeMs >= this.notBeforeMs) this.hub = { offsetMs: timeMs - atMs, atMs };
  }

  /** Who is believed at present. */
  get source(): TimeSource {
    return this.choose()?.source ?? "none";
  }

  /** Wall minus monotonic time in whole milliseconds; `undefined` while no clock is believed. */
  offsetMs(): number | undefined {
    const chosen = this.choose();
    return chosen === undefined ? undefined : Math.round(chosen.offsetMs);
  }

  /** Milliseconds since 1970; `undefined` while no clock is believed. */
  nowMs(): number | undefined {
    const offsetMs = this.offsetMs();
    return offsetMs === undefined ? undefined : this.clock.monotonicMs() + offsetMs;
  }

  private choose(): { source: TimeSource; offsetMs: number } | undefined {
    const monotonicMs = this.clock.monotonicMs();
    const systemMs = this.clock.nowMs();
    const system =
      systemMs >= this.notBeforeMs
        ? { source: "system" as const, offsetMs: this.steady(systemMs - monotonicMs) }
        : undefined;
    const { gps, hub } = this;
    if (gps && system) {
      const isNear = Math.abs(gps.offsetMs - system.offsetMs) <= SYSTEM_NEAR_MS;
      const isSilent = monotonicMs - gps.atMs > GPS_SILENT_MS_MAX;
      return isNear || isSilent ? system : { source: "gps", offsetMs: gps.offsetMs };
    }
    if (gps) return { source: "gps", offsetMs: gps.offsetMs };
    return system ?? (hub && { source: "hub", offsetMs: hub.offsetMs });
  }

  private steady(offsetMs: number): number {
    const isSame = Math.abs(offsetMs - this.systemOffsetMs) < OFFSET_STEP_MS;
    if (!isSame) this.systemOffsetMs = Math.round(offsetMs);
    return this.systemOffsetMs;
  }
}
