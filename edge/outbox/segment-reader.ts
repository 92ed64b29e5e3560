/**
 * Reads statements back out of segments that are not written to any more.
 *
 * A backlog is sent in order, and acknowledged some way behind, so the two segments asked for last are held in memory whole:
 * most statements cost no call of the disk at all.
 */

import type { Files } from "../../platform/files.ts";
import { decodeRecord, scanSegment } from "./outbox-format.ts";
import type { OutboxRecord, RecordEntry } from "./outbox-format.ts";

interface Held {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly entries: readonly RecordEntry[];
}

const HELD_MAX = 2;

/** See the head of the file. */
export class SegmentReader {
  private readonly files: Files;
  /** The one asked for last is the last. */
  private readonly held: Held[] = [];

  constructor(files: Files) {
    this.files = files;
  }

  /** Reads a statement; `undefined` where there is none, or its bytes have rotted. */
  async read(path: string, seq: number): Promise<OutboxRecord | undefined> {
    const { bytes, entries } = await this.hold(path);
    const entry = entryOf(entries, seq);
    return entry && decodeRecord(bytes, entry.offset);
  }

  /** All good records of a segment, in order. */
  async entries(path: string): Promise<readonly RecordEntry[]> {
    return (await this.hold(path)).entries;
  }

  /** Forgets a segment that is removed. */
  drop(path: string): void {
    const at = this.held.findIndex((held) => held.path === path);
    if (at >= 0) this.held.splice(at, 1);
  }

  private async hold(path: string): Promise<Held> {
    const known = this.held.find((held) => held.path === path);
    const held = known ?? (await this.load(path));
    this.drop(path);
    this.held.push(held);
    if (this.held.length > HELD_MAX) this.held.shift();
    return held;
  }

  private async load(path: string): Promise<Held> {
    const bytes = (await this.files.read(path)) ?? new Uint8Array(0);
    const scan = scanSegment(bytes);
    return { path, bytes, entries: typeof scan === "string" ? [] : scan.entries };
  }
}

/** Finds a number among entries, whose numbers rise. */
export function entryOf(entries: readonly RecordEntry[], seq: number): RecordEntry | undefined {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (entries[middle]!.seq < seq) low = middle + 1;
    else high = middle;
  }
  return entries[low]?.seq === seq ? entries[low] : undefined;
}
