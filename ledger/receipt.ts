/**
 * Receipts: proof as COSE that an entry is in the log (RFC 9942), and transparent statements, which carry receipts
 * in their own envelope (RFC 9943; docs/formats.md, section 9).
 *
 * A receipt bears the log's signature over the root and no cosignatures: for a quorum there is proof.ts.
 */

import { concatBytes, equalBytes } from "./bytes.ts";
import { decodeCbor, encodeCbor, isCborMap } from "./cbor.ts";
import type { CborKey, CborMap, CborValue } from "./cbor.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { Refusal } from "./errors.ts";
import { Fault, malformedText } from "./fault.ts";
import { KID_BYTES, kidOf } from "./key.ts";
import { leafHash, PATH_HASHES_MAX, rootOfInclusion } from "./merkle.ts";
import { isKeyName, TYPE_ED25519 } from "./note.ts";
import type { Vkey } from "./note.ts";
import { HASH_BYTES } from "./sha256.ts";
import type { Hash } from "./sha256.ts";
import { SIGNATURE_BYTES } from "./signature.ts";
import type { Signer, Verify } from "./signature.ts";
import { ALG_ED25519, sigStructure } from "./statement.ts";

/** COSE_Sign1's tag, 18. */
const SIGN1_TAG = 0xd2;

const LABEL_ALG = 1;
const LABEL_KID = 4;
const LABEL_CLAIMS = 15;
const LABEL_RECEIPTS = 394;
const LABEL_TREE = 395;
const LABEL_PROOFS = 396;
const CLAIM_ISSUER = 1;
const CLAIM_SUBJECT = 2;
/** The tree of RFC 9162 with SHA-256. */
const TREE_RFC9162_SHA256 = 1;
const PROOFS_INCLUSION = -1;
const SUBJECT = "log";

/** Bounds of what is taken in. A receipt with a full path has less than 2,500 bytes. */
export const RECEIPT_BYTES_MAX = 4_096;
export const RECEIPTS_MAX = 16;

/** A receipt, taken apart and not verified. */
export interface Receipt {
  readonly origin: string;
  /** The kid of the hub key that signed, 8 bytes. */
  readonly kid: Uint8Array;
  readonly size: number;
  readonly index: number;
  readonly path: readonly Hash[];
  readonly protectedHeader: Uint8Array;
  readonly signature: Uint8Array;
}

/** A statement together with receipts for it, none of them verified. */
export interface TransparentStatement {
  /** The statement as it stands in the log, with an empty unprotected header. */
  readonly entry: Uint8Array;
  /** From 1 to 16 encoded receipts. */
  readonly receipts: readonly Uint8Array[];
}

/**
 * Signs a receipt for the entry at `index` of the log at this checkpoint.
 *
 * The caller's root and path are believed; that the signer is the hub's live key too.
 */
export function signReceipt(
  checkpoint: Checkpoint,
  index: number,
  path: readonly Hash[],
  signer: Signer,
): Uint8Array {
  const protectedHeader = encodeCbor(
    new Map<CborKey, CborValue>([
      [LABEL_ALG, ALG_ED25519],
      [LABEL_KID, kidOf(signer.publicKey)],
      [
        LABEL_CLAIMS,
        new Map<CborKey, CborValue>([
          [CLAIM_ISSUER, checkpoint.origin],
          [CLAIM_SUBJECT, SUBJECT],
        ]),
      ],
      [LABEL_TREE, TREE_RFC9162_SHA256],
      ["size", checkpoint.size],
    ]),
  );
  const inclusion = encodeCbor([checkpoint.size, index, path]);
  const proofs = new Map([[LABEL_PROOFS, new Map([[PROOFS_INCLUSION, [inclusion]]])]]);
  const signature = signer.sign(sigStructure(protectedHeader, checkpoint.root));
  return encodeSign1([protectedHeader, proofs, null, signature]);
}

function encodeSign1(parts: readonly CborValue[]): Uint8Array {
  return concatBytes(Uint8Array.of(SIGN1_TAG), encodeCbor(parts));
}

