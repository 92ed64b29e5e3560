/** The fingerprint of a recording, never its pictures (docs/formats.md, section 4). */

import { encodeCbor } from "../cbor.ts";
import { Refusal } from "../errors.ts";
import { READING_AHEAD_SECONDS_MAX } from "../limits.ts";
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

/** Decodes the payload of a statement signed at `iat` and checks all that admission asks of it. */
export function judgeClip(payload: Uint8Array, iat: number): Clip | Refusal {
  const clip = decodeClip(payload);
  if (clip instanceof Refusal) return clip;
  if (clip.toMs > (iat + READING_AHEAD_SECONDS_MAX) * 1000) {
    return new Refusal("future", "a recording ends later than the signing of its fingerprint");
  }
  return clip;
}

/** Decodes the payload and checks its shape; `malformed` otherwise. */
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
