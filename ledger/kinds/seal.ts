/** The statement with which the hub closes a block (docs/formats.md, section 6). */

import { encodeCbor } from "../cbor.ts";
import type { Refusal } from "../errors.ts";
import { decodeFields, fieldMap } from "./payload.ts";
import type { Hash } from "../sha256.ts";

export interface Seal {
  readonly height: number;
  /** Index of the block's first entry. */
  readonly first: number;
  /** Entries of the block before its seal. */
  readonly count: number;
  /** The seal's own index: entries of the log before it. */
  readonly size: number;
  /** Merkle tree hash of those entries. */
  readonly root: Hash;
  /** SHA-256 of the previous seal's statement; zero bytes at height 0. */
  readonly prev: Hash;
  readonly timeMs: number;
}

/** Encodes the payload. */
export function encodeSeal(value: Seal): Uint8Array {
  return encodeCbor(fieldMap({ ...value }));
}

/** Decodes the payload and checks its shape; `malformed` otherwise. What it means is admission's work. */
export function decodeSeal(payload: Uint8Array): Seal | Refusal {
  return decodeFields("seal", payload, (fields) => ({
    height: fields.integer("height"),
    first: fields.integer("first"),
    count: fields.integer("count"),
    size: fields.integer("size"),
    root: fields.hash("root"),
    prev: fields.hash("prev"),
    timeMs: fields.integer("timeMs"),
  }));
}
