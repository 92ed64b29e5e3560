/**
 * The outbox: signed statements on disk, from before they are first sent until they may be let go.
 *
 * It is also the durable counter of the signer's chain, since the next `seq` and `prev` follow from its last record, or
 * from the header of an empty segment. Bytes and torn ends are outbox-format.ts, gaps succession.ts; what is sent
 * and let go when is decided in delivery.ts. See docs/edge.md, "The outbox on disk".
 */

import { equalBytes, concatBytes } from "../../ledger/bytes.ts";
import { Refusal } from "../../ledger/errors.ts";
import { sha256 } from "../../ledger/sha256.ts";
import type { Hash } from "../../ledger/sha256.ts";
import { decodeStatement } from "../../ledger/statement.ts";
import type { AppendFile, Files } from "../../platform/files.ts";
import { UserError } from "../../platform/user-error.ts";
import {
  decodeRecord,
  encodeHeader,
  encodeRecord,
  HEADER_BYTES,
  RECORD_BYTES_MIN,
  scanSegment,
} from "./outbox-format.ts";
import type { OutboxRecord, RecordEntry, SegmentHeader, Tail } from "./outbox-format.ts";
import { Succession } from "./succession.ts";

/** What an outbox is made of. */
export interface OutboxParts {
  readonly files: Files;
  readonly folder: string;
  /** 8 bytes: the key whose chain lies here. */
  readonly kid: Uint8Array;
  /** Size at which a new segment is begun; space is given back a segment at a time. */
  readonly segmentBytes?: number;
}

interface Segment {
  readonly path: string;
  readonly tail: Tail;
  /** The last number in it; `tail.seq - 1` when it is empty. */
  last: number;
  bytes: number;
  /** Holds records that a later segment has made void. */
  hasVoid: boolean;
  entries: RecordEntry[] | undefined;
}

interface Queued {
  readonly record: OutboxRecord;
  readonly bytes: Uint8Array;
  /** Where the chain stood before it. */
  readonly before: Tail;
}

const SEGMENT_BYTES = 262_144;
const SEGMENT_NAME = /^\d{16}\.outbox$/;

/**
 * See the head of the file.
 *
 * One process owns the folder. Methods may be called at any time; disk work is done one after another. A rejection
 * carries the disk's own error, after which nothing is lost: `flush` may be called again.
 */
export class Outbox {
  private readonly parts: OutboxParts;
  private readonly segmentBytes: number;
  private readonly segments: Segment[] = [];
  private readonly succession = new Succession();
  private readonly queue: Queued[] = [];
  private file: AppendFile | undefined;
  /** The end of the newest segment is unknown: a write or a sync failed there. */
  private isSuspect = false;
  private tailNow: Tail | undefined;
  private durableNow = -1;
  private releasedNow = -1;
  private turn: Promise<unknown> = Promise.resolve();

  private constructor(parts: OutboxParts) {
    this.parts = parts;
    this.segmentBytes = parts.segmentBytes ?? SEGMENT_BYTES;
  }

  /**
   * Opens the outbox of a key, or an empty one where there is none.
   *
   * A torn end is closed off: as many numbers are skipped as could have stood there, so that none is signed twice
   * even where the disk lost what it had promised. Throws `UserError` for the outbox of another key and for a segment
   * whose header cannot be read.
   */
  static async open(parts: OutboxParts): Promise<Outbox> {
    const outbox = new Outbox(parts);
    await parts.files.makeFolder(parts.folder);
    const names = (await parts.files.list(parts.folder)).filter((name) => SEGMENT_NAME.test(name));
    let torn = 0;
    for (const [at, name] of names.toSorted().entries()) {
      torn = await outbox.load(name, firstOf(names.toSorted()[at + 1]));
    }
    await outbox.resume(torn);
    return outbox;
  }

  /** Where the chain stands; `undefined` before the first `anchor`. */
  get tail(): Tail | undefined {
    return this.tailNow;
  }

  /** The greatest number that is safe on disk, -1 for none: only up to here may anything be sent. */
  get durable(): number {
    return this.durableNow;
  }

