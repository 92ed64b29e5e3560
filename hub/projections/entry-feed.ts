/**
 * The log as projections read it: durable entries in order, the newest ones from memory.
 *
 * Several projections follow one log at their own pace. As long as they keep up, none of them costs a read of the disk
 * or a second decoding; one that is behind reads the log itself.
 */

import { Refusal } from "../../ledger/errors.ts";
import { decodePack } from "../../ledger/senml.ts";
import type { Pack } from "../../ledger/senml.ts";
import { decodeStatement } from "../../ledger/statement.ts";
import type { Statement } from "../../ledger/statement.ts";
import type { HubLog } from "../log.ts";
import { measuredValues } from "./measured.ts";
import type { MeasuredValue } from "./measured.ts";

/** An entry as projections take it. */
export interface ProjectedEntry {
  readonly index: number;
  readonly statement: Statement;
  /** What a public device measured and where; absent for everything else, restricted packs among them. */
  readonly measured: Measured | undefined;
}

/** The content of a public pack. */
export interface Measured {
  readonly lat: number;
  readonly lon: number;
  readonly values: readonly MeasuredValue[];
}

/** Bounds on what is kept at hand. */
export interface FeedLimits {
  readonly entriesMax: number;
  /** Bytes of statements; decoded they take some times as much. */
  readonly bytesMax: number;
}

const FEED_LIMITS: FeedLimits = { entriesMax: 4096, bytesMax: 4_194_304 };

type FeedLog = Pick<HubLog, "state" | "durable" | "entries" | "entry" | "onAccepted">;

/** See the head of the file. */
export class EntryFeed {
  readonly #log: FeedLog;
  readonly #limits: FeedLimits;
  /** The newest entries, without a gap. */
  #recent: ProjectedEntry[] = [];
  #recentBytes = 0;
  #size = 0;
  readonly #listeners = new Set<(entries: readonly ProjectedEntry[]) => void>();
  readonly #stop: () => void;

  private constructor(log: FeedLog, limits: FeedLimits) {
    this.#log = log;
    this.#limits = limits;
    this.#stop = log.onAccepted((accepted) => {
      this.#accept(
        accepted.map(({ index, statement, pack }) => projectedEntry(index, statement, pack)),
      );
    });
  }

  /** Begins to follow a log. */
  static async open(log: FeedLog, limits: FeedLimits = FEED_LIMITS): Promise<EntryFeed> {
    const feed = new EntryFeed(log, limits);
    const { size } = log.state;
    await log.durable();
    feed.#size = Math.max(feed.#size, size);
    return feed;
  }

  /** Entries that are durable: what a projection may take. */
  get size(): number {
    return this.#size;
  }

  /** Reads from index `from` on, up to `countMax` entries, none where there are none. */
  async read(from: number, countMax: number): Promise<ProjectedEntry[]> {
    const to = Math.min(this.#size, from + countMax);
    const first = this.#recent[0]?.index ?? Infinity;
    if (from >= first) return this.#recent.slice(from - first, to - first);
    const entries: ProjectedEntry[] = [];
    for await (const { index, bytes } of this.#log.entries(from, to)) {
      const statement = decodeStatement(bytes);
      if (statement instanceof Refusal)
        throw new Error(`entry ${index} of the log is no statement`);
      entries.push(projectedEntry(index, statement));
    }
    return entries;
  }

  /** Reads the bytes of one entry; `undefined` outside the log. */
  entry(index: number): Promise<Uint8Array | undefined> {
    return this.#log.entry(index);
  }

  /** Calls `listener` with new entries, in order; gives what ends it. */
  onGrown(listener: (entries: readonly ProjectedEntry[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Follows no more. */
  close(): void {
    this.#stop();
    this.#listeners.clear();
  }

  #accept(entries: readonly ProjectedEntry[]): void {
    const last = entries.at(-1);
    if (last === undefined) return;
    const next = (this.#recent.at(-1)?.index ?? -1) + 1;
    if (entries[0]!.index !== next) this.#forget(this.#recent.length);
    this.#recent.push(...entries);
    for (const { statement } of entries) this.#recentBytes += statement.bytes.length;
    this.#size = Math.max(this.#size, last.index + 1);
    this.#trim();
    for (const listener of this.#listeners) listener(entries);
  }

  /** Lets go of the oldest, somewhat more than need be, so that not every group moves the whole array. */
  #trim(): void {
    const { entriesMax, bytesMax } = this.#limits;
    if (this.#recent.length <= entriesMax && this.#recentBytes <= bytesMax) return;
    let count = Math.max(0, this.#recent.length - Math.floor(entriesMax / 2));
    let bytes = this.#recentBytes;
    for (const [i, { statement }] of this.#recent.entries()) {
      if (i >= count && bytes <= bytesMax / 2) break;
      bytes -= statement.bytes.length;
      count = Math.max(count, i + 1);
    }
    this.#forget(count);
  }

  #forget(count: number): void {
    for (const { statement } of this.#recent.slice(0, count)) {
      this.#recentBytes -= statement.bytes.length;
    }
    this.#recent = this.#recent.slice(count);
  }
}

/**
 * Shows an entry of the log as projections take it. `known` is its pack, where somebody has decoded that already.
 *
 * Throws where a pack that was admitted cannot be read.
 */
export function projectedEntry(index: number, statement: Statement, known?: Pack): ProjectedEntry {
  return { index, statement, measured: measuredOf(index, statement, known) };
}

function measuredOf(
  index: number,
  statement: Statement,
  known: Pack | undefined,
): Measured | undefined {
  // What stands behind the hash of a restricted pack is not for everybody to see, and can be erased.
  if (statement.kind !== "readings") return undefined;
  const pack = known ?? decodePack(statement.payload, statement.issuer, statement.iat);
  if (pack instanceof Refusal) throw new Error(`entry ${index} of the log: ${pack.text}`);
  return { lat: pack.lat, lon: pack.lon, values: measuredValues(pack) };
}
