/**
 * The bytes of an outbox segment (docs/edge.md, "The outbox on disk").
 *
 * A segment is a header, which says where the signer's chain stood when it was begun, and records behind it. Every
 * part has a CRC-32: it finds torn and rotten bytes, and is no protection against an enemy, who has the key anyway.
 */

import { crc32 } from "node:zlib";
import { asHash, HASH_BYTES } from "../../ledger/sha256.ts";
import type { Hash } from "../../ledger/sha256.ts";
import { KID_BYTES } from "../../ledger/key.ts";
import { PAIR_BYTES_MAX, STATEMENT_BYTES_MAX } from "../../ledger/limits.ts";

/** Where a chain stands: `prev` is the hash at `follows - 1`, `seq` the next to be signed. */
export interface Tail {
  readonly seq: number;
  /** Less than `seq` where numbers were skipped: then the next statement has to be a gap from here. */
  readonly follows: number;
  readonly prev: Hash;
}

/** A segment's first bytes. */
export interface SegmentHeader {
  /** 8 bytes: whose chain this is. */
  readonly kid: Uint8Array;
  readonly tail: Tail;
}

/** A signed statement at rest. */
export interface OutboxRecord {
  readonly seq: number;
  readonly statement: Uint8Array;
  /** The preimage that travels beside a restricted statement. */
  readonly preimage?: Uint8Array;
  /** The older statement whose payload was signed anew in this one. */
  readonly replaces?: number;
  /** Present in a gap statement: it takes the place of everything from `from` up to itself. */
  readonly gap?: { readonly from: number; readonly refused?: number };
}

/** Where a record lies in its segment, and what is needed to find out which statements are still to be sent. */
export interface RecordEntry {
  readonly seq: number;
  readonly offset: number;
  /** Bytes on disk, head included. */
  readonly length: number;
  readonly replaces?: number;
  readonly gap?: { readonly from: number; readonly refused?: number };
}

/** What a look through a whole segment found. */
export interface SegmentScan {
  readonly header: SegmentHeader;
  readonly entries: readonly RecordEntry[];
  /** Bytes behind the last good record. */
  readonly tornBytes: number;
}

const MAGIC = 0x4b42_4f58;
const VERSION = 1;
const HEADER_FIELDS_BYTES = 4 + 1 + KID_BYTES + 8 + 8 + HASH_BYTES;
/** Bytes of a segment's header. */
export const HEADER_BYTES: number = HEADER_FIELDS_BYTES + 4;

const TAG_STATEMENT = 1;
const TAG_PAIR = 2;
const TAG_GAP = 3;
const HEAD_BYTES = 8;
const FIELDS_BYTES = 1 + 8 + 8 + 8 + 2;
const CONTENT_BYTES_MAX = FIELDS_BYTES + PAIR_BYTES_MAX;
/** The least that a record can take: no signed statement is below 150 bytes. */
export const RECORD_BYTES_MIN: number = HEAD_BYTES + FIELDS_BYTES + 150;

/** Encodes the header with which a segment begins. */
export function encodeHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  view.setUint8(4, VERSION);
  bytes.set(header.kid, 5);
  setUint53(view, 5 + KID_BYTES, header.tail.seq);
  setUint53(view, 13 + KID_BYTES, header.tail.follows);
  bytes.set(header.tail.prev, 21 + KID_BYTES);
  view.setUint32(HEADER_FIELDS_BYTES, crc32(bytes.subarray(0, HEADER_FIELDS_BYTES)));
  return bytes;
}

/** Reads a segment's header; a text for people where it is none. */
export function decodeHeader(bytes: Uint8Array): SegmentHeader | string {
  if (bytes.length < HEADER_BYTES) return "shorter than a header";
  const view = viewOf(bytes);
  if (view.getUint32(0) !== MAGIC) return "not an outbox segment";
  const version = view.getUint8(4);
  if (version !== VERSION) return `version ${version}, this program reads version ${VERSION}`;
  if (view.getUint32(HEADER_FIELDS_BYTES) !== crc32(bytes.subarray(0, HEADER_FIELDS_BYTES))) {
    return "its header is damaged";
  }
  const seq = getUint53(view, 5 + KID_BYTES);
  const follows = getUint53(view, 13 + KID_BYTES);
  if (seq === undefined || follows === undefined || follows > seq)
    return "its header is impossible";
  return {
    kid: bytes.slice(5, 5 + KID_BYTES),
    tail: { seq, follows, prev: asHash(bytes.slice(21 + KID_BYTES, HEADER_FIELDS_BYTES)) },
  };
}

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
export function decodeRecord(
  bytes: Uint8Array,
  offset: number,
): { record: OutboxRecord; entry: RecordEntry } | undefined {
  if (offset + HEAD_BYTES + FIELDS_BYTES > bytes.length) return undefined;
  const view = viewOf(bytes);
  const contentLength = view.getUint32(offset);
  const length = HEAD_BYTES + contentLength;
  if (contentLength <= FIELDS_BYTES || contentLength > CONTENT_BYTES_MAX) return undefined;
  if (offset + length > bytes.length) return undefined;
  const raw = bytes.subarray(offset, offset + length);
  if (view.getUint32(offset + 4) !== recordCrc(raw)) return undefined;
  return fieldsOf(raw, offset);
}

function fieldsOf(
  raw: Uint8Array,
  offset: number,
): { record: OutboxRecord; entry: RecordEntry } | undefined {
  const view = viewOf(raw);
  const tag = view.getUint8(8);
  const seq = getUint53(view, 9);
  const first = getUint53(view, 17);
  const second = getUint53(view, 25);
  const statementEnd = HEAD_BYTES + FIELDS_BYTES + view.getUint16(33);
  const hasPreimage = statementEnd < raw.length;
  if (seq === undefined || first === undefined || second === undefined) return undefined;
  if (statementEnd > raw.length || hasPreimage !== (tag === TAG_PAIR)) return undefined;
  if (tag < TAG_STATEMENT || tag > TAG_GAP || (tag === TAG_GAP && first === 0)) return undefined;
  const links =
    tag === TAG_GAP
      ? { gap: second === 0 ? { from: first - 1 } : { from: first - 1, refused: second - 1 } }
      : first === 0
        ? {}
        : { replaces: first - 1 };
  const statement = raw.slice(HEAD_BYTES + FIELDS_BYTES, statementEnd);
  const body = hasPreimage ? { statement, preimage: raw.slice(statementEnd) } : { statement };
  return {
    record: { seq, ...body, ...links },
    entry: { seq, offset, length: raw.length, ...links },
  };
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
  let offset = HEADER_BYTES;
  let goodEnd = HEADER_BYTES;
  while (offset < bytes.length) {
    const entry = decodeRecord(bytes, offset)?.entry;
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

function setUint53(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, Math.floor(value / 2 ** 32));
  view.setUint32(offset + 4, value % 2 ** 32);
}

function getUint53(view: DataView, offset: number): number | undefined {
  const value = view.getUint32(offset) * 2 ** 32 + view.getUint32(offset + 4);
  return Number.isSafeInteger(value) ? value : undefined;
}