  /** The least number that is still kept. */
  get oldest(): number {
    return Math.max(this.segments[0]?.tail.seq ?? 0, this.releasedNow + 1);
  }

  /**
   * The least number behind which a hub can be served, -1 standing for the enrolling entry; `undefined` before the first
   * `anchor`.
   */
  get knownFrom(): number | undefined {
    const first = this.segments[0];
    // What a gap left out may be gone, and the gap still be there.
    return first && this.succession.beginOf(first.tail.follows) - 1;
  }

  /** Bytes on disk, and of what waits for it. */
  get bytes(): number {
    let sum = 0;
    for (const segment of this.segments) sum += segment.bytes;
    for (const queued of this.queue) sum += queued.bytes.length;
    return sum;
  }

  /** Whether everything added is safe on disk. */
  get isFlushed(): boolean {
    return this.queue.length === 0;
  }

  /**
   * Puts the chain at `tail`: at the first acknowledgement of a new key, and where numbers have to be skipped.
   *
   * Durable when it resolves. `tail.seq` is not below the present one, and nothing waits for the disk.
   */
  anchor(tail: Tail): Promise<void> {
    return this.exclusive(async () => {
      if (this.queue.length > 0 || tail.seq < (this.tailNow?.seq ?? 0) || tail.follows > tail.seq) {
        throw new RangeError(
          "an anchor may only move the chain forward, and only when all is flushed",
        );
      }
      await this.beginSegment(tail);
      this.tailNow = tail;
    });
  }

  /** Takes the statement that was just signed as the next of the chain. It is safe, and sent, only after `flush`. */
  add(record: OutboxRecord): void {
    const before = this.tailNow;
    if (before === undefined || record.seq !== before.seq) {
      throw new RangeError(`statement ${record.seq} is not the next of its chain (${before?.seq})`);
    }
    if (before.follows < before.seq && !(record.gap && record.gap.from <= before.follows)) {
      throw new RangeError(`statement ${record.seq} has to be a gap from ${before.follows}`);
    }
    this.queue.push({ record, bytes: encodeRecord(record), before });
    this.succession.note(record);
    const seq = record.seq + 1;
    this.tailNow = { seq, follows: seq, prev: sha256(record.statement) };
  }

  /** Resolves when everything added before the call is on disk, synced. One sync serves all that wait for it. */
  flush(): Promise<void> {
    return this.exclusive(() => this.write());
  }

  /** Gives back everything up to `seq`. Space is freed a segment at a time. */
  letGo(seq: number): Promise<void> {
    this.releasedNow = Math.max(this.releasedNow, Math.min(seq, this.durableNow));
    return this.exclusive(() => this.prune());
  }

  /** Reads a statement that is safe on disk; `undefined` where there is none, or its bytes have rotted. */
  async read(seq: number): Promise<OutboxRecord | undefined> {
    if (seq > this.durableNow) return undefined;
    const segment = this.segments.findLast(({ tail }) => tail.seq <= seq);
    if (segment === undefined || seq > segment.last) return undefined;
    const entry = (await this.entriesOf(segment)).find((candidate) => candidate.seq === seq);
    if (entry === undefined) return undefined;
    const raw = await this.parts.files.readRange(segment.path, entry.offset, entry.length);
    const record = raw && decodeRecord(raw, 0)?.record;
    return record?.seq === seq ? record : undefined;
  }

  /** The hash of the statement `seq`, as far as it is known: also of the last one before what is kept. */
  async hashAt(seq: number): Promise<Hash | undefined> {
    const record = await this.read(seq);
    if (record) return sha256(record.statement);
    const header = this.segments.find(({ tail }) => tail.follows === seq + 1);
    return header?.tail.prev ?? this.prevOfGap(seq + 1);
  }

  /** What the gap that begins at `from` names as the statement before it. */
  private async prevOfGap(from: number): Promise<Hash | undefined> {
    const record = await this.read(this.succession.nextLive(from));
    if (record?.gap?.from !== from) return undefined;
    const statement = decodeStatement(record.statement);
    return statement instanceof Refusal ? undefined : statement.prev;
  }

