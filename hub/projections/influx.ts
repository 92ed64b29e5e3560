/**
 * The mirror in InfluxDB: a projection of all public readings, for dashboards that know InfluxDB.
 *
 * Its cursor is a small file of its own, durable, and moves only behind what the server has taken or refused for good;
 * so an outage of any length is made up for, nothing is missing and, since points are written over themselves,
 * nothing is there twice. A partial write keeps the good points and its count of the bad ones cannot be trusted:
 * therefore the mirror counts what is there, after each refusal and now and then without one.
 */

import { dirname } from "node:path";
import { decodeCbor, encodeCbor } from "../../ledger/cbor.ts";
import { Refusal } from "../../ledger/errors.ts";
import type { Files } from "../../platform/files.ts";
import type { Logger } from "../../platform/log.ts";
import { NOTHING_TAKEN } from "../index-db.ts";
import type { Cursor } from "../index-db.ts";
import type { ProjectedEntry } from "./entry-feed.ts";
import { mirrorPoints, pointBytes } from "./influx-point.ts";
import type { MirrorPoint } from "./influx-point.ts";
import { REFUSED_REASONS } from "./influx-target.ts";
import type { CountRange, MirrorTarget, RefusedReason, WriteRefused } from "./influx-target.ts";
import { cursorAfter } from "./projection.ts";
import type { Projection } from "./projection.ts";

/** What the mirror works with. */
export interface MirrorParts {
  readonly target: MirrorTarget;
  readonly files: Files;
  /** Of the cursor's file. */
  readonly path: string;
  readonly logger: Logger;
}

/** Bounds of one write. An entry is never split, so one entry may exceed them. */
export interface MirrorLimits {
  readonly pointsMax: number;
  readonly bytesMax: number;
  /** After so many writes without a refusal, one is counted. */
  readonly countEvery: number;
}

const MIRROR_LIMITS: MirrorLimits = { pointsMax: 5000, bytesMax: 1_048_576, countEvery: 32 };

/** What the mirror has done since its start. */
export interface MirrorFigures {
  /** Points that the server has taken. */
  readonly taken: number;
  readonly refused: Readonly<Record<RefusedReason, number>>;
}

const VERSION = 1;

/** See the head of the file. */
export class InfluxMirror implements Projection {
  readonly name: string = "influx";
  readonly #parts: MirrorParts;
  readonly #limits: MirrorLimits;
  #cursor: Cursor;
  /** Whether the database is known to be there; asked again after every failure. */
  #isReady = false;
  #writes = 0;
  #taken = 0;
  readonly #refused = Object.fromEntries(REFUSED_REASONS.map((reason) => [reason, 0])) as Record<
    RefusedReason,
    number
  >;

  private constructor(parts: MirrorParts, limits: MirrorLimits, cursor: Cursor) {
    this.#parts = parts;
    this.#limits = limits;
    this.#cursor = cursor;
  }

  /** Reads where it stood. Another database than before is filled from the beginning. */
  static async open(
    parts: MirrorParts,
    limits: MirrorLimits = MIRROR_LIMITS,
  ): Promise<InfluxMirror> {
    await parts.files.makeFolder(dirname(parts.path));
    const cursor = decodeCursor(await parts.files.read(parts.path), parts.target.name);
    return new InfluxMirror(parts, limits, cursor);
  }

  get cursor(): Cursor {
    return this.#cursor;
  }

