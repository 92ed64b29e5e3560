/** A signer says which of its sequence numbers it leaves out (docs/formats.md, section 4). */

import { encodeCbor } from "../cbor.ts";
import type { Refusal } from "../errors.ts";
import { decodeFields, fieldMap } from "./payload.ts";
import type { Reason } from "./reason.ts";

export interface Gap {
  /** The first number left out: one after the last admitted. */
  readonly from: number;
  /** The last number left out: one before the gap's own. */
  readonly to: number;
  readonly reason: Reason;
}

/** Encodes the payload. */
export function encodeGap(value: Gap): Uint8Array {
  return encodeCbor(fieldMap({ ...value }));
}

/** Decodes the payload and checks its shape; `malformed` otherwise. What it means is admission's work. */
export function decodeGap(payload: Uint8Array): Gap | Refusal {
  return decodeFields("gap", payload, (fields) => ({
    from: fields.integer("from"),
    to: fields.integer("to"),
    reason: fields.reason(),
  }));
}