  /** The next statement from `seq` on that is to be sent; `undefined` where none is on disk yet. */
  nextLive(seq: number): number | undefined {
    const live = this.succession.nextLive(seq);
    return live <= this.durableNow ? live : undefined;
  }

  /** The next statement that a gap left out and that is to be signed anew. All has to be flushed. */
  nextToRenew(): number | undefined {
    for (;;) {
      const seq = this.succession.nextToRenew();
      if (seq === undefined) return undefined;
      const segment = this.segments.findLast(({ tail }) => tail.seq <= seq);
      if (segment && seq <= segment.last) return seq;
      const following = this.segments.find(({ tail }) => tail.seq > seq);
      this.succession.skip((following?.tail.seq ?? Infinity) - 1);
    }
  }

  /** Says that `seq` is not signed anew: there is nothing left of it that could be. */
  skipRenewal(seq: number): void {
    this.succession.renewed(seq);
  }

  /** Closes the file. Whatever was not flushed is lost, and was never sent. */
  close(): Promise<void> {
    return this.exclusive(async () => {
      await this.file?.close();
      this.file = undefined;
    });
  }

  private async load(name: string, cut: number): Promise<number> {
    const path = `${this.parts.folder}/${name}`;
    const bytes = await this.parts.files.read(path);
    const scan = bytes === undefined ? "it is gone" : scanSegment(bytes);
    if (bytes === undefined || typeof scan === "string") {
      const why = typeof scan === "string" ? scan : "";
      throw new UserError(`The outbox file ${path} cannot be used: ${why}.`);
    }
    if (!equalBytes(scan.header.kid, this.parts.kid)) {
      throw new UserError(`The outbox ${this.parts.folder} belongs to another key.`);
    }
    const kept = scan.entries.filter(({ seq }) => seq < cut);
    const last = kept.at(-1);
    for (const entry of kept) this.succession.note(entry);
    const { tail } = scan.header;
    this.segments.push({
      path,
      tail,
      last: last?.seq ?? tail.seq - 1,
      bytes: bytes.length,
      hasVoid: kept.length < scan.entries.length,
      entries: undefined,
    });
    const record = last && decodeRecord(bytes, last.offset)?.record;
    this.tailNow = record
      ? { seq: record.seq + 1, follows: record.seq + 1, prev: sha256(record.statement) }
      : tail;
    this.durableNow = Math.max(this.durableNow, last?.seq ?? -1);
    return scan.tornBytes;
  }

  /** Makes the newest segment ready to be written to, or begins another behind a torn one. */
  private async resume(tornBytes: number): Promise<void> {
    const newest = this.segments.at(-1);
    if (newest === undefined || this.tailNow === undefined) return;
    if (tornBytes > 0) {
      const skipped = Math.floor(tornBytes / RECORD_BYTES_MIN) + 1;
      const tail = { ...this.tailNow, seq: this.tailNow.seq + skipped };
      await this.syncOf(newest);
      await this.beginSegment(tail);
      this.tailNow = tail;
      return;
    }
    newest.entries = await this.entriesOf(newest);
    this.file = await this.syncOf(newest);
  }

  /** After kill -9 records may be there that only the page cache holds: before they are sent they must be safe. */
  private async syncOf(segment: Segment): Promise<AppendFile> {
    const file = await this.parts.files.open(segment.path);
    await file.sync();
    return file;
  }

  private async beginSegment(tail: Tail): Promise<void> {
    const path = `${this.parts.folder}/${String(tail.seq).padStart(16, "0")}.outbox`;
    const header: SegmentHeader = { kid: this.parts.kid, tail };
    const wasSuspect = this.isSuspect;
    // If this fails the file may still be there, and voids what older ones hold from `tail.seq` on.
    this.isSuspect = true;
    // A crash here leaves either no new segment, or an empty one that says where the chain stands: both are whole.
    await this.parts.files.write(path, encodeHeader(header));
    const file = await this.parts.files.open(path);
    await this.file?.close().catch(() => undefined);
    const before = this.segments.at(-1);
    if (before?.path === path) this.segments.pop();
    else if (before && wasSuspect) before.hasVoid = true;
    this.segments.push({
      path,
      tail,
      last: tail.seq - 1,
      bytes: HEADER_BYTES,
      hasVoid: false,
      entries: [],
    });
    this.file = file;
    this.isSuspect = false;
  }

