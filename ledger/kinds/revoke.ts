/** A key may speak no longer (docs/formats.md, section 4). */

import { encodeCbor } from "../cbor.ts";
import type { Refusal } from "../errors.ts";
import { decodeFields, fieldMap } from "./payload.ts";
import type { Reason } from "./reason.ts";
import { KID_BYTES } from "../key.ts";

export interface Revoke {
  readonly name: string;
  /** 8 bytes. */
  readonly kid: Uint8Array;
  readonly reason: Reason;
  /** The last sequence number of that key that may still come; absent for the last admitted. */
  readonly last?: number | undefined;
}

/** Encodes the payload. */
export function encodeRevoke(value: Revoke): Uint8Array {
  return encodeCbor(fieldMap({ ...value }));
}

/** Decodes the payload and checks its shape; `malformed` otherwise. What it means is admission's work. */
export function decodeRevoke(payload: Uint8Array): Revoke | Refusal {
  return decodeFields("revoke", payload, (fields) => ({
    name: fields.name("name"),
    kid: fields.bytes("kid", KID_BYTES),
    reason: fields.reason(),
    last: fields.optionalInteger("last"),
  }));
}
