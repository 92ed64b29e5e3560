/**
 * Statements: COSE_Sign1 (RFC 9052, 4.2) in the one shape that the log takes (docs/formats.md, section 3).
 *
 * Decoding checks size, envelope, header, kind, algorithm and signature length, in that order. Who may say what, the
 * signature itself and the payload are admission's work.
 */

import { concatBytes, encodeHex, encodeUtf8 } from "./bytes.ts";
import { decodeCbor, encodeCbor, encodeHead, isCborMap } from "./cbor.ts";
import type { CborKey, CborMap, CborValue } from "./cbor.ts";
import { malformed, Refusal } from "./errors.ts";
import { KID_BYTES, kidOf } from "./key.ts";
import { contentTypeOf, kindOfContentType, SALTED_TYPE } from "./kinds/kind.ts";
import type { Kind } from "./kinds/kind.ts";
import { ABSOLUTE_SECONDS_MIN, STATEMENT_BYTES_MAX } from "./limits.ts";
import { isName } from "./name.ts";
import { asHash, HASH_BYTES, sha256 } from "./sha256.ts";
import type { Hash } from "./sha256.ts";
import { SIGNATURE_BYTES } from "./signature.ts";
import type { Signer } from "./signature.ts";

export const ALG_ED25519 = -19;
export const ALG_EDDSA = -8;

/** What the protected header says. */
export interface Header {
  readonly kind: Kind;
  readonly algorithm: number;
  /** 16 hex digits. */
  readonly kid: string;
  readonly issuer: string;
  readonly stream: string;
  /** POSIX seconds at signing, by the signer's clock. */
  readonly iat: number;
  readonly seq: number;
  readonly prev: Hash;
}

