/**
 * The keys of a log as one deterministic CBOR array, for snapshots of its state: quickly, since a hub takes one at every
 * block, with everything else standing still.
 *
 * What never changes of a key is encoded once. The bytes are those that `encodeCbor` would give; the tests hold the two
 * against each other.
 */

import { decodeHex, joinBytes } from "./bytes.ts";
import { encodeCbor, encodeHead } from "./cbor.ts";
import type { CborValue } from "./cbor.ts";
import { fieldMap } from "./kinds/payload.ts";
import type { KeyState } from "./registry.ts";

/** The constant fields of a key, encoded: those before `lastIat` in the order of map keys, and those behind `lastHash`. */
interface Fixed {
  readonly count: number;
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

const ARRAY = 4;
const MAP = 5;
const BYTES = 2;

const fixedOf = new WeakMap<KeyState, Fixed>();

const LAST_IAT = encodeCbor("lastIat");
const LAST_SEQ = encodeCbor("lastSeq");
const REVOKED = encodeCbor("revoked");
const LAST_HASH = joinBytes([encodeCbor("lastHash"), encodeHead(BYTES, 32)]);

/** Encodes keys in the given order. */
export function encodeKeys(keys: Iterable<KeyState>): Uint8Array {
  const parts: Uint8Array[] = [];
  let count = 0;
  for (const key of keys) {
    encodeKey(key, parts);
    count++;
  }
  parts.unshift(encodeHead(ARRAY, count));
  return joinBytes(parts);
}

function encodeKey(key: KeyState, parts: Uint8Array[]): void {
  const { count, before, after } = fixed(key);
  const { revoked } = key;
  // Three fields change with each statement, and a fourth is there once the key is revoked.
  parts.push(encodeHead(MAP, count + (revoked === undefined ? 3 : 4)), before);
  parts.push(LAST_IAT, encodeCbor(key.lastIat), LAST_SEQ, encodeCbor(key.lastSeq));
  if (revoked !== undefined) parts.push(REVOKED, encodeCbor(fieldMap({ ...revoked })));
  parts.push(LAST_HASH, key.lastHash, after);
}

function fixed(key: KeyState): Fixed {
  const known = fixedOf.get(key);
  if (known !== undefined) return known;
  const { name, role, device, publicKey, enrolledAt } = key;
  const first = { kid: decodeHex(key.kid)!, name, role, device: device && fieldMap({ ...device }) };
  const before = encodeFields(first);
  const after = encodeFields({ publicKey, enrolledAt });
  const count = (device === undefined ? 3 : 4) + 2;
  const made = { count, before, after };
  fixedOf.set(key, made);
  return made;
}

/** The pairs of a map, without the head that says how many there are: fewer than 24. */
export function encodeFields(fields: Readonly<Record<string, CborValue | undefined>>): Uint8Array {
  return encodeCbor(fieldMap(fields)).subarray(1);
}
