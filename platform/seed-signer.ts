/**
 * Signing with keys that are made of seeds and live in memory, by the fastest library at hand.
 *
 * For simulated devices, which sign thousands of statements a second: libsodium takes half the time of OpenSSL where it was
 * measured, and a thirtieth of the portable signer's. Real devices keep their keys in files (key-file.ts).
 */
import type { Signer } from "../ledger/signature.ts";
import { opensslSigner } from "./key-file.ts";
import { sodiumSigner } from "./native/backends.mjs";

/** Makes a signer of a seed of 32 bytes (RFC 8032, 5.1.5). Whoever knows the seed has the key. */
export const seedSigner: (seed: Uint8Array) => Signer = sodiumSigner ?? opensslSigner;
