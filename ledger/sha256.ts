/**
 * SHA-256 (FIPS 180-4), the only hash of the ledger, and the branded type of its results.
 *
 * The portable backend is `@noble/hashes`. A host with a native one installs it once at start-up; since every
 * correct backend gives the same bytes, the choice changes speed and nothing else.
 */

import { sha256 as portableSha256 } from "@noble/hashes/sha2.js";

declare const hashBrand: unique symbol;

/** 32 bytes that came out of SHA-256, or stand where such bytes must stand. */
export type Hash = Uint8Array & { readonly [hashBrand]: "Hash" };

/** Computes SHA-256 of one message: any length in, 32 fresh bytes out. */
export type Sha256Backend = (message: Uint8Array) => Uint8Array;

export const HASH_BYTES = 32;

/** 32 zero bytes: the `prev` of what has nothing before it. */
export const ZERO_HASH: Hash = new Uint8Array(HASH_BYTES) as Hash;

let backend: Sha256Backend = portableSha256;

/** Hashes `message`. The result is owned by the caller. */
export function sha256(message: Uint8Array): Hash {
  return backend(message) as Hash;
}

/** Takes 32 foreign bytes as a hash. Throws `RangeError` at any other length: check foreign lengths before. */
export function asHash(bytes: Uint8Array): Hash {
  if (bytes.length !== HASH_BYTES) {
    throw new RangeError(`expected a hash of ${HASH_BYTES} bytes, got ${bytes.length}`);
  }
  return bytes as Hash;
}

/**
 * Makes every later `sha256` use `next`, after comparing it with the portable backend.
 *
 * Throws if the two disagree on a message that spans several blocks.
 */
export function installSha256(next: Sha256Backend): void {
  const probe = new Uint8Array(200).map((_, i) => (i * 7) & 0xff);
  const expected = portableSha256(probe);
  const got = next(probe);
  if (got.length !== HASH_BYTES || expected.some((byte, i) => byte !== got[i])) {
    throw new Error("the SHA-256 backend disagrees with FIPS 180-4");
  }
  backend = next;
}
