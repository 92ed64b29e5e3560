/** The hub changes its key (docs/formats.md, section 4). */

import { encodeCbor } from "../cbor.ts";
import type { Refusal } from "../errors.ts";
import { decodeFields, fieldMap } from "./payload.ts";
import { encodeCoseKey } from "../key.ts";

export interface Rekey {
  /** The new public key, 32 bytes. */
  readonly key: Uint8Array;
  /** The new key's signature over the possession text, name and role `hub`. */
  readonly pop: Uint8Array;
}

/** Encodes the payload. */
export function encodeRekey(value: Rekey): Uint8Array {
  return encodeCbor(fieldMap({ key: encodeCoseKey(value.key), pop: value.pop }));
}

/** Decodes the payload and checks its shape; `malformed` otherwise. What it means is admission's work. */
export function decodeRekey(payload: Uint8Array): Rekey | Refusal {
  return decodeFields("rekey", payload, (fields) => ({
    key: fields.publicKey("key"),
    pop: fields.signature("pop"),
  }));
}
