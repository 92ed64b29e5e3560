/**
 * The latest value of every quantity of every device and stream.
 *
 * Held in memory, as pages ask for all of it, and in the index, so that a start does not read the log. Data that come
 * late never replace newer ones: what counts is the time of measuring, not of arrival.
 */

import { decodeCbor, encodeCbor } from "../../ledger/cbor.ts";
import type { CborValue } from "../../ledger/cbor.ts";
import type { Cursor, IndexDb, Shelf, TableKey } from "../index-db.ts";
import type { ProjectedEntry } from "./entry-feed.ts";
import type { MeasuredValue } from "./measured.ts";
import { cursorAfter } from "./projection.ts";
import type { Projection } from "./projection.ts";

/** A value, where it comes from and which entry proves it. */
export interface LatestValue extends MeasuredValue {
  readonly stream: string;
  /** Index of the entry. */
  readonly entry: number;
}

/** Quantities of one device, over all its streams: beyond, the one measured longest ago is forgotten. */
const VALUES_OF_DEVICE_MAX = 512;

const VERSION = 1;

/** See the head of the file. */
export class Latest implements Projection {
  readonly name: string = "latest";
  readonly #shelf: Shelf;
  readonly #devices = new Map<string, Map<string, LatestValue>>();

  private constructor(shelf: Shelf) {
    this.#shelf = shelf;
  }

  /** Reads what was kept. */
  static async open(db: IndexDb): Promise<Latest> {
    const latest = new Latest(await db.shelf("latest", VERSION));
    for (const { key, value } of latest.#shelf.table.all()) latest.#load(key, value);
    return latest;
  }

  get cursor(): Cursor {
    return this.#shelf.cursor;
  }

  /** The values of a device, in no certain order; none for an unknown one. */
  of(device: string): LatestValue[] {
    return [...(this.#devices.get(device)?.values() ?? [])];
  }

  /** All devices that have values. */
  devices(): Iterable<string> {
    return this.#devices.keys();
  }

  async take(entries: readonly ProjectedEntry[]): Promise<void> {
    const changed = new Map<string, TableKey>();
    for (const entry of entries) this.#takeEntry(entry, changed);
    await this.#shelf.commit(cursorAfter(entries), () => {
      for (const key of changed.values()) {
        const [device, stream, quantity] = key as [string, string, string];
        const value = this.#devices.get(device)?.get(`${stream} ${quantity}`);
        if (value === undefined) this.#shelf.table.remove(key);
        else this.#shelf.table.put(key, encodeValue(value));
      }
    });
  }

  async reset(): Promise<void> {
    this.#devices.clear();
    await this.#shelf.clear();
  }

  /** Takes the values of one entry; adds the keys that changed. */
  #takeEntry({ index, statement, measured }: ProjectedEntry, changed: Map<string, TableKey>): void {
    if (measured === undefined) return;
    const { issuer, stream } = statement;
    const values = this.#valuesOf(issuer);
    for (const value of newestOf(measured.values)) {
      const key = `${stream} ${value.quantity}`;
      const known = values.get(key);
      if (known !== undefined && !isNewer(value.timeMs, index, known)) continue;
      values.set(key, { ...value, stream, entry: index });
      changed.set(`${issuer} ${key}`, [issuer, stream, value.quantity]);
      if (values.size <= VALUES_OF_DEVICE_MAX) continue;
      const forgotten = forgetOldest(values);
      changed.set(`${issuer} ${forgotten.stream} ${forgotten.quantity}`, [
        issuer,
        forgotten.stream,
        forgotten.quantity,
      ]);
    }
  }

  #valuesOf(device: string): Map<string, LatestValue> {
    let values = this.#devices.get(device);
    if (values === undefined) {
      values = new Map();
      this.#devices.set(device, values);
    }
    return values;
  }

  #load(key: TableKey, bytes: Uint8Array): void {
    const [device, stream, quantity] = key as [string, string, string];
    const value = decodeValue(stream, quantity, bytes);
    this.#valuesOf(device).set(`${stream} ${quantity}`, value);
  }
}

function isNewer(timeMs: number, entry: number, known: LatestValue): boolean {
  return timeMs > known.timeMs || (timeMs === known.timeMs && entry >= known.entry);
}

/** Of each quantity of a pack, the value measured last; of equal times, the one that stands last. */
function newestOf(values: readonly MeasuredValue[]): Iterable<MeasuredValue> {
  if (values.length === 1) return values;
  const newest = new Map<string, MeasuredValue>();
  for (const value of values) {
    const known = newest.get(value.quantity);
    if (known === undefined || value.timeMs >= known.timeMs) newest.set(value.quantity, value);
  }
  return newest.values();
}

/** Removes the value measured longest ago, and gives it. */
function forgetOldest(values: Map<string, LatestValue>): LatestValue {
  let oldest: { key: string; value: LatestValue } | undefined;
  for (const [key, value] of values) {
    const isOlder =
      oldest === undefined ||
      value.timeMs < oldest.value.timeMs ||
      (value.timeMs === oldest.value.timeMs && key < oldest.key);
    if (isOlder) oldest = { key, value };
  }
  values.delete(oldest!.key);
  return oldest!.value;
}

function encodeValue({ unit, value, timeMs, isFault, entry }: LatestValue): Uint8Array {
  return encodeCbor([unit ?? null, value, timeMs, isFault, entry]);
}

function decodeValue(stream: string, quantity: string, bytes: Uint8Array): LatestValue {
  const [unit, value, timeMs, isFault, entry] = decodeCbor(bytes) as CborValue[];
  return {
    stream,
    quantity,
    unit: (unit as string | null) ?? undefined,
    value: value as number | string | boolean,
    timeMs: timeMs as number,
    isFault: isFault as boolean,
    entry: entry as number,
  };
}
