/**
 * Deterministic CBOR (RFC 8949, 4.2.1), narrowed to docs/formats.md, section 1.
 *
 * Every value has exactly one encoding here and the decoder accepts no other: two verifiers that read one payload
 * differently would split the chain. The codec is the ledger's own because general ones check determinism only by
 * encoding again, which costs more than the signature; test/ledger/cbor.test.ts holds it against `cborg`.
 */

import { compareBytes, decodeUtf8, encodeUtf8, joinBytes } from "./bytes.ts";
import { malformed } from "./errors.ts";
import type { Refusal } from "./errors.ts";
import { decodeFloat16, encodeFloat16 } from "./float16.ts";
import { CBOR_DEPTH_MAX } from "./limits.ts";

/** A map key: an integer or a text. */
export type CborKey = number | string;

/** What a payload may hold. Numbers with an integral value below 2^53 are CBOR integers, all others floats. */
export type CborValue =
  | number
  | string
  | boolean
  | null
  | Uint8Array
  | readonly CborValue[]
  | ReadonlyMap<CborKey, CborValue>;

/** A decoded or encodable map. */
export type CborMap = ReadonlyMap<CborKey, CborValue>;

/** Says whether a decoded value is a map. */
export function isCborMap(value: CborValue | undefined): value is CborMap {
  return value instanceof Map;
}

const LONE_SURROGATE = /\p{Surrogate}/u;

const UNSIGNED = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;

/**
 * Encodes a value in its one form.
 *
 * Throws `TypeError` or `RangeError` for what the formats do not allow (NaN, infinities, -0, lone surrogates, more
 * than eight levels): what is encoded is our own, so that is our own fault.
 */
export function encodeCbor(value: CborValue): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  encodeInto(parts, value, 0);
  return joinBytes(parts);
}

function encodeInto(parts: Uint8Array[], value: CborValue, depth: number): void {
  if (typeof value === "number") parts.push(encodeNumber(value));
  else if (typeof value === "string") encodeText(parts, value);
  else if (typeof value === "boolean") parts.push(Uint8Array.of(value ? 0xf5 : 0xf4));
  else if (value === null) parts.push(Uint8Array.of(0xf6));
  else if (value instanceof Uint8Array) parts.push(encodeHead(BYTES, value.length), value);
  else encodeContainer(parts, value, depth + 1);
}

function encodeContainer(
  parts: Uint8Array[],
  value: readonly CborValue[] | CborMap,
  depth: number,
): void {
  if (depth > CBOR_DEPTH_MAX) throw new RangeError(`more than ${CBOR_DEPTH_MAX} levels`);
  if (!isCborMap(value)) {
    parts.push(encodeHead(ARRAY, value.length));
    for (const item of value) encodeInto(parts, item, depth);
    return;
  }
  const pairs = [...value].map(([key, item]) => ({ key: encodeCbor(key), item }));
  pairs.sort((a, b) => compareBytes(a.key, b.key));
  parts.push(encodeHead(MAP, pairs.length));
  for (const { key, item } of pairs) {
    parts.push(key);
    encodeInto(parts, item, depth);
  }
}

function encodeText(parts: Uint8Array[], text: string): void {
  if (LONE_SURROGATE.test(text)) throw new TypeError("text with a lone surrogate has no UTF-8");
  const bytes = encodeUtf8(text);
  parts.push(encodeHead(TEXT, bytes.length), bytes);
}

function encodeNumber(value: number): Uint8Array {
  if (!Number.isFinite(value)) throw new RangeError(`${value} has no encoding here`);
  if (Number.isSafeInteger(value)) {
    if (Object.is(value, -0)) throw new RangeError("-0 has no encoding here");
    return value >= 0 ? encodeHead(UNSIGNED, value) : encodeHead(NEGATIVE, -1 - value);
  }
  const half = encodeFloat16(value);
  if (half !== undefined) return Uint8Array.of(0xf9, half >> 8, half & 0xff);
  const wide = new Uint8Array(9);
  const view = new DataView(wide.buffer);
  if (Math.fround(value) === value) {
    wide[0] = 0xfa;
    view.setFloat32(1, value);
    return wide.subarray(0, 5);
  }
  wide[0] = 0xfb;
  view.setFloat64(1, value);
  return wide;
}

/** Encodes the head of a data item: major type and argument, in the shortest form. `argument` is below 2^53. */
export function encodeHead(major: number, argument: number): Uint8Array {
  const type = major << 5;
  if (argument < 24) return Uint8Array.of(type | argument);
  if (argument < 0x100) return Uint8Array.of(type | 24, argument);
  if (argument < 0x1_0000) return Uint8Array.of(type | 25, argument >> 8, argument & 0xff);
  const wide = argument < 0x1_0000_0000;
  const head = new Uint8Array(wide ? 5 : 9);
  const view = new DataView(head.buffer);
  head[0] = type | (wide ? 26 : 27);
  if (wide) view.setUint32(1, argument);
  else {
    view.setUint32(1, Math.floor(argument / 0x1_0000_0000));
    view.setUint32(5, argument % 0x1_0000_0000);
  }
  return head;
}

/**
 * Decodes exactly one value that fills all of `bytes`.
 *
 * Gives `malformed` for everything outside docs/formats.md, section 1. Byte strings of the result are views into
 * `bytes`, which the caller must not change afterwards.
 */
export function decodeCbor(bytes: Uint8Array): CborValue | Refusal {
  const reader = new CborReader(bytes);
  try {
    const value = reader.value(0);
    return reader.at === bytes.length ? value : malformed("bytes after the CBOR value");
  } catch (error) {
    if (error instanceof NotDeterministic) return malformed(error.message);
    throw error;
  }
}

