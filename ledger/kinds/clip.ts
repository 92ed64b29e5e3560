/** The fingerprint of a recording, never its pictures (docs/formats.md, section 4). */

import { encodeCbor } from "../cbor.ts";
import type { Refusal } from "../errors.ts";
import { decodeFields, fieldMap } from "./payload.ts";
import type { Hash } from "../sha256.ts";

export interface Clip {
  /** Which camera, by the signer's own word for it. */
  readonly camera: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** Of the recording's bytes. */
  readonly sha256: Hash;
  /** The recording's length. */
  readonly bytes: number;
  /** Its media type. */
  readonly type: string;
}

/** Encodes the payload. */
export function encodeClip(value: Clip): Uint8Array {
  return encodeCbor(fieldMap({ ...value }));
}

/** Decodes the payload and checks its shape; `malformed` otherwise. What it means is admission's work. */
export function decodeClip(payload: Uint8Array): Clip | Refusal {
  return decodeFields("clip", payload, (fields) => ({
    camera: fields.text("camera"),
    fromMs: fields.integer("fromMs"),
    toMs: fields.integer("toMs"),
    sha256: fields.hash("sha256"),
    bytes: fields.integer("bytes"),
    type: fields.text("type"),
  }));
}