/** Splits a tagged COSE_Sign1 in deterministic CBOR; its parts are not looked at. */
function decodeSign1(bytes: Uint8Array): Sign1 | undefined {
  if (bytes[0] !== SIGN1_TAG) return undefined;
  const parts = decodeCbor(bytes.subarray(1));
  if (parts instanceof Refusal || !Array.isArray(parts) || parts.length !== 4) return undefined;
  const [protectedHeader, unprotected, payload, signature] = parts as CborValue[];
  if (!(protectedHeader instanceof Uint8Array) || !isCborMap(unprotected)) return undefined;
  if (!(signature instanceof Uint8Array) || signature.length !== SIGNATURE_BYTES) return undefined;
  return { protectedHeader, unprotected, payload, signature };
}

interface Sign1 {
  readonly protectedHeader: Uint8Array;
  readonly unprotected: CborMap;
  readonly payload: CborValue | undefined;
  readonly signature: Uint8Array;
}

/** Takes a receipt apart. It has exactly the labels of docs/formats.md and one inclusion proof. */
export function decodeReceipt(bytes: Uint8Array): Receipt | Fault {
  if (bytes.length > RECEIPT_BYTES_MAX) {
    return malformedText(`a receipt has at most ${RECEIPT_BYTES_MAX} bytes`);
  }
  const sign1 = decodeSign1(bytes);
  if (sign1?.payload !== null) {
    return malformedText("a receipt is a tagged COSE_Sign1 in deterministic CBOR, its payload nil");
  }
  const header = decodeHeader(sign1.protectedHeader);
  if (header instanceof Fault) return header;
  const proof = decodeInclusion(sign1.unprotected);
  if (proof === undefined)
    return malformedText("a receipt holds one inclusion proof, in label 396");
  if (proof.size !== header.size) {
    return malformedText(`a receipt signed for size ${header.size} with a path of ${proof.size}`);
  }
  const { protectedHeader, signature } = sign1;
  return { ...header, ...proof, protectedHeader, signature };
}

function decodeHeader(
  protectedHeader: Uint8Array,
): { origin: string; kid: Uint8Array; size: number } | Fault {
  const header = decodeCbor(protectedHeader);
  if (header instanceof Refusal || !isCborMap(header)) {
    return malformedText("a receipt's protected header is a map in deterministic CBOR");
  }
  if (header.get(LABEL_ALG) !== ALG_ED25519 || header.get(LABEL_TREE) !== TREE_RFC9162_SHA256) {
    return new Fault("unknown-version", "a receipt has algorithm -19 and tree algorithm 1");
  }
  const claims = header.get(LABEL_CLAIMS);
  const origin = isCborMap(claims) && claims.size === 2 ? claims.get(CLAIM_ISSUER) : undefined;
  const isOfLog = isCborMap(claims) && claims.get(CLAIM_SUBJECT) === SUBJECT;
  const kid = header.get(LABEL_KID);
  const size = header.get("size");
  const isWhole =
    header.size === 5 &&
    isOfLog &&
    typeof origin === "string" &&
    isKeyName(origin) &&
    kid instanceof Uint8Array &&
    kid.length === KID_BYTES &&
    isCount(size);
  return isWhole
    ? { origin, kid, size }
    : malformedText("a receipt's protected header lacks, adds or mistypes a label");
}

