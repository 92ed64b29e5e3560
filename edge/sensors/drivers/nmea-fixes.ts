/**
 * Puts fixes together from pairs of sentences, and decides whether their time is believed.
 *
 * GGA says how good a fix is, RMC on which day; only the two of one moment make a fix. Satellite time counts weeks
 * modulo 1,024, so an old receiver may be wrong by 19.6 years and vouch for it all the same: such a day lies before the
 * program was built, and the fix keeps its position and loses its time.
 */

import type { Fix } from "../reading.ts";
import type { Gga, Rmc } from "./nmea-sentence.ts";

/** A fix with what else its sentences say. */
export interface PairedFix {
  readonly fix: Fix;
  readonly gga: Gga;
  readonly rmc: Rmc;
}

/** Sentences of one moment come within this; the same time of day comes again a day later. */
const PAIR_MS_MAX = 5_000;
/** So many fixes in a row, each later than the one before, make a time that lies in the past the right one. */
const EARLIER_FIXES_NEEDED = 10;

interface Heard<S> {
  readonly sentence: S;
  readonly atMs: number;
}

/** The pairing of one receiver, whatever talkers it speaks for. */
export class NmeaFixes {
  private readonly time: TimeBelief;
  private gga: Heard<Gga> | undefined;
  private rmc: Heard<Rmc> | undefined;
  private last: { readonly dayMs: number; readonly atMs: number } | undefined;

  constructor(notBeforeMs: number) {
    this.time = new TimeBelief(notBeforeMs);
  }

  /** Takes a GGA sentence; `undefined` for one without a fix, after which an earlier one is not paired any more. */
  hearGga(sentence: Gga | undefined, atMs: number): PairedFix | undefined {
    this.gga = sentence && { sentence, atMs };
    return this.pair(atMs);
  }

  /** Takes an RMC sentence; `undefined` for a void one. */
  hearRmc(sentence: Rmc | undefined, atMs: number): PairedFix | undefined {
    this.rmc = sentence && { sentence, atMs };
    return this.pair(atMs);
  }

  /** Forgets a half pair. */
  reset(): void {
    this.gga = undefined;
    this.rmc = undefined;
  }

  private pair(atMs: number): PairedFix | undefined {
    if (this.gga === undefined || this.rmc === undefined) return undefined;
    const { sentence: gga, atMs: ggaMs } = this.gga;
    const { sentence: rmc, atMs: rmcMs } = this.rmc;
    const firstMs = Math.min(ggaMs, rmcMs);
    if (gga.dayMs !== rmc.dayMs || atMs - firstMs > PAIR_MS_MAX) return undefined;
    this.reset();
    // A receiver of several systems may say the same moment once for each.
    const { last } = this;
    if (last?.dayMs === gga.dayMs && firstMs - last.atMs <= PAIR_MS_MAX) return undefined;
    this.last = { dayMs: gga.dayMs, atMs };
    const { lat, lon, quality } = gga;
    const timeMs = rmc.dateMs === undefined ? undefined : this.time.judge(rmc.dateMs + rmc.dayMs);
    const fix = { lat, lon, quality, atMs: firstMs, ...(timeMs === undefined ? {} : { timeMs }) };
    return { fix, gga, rmc };
  }
}

/** Lets time pass only forwards, and only from the build date on. */
class TimeBelief {
  private readonly notBeforeMs: number;
  private lastMs = -Infinity;
  private earlierMs = -Infinity;
  private earlierFixes = 0;

  constructor(notBeforeMs: number) {
    this.notBeforeMs = notBeforeMs;
  }

  /** Gives the time back if it is believed. */
  judge(timeMs: number): number | undefined {
    if (timeMs < this.notBeforeMs) return undefined;
    if (timeMs <= this.lastMs) {
      this.earlierFixes = timeMs > this.earlierMs ? this.earlierFixes + 1 : 1;
      this.earlierMs = timeMs;
      if (this.earlierFixes < EARLIER_FIXES_NEEDED) return undefined;
    }
    this.lastMs = timeMs;
    this.earlierMs = -Infinity;
    this.earlierFixes = 0;
    return timeMs;
  }
}