/** Unwinds the reader at the first byte that breaks the rules; never leaves this file. */
class NotDeterministic extends Error {}

class CborReader {
  at = 0;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  value(depth: number): CborValue {
    const initial = this.byte();
    const major = initial >> 5;
    switch (major) {
      case UNSIGNED:
        return this.argument(initial);
      case NEGATIVE:
        return this.negative(initial);
      case BYTES:
        return this.take(this.argument(initial));
      case TEXT:
        return this.text(initial);
      case ARRAY:
        return this.array(initial, depth + 1);
      case MAP:
        return this.map(initial, depth + 1);
      case 6:
        throw new NotDeterministic("a CBOR tag, where none is allowed");
      default:
        return this.simple(initial);
    }
  }

  private byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw new NotDeterministic("the CBOR value ends too early");
    return byte;
  }

  private take(length: number): Uint8Array {
    if (length > this.bytes.length - this.at) {
      throw new NotDeterministic("the CBOR value ends too early");
    }
    const taken = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return taken;
  }

  private argument(initial: number): number {
    const info = initial & 0x1f;
    if (info < 24) return info;
    const at = this.at;
    if (info > 27) throw new NotDeterministic("an indefinite or reserved CBOR length");
    this.take(1 << (info - 24));
    let value: number;
    let least: number;
    if (info === 24) [value, least] = [this.bytes[at]!, 24];
    else if (info === 25) [value, least] = [this.view.getUint16(at), 0x100];
    else if (info === 26) [value, least] = [this.view.getUint32(at), 0x1_0000];
    else {
      value = this.view.getUint32(at) * 0x1_0000_0000 + this.view.getUint32(at + 4);
      least = 0x1_0000_0000;
    }
    if (value < least) throw new NotDeterministic("a CBOR head longer than it need be");
    if (value > Number.MAX_SAFE_INTEGER) throw new NotDeterministic("an integer beyond 2^53-1");
    return value;
  }

  private negative(initial: number): number {
    const value = -1 - this.argument(initial);
    if (value < -Number.MAX_SAFE_INTEGER) throw new NotDeterministic("an integer below -(2^53-1)");
    return value;
  }

  private text(initial: number): string {
    const bytes = this.take(this.argument(initial));
    let text = "";
    // Short ASCII, which nearly all text of a payload is, needs no call into the host.
    if (bytes.length <= 24) {
      let i = 0;
      for (; i < bytes.length && bytes[i]! < 0x80; i++) text += String.fromCharCode(bytes[i]!);
      if (i === bytes.length) return text;
    }
    const decoded = decodeUtf8(bytes);
    if (decoded === undefined) throw new NotDeterministic("text that is not UTF-8");
    return decoded;
  }

  private array(initial: number, depth: number): CborValue[] {
    this.checkDepth(depth);
    const length = this.argument(initial);
    const items: CborValue[] = [];
    for (let i = 0; i < length; i++) items.push(this.value(depth));
    return items;
  }

  private map(initial: number, depth: number): CborMap {
    this.checkDepth(depth);
    const length = this.argument(initial);
    const map = new Map<CborKey, CborValue>();
    let lastFrom = 0;
    let lastTo = 0;
    for (let i = 0; i < length; i++) {
      const from = this.at;
      const key = this.value(depth);
      if (typeof key === "string" || Number.isSafeInteger(key)) {
        if (i > 0 && !this.isBefore(lastFrom, lastTo, from, this.at)) {
          throw new NotDeterministic("map keys out of order, or one twice");
        }
        [lastFrom, lastTo] = [from, this.at];
        map.set(key as CborKey, this.value(depth));
      } else throw new NotDeterministic("a map key that is neither integer nor text");
    }
    return map;
  }

  /** Says whether the key at [a, aEnd) comes strictly before the key at [b, bEnd). */
  private isBefore(a: number, aEnd: number, b: number, bEnd: number): boolean {
    const shared = Math.min(aEnd - a, bEnd - b);
    for (let i = 0; i < shared; i++) {
      const difference = this.bytes[a + i]! - this.bytes[b + i]!;
      if (difference !== 0) return difference < 0;
    }
    return aEnd - a < bEnd - b;
  }

  private checkDepth(depth: number): void {
    if (depth > CBOR_DEPTH_MAX) throw new NotDeterministic(`more than ${CBOR_DEPTH_MAX} levels`);
  }

  private simple(initial: number): boolean | number | null {
    const at = this.at;
    switch (initial) {
      case 0xf4:
        return false;
      case 0xf5:
        return true;
      case 0xf6:
        return null;
      case 0xf9:
        this.take(2);
        return fractional(decodeFloat16(this.view.getUint16(at)), 2);
      case 0xfa:
        this.take(4);
        return fractional(this.view.getFloat32(at), 4);
      case 0xfb:
        this.take(8);
        return fractional(this.view.getFloat64(at), 8);
      default:
        throw new NotDeterministic("undefined or another simple value that is not allowed");
    }
  }
}

/** Checks that a float read from `bytes` bytes is one that the encoder would have written so. */
function fractional(value: number, bytes: 2 | 4 | 8): number {
  if (!Number.isFinite(value)) throw new NotDeterministic("NaN or an infinity");
  if (Number.isSafeInteger(value)) {
    throw new NotDeterministic("a float where an integer says the same");
  }
  if (bytes > 2 && encodeFloat16(value) !== undefined) {
    throw new NotDeterministic("a float longer than it need be");
  }
  if (bytes > 4 && Math.fround(value) === value) {
    throw new NotDeterministic("a float longer than it need be");
  }
  return value;
}
