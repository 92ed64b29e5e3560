/** What an entry hides is deleted wherever it is kept (docs/formats.md, section 7). */

import { encodeCbor } from "../cbor.ts";
import type { Refusal } from "../errors.ts";
import { decodeFields, fieldMap } from "./payload.ts";
import type { Hash } from "../sha256.ts";
import type { Reason } from "./reason.ts";

export interface Erase {
  /** Index of the entry that hides something. */
  readonly entry: number;
  /** The hash that stands in that entry for what it hides. */
  readonly hash: Hash;
  readonly reason: Reason;
}

/** Encodes the payload. */
export function encodeErase(value: Erase): Uint8Array {
  return encodeCbor(fieldMap({ ...value }));
}

/** Decodes the payload and checks its shape; `malformed` otherwise. What it means is admission's work. */
export function decodeErase(payload: Uint8Array): Erase | Refusal {
  return decodeFields("erase", payload, (fields) => ({
    entry: fields.integer("entry"),
    hash: fields.hash("hash"),
    reason: fields.reason(),
  }));
}
