/**
 * Private keys at rest: Ed25519 as PKCS#8 PEM (RFC 8410), readable by their owner only (docs/formats.md, section 2).
 *
 * Signing goes through OpenSSL; the private key does not leave its key object after loading.
 */
import { Buffer } from "node:buffer";
import { type KeyObject, createPrivateKey, createPublicKey, sign } from "node:crypto";
import { decodeUtf8, encodeBase64, encodeUtf8 } from "../ledger/bytes.ts";
import type { Signer } from "../ledger/signature.ts";
import type { Files } from "./files.ts";
import type { Random } from "./random.ts";
import { needOwnerOnly, OWNER_ONLY } from "./secret-file.ts";
import { UserError } from "./user-error.ts";

const SEED_BYTES = 32;
/** What stands before the seed in the DER form of every Ed25519 PrivateKeyInfo without attributes. */
const DER_HEAD = Uint8Array.of(48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32);

/** Loads a key. Rejects with a `UserError` where there is none, it is no Ed25519 key, or others may read it. */
export async function loadKey(files: Files, path: string): Promise<Signer> {
  await needOwnerOnly(files, path, "key file");
  const pem = decodeUtf8((await files.read(path)) ?? new Uint8Array(0));
  return keySigner(parsePem(pem ?? "", path));
}

/**
 * Makes a new key and stores it, readable by its owner only.
 *
 * Rejects with a `UserError` where the path is taken: a key is never overwritten.
 */
export async function createKey(files: Files, path: string, random: Random): Promise<Signer> {
  if (await files.exists(path)) {
    throw new UserError(`${path} is already there, and a key is never overwritten.`);
  }
  const seed = random.bytes(SEED_BYTES);
  const pem = formatPem(seed);
  seed.fill(0);
  await files.write(path, encodeUtf8(pem), { mode: OWNER_ONLY });
  return keySigner(parsePem(pem, path));
}

/** Makes a signer of a seed of 32 bytes (RFC 8032, 5.1.5), through OpenSSL. */
export function opensslSigner(seed: Uint8Array): Signer {
  const key = Buffer.from(encodePkcs8(seed).buffer);
  return keySigner(createPrivateKey({ key, format: "der", type: "pkcs8" }));
}

function encodePkcs8(seed: Uint8Array): Uint8Array<ArrayBuffer> {
  const der = new Uint8Array(DER_HEAD.length + SEED_BYTES);
  der.set(DER_HEAD);
  der.set(seed, DER_HEAD.length);
  return der;
}

function formatPem(seed: Uint8Array): string {
  const der = encodePkcs8(seed);
  return `-----BEGIN PRIVATE KEY-----\n${encodeBase64(der)}\n-----END PRIVATE KEY-----\n`;
}

function parsePem(pem: string, path: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, format: "pem" });
  } catch (cause) {
    throw new UserError(`${path} holds no private key in PKCS#8 PEM without a passphrase.`, {
      cause,
    });
  }
  if (key.asymmetricKeyType !== "ed25519") {
    throw new UserError(`${path} holds a key of type ${key.asymmetricKeyType}, not Ed25519.`);
  }
  return key;
}

function keySigner(key: KeyObject): Signer {
  // The last 32 bytes of SubjectPublicKeyInfo are the key itself (RFC 8410, 4).
  const info = createPublicKey(key).export({ format: "der", type: "spki" });
  const publicKey = new Uint8Array(info.subarray(-32));
  return { publicKey, sign: (message) => new Uint8Array(sign(null, message, key)) };
}
