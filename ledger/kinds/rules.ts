/** Which rules later software may judge by, and from where on (docs/formats.md, section 4). */

import { encodeCbor } from "../cbor.ts";
import type { Refusal } from "../errors.ts";
import { decodeFields, fieldMap } from "./payload.ts";

export interface Rules {
  readonly v: number;
  readonly fromHeight: number;
}

/** Encodes the payload. */
export function encodeRules(value: Rules): Uint8Array {
  return encodeCbor(fieldMap({ ...value }));
}

/** Decodes the payload and checks its shape; `malformed` otherwise. What it means is admission's work. */
export function decodeRules(payload: Uint8Array): Rules | Refusal {
  return decodeFields("rules", payload, (fields) => ({
    v: fields.integer("v"),
    fromHeight: fields.integer("fromHeight"),
  }));
}
