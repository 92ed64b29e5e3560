/**
 * Gathers readings into packs (docs/edge.md, "Packs").
 *
 * A pack is closed when it is full or old enough, and never in the middle of an instant: values that a sensor gave at
 * one time stay together. Times are still monotonic here, since the clock may not be believed yet; `readingsOf` puts
 * them on the wall clock when the pack is signed. Pure.
 */

import { PACK_RECORDS_MAX } from "../../ledger/limits.ts";
import { faultName } from "../../ledger/quantity.ts";
import type { Position, Reading } from "../../ledger/senml.ts";
import type { SensorReading } from "../sensors/reading.ts";
import { NOTES_MAX } from "./pack-notes.ts";

/** When a pack is closed. */
export interface PackLimits {
  /** Age of its first reading. */
  readonly seconds: number;
  /** 1 to 120, so that a pack fits the format even if each reading is flagged. */
  readonly readingsMax: number;
}

/** Readings of one stream that will be signed together, in order of time. */
export interface ClosedPack {
  readonly stream: string;
  readonly readings: readonly SensorReading[];
  /** Monotonic milliseconds of the first and the last instant. */
  readonly firstMs: number;
  readonly lastMs: number;
  /** Where the device was when the pack was closed, if that was known. */
  readonly position?: Position;
}

interface Instant {
  readonly atMs: number;
  readonly readings: SensorReading[];
}

/** SenML records that one instant may fill: all, less the position and what the agent says of the pack. */
const INSTANT_RECORDS_MAX = PACK_RECORDS_MAX - 2 - NOTES_MAX;

/** The packer of one stream. */
export class Packer {
  readonly stream: string;
  private readonly limits: PackLimits;
  private instants: Instant[] = [];

  constructor(stream: string, limits: PackLimits) {
    this.stream = stream;
    this.limits = limits;
  }

  /** Readings that are not in a closed pack yet. */
  get size(): number {
    return this.instants.reduce((sum, { readings }) => sum + readings.length, 0);
  }

  /**
   * Takes the readings of one frame or of several; gives back those that fit no pack, because one instant would have
   * more records than the format allows.
   *
   * Instants are whole milliseconds. A quantity that has a value in that millisecond already moves, with the rest of
   * its frame, to the next free one: two frames that arrived in one piece stay two.
   */
  push(readings: readonly SensorReading[]): readonly SensorReading[] {
    const tooMany: SensorReading[] = [];
    for (const frame of framesOf(readings)) {
      const instant = this.instantFor(frame);
      for (const reading of frame.readings) {
        if (recordsOf(instant) + recordsOfReading(reading) > INSTANT_RECORDS_MAX)
          tooMany.push(reading);
        else instant.readings.push({ ...reading, atMs: instant.atMs });
      }
    }
    return tooMany;
  }

  /** Closes what is due at `nowMs`. The present millisecond stays open: more of it may come. */
  take(nowMs: number): ClosedPack[] {
    const settled = this.instants.filter(({ atMs }) => atMs < nowMs);
    const groups = this.group(settled);
    const last = groups.at(-1);
    if (last && !this.isDue(last, nowMs)) groups.pop();
    const closed = groups.flat();
    this.instants = this.instants.slice(closed.length);
    return groups.map((group) => closedPack(this.stream, group));
  }

  /** Closes everything, at the end of the program. */
  takeAll(): ClosedPack[] {
    const groups = this.group(this.instants);
    this.instants = [];
    return groups.map((group) => closedPack(this.stream, group));
  }

  /** Cuts instants into runs of at most `readingsMax` readings; a larger instant is a run of its own. */
  private group(instants: readonly Instant[]): Instant[][] {
    const groups: Instant[][] = [];
    let size = Infinity;
    for (const instant of instants) {
      if (size + instant.readings.length > this.limits.readingsMax) {
        groups.push([]);
        size = 0;
      }
      groups.at(-1)!.push(instant);
      size += instant.readings.length;
    }
    return groups;
  }

  private isDue(group: readonly Instant[], nowMs: number): boolean {
    const size = group.reduce((sum, { readings }) => sum + readings.length, 0);
    return size >= this.limits.readingsMax || group[0]!.atMs + this.limits.seconds * 1000 <= nowMs;
  }

  private instantFor(frame: Instant): Instant {
    const quantities = new Set(frame.readings.map(({ quantity }) => quantity));
    let { atMs } = frame;
    let at = this.instants.findLastIndex((instant) => instant.atMs <= atMs);
    for (;;) {
      const instant = this.instants[at];
      if (instant?.atMs !== atMs) break;
      if (!instant.readings.some(({ quantity }) => quantities.has(quantity))) return instant;
      atMs += 1;
      if (this.instants[at + 1]?.atMs === atMs) at += 1;
    }
    const instant = { atMs, readings: [] };
    this.instants.splice(at + 1, 0, instant);
    return instant;
  }
}

/** Splits readings into frames: runs of one time in which no quantity comes twice. */
function framesOf(readings: readonly SensorReading[]): Instant[] {
  const frames: Instant[] = [];
  for (const reading of readings) {
    const atMs = Math.round(reading.atMs);
    const frame = frames.at(-1);
    const isSame =
      frame?.atMs === atMs && !frame.readings.some(({ quantity }) => quantity === reading.quantity);
    if (isSame) frame.readings.push(reading);
    else frames.push({ atMs, readings: [reading] });
  }
  return frames;
}

function recordsOf(instant: Instant): number {
  return instant.readings.reduce((sum, reading) => sum + recordsOfReading(reading), 0);
}

function recordsOfReading(reading: SensorReading): number {
  return reading.fault === true ? 2 : 1;
}

function closedPack(stream: string, instants: readonly Instant[]): ClosedPack {
  return {
    stream,
    readings: instants.flatMap(({ readings }) => readings),
    firstMs: instants[0]!.atMs,
    lastMs: instants.at(-1)!.atMs,
  };
}

/** Puts a pack's readings on the wall clock: `offsetMs` is wall minus monotonic time. Faulty values are followed by their mark. */
export function readingsOf(pack: ClosedPack, offsetMs: number): Reading[] {
  return pack.readings.flatMap(({ quantity, unit, value, atMs, fault }): Reading[] => {
    const time = (atMs + Math.round(offsetMs)) / 1000;
    const reading = { quantity, unit, value, time };
    return fault === true
      ? [reading, { quantity: faultName(quantity), value: true, time }]
      : [reading];
  });
}
