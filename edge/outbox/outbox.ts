/**
 * The outbox: signed statements on disk, from before they are first sent until they may be let go.
 *
 * It is also the durable counter of the signer's chain, since the next `seq` and `prev` follow from its last record, or
 * from the header of an empty segment. Bytes are segment-header.ts and outbox-format.ts, gaps succession.ts; what is sent
 * and let go when is decided in delivery.ts. See docs/edge.md, "The outbox on disk".
 */

import { concatBytes } from "../../ledger/bytes.ts";
import { Refusal } from "../../ledger/errors.ts";
import { sha256 } from "../../ledger/sha256.ts";
import type { Hash } from "../../ledger/sha256.ts";
import { decodeStatement } from "../../ledger/statement.ts";
import type { AppendFile, Files } from "../../platform/files.ts";
import { decodeRecord, encodeRecord, RECORD_BYTES_MIN } from "./outbox-format.ts";
import type { OutboxRecord, RecordEntry } from "./outbox-format.ts";
import { encodeHeader } from "./segment-header.ts";
import type { Tail } from "./segment-header.ts";
import { findSegments, readNewest, segmentPath } from "./segment-files.ts";
import { entryOf, SegmentReader } from "./segment-reader.ts";
import { Succession } from "./succession.ts";
import type { Links, NumberRange } from "./succession.ts";

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
  /** The last number in it; less than `tail.seq` when it is empty. */
  last: number;
  bytes: number;
  /** Its removal was begun: nobody knows whether it is still there. */
  isLeaving?: boolean;
  /** Whether it holds records that a later segment has made void; not known before it is looked at. */
  hasVoid: boolean | undefined;
}

interface Queued {
  readonly record: OutboxRecord;
  readonly bytes: Uint8Array;
  /** Where the chain stood before it. */
  readonly before: Tail;
}

const SEGMENT_BYTES = 262_144;
/**
 * The newest records are at hand: each is asked for when it is sent, and again by each of the hub's answers, and a look at the
 * disk costs two wake-ups.
 */
