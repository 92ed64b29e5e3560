/**
 * Ed25519 by native libraries: the equation of a signature (docs/formats.md, section 2, point 2), and signing.
 *
 * Plain JavaScript, since worker threads load it as it is. Both backends compute without cofactor and compare bytes.
 * What must hold before that, point 1, is checked by the callers; here inputs have their right lengths.
 */
import { Buffer } from "node:buffer";
import { createPublicKey, verify } from "node:crypto";
import { createRequire } from "node:module";

/**
 * @typedef {import("./backends.d.mts").Backend} Backend
 * @typedef {import("./backends.d.mts").BackendSigner} BackendSigner
 * @typedef {import("node:crypto").KeyObject} KeyObject
 */

/** What stands before the key in SubjectPublicKeyInfo (RFC 8410, 4). */
const SPKI_HEAD = Uint8Array.of(48, 42, 48, 5, 6, 3, 43, 101, 112, 3, 33, 0);

/** Keys kept ready for OpenSSL; beyond them the one used longest ago goes. */
const KEYS_MAX = 4096;

/** @type {Map<string, KeyObject>} */
const keys = new Map();

/**
 * Asks OpenSSL. Making a key object takes about as long as half a verification, so the latest ones are kept.
 *
 * @type {Backend}
 */
export function opensslBackend(publicKey, message, signature) {
  try {
    return verify(null, message, keyObject(publicKey), signature);
  } catch {
    return false; // No point of the curve.
  }
}

/** @param {Uint8Array} publicKey @returns {KeyObject} */
function keyObject(publicKey) {
  const name = String.fromCharCode(...publicKey);
  let key = keys.get(name);
  if (key !== undefined) {
    keys.delete(name); // Put back below as the newest one.
  } else {
    const info = Buffer.concat([SPKI_HEAD, publicKey]);
    key = createPublicKey({ key: info, format: "der", type: "spki" });
    const oldest = keys.size >= KEYS_MAX ? keys.keys().next().value : undefined;
    if (oldest !== undefined) keys.delete(oldest);
  }
  keys.set(name, key);
  return key;
}

const sodium = loadSodium();

/**
 * Asks libsodium; `undefined` on machines for which `sodium-native` has no build.
 *
 * @type {Backend | undefined}
 */
export const sodiumBackend =
  sodium === undefined
    ? undefined
    : (publicKey, message, signature) =>
        sodium.crypto_sign_verify_detached(signature, message, publicKey);

/**
 * Signs by libsodium with keys made of seeds; `undefined` where `sodiumBackend` is.
 *
 * @type {((seed: Uint8Array) => BackendSigner) | undefined}
 */
export const sodiumSigner =
  sodium === undefined
    ? undefined
    : (seed) => {
        const publicKey = new Uint8Array(sodium.crypto_sign_PUBLICKEYBYTES);
        const secretKey = new Uint8Array(sodium.crypto_sign_SECRETKEYBYTES);
        sodium.crypto_sign_seed_keypair(publicKey, secretKey, seed);
        const sign = (/** @type {Uint8Array} */ message) => {
          const signature = new Uint8Array(sodium.crypto_sign_BYTES);
          sodium.crypto_sign_detached(signature, message, secretKey);
          return signature;
        };
        return { publicKey, sign };
      };

function loadSodium() {
  const load = createRequire(import.meta.url);
  try {
    return load("sodium-native");
  } catch {
    return undefined;
  }
}