function isCount(value: CborValue | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function decodeInclusion(
  unprotected: CborMap,
): { size: number; index: number; path: Hash[] } | undefined {
  const proofs = unprotected.get(LABEL_PROOFS);
  if (unprotected.size !== 1 || !isCborMap(proofs) || proofs.size !== 1) return undefined;
  const list = proofs.get(PROOFS_INCLUSION);
  const [encoded, ...others] = Array.isArray(list) ? (list as CborValue[]) : [];
  if (!(encoded instanceof Uint8Array) || others.length > 0) return undefined;
  const proof = decodeCbor(encoded);
  if (proof instanceof Refusal || !Array.isArray(proof) || proof.length !== 3) return undefined;
  const [size, index, path] = proof as CborValue[];
  if (!isCount(size) || !isCount(index) || !Array.isArray(path)) return undefined;
  const hashes = path as CborValue[];
  if (hashes.length > PATH_HASHES_MAX || !hashes.every(isHash)) return undefined;
  return { size, index, path: hashes };
}

function isHash(value: CborValue): value is Hash {
  return value instanceof Uint8Array && value.length === HASH_BYTES;
}

/**
 * Verifies that a receipt is signed by one of the trusted log keys and leads to `entry`.
 *
 * Faults: `wrong-origin`, `untrusted` (another key), `not-included`, `bad-signature`. A path that leads to another
 * root cannot be told from a signature over another root: both are `bad-signature`.
 */
export function verifyReceipt(
  entry: Uint8Array,
  receipt: Receipt,
  logs: readonly Vkey[],
  verify: Verify,
): { readonly checkpoint: Checkpoint; readonly index: number; readonly signer: Vkey } | Fault {
  const { origin, size, index, path } = receipt;
  const ofOrigin = logs.filter((vkey) => vkey.type === TYPE_ED25519 && vkey.name === origin);
  if (ofOrigin.length === 0) {
    return new Fault("wrong-origin", `a receipt of ${origin}, and no key of that log is trusted`);
  }
  const signer = ofOrigin.find((vkey) => equalBytes(kidOf(vkey.key), receipt.kid));
  if (signer === undefined) {
    return new Fault("untrusted", `the key that signed the receipt is no trusted key of ${origin}`);
  }
  const root = rootOfInclusion(leafHash(entry), index, size, path);
  if (root === undefined) {
    return new Fault("not-included", `no path of ${path.length} hashes fits ${index} in ${size}`);
  }
  if (!verify(signer.key, sigStructure(receipt.protectedHeader, root), receipt.signature)) {
    return new Fault("bad-signature", "the root to which the receipt's path leads is not signed");
  }
  return { checkpoint: { origin, size, root }, index, signer };
}

/**
 * Puts receipts into the unprotected header of a statement, which its signature does not cover.
 *
 * Throws `RangeError` if `entry` is no statement with an empty unprotected header, or the receipts are not 1 to 16.
 */
export function encodeTransparentStatement(
  entry: Uint8Array,
  receipts: readonly Uint8Array[],
): Uint8Array {
  const sign1 = decodeSign1(entry);
  if (sign1?.unprotected.size !== 0 || !(sign1.payload instanceof Uint8Array)) {
    throw new RangeError("this is no statement");
  }
  if (receipts.length < 1 || receipts.length > RECEIPTS_MAX) {
    throw new RangeError(`a transparent statement carries 1 to ${RECEIPTS_MAX} receipts`);
  }
  const unprotected = new Map([[LABEL_RECEIPTS, receipts]]);
  return encodeSign1([sign1.protectedHeader, unprotected, sign1.payload, sign1.signature]);
}

/** Takes a transparent statement apart into the statement as the log holds it, and its receipts. */
export function decodeTransparentStatement(bytes: Uint8Array): TransparentStatement | Fault {
  const sign1 = decodeSign1(bytes);
  if (sign1 === undefined || !(sign1.payload instanceof Uint8Array)) {
    return malformedText("a transparent statement is a tagged COSE_Sign1 in deterministic CBOR");
  }
  const receipts = sign1.unprotected.get(LABEL_RECEIPTS);
  const isList = Array.isArray(receipts) && receipts.length >= 1 && receipts.length <= RECEIPTS_MAX;
  if (sign1.unprotected.size !== 1 || !isList || !(receipts as CborValue[]).every(isBytes)) {
    return malformedText(`label 394 alone, with 1 to ${RECEIPTS_MAX} receipts, is unprotected`);
  }
  const entry = encodeSign1([sign1.protectedHeader, new Map(), sign1.payload, sign1.signature]);
  return { entry, receipts: receipts as readonly Uint8Array[] };
}

function isBytes(value: CborValue): value is Uint8Array {
  return value instanceof Uint8Array;
}
