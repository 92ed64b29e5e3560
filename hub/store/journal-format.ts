/**
 * The bytes of a journal segment: the entries of one open block, as they stand in memory and on disk alike.
 *
 * A segment is a header, `version || index of the first entry`, and groups. A group is what one sync makes durable:
 * `magic || length || CRC-32 || records`, and a record `entry length || preimage length || time of receipt || entry ||
 * preimage`. The checksum also covers the segment's header and the group's place in it, so that no group counts
 * anywhere but where it was written. Files are journal.ts's business.
 */

import { crc32 } from "node:zlib";
import { STATEMENT_BYTES_MAX } from "../../ledger/limits.ts";
import { getInteger, INDEX_BYTES, putInteger } from "./integers.ts";

const SEGMENT_VERSION = 1;
const SEGMENT_HEADER_BYTES = 1 + INDEX_BYTES;
const GROUP_MAGIC = 0x4b624a67; // "KbJg"
const GROUP_HEADER_BYTES = 12;
const RECORD_HEADER_BYTES = 10;
const CAPACITY_MIN = 16_384;

/** An entry on its way into a block. */
export interface JournalRecord {
  readonly bytes: Uint8Array;
  /** What stands behind the hash in a restricted statement or enrolment. */
  readonly preimage: Uint8Array | undefined;
  /** When it was accepted, by the hub's clock, in milliseconds since 1970. */
  readonly receivedMs: number;
}

/** A segment in memory. Entries that it gives out are views that stay valid and unchanged. */
export class SegmentImage {
  /** Index of its first entry. */
  readonly first: number;
  #bytes: Uint8Array;
  #length: number;
  #offsets: number[];
  /** Where the group begins that is not closed yet. */
  #groupAt: number | undefined;
  /** Up to here, all bytes were given out by `closeGroup` or came from the disk. */
  #closedLength: number;

