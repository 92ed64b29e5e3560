/**
 * How a sensor is, told from what came of it and when: a state machine over time, pure.
 *
 * One word a sensor, the gravest first (docs/edge.md, "How a sensor is"). What concerns the data is flagged in the ledger
 * besides: values out of range by drivers, values that are stuck here. A missing value needs no flag.
 */

import { QUANTITIES } from "../../ledger/quantity.ts";
import type { SensorReading } from "./reading.ts";

/** All states, the gravest first. */
export const SENSOR_STATES = [
  /** The line is closed: unplugged, or not to be opened. */
  "offline",
  /** The line is open, and nothing that the driver understands has come for a while. */
  "silent",
  /** A quantity has repeated one value for longer than it can by nature. */
  "stuck",
  /** The newest value of a quantity is beyond what such a sensor can measure. */
  "out-of-range",
  /** The newest value of a quantity was marked by the sensor itself. */
  "faulty",
  "ok",
] as const;

export type SensorState = (typeof SENSOR_STATES)[number];

/** When a sensor counts as silent or stuck. */
export interface SensorLimits {
  readonly silentMs: number;
  /** 0 for never. */
  readonly stuckMs: number;
}

/** Unless the user sets others. Air that stands still for six hours is rarer than a sensor that hangs. */
export const SENSOR_LIMITS: SensorLimits = { silentMs: 60_000, stuckMs: 6 * 3_600_000 };

/** A state, and the quantities that it is about. */
export interface SensorCondition {
  readonly state: SensorState;
  /** In order of name; empty for `offline`, `silent` and `ok`. */
  readonly quantities: readonly string[];
}

interface Track {
  value: SensorReading["value"];
  /** Monotonic milliseconds of the first reading of the present run. */
  sinceMs: number;
  repeats: number;
  fault: "stuck" | "out-of-range" | "faulty" | undefined;
}

/** Few readings prove nothing, however far apart they are. */
const REPEATS_MIN = 10;
/** Quantities that a board of its own kind names: more are not watched. */
const QUANTITIES_MAX = 256;

/** Things that never stand still in nature; counts, places and meters may, for a whole night. */
const RESTLESS: ReadonlySet<string> = new Set(["air", "noise"]);

/** The state machine of one sensor. All times are monotonic milliseconds. */
export class SensorHealth {
  private readonly limits: SensorLimits;
  private readonly tracks = new Map<string, Track>();
  private heardMs: number | undefined;
  private sampleMs: number | undefined;

  constructor(limits: SensorLimits) {
    this.limits = limits;
  }

  /** When the newest reading was taken; `undefined` before the first. */
  get lastSampleMs(): number | undefined {
    return this.sampleMs;
  }

  /** Says that the line was opened. */
  opened(atMs: number): void {
    this.heardMs = atMs;
  }

  /** Says that the line was lost, or could not be opened. */
  closed(): void {
    this.heardMs = undefined;
  }

  /** Says that the driver understood something, also if it came to no reading. */
  heard(atMs: number): void {
    if (this.heardMs !== undefined) this.heardMs = atMs;
  }

  /**
   * Looks at readings in their order, and gives them with the stuck ones flagged.
   *
   * Those of another `stream` than the sensor's own are runs of their own, and are named with it.
   */
  take(readings: readonly SensorReading[], stream?: string): readonly SensorReading[] {
    return readings.map((reading) => {
      this.sampleMs = reading.atMs;
      const { quantity } = reading;
      const track = this.trackOf(
        stream === undefined ? quantity : `${stream}/${quantity}`,
        reading,
      );
      if (track === undefined) return reading;
      const isStuck = this.isStuck(reading, track);
      if (isOutOfRange(reading)) track.fault = "out-of-range";
      else if (isStuck) track.fault = "stuck";
      else track.fault = reading.fault === true ? "faulty" : undefined;
      return isStuck ? { ...reading, fault: true } : reading;
    });
  }

  /** How the sensor is. */
  condition(nowMs: number): SensorCondition {
    if (this.heardMs === undefined) return { state: "offline", quantities: [] };
    if (nowMs - this.heardMs >= this.limits.silentMs) return { state: "silent", quantities: [] };
    for (const state of ["stuck", "out-of-range", "faulty"] as const) {
      const found = [...this.tracks].filter(([, { fault }]) => fault === state);
      if (found.length > 0) return { state, quantities: found.map(([name]) => name).toSorted() };
    }
    return { state: "ok", quantities: [] };
  }

  /** The run of equal values that a reading belongs to, itself counted. */
  private trackOf(name: string, { value, atMs }: SensorReading): Track | undefined {
    const track = this.tracks.get(name);
    if (track?.value === value) {
      track.repeats += 1;
      return track;
    }
    if (track === undefined && this.tracks.size >= QUANTITIES_MAX) return undefined;
    const fresh: Track = { value, sinceMs: atMs, repeats: 1, fault: undefined };
    this.tracks.set(name, fresh);
    return fresh;
  }

  private isStuck({ quantity, value, atMs }: SensorReading, track: Track): boolean {
    const { stuckMs } = this.limits;
    const known = QUANTITIES.get(quantity);
    if (stuckMs === 0 || known === undefined || !RESTLESS.has(known.measurement)) return false;
    // Clean air may be zero, and fog a hundred percent, for as long as they like.
    const isAtEnd = value === known.min || value === known.max;
    return !isAtEnd && track.repeats >= REPEATS_MIN && atMs - track.sinceMs >= stuckMs;
  }
}

function isOutOfRange({ quantity, value }: SensorReading): boolean {
  const known = QUANTITIES.get(quantity);
  return (
    known !== undefined && typeof value === "number" && !(value >= known.min && value <= known.max)
  );
}
