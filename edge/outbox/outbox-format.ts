/**
 * The records of an outbox segment (docs/edge.md, "The outbox on disk"): signed statements behind the segment's header.
 *
 * Every record has a CRC-32: it finds torn and rotten bytes, and is no protection against an enemy, who has the key anyway.
 */

import { crc32 } from "node:zlib";
import { PAIR_BYTES_MAX, STATEMENT_BYTES_MAX } from "../../ledger/limits.ts";
import { decodeHeader, getUint53, headerLength, setUint53 } from "./segment-header.ts";
import type { SegmentHeader } from "./segment-header.ts";
import type { Links } from "./succession.ts";

/** A signed statement at rest. */
export interface OutboxRecord extends Links {
  readonly statement: Uint8Array;
  /** The preimage that travels beside a restricted statement. */
  readonly preimage?: Uint8Array;
}

/** Where a record lies in its segment, and what is needed to find out which statements are still to be sent. */
export interface RecordEntry extends Links {
  readonly offset: number;
  /** Bytes on disk, head included. */
  readonly length: number;
}

/** What a look through a whole segment found. */
export interface SegmentScan {
  readonly header: SegmentHeader;
  readonly entries: readonly RecordEntry[];
  /** Bytes behind the last good record. */
  readonly tornBytes: number;
}

const TAG_STATEMENT = 1;
const TAG_PAIR = 2;
const TAG_GAP = 3;
const HEAD_BYTES = 8;
const FIELDS_BYTES = 1 + 8 + 8 + 8 + 2;
const CONTENT_BYTES_MAX = FIELDS_BYTES + PAIR_BYTES_MAX;
/** The least that a record can take: no signed statement is below 150 bytes. */
export const RECORD_BYTES_MIN: number = HEAD_BYTES + FIELDS_BYTES + 150;

/** Encodes a record. Throws `RangeError` above the size that the formats allow. */
export function encodeRecord(record: OutboxRecord): Uint8Array {
  const { statement, preimage } = record;
  const bodyLength = statement.length + (preimage?.length ?? 0);
  if (statement.length > STATEMENT_BYTES_MAX || bodyLength > PAIR_BYTES_MAX) {
    throw new RangeError(`a statement of ${bodyLength} bytes does not fit the outbox`);
  }
  const bytes = new Uint8Array(HEAD_BYTES + FIELDS_BYTES + bodyLength);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, FIELDS_BYTES + bodyLength);
  view.setUint8(8, record.gap ? TAG_GAP : preimage ? TAG_PAIR : TAG_STATEMENT);
  setUint53(view, 9, record.seq);
  setUint53(view, 17, optional(record.gap ? record.gap.from : record.replaces));
  setUint53(view, 25, optional(record.gap?.refused));
  view.setUint16(33, statement.length);
  bytes.set(statement, HEAD_BYTES + FIELDS_BYTES);
  if (preimage) bytes.set(preimage, HEAD_BYTES + FIELDS_BYTES + statement.length);
  view.setUint32(4, recordCrc(bytes));
  return bytes;
}

/** Reads the record that begins at `offset`; `undefined` where there is no whole and undamaged one. */
export function decodeRecord(bytes: Uint8Array, offset: number): OutboxRecord | undefined {
  const entry = decodeEntry(bytes, offset);
  if (entry === undefined) return undefined;
  const { seq, length, replaces, gap } = entry;
  const raw = bytes.subarray(offset, offset + length);
  const statementEnd = HEAD_BYTES + FIELDS_BYTES + viewOf(raw).getUint16(33);
  const statement = raw.slice(HEAD_BYTES + FIELDS_BYTES, statementEnd);
  return {
    seq,
    statement,
    ...(statementEnd < length ? { preimage: raw.slice(statementEnd) } : {}),
    ...(replaces === undefined ? {} : { replaces }),
    ...(gap === undefined ? {} : { gap }),
  };
}

/** Looks at the record that begins at `offset`, without its content; `undefined` where there is no good one. */
function decodeEntry(bytes: Uint8Array, offset: number): RecordEntry | undefined {
  if (offset + HEAD_BYTES + FIELDS_BYTES > bytes.length) return undefined;
  const view = viewOf(bytes);
  const contentLength = view.getUint32(offset);
  const length = HEAD_BYTES + contentLength;
  if (contentLength <= FIELDS_BYTES || contentLength > CONTENT_BYTES_MAX) return undefined;
  if (offset + length > bytes.length) return undefined;
  const raw = bytes.subarray(offset, offset + length);
  if (view.getUint32(offset + 4) !== recordCrc(raw)) return undefined;
  const tag = view.getUint8(offset + 8);
  const [seq, first, second] = [9, 17, 25].map((at) => getUint53(view, offset + at));
  if (![seq, first, second].every(Number.isSafeInteger)) return undefined;
  const statementEnd = HEAD_BYTES + FIELDS_BYTES + view.getUint16(offset + 33);
  if (statementEnd > length || statementEnd < length !== (tag === TAG_PAIR)) return undefined;
  if (tag < TAG_STATEMENT || tag > TAG_GAP || (tag === TAG_GAP && first === 0)) return undefined;
  return { seq: seq!, offset, length, ...linksOf(tag, first!, second!) };
}

function linksOf(tag: number, first: number, second: number): Omit<Links, "seq"> {
  if (tag === TAG_GAP)
    return { gap: { from: first - 1, ...(second === 0 ? {} : { refused: second - 1 }) } };
  return first === 0 ? {} : { replaces: first - 1 };
}

/**
 * Finds every good record of a segment, stepping over bytes that are none; a text where the header is unreadable.
 *
 * Sequence numbers rise within a segment, so a record that does not rise is taken for damage.
 */
export function scanSegment(bytes: Uint8Array): SegmentScan | string {
  const header = decodeHeader(bytes);
  if (typeof header === "string") return header;
  const entries: RecordEntry[] = [];
  let next = header.tail.seq;
  let offset = headerLength(bytes) as number;
  let goodEnd = offset;
  while (offset < bytes.length) {
    const entry = decodeEntry(bytes, offset);
    if (entry === undefined || entry.seq < next) {
      offset += 1;
      continue;
    }
    entries.push(entry);
    next = entry.seq + 1;
    offset += entry.length;
    goodEnd = offset;
  }
  return { header, entries, tornBytes: bytes.length - goodEnd };
}

function recordCrc(raw: Uint8Array): number {
  return crc32(raw.subarray(HEAD_BYTES), crc32(raw.subarray(0, 4)));
}

function optional(seq: number | undefined): number {
  return seq === undefined ? 0 : seq + 1;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
