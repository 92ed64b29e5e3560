/**
 * The one rule of docs/formats.md, section 2, by native libraries: some twenty times as fast as the portable backend.
 */
import { type Verify, strictVerify } from "../ledger/signature.ts";
import { opensslBackend, sodiumBackend } from "./native/backends.mjs";

/** Verifies through OpenSSL, which comes with Node. */
export const opensslVerify: Verify = strictVerify(opensslBackend);

/** Verifies through libsodium; `undefined` on machines for which `sodium-native` has no build. */
export const sodiumVerify: Verify | undefined =
  sodiumBackend === undefined ? undefined : strictVerify(sodiumBackend);

/** The faster of those at hand: libsodium takes half the time of OpenSSL where it was measured. */
export const fastestVerify: Verify = sodiumVerify ?? opensslVerify;