const FRESH_MAX = 16;

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
  private readonly reader: SegmentReader;
  /** What all that was added has left out, and what that has which is on the disk. */
  private succession = new Succession();
  private written = new Succession();
  private readonly queue: Queued[] = [];
  /** The newest segment, open, and the records in it. */
  private file: AppendFile | undefined;
  private entries: RecordEntry[] = [];
  /** The last that were made durable, by number, in order. */
  private readonly fresh = new Map<number, OutboxRecord>();
  /** The end of the newest segment is unknown: a write or a sync failed there. */
  private isSuspect = false;
  /** A segment whose beginning has failed: it may be there, and would void what is signed before its first number. */
  private stray: string | undefined;
  private tailNow: Tail | undefined;
  private durableNow = -1;
  private releasedNow = -1;
  private segmentsBytes = 0;
  private queueBytes = 0;
  private turn: Promise<unknown> = Promise.resolve();

  private constructor(parts: OutboxParts) {
    this.parts = parts;
    this.segmentBytes = parts.segmentBytes ?? SEGMENT_BYTES;
    this.reader = new SegmentReader(parts.files);
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
    const found = await findSegments(parts.files, parts.folder, parts.kid);
    for (const [at, { path, header, bytes }] of found.entries()) {
      // What a later segment does not count is void.
      const last = found[at + 1]?.header.lastBefore ?? -1;
      outbox.segments.push({ path, tail: header.tail, last, bytes, hasVoid: undefined });
      outbox.segmentsBytes += bytes;
    }
    if (found.length > 0) await outbox.resume();
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

  /** The first number of the newest segment, which is the last to be given back; 0 before the first `anchor`. */
  get newestFrom(): number {
    return this.segments.at(-1)?.tail.seq ?? 0;
  }

  /**
   * The least number behind which a hub can be served, -1 standing for the enrolling entry; `undefined` before the first
   * `anchor`.
   */
  get knownFrom(): number | undefined {
    const first = this.segments.find(({ isLeaving }) => isLeaving !== true);
    // What a gap left out may be gone, and the gap still be there.
    return first && this.succession.beginOf(first.tail.follows) - 1;
  }

  /** Bytes on disk, and of what waits for it. */
  get bytes(): number {
    return this.segmentsBytes + this.queueBytes;
  }

  /** Whether everything added is safe on disk. */
  get isFlushed(): boolean {
    return this.queue.length === 0;
  }

  /**
   * Puts the chain at `tail`: at the first acknowledgement of a new key, and where numbers have to be skipped.
   *
   * Durable when it resolves, together with the wish to sign anew what is kept of `renew`. `tail.seq` is not below the present
   * one, and nothing waits for the disk.
   */
  anchor(tail: Tail, renew?: NumberRange): Promise<void> {
    return this.exclusive(async () => {
      if (this.queue.length > 0 || tail.seq < (this.tailNow?.seq ?? 0) || tail.follows > tail.seq) {
        throw new RangeError(
          "an anchor may only move the chain forward, and only when all is flushed",
        );
      }
      if (renew) for (const succession of [this.succession, this.written]) succession.want(renew);
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
    const bytes = encodeRecord(record);
    this.queue.push({ record, bytes, before });
    this.queueBytes += bytes.length;
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
    const segment = this.segmentOf(seq);
    if (segment === undefined) return undefined;
    const fresh = this.fresh.get(seq);
    if (fresh !== undefined) return fresh;
    if (segment !== this.segments.at(-1)) return this.reader.read(segment.path, seq);
    const entry = entryOf(this.entries, seq);
    if (entry === undefined) return undefined;
    const { offset, length } = entry;
    const raw = await (this.file?.read(offset, length) ??
      this.parts.files.readRange(segment.path, offset, length));
    const record = raw && decodeRecord(raw, 0);
    return record?.seq === seq ? record : undefined;
  }

  /** The hash of the statement `seq`, as far as it is known: also of the last one before what is kept. */
  async hashAt(seq: number): Promise<Hash | undefined> {
    // The newest word on it: after a leap the chain goes on from a statement that is not this card's own.
    const header = this.segments.findLast(({ tail }) => tail.follows === seq + 1);
    if (header) return header.tail.prev;
    const record = await this.read(seq);
    return record ? sha256(record.statement) : this.prevOfGap(seq + 1);
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
      if (seq === undefined || this.segmentOf(seq) !== undefined) return seq;
      const following = this.segments.find(({ tail }) => tail.seq > seq);
      this.succession.skip((following?.tail.seq ?? Infinity) - 1);
    }
  }

  /** Whether what `seq` says is in force: no gap has left it out, or it is still to be signed anew. */
  isInForce(seq: number): boolean {
    return this.succession.nextLive(seq) === seq || this.succession.isWanted(seq, seq);
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

  /** The segment that a number lies in, or would; they are in order of their numbers. */
  private segmentOf(seq: number): Segment | undefined {
    let [low, high] = [0, this.segments.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.segments[middle]!.tail.seq <= seq) low = middle + 1;
      else high = middle;
    }
    const segment = this.segments[low - 1];
    return segment && seq <= segment.last ? segment : undefined;
  }

  /** What the gap that begins at `from` names as the statement before it. */
  private async prevOfGap(from: number): Promise<Hash | undefined> {
    const record = await this.read(this.succession.nextLive(from));
    if (record?.gap?.from !== from) return undefined;
    const statement = decodeStatement(record.statement);
    return statement instanceof Refusal ? undefined : statement.prev;
  }

  /** Goes on in the newest segment, or begins another behind a torn one. */
  private async resume(): Promise<void> {
    const newest = this.segments.at(-1)!;
    const { header, entries, tornBytes, tail } = await readNewest(this.parts.files, newest.path);
    this.succession = new Succession(header.succession);
    this.written = new Succession(header.succession);
    for (const entry of entries) this.succession.note(entry);
    for (const entry of entries) this.written.note(entry);
    this.entries = [...entries];
    newest.last = entries.at(-1)?.seq ?? header.lastBefore;
    this.durableNow = newest.last;
    this.tailNow = tail;
    // After kill -9 records may be there that only the page cache holds: before they are sent they must be safe.
    const file = await this.parts.files.open(newest.path);
    await file.sync();
    this.file = file;
    if (tornBytes === 0) return;
    const skipped = Math.floor(tornBytes / RECORD_BYTES_MIN) + 1;
    const behind = { ...tail, seq: tail.seq + skipped };
    await this.beginSegment(behind);
    this.tailNow = behind;
  }

  private async beginSegment(tail: Tail): Promise<void> {
    const { files, folder, kid } = this.parts;
    const path = segmentPath(folder, tail.seq);
    const succession = this.written.snapshot;
    const header = encodeHeader({ kid, tail, lastBefore: this.durableNow, succession });
    const wasSuspect = this.isSuspect;
    this.isSuspect = true;
    if (this.stray !== undefined && this.stray !== path) await files.remove(this.stray);
    const before = this.segments.at(-1);
    // One that takes the place of an empty segment is no stray: its file says where the chain stands.
    this.stray = before?.path === path ? undefined : path;
    // A crash here leaves either no new segment, or an empty one that says where the chain stands: both are whole.
    await files.write(path, header);
    const file = await files.open(path);
    await this.file?.close().catch(() => undefined);
    if (before?.path === path) this.takeAway(this.segments.length - 1);
    else if (before) before.hasVoid = wasSuspect || before.hasVoid;
    const last = this.durableNow;
    this.segments.push({ path, tail, last, bytes: header.length, hasVoid: false });
    this.segmentsBytes += header.length;
    this.entries = [];
    this.file = file;
    this.isSuspect = false;
    this.stray = undefined;
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
    for (let at = 0; at < most && (room > 0 || at === 0); at++) {
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
      const { length } = bytes;
      this.entries.push({ ...linksOf(record), offset: segment.bytes, length });
      this.written.note(record);
      segment.bytes += length;
      this.segmentsBytes += length;
      this.queueBytes -= length;
      segment.last = record.seq;
      this.fresh.set(record.seq, record);
    }
    this.durableNow = segment.last;
    for (const seq of this.fresh.keys()) {
      if (this.fresh.size <= FRESH_MAX) break;
      this.fresh.delete(seq);
    }
    return batch.length;
  }

  /** Removes segments, oldest first: a void record must not come back to life because its successor is gone. */
  private async prune(): Promise<void> {
    await this.beginAnewWhenSpent();
    while (this.segments.length > 1 && this.isReleased(this.segments[0]!)) {
      // If this fails it may be gone all the same, and a hub that asks for it cannot be served.
      this.segments[0]!.isLeaving = true;
      await this.parts.files.remove(this.segments[0]!.path);
      this.takeAway(0);
    }
    // A gap that is still kept may be asked for again by a hub that has forgotten it.
    const forgotten = (this.segments[0]?.tail.seq ?? 0) - 2;
    this.succession.forget(forgotten);
    this.written.forget(forgotten);
    if (this.queue.length > 0) return;
    for (let at = this.segments.length - 2; at > 0; at--) {
      const { path, tail, last } = this.segments[at]!;
      if (!this.succession.isSpent(tail.seq, last)) continue;
      if ((await this.hasVoid(at)) || (await this.hasVoid(at - 1))) continue;
      await this.parts.files.remove(path);
      this.takeAway(at);
    }
  }

  private isReleased({ tail, last }: Segment): boolean {
    return last <= this.releasedNow && !this.succession.isWanted(tail.seq, last);
  }

  /** Of a full segment of which all was let go only the counter is needed, and an empty one has that, too. */
  private async beginAnewWhenSpent(): Promise<void> {
    const newest = this.segments.at(-1);
    if (newest === undefined || this.queue.length > 0 || this.isSuspect) return;
    if (
      this.entries.length > 0 &&
      newest.bytes >= this.segmentBytes &&
      newest.last <= this.releasedNow
    )
      await this.beginSegment(this.tailNow!);
  }

  private async hasVoid(at: number): Promise<boolean> {
    const segment = this.segments[at]!;
    segment.hasVoid ??=
      ((await this.reader.entries(segment.path)).at(-1)?.seq ?? -1) > segment.last;
    return segment.hasVoid;
  }

  private takeAway(at: number): void {
    const [segment] = this.segments.splice(at, 1);
    this.segmentsBytes -= segment!.bytes;
    this.reader.drop(segment!.path);
  }

  private exclusive<T>(work: () => Promise<T>): Promise<T> {
    const done = this.turn.then(work);
    this.turn = done.catch(() => undefined);
    return done;
  }
}

function linksOf({ seq, replaces, gap }: OutboxRecord): Links {
  return {
    seq,
    ...(replaces === undefined ? {} : { replaces }),
    ...(gap === undefined ? {} : { gap }),
  };
}
