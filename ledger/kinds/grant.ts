/** An owner lets somebody see a restricted stream (docs/formats.md, section 4). */

import { encodeCbor } from "../cbor.ts";
import type { Refusal } from "../errors.ts";
import { decodeFields, fieldMap } from "./payload.ts";

export interface Grant {
  /** `device/stream`. */
  readonly stream: string;
  /** The name of whoever may see it. */
  readonly to: string;
  readonly fromMs: number;
  readonly untilMs?: number | undefined;
  readonly terms?: string | undefined;
}

/** Encodes the payload. */
export function encodeGrant(value: Grant): Uint8Array {
  return encodeCbor(fieldMap({ ...value }));
}

/** Decodes the payload and checks its shape; `malformed` otherwise. What it means is admission's work. */
export function decodeGrant(payload: Uint8Array): Grant | Refusal {
  return decodeFields("grant", payload, (fields) => ({
    stream: fields.deviceStream("stream"),
    to: fields.name("to"),
    fromMs: fields.integer("fromMs"),
    untilMs: fields.optionalInteger("untilMs"),
    terms: fields.optionalText("terms"),
  }));
}
