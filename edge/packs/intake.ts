/**
 * The way of readings from the drivers to the signer: a packer for each stream, and a waiting room of bounded size.
 *
 * Packs wait here while there is no clock, no enrolment, no position, or no room in the outbox. At the bound new readings
 * are dropped, unsigned, counted, and owned up to in the stream's next pack. Pure.
 */

import type { Position } from "../../ledger/senml.ts";
import type { Counters } from "../counters.ts";
import { Packer } from "./packer.ts";
import type { ClosedPack, PackLimits } from "./packer.ts";
import type { SensorReading } from "../sensors/reading.ts";

/** What an intake is made of. */
export interface IntakeParts {
  readonly pack: PackLimits;
  /** Readings that may wait. */
  readonly waitingReadingsMax: number;
  /** Where the device is now, as far as it is known. */
  readonly position: () => Position | undefined;
  readonly counters: Counters;
}

/** The newest value of a quantity in a stream. */
export interface LatestReading extends SensorReading {
  readonly stream: string;
}

/** See the head of the file. */
export class Intake {
  private readonly parts: IntakeParts;
  private readonly packers = new Map<string, Packer>();
  private readonly waiting: ClosedPack[] = [];
  private readonly droppedOf = new Map<string, number>();
  private readonly latestOf = new Map<string, LatestReading>();

  constructor(parts: IntakeParts) {
    this.parts = parts;
  }

  /** Readings that wait to be signed, in open and closed packs. */
  get size(): number {
    let size = 0;
    for (const packer of this.packers.values()) size += packer.size;
    for (const { readings } of this.waiting) size += readings.length;
    return size;
  }

  /** The newest values, for the live view: also of readings that were dropped. */
  get latest(): readonly LatestReading[] {
    return [...this.latestOf.values()];
  }

  /** Takes readings of a stream. Numbers that are none (NaN, infinities) have no encoding, and are dropped. */
  push(stream: string, given: readonly SensorReading[]): void {
    const { counters, waitingReadingsMax, pack } = this.parts;
    counters.readings += given.length;
    const readings = given.filter(
      ({ value }) => typeof value !== "number" || Number.isFinite(value),
    );
    this.drop(stream, given.length - readings.length);
    for (const reading of readings) {
      if (reading.fault === true) counters.readingsFaulty += 1;
      this.latestOf.set(`${stream}/${reading.quantity}`, { ...reading, stream });
    }
    if (this.size + readings.length > waitingReadingsMax) {
      this.drop(stream, readings.length);
      return;
    }
    let packer = this.packers.get(stream);
    if (packer === undefined) this.packers.set(stream, (packer = new Packer(stream, pack)));
    this.drop(stream, packer.push(readings).length);
  }

  /** Closes the packs that are due; at the end of the program all of them. */
  close(nowMs: number, isEnd = false): void {
    const position = this.parts.position();
    for (const packer of this.packers.values()) {
      const closed = isEnd ? packer.takeAll() : packer.take(nowMs);
      this.waiting.push(...closed.map((pack) => (position ? { ...pack, position } : pack)));
    }
  }

  /** The pack whose turn it is; it stays until `shift`. */
  first(): ClosedPack | undefined {
    return this.waiting[0];
  }

  /** Takes the first pack away, signed or refused. */
  shift(): void {
    this.waiting.shift();
  }

  /** By stream, what would be missing from the ledger if the program ended now, with nothing more signed. */
  owed(): ReadonlyMap<string, number> {
    const owed = new Map(this.droppedOf);
    const add = (stream: string, count: number): void => {
      owed.set(stream, (owed.get(stream) ?? 0) + count);
    };
    for (const { stream, readings } of this.waiting) add(stream, readings.length);
    for (const { stream, size } of this.packers.values()) add(stream, size);
    return owed;
  }

  /** Takes over what an earlier run of the program has dropped. */
  inherit(owed: ReadonlyMap<string, number>): void {
    for (const [stream, count] of owed) this.droppedOf.set(stream, this.dropped(stream) + count);
  }

  /** By stream, readings that were dropped since `ownUp` was last called for it. */
  get droppedByStream(): ReadonlyMap<string, number> {
    return this.droppedOf;
  }

  /** Readings of a stream that were dropped since `ownUp` was last called for it. */
  dropped(stream: string): number {
    return this.droppedOf.get(stream) ?? 0;
  }

  /** Says that `count` dropped readings of a stream stand in a signed pack. */
  ownUp(stream: string, count: number): void {
    this.droppedOf.set(stream, this.dropped(stream) - count);
  }

  private drop(stream: string, count: number): void {
    if (count === 0) return;
    this.parts.counters.readingsDropped += count;
    this.droppedOf.set(stream, this.dropped(stream) + count);
  }
}
