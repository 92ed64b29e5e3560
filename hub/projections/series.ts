/**
 * Series: all values of a device's stream by the time of measuring.
 *
 * One key a pack and hour, not one a value: `device, stream, hour, entry`, its values as compressed columns. A question
 * reads the hours that it spans, in order, and sorts within each; how much it may read at a time is bounded, and where
 * that is reached the answer says from which time on to ask again.
 */

import type { Cursor, IndexDb, Shelf } from "../index-db.ts";
import { decodeColumns, encodeColumns } from "./columns.ts";
import type { ProjectedEntry } from "./entry-feed.ts";
import type { MeasuredValue } from "./measured.ts";
import { cursorAfter } from "./projection.ts";
import type { Projection } from "./projection.ts";

const VERSION = 1;
const HOUR_MS = 3_600_000;

/** Packs decoded before others get a turn, and in one answer; an hour that is begun is read to its end. */
const PACKS_OF_TURN = 500;
const PACKS_MAX = 20_000;

/** Points of an hour kept beyond those that an answer can hold, so that dropping them is seldom. */
const POINTS_SPARE = 10_000;

/** What is asked for. */
export interface SeriesQuery {
  readonly device: string;
  readonly stream: string;
  readonly quantity: string;
  /** From this time on, up to, not with, `toMs`. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Values wanted at least, if there are as many; those of one millisecond are never split over two answers. */
  readonly limit: number;
}

/** A value and the entry that proves it. */
export interface SeriesPoint extends MeasuredValue {
  readonly entry: number;
}

/** An answer, in the order of time; of equal times, in the order of the log. */
export interface SeriesPage {
  readonly points: readonly SeriesPoint[];
  /** The `fromMs` with which to ask for the rest; absent where there is none. May come with no points at all. */
  readonly nextMs: number | undefined;
}

/** See the head of the file. */
export class Series implements Projection {
  readonly name: string = "series";
  readonly #shelf: Shelf;

  private constructor(shelf: Shelf) {
    this.#shelf = shelf;
  }

  /** Opens the table. */
  static async open(db: IndexDb): Promise<Series> {
    return new Series(await db.shelf("series", VERSION));
  }

  get cursor(): Cursor {
    return this.#shelf.cursor;
  }

  async take(entries: readonly ProjectedEntry[]): Promise<void> {
    await this.#shelf.commit(cursorAfter(entries), () => {
      for (const entry of entries) this.#put(entry);
    });
  }

  reset(): Promise<void> {
    return this.#shelf.clear();
  }

  /** Answers a query from what was taken so far. */
  async query(query: SeriesQuery, packsMax: number = PACKS_MAX): Promise<SeriesPage> {
    const page = new Page(query);
    const { device, stream } = query;
    const end = [device, stream, Math.ceil(query.toMs / HOUR_MS)];
    let start: (string | number)[] = [device, stream, Math.floor(query.fromMs / HOUR_MS)];
    for (let packs = 0; ;) {
      // A new iterator each turn: an open one would hold up what LMDB may reuse.
      const records = [...this.#shelf.table.range(start, end, PACKS_OF_TURN)];
      for (const { key, value } of records) {
        const [, , hour, entry] = key as [string, string, number, number];
        if (page.beginHour(hour, packs >= packsMax)) return page.end();
        page.add(value, entry);
        packs += 1;
        start = [device, stream, hour, entry + 1];
      }
      if (records.length < PACKS_OF_TURN) return page.finish();
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  #put({ index, statement, measured }: ProjectedEntry): void {
    if (measured === undefined) return;
    const hours = new Map<number, MeasuredValue[]>();
    for (const value of measured.values) {
      const hour = Math.floor(value.timeMs / HOUR_MS);
      const values = hours.get(hour);
      if (values === undefined) hours.set(hour, [value]);
      else values.push(value);
    }
    const { issuer, stream } = statement;
    for (const [hour, values] of hours) {
      this.#shelf.table.put([issuer, stream, hour, index], encodeColumns(values));
    }
  }
}

/** Collects an answer hour by hour. */
class Page {
  readonly #query: SeriesQuery;
  #points: SeriesPoint[] = [];
  /** Of the hour that is being read, in the order of the log. */
  #hourPoints: SeriesPoint[] = [];
  #hour: number | undefined;

  constructor(query: SeriesQuery) {
    this.#query = query;
  }

  /** Closes the hour before, if this is another one; says whether the answer ends there. */
  beginHour(hour: number, isEnough: boolean): boolean {
    if (hour === this.#hour) return false;
    this.#closeHour();
    const isFirst = this.#hour === undefined;
    this.#hour = hour;
    return this.#points.length > this.#query.limit || (isEnough && !isFirst);
  }

  add(columns: Uint8Array, entry: number): void {
    const { quantity, fromMs, toMs } = this.#query;
    for (const value of decodeColumns(columns, quantity)) {
      if (value.timeMs >= fromMs && value.timeMs < toMs) {
        this.#hourPoints.push({ ...value, entry });
      }
    }
    if (this.#hourPoints.length > 4 * this.#query.limit + POINTS_SPARE) this.#thinHour();
  }

  /** The answer when everything was read. */
  finish(): SeriesPage {
    this.#closeHour();
    this.#hour = undefined;
    return this.end();
  }

  /** The answer when more may follow: without the hour that was begun. */
  end(): SeriesPage {
    const points = this.#points;
    const { limit, fromMs } = this.#query;
    let count = Math.min(limit, points.length);
    while (count > 0 && points[count]?.timeMs === points[count - 1]!.timeMs) count += 1;
    const rest = this.#hour === undefined ? undefined : Math.max(fromMs, this.#hour * HOUR_MS);
    return { points: points.slice(0, count), nextMs: points[count]?.timeMs ?? rest };
  }

  /** Drops what cannot be in the answer of an hour with very many values: only the first of them will be. */
  #thinHour(): void {
    const points = this.#hourPoints.sort((a, b) => a.timeMs - b.timeMs);
    const lastMs = points[this.#query.limit - 1]!.timeMs;
    const nextMs = points.find(({ timeMs }) => timeMs > lastMs)?.timeMs ?? lastMs;
    this.#hourPoints = points.filter(({ timeMs }) => timeMs <= nextMs);
  }

  #closeHour(): void {
    // Sorting keeps the order of what is of one time.
    this.#hourPoints.sort((a, b) => a.timeMs - b.timeMs);
    this.#points = this.#points.concat(this.#hourPoints);
    this.#hourPoints = [];
  }
}
