/**
 * Ed25519 signatures, and the one rule by which all verifiers of the ledger judge them (docs/formats.md, section 2).
 *
 * Libraries disagree on edge cases: cofactor, small-order points, encodings that are not canonical. Whichever
 * backend is used, `strictVerify` puts the checks in front that backends leave out; `nobleVerify` is the portable one.
 */

import { ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { concatBytes, decodeHex, equalBytes } from "./bytes.ts";

export const SIGNATURE_BYTES = 64;

/** Says whether `signature` by `publicKey` over `message` holds. Never throws, whatever the bytes. */
export type Verify = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;

/** Something that holds a private key and signs with it. */
export interface Signer {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Signs as RFC 8032, 5.1.6: deterministic, 64 bytes. */
  sign(message: Uint8Array): Uint8Array;
}

/** The order of the group, little-endian: 2^252 + 27742317777372353535851937790883648493. */
const GROUP_ORDER = decodeHex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")!;

/** 2^255 - 19, little-endian. */
const FIELD_PRIME = decodeHex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")!;

/** The y-coordinates of the eight points of small order, sign bit clear. */
const SMALL_ORDER_Y: readonly Uint8Array[] = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
].map((hex) => decodeHex(hex)!);

/**
 * Checks what can be told from the encodings alone: lengths, `S < L`, and that `A` and `R` are canonical and of no
 * small order.
 */
export function hasStrictEncoding(publicKey: Uint8Array, signature: Uint8Array): boolean {
  return (
    publicKey.length === 32 &&
    signature.length === SIGNATURE_BYTES &&
    isBelow(signature, 32, GROUP_ORDER, 0xff) &&
    isSoundPoint(publicKey) &&
    isSoundPoint(signature)
  );
}

/** Checks the y-coordinate in the first 32 bytes. */
function isSoundPoint(bytes: Uint8Array): boolean {
  if (!isBelow(bytes, 0, FIELD_PRIME, 0x7f)) return false;
  return !SMALL_ORDER_Y.some((y) => hasCoordinate(bytes, y));
}

function hasCoordinate(bytes: Uint8Array, y: Uint8Array): boolean {
  for (let i = 0; i < 31; i++) if (bytes[i] !== y[i]) return false;
  return (bytes[31]! & 0x7f) === y[31];
}

/** Compares 32 little-endian bytes at `offset`, the last one masked, with `bound`. */
function isBelow(bytes: Uint8Array, offset: number, bound: Uint8Array, topMask: number): boolean {
  for (let i = 31; i >= 0; i--) {
    const byte = i === 31 ? bytes[offset + i]! & topMask : bytes[offset + i]!;
    const limit = bound[i]!;
    if (byte !== limit) return byte < limit;
  }
  return false;
}

/**
 * Puts the encoding checks in front of a backend that computes `[S]B - [k]A` without cofactor and compares bytes.
 *
 * OpenSSL and libsodium do. A cofactored backend would accept too much behind this.
 */
export function strictVerify(backend: Verify): Verify {
  return (publicKey, message, signature) =>
    hasStrictEncoding(publicKey, signature) && backend(publicKey, message, signature);
}

/** The portable backend: runs wherever ECMAScript does. About a millisecond a signature. */
export const nobleVerify: Verify = strictVerify((publicKey, message, signature) => {
  const { Point } = ed25519;
  const r = signature.subarray(0, 32);
  const s = littleEndian(signature.subarray(32));
  const k = littleEndian(sha512(concatBytes(r, publicKey, message))) % Point.CURVE().n;
  try {
    const minusA = Point.fromBytes(publicKey, false).negate();
    const sB = s === 0n ? Point.ZERO : Point.BASE.multiplyUnsafe(s);
    const kA = k === 0n ? Point.ZERO : minusA.multiplyUnsafe(k);
    return equalBytes(sB.add(kA).toBytes(), r);
  } catch {
    return false; // A is not on the curve.
  }
});

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  return value;
}

/** Signs in memory with a 32-byte seed (RFC 8032, 5.1.5). For tests, simulation and browsers; hosts keep keys in files. */
export function nobleSigner(seed: Uint8Array): Signer {
  const publicKey = ed25519.getPublicKey(seed);
  return { publicKey, sign: (message) => ed25519.sign(message, seed) };
}
