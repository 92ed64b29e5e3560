/**
 * Public keys: their COSE form, thumbprint and kid (RFC 9052, 7; RFC 9679; docs/formats.md, section 2).
 *
 * Ed25519 only. Private keys never enter the ledger: they hide behind the `Signer` of signature.ts.
 */

import { ed25519 } from "@noble/curves/ed25519.js";
import { encodeHex } from "./bytes.ts";
import { encodeCbor, isCborMap } from "./cbor.ts";
import type { CborMap, CborValue } from "./cbor.ts";
import { sha256 } from "./sha256.ts";
import type { Hash } from "./sha256.ts";

export const PUBLIC_KEY_BYTES = 32;
export const KID_BYTES = 8;

const KEY_TYPE = 1;
const KEY_TYPE_OKP = 1;
const CURVE = -1;
const CURVE_ED25519 = 6;
const X = -2;

/** Puts a public key of 32 bytes into its COSE_Key map. */
export function encodeCoseKey(publicKey: Uint8Array): CborMap {
  return new Map<number, CborValue>([
    [KEY_TYPE, KEY_TYPE_OKP],
    [CURVE, CURVE_ED25519],
    [X, publicKey],
  ]);
}

/** Takes the 32 bytes out of a COSE_Key with exactly these three parameters; `undefined` for any other value. */
export function decodeCoseKey(value: CborValue | undefined): Uint8Array | undefined {
  if (!isCborMap(value) || value.size !== 3) return undefined;
  if (value.get(KEY_TYPE) !== KEY_TYPE_OKP || value.get(CURVE) !== CURVE_ED25519) return undefined;
  const x = value.get(X);
  return x instanceof Uint8Array && x.length === PUBLIC_KEY_BYTES ? x : undefined;
}

/** Computes the COSE key thumbprint (RFC 9679): SHA-256 of the deterministic COSE_Key. */
export function thumbprint(publicKey: Uint8Array): Hash {
  return sha256(encodeCbor(encodeCoseKey(publicKey)));
}

/** Gives the kid: the first 8 bytes of the thumbprint. */
export function kidOf(publicKey: Uint8Array): Uint8Array {
  return thumbprint(publicKey).subarray(0, KID_BYTES);
}

/** Gives the kid as hex, the form in which keys are looked up. */
export function kidHex(publicKey: Uint8Array): string {
  return encodeHex(kidOf(publicKey));
}

/**
 * Says whether the bytes are a point of the prime-order group.
 *
 * A key with a torsion component would make verifiers with and without cofactor disagree. Costs a scalar
 * multiplication; done once, when a key is enrolled.
 */
export function isTorsionFree(publicKey: Uint8Array): boolean {
  try {
    return ed25519.Point.fromBytes(publicKey, false).isTorsionFree();
  } catch {
    return false;
  }
}
