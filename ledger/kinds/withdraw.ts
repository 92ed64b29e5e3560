/** An owner takes a grant back (docs/formats.md, section 4). */

import { encodeCbor } from "../cbor.ts";
import type { Refusal } from "../errors.ts";
import { decodeFields, fieldMap } from "./payload.ts";

export interface Withdraw {
  /** `device/stream`. */
  readonly stream: string;
  readonly to: string;
}

/** Encodes the payload. */
export function encodeWithdraw(value: Withdraw): Uint8Array {
  return encodeCbor(fieldMap({ ...value }));
}

/** Decodes the payload and checks its shape; `malformed` otherwise. What it means is admission's work. */
export function decodeWithdraw(payload: Uint8Array): Withdraw | Refusal {
  return decodeFields("withdraw", payload, (fields) => ({
    stream: fields.deviceStream("stream"),
    to: fields.name("to"),
  }));
}