  /** Points taken and refused since the start. */
  get figures(): MirrorFigures {
    return { taken: this.#taken, refused: { ...this.#refused } };
  }

  async take(entries: readonly ProjectedEntry[], signal: AbortSignal): Promise<void> {
    try {
      if (!(await this.#makeReady())) return;
      for (const batch of this.#batches(entries)) {
        signal.throwIfAborted();
        await this.#write(mirrorPoints(batch));
        await this.#moveTo(cursorAfter(batch));
      }
    } catch (error) {
      this.#isReady = false;
      throw error;
    }
  }

  /** Sets the cursor back. What is in the database stays, and is written over. */
  async reset(): Promise<void> {
    this.#isReady = false;
    await this.#moveTo(NOTHING_TAKEN);
  }

  /** Removes the database and sets the cursor back. */
  async drop(): Promise<void> {
    await this.#parts.target.drop();
    await this.reset();
  }

  /** Sees to it that there is a database; `false` where it is a new one, and taking begins anew. */
  async #makeReady(): Promise<boolean> {
    if (this.#isReady) return true;
    const found = await this.#parts.target.ensure();
    const isFilled = found === "found" || this.#cursor.next === 0;
    if (!isFilled) await this.#moveTo(NOTHING_TAKEN);
    this.#isReady = true;
    return isFilled;
  }

  /** Cuts entries into writes. */
  *#batches(entries: readonly ProjectedEntry[]): Generator<readonly ProjectedEntry[]> {
    const { pointsMax, bytesMax } = this.#limits;
    let from = 0;
    let [points, bytes] = [0, 0];
    for (const [i, entry] of entries.entries()) {
      const own = mirrorPoints([entry]);
      const ownBytes = own.reduce((sum, point) => sum + pointBytes(point), 0);
      if (i > from && (points + own.length > pointsMax || bytes + ownBytes > bytesMax)) {
        yield entries.slice(from, i);
        from = i;
        [points, bytes] = [0, 0];
      }
      points += own.length;
      bytes += ownBytes;
    }
    yield entries.slice(from);
  }

  async #write(points: readonly MirrorPoint[]): Promise<void> {
    if (points.length === 0) return;
    const { target } = this.#parts;
    const outcome = await target.write(points);
    this.#writes += 1;
    const isSample = this.#writes % this.#limits.countEvery === 0;
    const missing = outcome !== "taken" || isSample ? await this.#missing(points) : 0;
    if (missing > 0) this.#lose(points, missing, outcome);
    this.#taken += points.length - missing;
  }

  /** Counts points of a write that the server does not have. */
  async #missing(points: readonly MirrorPoint[]): Promise<number> {
    let found = 0;
    for (const range of rangesOf(points)) found += await this.#parts.target.count(range);
    return Math.max(0, points.length - found);
  }

  #lose(points: readonly MirrorPoint[], missing: number, outcome: "taken" | WriteRefused): void {
    const { reason, text } =
      outcome === "taken" ? { reason: "vanished" as const, text: "" } : outcome;
    this.#refused[reason] += missing;
    const fields = { reason, missing, of: points.length, firstEntry: points[0]!.entry, text };
    this.#parts.logger.error(fields, "InfluxDB does not take some points");
  }

  async #moveTo(cursor: Cursor): Promise<void> {
    const { files, path, target } = this.#parts;
    await files.write(path, encodeCbor([VERSION, target.name, cursor.next, cursor.hash]));
    this.#cursor = cursor;
  }
}

/** The times and entries that the points of each measurement span. */
function rangesOf(points: readonly MirrorPoint[]): CountRange[] {
  const ranges = new Map<string, CountRange>();
  for (const { measurement, timeMs, entry } of points) {
    const known = ranges.get(measurement);
    ranges.set(measurement, {
      measurement,
      fromMs: Math.min(known?.fromMs ?? timeMs, timeMs),
      toMs: Math.max(known?.toMs ?? timeMs, timeMs),
      firstEntry: Math.min(known?.firstEntry ?? entry, entry),
      lastEntry: Math.max(known?.lastEntry ?? entry, entry),
    });
  }
  return [...ranges.values()];
}

/** Reads the cursor's file; the beginning where it is absent, unreadable, or of another database. */
function decodeCursor(bytes: Uint8Array | undefined, target: string): Cursor {
  const fields = bytes === undefined ? undefined : decodeCbor(bytes);
  if (fields === undefined || fields instanceof Refusal || !Array.isArray(fields)) {
    return NOTHING_TAKEN;
  }
  const [version, name, next, hash] = fields as [number, string, number, Uint8Array];
  return version === VERSION && name === target ? { next, hash } : NOTHING_TAKEN;
}
