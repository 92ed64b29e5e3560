/**
 * The types of backends.mjs for the TypeScript beside it.
 */

/** Says whether the equation holds. Takes 32, any number of, and 64 bytes; does not throw at those. */
export type Backend = (
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
) => boolean;

/** OpenSSL, which comes with Node. */
export const opensslBackend: Backend;

/** libsodium; `undefined` on machines for which `sodium-native` has no build. */
export const sodiumBackend: Backend | undefined;

/** A key pair in memory, with the shape of the ledger's `Signer`. */
export interface BackendSigner {
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
}

/** Makes a signer of a seed of 32 bytes, by libsodium; `undefined` where `sodiumBackend` is. */
export const sodiumSigner: ((seed: Uint8Array) => BackendSigner) | undefined;