  /** Begins an empty segment, or goes on with what `scanSegment` found in `bytes`, which it takes over. */
  constructor(first: number, found?: { bytes: Uint8Array; scan: SegmentScan }) {
    this.first = first;
    this.#bytes = found?.bytes ?? new Uint8Array(CAPACITY_MIN);
    this.#offsets = found?.scan.offsets ?? [];
    this.#length = found?.scan.validBytes ?? 0;
    this.#closedLength = this.#length;
    if (this.#length === 0) {
      this.#length = SEGMENT_HEADER_BYTES;
      this.#reserve(0);
      this.#bytes[0] = SEGMENT_VERSION;
      putInteger(this.#bytes, 1, INDEX_BYTES, first);
    }
  }

  /** How many entries it holds. */
  get count(): number {
    return this.#offsets.length;
  }

  /** Its length on disk once everything is written. */
  get length(): number {
    return this.#length;
  }

  /** Appends a record to the open group. Copies the bytes; this is the only copy the hub keeps in memory. */
  add(record: JournalRecord): void {
    const { bytes, preimage, receivedMs } = record;
    const preimageLength = preimage?.length ?? 0;
    if (bytes.length > STATEMENT_BYTES_MAX || preimageLength > STATEMENT_BYTES_MAX) {
      throw new RangeError(`a record of ${bytes.length} and ${preimageLength} bytes`);
    }
    this.#reserve(GROUP_HEADER_BYTES + RECORD_HEADER_BYTES + bytes.length + preimageLength);
    if (this.#groupAt === undefined) {
      this.#groupAt = this.#length;
      this.#length += GROUP_HEADER_BYTES;
    }
    const at = this.#length;
    putInteger(this.#bytes, at, 2, bytes.length);
    putInteger(this.#bytes, at + 2, 2, preimageLength);
    putInteger(this.#bytes, at + 4, 6, receivedMs);
    this.#bytes.set(bytes, at + RECORD_HEADER_BYTES);
    if (preimage) this.#bytes.set(preimage, at + RECORD_HEADER_BYTES + bytes.length);
    this.#offsets.push(at);
    this.#length = at + RECORD_HEADER_BYTES + bytes.length + preimageLength;
  }

  /** Closes the open group and gives the bytes to append to the file; `undefined` where nothing was added. */
  closeGroup(): Uint8Array | undefined {
    const at = this.#groupAt;
    if (at === undefined) return undefined;
    const body = this.#bytes.subarray(at + GROUP_HEADER_BYTES, this.#length);
    putInteger(this.#bytes, at, 4, GROUP_MAGIC);
    putInteger(this.#bytes, at + 4, 4, body.length);
    putInteger(this.#bytes, at + 8, 4, checksum(this.first, at, body));
    const group = this.#bytes.subarray(this.#closedLength, this.#length);
    this.#closedLength = this.#length;
    this.#groupAt = undefined;
    return group;
  }

  /** The entry at `position` in the segment, as a view. Throws `RangeError` where there is none. */
  entry(position: number): Uint8Array {
    const at = this.#offsetOf(position);
    const start = at + RECORD_HEADER_BYTES;
    return this.#bytes.subarray(start, start + getInteger(this.#bytes, at, 2));
  }

  /** The preimage beside an entry, as a view. */
  preimage(position: number): Uint8Array | undefined {
    const at = this.#offsetOf(position);
    const length = getInteger(this.#bytes, at + 2, 2);
    if (length === 0) return undefined;
    const start = at + RECORD_HEADER_BYTES + getInteger(this.#bytes, at, 2);
    return this.#bytes.subarray(start, start + length);
  }

  /** When an entry was accepted. */
  receivedMs(position: number): number {
    return getInteger(this.#bytes, this.#offsetOf(position) + 4, 6);
  }

  #offsetOf(position: number): number {
    const offset = this.#offsets[position];
    if (offset === undefined) throw new RangeError(`no entry ${position} in a segment`);
    return offset;
  }

  /** Makes room by moving to a larger buffer. Views into the old one keep it alive, and what it holds is final. */
  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length, CAPACITY_MIN));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

/** What a segment's file holds. */
export interface SegmentScan {
  /** Where each record begins. */
  readonly offsets: number[];
  /** Up to here the file is whole; what follows never became durable. */
  readonly validBytes: number;
  /** A whole group stands behind a broken one: not a torn end, but a disk that lost what it had promised. */
  readonly isDamaged: boolean;
}

/** Reads a segment's file. `"too-new"` for a version that this software does not know. */
export function scanSegment(bytes: Uint8Array, first: number): SegmentScan | "too-new" {
  const version = bytes[0] ?? 0;
  if (version > SEGMENT_VERSION) return "too-new";
  const offsets: number[] = [];
  let at = SEGMENT_HEADER_BYTES;
  const hasHeader = version === SEGMENT_VERSION && getInteger(bytes, 1, INDEX_BYTES) === first;
  while (hasHeader && at < bytes.length) {
    const end = endOfGroup(bytes, first, at);
    if (end === undefined) break;
    for (let record = at + GROUP_HEADER_BYTES; record < end; record = endOfRecord(bytes, record)) {
      offsets.push(record);
    }
    at = end;
  }
  const isWhole = hasHeader && at === bytes.length;
  return {
    offsets,
    validBytes: offsets.length === 0 ? 0 : at,
    isDamaged: !isWhole && hasGroupBehind(bytes, first, hasHeader ? at + 1 : 0),
  };
}

/** Checks the group at `at` and gives its end; `undefined` where there is no whole one. */
function endOfGroup(bytes: Uint8Array, first: number, at: number): number | undefined {
  if (getInteger(bytes, at, 4) !== GROUP_MAGIC) return undefined;
  const start = at + GROUP_HEADER_BYTES;
  const end = start + getInteger(bytes, at + 4, 4);
  if (end <= start || end > bytes.length) return undefined;
  const sum = checksum(first, at, bytes.subarray(start, end));
  return getInteger(bytes, at + 8, 4) === sum ? end : undefined;
}

function endOfRecord(bytes: Uint8Array, at: number): number {
  return at + RECORD_HEADER_BYTES + getInteger(bytes, at, 2) + getInteger(bytes, at + 2, 2);
}

function hasGroupBehind(bytes: Uint8Array, first: number, from: number): boolean {
  for (let at = from; at < bytes.length; at++) {
    if (bytes[at] === GROUP_MAGIC >>> 24 && endOfGroup(bytes, first, at) !== undefined) return true;
  }
  return false;
}

const place = new Uint8Array(INDEX_BYTES + 4);

function checksum(first: number, at: number, body: Uint8Array): number {
  putInteger(place, 0, INDEX_BYTES, first);
  putInteger(place, INDEX_BYTES, 4, at);
  return crc32(body, crc32(place));
}