  private async write(): Promise<void> {
    let left = this.queue.length;
    if (left === 0) return;
    while (left > 0) left -= await this.writeBatch(left);
    await this.prune();
  }

  /** Makes the first of what waits durable, at most `most` and as many as the segment has room for; gives how many. */
  private async writeBatch(most: number): Promise<number> {
    const newest = this.segments.at(-1);
    if (this.isSuspect || this.file === undefined || newest!.bytes >= this.segmentBytes) {
      await this.beginSegment(this.queue[0]!.before);
    }
    const segment = this.segments.at(-1)!;
    let room = this.segmentBytes - segment.bytes;
    const batch: Queued[] = [];
    for (let at = 0; at < most && room > 0; at++) {
      batch.push(this.queue[at]!);
      room -= this.queue[at]!.bytes.length;
    }
    // After a failed sync nobody knows what the disk holds: the same bytes go into a new segment, which voids these.
    this.isSuspect = true;
    await this.file!.append(concatBytes(...batch.map(({ bytes }) => bytes)));
    await this.file!.sync();
    this.isSuspect = false;
    this.queue.splice(0, batch.length);
    for (const { record, bytes } of batch) {
      segment.entries!.push({ ...entryLinks(record), offset: segment.bytes, length: bytes.length });
      segment.bytes += bytes.length;
      segment.last = record.seq;
    }
    this.durableNow = segment.last;
    return batch.length;
  }

  /** Removes segments, oldest first: a void record must not come back to life because its successor is gone. */
  private async prune(): Promise<void> {
    await this.beginAnewWhenSpent();
    while (this.segments.length > 1 && this.segments[0]!.last <= this.releasedNow) {
      await this.parts.files.remove(this.segments[0]!.path);
      this.segments.shift();
    }
    // A gap that is still kept may be asked for again by a hub that has forgotten it.
    this.succession.forget((this.segments[0]?.tail.seq ?? 0) - 2);
    if (this.queue.length > 0) return;
    for (let at = this.segments.length - 2; at > 0; at--) {
      const segment = this.segments[at]!;
      const isRemovable = !segment.hasVoid && !this.segments[at - 1]!.hasVoid;
      if (isRemovable && this.succession.isSpent(segment.tail.seq, segment.last)) {
        await this.parts.files.remove(segment.path);
        this.segments.splice(at, 1);
      }
    }
  }

  /** Of a full segment of which all was let go only the counter is needed, and an empty one has that, too. */
  private async beginAnewWhenSpent(): Promise<void> {
    const newest = this.segments.at(-1);
    if (newest === undefined || this.queue.length > 0 || this.isSuspect) return;
    if (newest.bytes >= this.segmentBytes && newest.last <= this.releasedNow)
      await this.beginSegment(this.tailNow!);
  }

  private async entriesOf(segment: Segment): Promise<RecordEntry[]> {
    if (segment.entries) return segment.entries;
    const bytes = await this.parts.files.read(segment.path);
    const scan = bytes === undefined ? "it is gone" : scanSegment(bytes);
    if (typeof scan === "string") return [];
    // Of the closed segments one stays indexed: sending goes through them in order.
    for (const other of this.segments)
      if (other !== this.segments.at(-1)) other.entries = undefined;
    segment.entries = scan.entries.filter(({ seq }) => seq <= segment.last);
    return segment.entries;
  }

  private exclusive<T>(work: () => Promise<T>): Promise<T> {
    const done = this.turn.then(work);
    this.turn = done.catch(() => undefined);
    return done;
  }
}

function firstOf(name: string | undefined): number {
  return name === undefined ? Infinity : Number(name.slice(0, 16));
}

function entryLinks(record: OutboxRecord): Pick<RecordEntry, "seq" | "replaces" | "gap"> {
  const { seq, replaces, gap } = record;
  return {
    seq,
    ...(replaces === undefined ? {} : { replaces }),
    ...(gap === undefined ? {} : { gap }),
  };
}
