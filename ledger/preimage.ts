/**
 * What stands behind a hash in the log: salted packs and salted positions (RFC 9995; docs/formats.md, section 7).
 *
 * A preimage is `[salt, bstr content]`. Without the salt, nobody can guess a value and test the guess against the log.
 */

import { equalBytes } from "./bytes.ts";
import { decodeCbor, encodeCbor, isCborMap } from "./cbor.ts";
import type { CborValue } from "./cbor.ts";
import { Refusal } from "./errors.ts";
import { Fields, fieldMap } from "./kinds/payload.ts";
import { STATEMENT_BYTES_MAX } from "./limits.ts";
import { decodePack } from "./senml.ts";
import type { Pack, Position } from "./senml.ts";
import { sha256 } from "./sha256.ts";
import type { Hash } from "./sha256.ts";
import type { Statement } from "./statement.ts";

export const SALT_BYTES = 16;

/** Where a restricted device stands, and what it is. */
export interface PrivateProfile extends Position {
  readonly model?: string | undefined;
}

/** Encodes content behind a salt of 16 random bytes. Throws `RangeError` at any other length. */
export function encodePreimage(salt: Uint8Array, content: Uint8Array): Uint8Array {
  if (salt.length !== SALT_BYTES) throw new RangeError(`a salt has ${SALT_BYTES} bytes`);
  return encodeCbor([salt, content]);
}

/** Encodes the private profile of an enrolment, to go behind a salt. */
export function encodePrivateProfile(profile: PrivateProfile): Uint8Array {
  return encodeCbor(fieldMap({ ...profile }));
}

/** The hash that stands in the log for a preimage. */
export function hashPreimage(preimage: Uint8Array): Hash {
  return sha256(preimage);
}

/** Checks the preimage of a `salted` statement and gives the pack; `bad-preimage` otherwise. */
export function openPack(statement: Statement, preimage: Uint8Array): Pack | Refusal {
  const content = openPreimage(statement.payload, preimage);
  if (content instanceof Refusal) return content;
  const pack = decodePack(content, statement.issuer, statement.iat);
  return pack instanceof Refusal ? badPreimage(`${pack.code}: ${pack.text}`) : pack;
}

/** Checks the preimage of an enrolment's `private` and gives the profile; `bad-preimage` otherwise. */
export function openPrivateProfile(hash: Hash, preimage: Uint8Array): PrivateProfile | Refusal {
  const content = openPreimage(hash, preimage);
  if (content instanceof Refusal) return content;
  const map = decodeCbor(content);
  if (map instanceof Refusal || !isCborMap(map)) return badPreimage("a private profile is a map");
  const fields = new Fields(map);
  const profile = {
    lat: fields.number("lat", 90),
    lon: fields.number("lon", 180),
    model: fields.optionalText("model"),
  };
  const refusal = fields.refusal("private profile");
  return refusal === undefined ? profile : badPreimage(refusal.text);
}

function openPreimage(hash: Uint8Array, preimage: Uint8Array): Uint8Array | Refusal {
  if (preimage.length > STATEMENT_BYTES_MAX) {
    return badPreimage(`a preimage has at most ${STATEMENT_BYTES_MAX} bytes`);
  }
  if (!equalBytes(hashPreimage(preimage), hash)) return badPreimage("its hash is another one");
  const parts: CborValue | Refusal = decodeCbor(preimage);
  if (!Array.isArray(parts) || parts.length !== 2) return badPreimage("it is [salt, content]");
  const [salt, content] = parts as readonly CborValue[];
  if (!(salt instanceof Uint8Array) || salt.length !== SALT_BYTES) {
    return badPreimage(`its salt has ${SALT_BYTES} bytes`);
  }
  return content instanceof Uint8Array ? content : badPreimage("its content is a byte string");
}

function badPreimage(text: string): Refusal {
  return new Refusal("bad-preimage", text);
}