/** A decoded statement. Nothing of it is proved until admission has judged it. */
export interface Statement extends Header {
  /** The whole statement, as it stands in the log. All other byte fields are views into it. */
  readonly bytes: Uint8Array;
  /** SHA-256 of `bytes`: what the signer's next statement names as `prev`. */
  readonly hash: Hash;
  readonly protectedHeader: Uint8Array;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

const LABEL_ALG = 1;
const LABEL_CONTENT_TYPE = 3;
const LABEL_KID = 4;
const LABEL_CLAIMS = 15;
const LABEL_HASH_ALG = 258;
const LABEL_PREIMAGE_TYPE = 259;
const HASH_SHA256 = -16;
const CLAIM_ISSUER = 1;
const CLAIM_STREAM = 2;
const CLAIM_IAT = 6;

/** Takes a statement apart, or says why it is none: `too-large`, `malformed`, `unknown-kind`, `bad-algorithm`. */
export function decodeStatement(bytes: Uint8Array): Statement | Refusal {
  if (bytes.length > STATEMENT_BYTES_MAX) {
    return new Refusal(
      "too-large",
      `a statement has at most ${STATEMENT_BYTES_MAX} bytes, this one ${bytes.length}`,
    );
  }
  const envelope = openEnvelope(bytes);
  if (envelope === undefined) {
    return malformed(
      "not a tagged COSE_Sign1 in its shortest form with an empty unprotected header",
    );
  }
  const header = decodeHeader(envelope.protectedHeader);
  if (header instanceof Refusal) return header;
  const { protectedHeader, payload, signature } = envelope;
  if (signature.length !== SIGNATURE_BYTES) {
    return malformed(`a signature has ${SIGNATURE_BYTES} bytes, not ${signature.length}`);
  }
  // Field by field, since this runs for every entry and spreading costs more than all the rest.
  const { kind, algorithm, kid, issuer, stream, iat, seq, prev } = header;
  const hash = sha256(bytes);
  return {
    kind,
    algorithm,
    kid,
    issuer,
    stream,
    iat,
    seq,
    prev,
    bytes,
    hash,
    protectedHeader,
    payload,
    signature,
  };
}

interface Envelope {
  protectedHeader: Uint8Array;
  payload: Uint8Array;
  signature: Uint8Array;
}

/** Reads `d2 84 <bstr> a0 <bstr> <bstr>` and nothing else. */
function openEnvelope(bytes: Uint8Array): Envelope | undefined {
  if (bytes[0] !== 0xd2 || bytes[1] !== 0x84) return undefined;
  const protectedHeader = byteString(bytes, 2);
  if (protectedHeader === undefined || bytes[protectedHeader.end] !== 0xa0) return undefined;
  const payload = byteString(bytes, protectedHeader.end + 1);
  if (payload === undefined) return undefined;
  const signature = byteString(bytes, payload.end);
  if (signature?.end !== bytes.length) return undefined;
  return {
    protectedHeader: protectedHeader.content,
    payload: payload.content,
    signature: signature.content,
  };
}

/** Reads a byte string with the shortest head at `at`. Statements are small: heads of up to three bytes are enough. */
function byteString(
  bytes: Uint8Array,
  at: number,
): { content: Uint8Array; end: number } | undefined {
  const initial = bytes[at];
  if (initial === undefined || initial < 0x40 || initial > 0x59) return undefined;
  let start = at + 1;
  let length = initial - 0x40;
  if (initial === 0x58) {
    length = bytes[at + 1] ?? 0;
    start = at + 2;
    if (length < 24) return undefined;
  } else if (initial === 0x59) {
    length = ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    start = at + 3;
    if (length < 0x100) return undefined;
  }
  const end = start + length;
  return end <= bytes.length ? { content: bytes.subarray(start, end), end } : undefined;
}

function decodeHeader(protectedHeader: Uint8Array): Header | Refusal {
  const map = decodeCbor(protectedHeader);
  if (map instanceof Refusal) return malformed(`protected header: ${map.text}`);
  if (!isCborMap(map)) return malformed("the protected header is no map");
  const kind = kindIn(map);
  const algorithm = map.get(LABEL_ALG);
  const names = claimsIn(map.get(LABEL_CLAIMS));
  const kid = map.get(LABEL_KID);
  const seq = map.get("seq");
  const prev = map.get("prev");
  const complete =
    kind !== undefined &&
    Number.isSafeInteger(algorithm) &&
    names !== undefined &&
    kid instanceof Uint8Array &&
    kid.length === KID_BYTES &&
    Number.isSafeInteger(seq) &&
    (seq as number) >= 0 &&
    prev instanceof Uint8Array &&
    prev.length === HASH_BYTES;
  if (!complete) return malformed("a protected header that lacks, adds or mistypes a label");
  if (kind === "unknown") {
    return new Refusal("unknown-kind", "a content type that belongs to no kind of statement");
  }
  if (algorithm !== ALG_ED25519 && algorithm !== ALG_EDDSA) {
    return new Refusal(
      "bad-algorithm",
      `expected algorithm -19 (Ed25519) or -8, got ${Number(algorithm)}`,
    );
  }
  return {
    kind,
    algorithm,
    kid: encodeHex(kid),
    issuer: names.issuer,
    stream: names.stream,
    iat: names.iat,
    seq: seq as number,
    prev: asHash(prev),
  };
}

/**
 * Finds the kind: by content type, or by the two labels of a hash envelope. `undefined` where the labels do not fit;
 * their number is checked here, so that after this and the look at each of the others no unknown one is left.
 */
function kindIn(map: CborMap): Kind | "unknown" | undefined {
  const type = map.get(LABEL_CONTENT_TYPE);
  if (map.size === 6 && (typeof type === "string" || Number.isSafeInteger(type))) {
    return kindOfContentType(type as string | number) ?? "unknown";
  }
  const isEnvelope =
    map.size === 7 &&
    type === undefined &&
    map.get(LABEL_HASH_ALG) === HASH_SHA256 &&
    map.get(LABEL_PREIMAGE_TYPE) === SALTED_TYPE;
  return isEnvelope ? "salted" : undefined;
}

function claimsIn(
  claims: CborValue | undefined,
): { issuer: string; stream: string; iat: number } | undefined {
  if (!isCborMap(claims) || claims.size !== 3) return undefined;
  const issuer = claims.get(CLAIM_ISSUER);
  const stream = claims.get(CLAIM_STREAM);
  const iat = claims.get(CLAIM_IAT);
  if (!isName(issuer) || !isName(stream) || !Number.isSafeInteger(iat)) return undefined;
  if ((iat as number) < ABSOLUTE_SECONDS_MIN) return undefined;
  return { issuer, stream, iat: iat as number };
}

const SIGNATURE1 = concatBytes(Uint8Array.of(0x84, 0x6a), encodeUtf8("Signature1"));
const EMPTY_BYTES_HEAD = Uint8Array.of(0x40);

/** Builds the Sig_structure (RFC 9052, 4.4) over a protected header and a payload, external_aad empty. */
export function sigStructure(protectedHeader: Uint8Array, payload: Uint8Array): Uint8Array {
  return concatBytes(
    SIGNATURE1,
    encodeHead(2, protectedHeader.length),
    protectedHeader,
    EMPTY_BYTES_HEAD,
    encodeHead(2, payload.length),
    payload,
  );
}

/** The bytes that the signature of a statement is over. */
export function signedBytes(statement: Statement): Uint8Array {
  return sigStructure(statement.protectedHeader, statement.payload);
}

/** What a signer is about to say. */
export interface Draft {
  readonly kind: Kind;
  readonly stream: string;
  /** POSIX seconds. */
  readonly iat: number;
  readonly payload: Uint8Array;
}

/** Where the signer's chain stands: its name, its next `seq`, and the hash that the next statement must name. */
export interface ChainPosition {
  readonly issuer: string;
  readonly seq: number;
  readonly prev: Hash;
}

/**
 * Signs a draft as the next statement of a chain.
 *
 * The caller has made `seq` durable before, and never uses it again. Throws `RangeError` if the statement would be
 * refused for its form.
 */
export function signStatement(chain: ChainPosition, draft: Draft, signer: Signer): Statement {
  const header = encodeHeader(chain, draft, kidOf(signer.publicKey));
  const signature = signer.sign(sigStructure(header, draft.payload));
  const statement = decodeStatement(encodeEnvelope(header, draft.payload, signature));
  if (statement instanceof Refusal) throw new RangeError(`${statement.code}: ${statement.text}`);
  return statement;
}

function encodeHeader(chain: ChainPosition, draft: Draft, kid: Uint8Array): Uint8Array {
  const labels: [CborKey, CborValue][] = [
    [LABEL_ALG, ALG_ED25519],
    [LABEL_KID, kid],
    [
      LABEL_CLAIMS,
      new Map<CborKey, CborValue>([
        [CLAIM_ISSUER, chain.issuer],
        [CLAIM_STREAM, draft.stream],
        [CLAIM_IAT, draft.iat],
      ]),
    ],
    ["seq", chain.seq],
    ["prev", chain.prev],
  ];
  if (draft.kind === "salted") {
    labels.push([LABEL_HASH_ALG, HASH_SHA256], [LABEL_PREIMAGE_TYPE, SALTED_TYPE]);
  } else labels.push([LABEL_CONTENT_TYPE, contentTypeOf(draft.kind)]);
  return encodeCbor(new Map(labels));
}

function encodeEnvelope(
  protectedHeader: Uint8Array,
  payload: Uint8Array,
  signature: Uint8Array,
): Uint8Array {
  return concatBytes(
    Uint8Array.of(0xd2, 0x84),
    encodeHead(2, protectedHeader.length),
    protectedHeader,
    Uint8Array.of(0xa0),
    encodeHead(2, payload.length),
    payload,
    encodeHead(2, signature.length),
    signature,
  );
}
