/**
 * The header of an outbox segment (docs/edge.md, "The outbox on disk"): where the signer's chain stood when the segment was
 * begun, and what gaps had left out until then.
 *
 * So an outbox is opened by its headers and its newest segment, however much is in it. A CRC-32 finds rotten bytes, and
 * is no protection against an enemy, who has the key anyway.
 */

import { crc32 } from "node:zlib";
import { asHash, HASH_BYTES } from "../../ledger/sha256.ts";
import type { Hash } from "../../ledger/sha256.ts";
import { KID_BYTES } from "../../ledger/key.ts";
import type { NumberRange, RenewedRun, SuccessionSnapshot } from "./succession.ts";

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
  /** The number of the last record before this segment, -1 for none. */
  readonly lastBefore: number;
  readonly succession: SuccessionSnapshot;
}

const MAGIC = 0x4b42_4f58;
const VERSION = 2;
const KID_AT = 5;
const SEQ_AT = KID_AT + KID_BYTES;
const FOLLOWS_AT = SEQ_AT + 8;
const PREV_AT = FOLLOWS_AT + 8;
const LAST_AT = PREV_AT + HASH_BYTES;
const COUNTS_AT = LAST_AT + 8;
const RANGES_AT = COUNTS_AT + 12;
const RANGE_BYTES = 16;
const RUN_BYTES = 24;
const CRC_BYTES = 4;

/** Bytes that tell how long a header is. */
export const HEADER_BYTES_MIN: number = RANGES_AT + CRC_BYTES;

/** Encodes the header with which a segment begins. */
export function encodeHeader(header: SegmentHeader): Uint8Array {
  const { kid, tail, lastBefore, succession } = header;
  const { replaced, pending, renewals } = succession;
  const bytes = new Uint8Array(lengthOf(replaced.length, pending.length, renewals.length));
  const view = viewOf(bytes);
  view.setUint32(0, MAGIC);
  view.setUint8(4, VERSION);
  bytes.set(kid, KID_AT);
  setUint53(view, SEQ_AT, tail.seq);
  setUint53(view, FOLLOWS_AT, tail.follows);
  bytes.set(tail.prev, PREV_AT);
  setUint53(view, LAST_AT, lastBefore + 1);
  view.setUint32(COUNTS_AT, replaced.length);
  view.setUint32(COUNTS_AT + 4, pending.length);
  view.setUint32(COUNTS_AT + 8, renewals.length);
  let at = RANGES_AT;
  for (const range of [...replaced, ...pending, ...renewals]) {
    setUint53(view, at, range.from);
    setUint53(view, at + 8, range.to);
    at += RANGE_BYTES;
    if (!("first" in range)) continue;
    setUint53(view, at, (range as RenewedRun).first);
    at += RUN_BYTES - RANGE_BYTES;
  }
  view.setUint32(at, crc32(bytes.subarray(0, at)));
  return bytes;
}

/** Says how many bytes the header takes that `bytes` begins with; a text for people where it is none. */
export function headerLength(bytes: Uint8Array): number | string {
  if (bytes.length < HEADER_BYTES_MIN) return "shorter than a header";
  const view = viewOf(bytes);
  if (view.getUint32(0) !== MAGIC) return "not an outbox segment";
  const version = view.getUint8(4);
  if (version !== VERSION) return `version ${version}, this program reads version ${VERSION}`;
  const [replaced, pending, renewals] = [0, 4, 8].map((at) => view.getUint32(COUNTS_AT + at));
  return lengthOf(replaced!, pending!, renewals!);
}

/** Reads a segment's header, all of whose bytes are there; a text for people where it is none. */
export function decodeHeader(bytes: Uint8Array): SegmentHeader | string {
  const length = headerLength(bytes);
  if (typeof length === "string") return length;
  const view = viewOf(bytes);
  const crcAt = length - CRC_BYTES;
  const isWhole = length <= bytes.length;
  if (!isWhole || view.getUint32(crcAt) !== crc32(bytes.subarray(0, crcAt)))
    return "its header is damaged";
  const numbers: number[] = [];
  for (let at = RANGES_AT; at < crcAt; at += 8) numbers.push(getUint53(view, at));
  const [replaced, pending] = [view.getUint32(COUNTS_AT), view.getUint32(COUNTS_AT + 4)];
  const ranges = rangesIn(numbers.slice(0, 2 * (replaced + pending)));
  const tail = {
    seq: getUint53(view, SEQ_AT),
    follows: getUint53(view, FOLLOWS_AT),
    prev: asHash(bytes.slice(PREV_AT, LAST_AT)),
  };
  const lastBefore = getUint53(view, LAST_AT) - 1;
  if (![...numbers, tail.seq, tail.follows, lastBefore].every(Number.isSafeInteger))
    return "its header is impossible";
  if (tail.follows > tail.seq || lastBefore >= tail.seq) return "its header is impossible";
  return {
    kid: bytes.slice(KID_AT, SEQ_AT),
    tail,
    lastBefore,
    succession: {
      replaced: ranges.slice(0, replaced),
      pending: ranges.slice(replaced),
      renewals: runsIn(numbers.slice(2 * (replaced + pending))),
    },
  };
}

function rangesIn(numbers: readonly number[]): NumberRange[] {
  return Array.from({ length: numbers.length / 2 }, (_, i) => ({
    from: numbers[2 * i]!,
    to: numbers[2 * i + 1]!,
  }));
}

function runsIn(numbers: readonly number[]): RenewedRun[] {
  return Array.from({ length: numbers.length / 3 }, (_, i) => ({
    from: numbers[3 * i]!,
    to: numbers[3 * i + 1]!,
    first: numbers[3 * i + 2]!,
  }));
}

function lengthOf(replaced: number, pending: number, renewals: number): number {
  return RANGES_AT + RANGE_BYTES * (replaced + pending) + RUN_BYTES * renewals + CRC_BYTES;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Writes a number as eight bytes. */
export function setUint53(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, Math.floor(value / 2 ** 32));
  view.setUint32(offset + 4, value % 2 ** 32);
}

/** Reads eight bytes; beyond 2^53 the number is not a safe one. */
export function getUint53(view: DataView, offset: number): number {
  return view.getUint32(offset) * 2 ** 32 + view.getUint32(offset + 4);
}
