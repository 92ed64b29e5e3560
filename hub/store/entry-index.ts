/**
 * The index of sealed entries: what is looked up by something else than its index in the log.
 *
 * A projection of the log with a cursor. It may be deleted, and may be behind after a crash; it is then made again from
 * the tiles. With each block comes a snapshot of admission's state, so that a start reads one snapshot instead of the log.
 */

import { isCborMap, decodeCbor, encodeCbor } from "../../ledger/cbor.ts";
import type { Seal } from "../../ledger/kinds/seal.ts";
import { fieldMap } from "../../ledger/kinds/payload.ts";
import { asHash } from "../../ledger/sha256.ts";
import type { Hash } from "../../ledger/sha256.ts";
import type { BlockSummary, Located } from "./block-summary.ts";

/** A sealed block as the index keeps it. */
export interface IndexedBlock extends Seal {
  /** Index of the seal. */
  readonly index: number;
  /** SHA-256 of the seal's statement. */
  readonly hash: Hash;
  /** The root with the seal: of the checkpoint at size `index + 1`. */
  readonly sealedRoot: Hash;
  /** That checkpoint as it was signed; absent where the index was made again from the log, which does not hold it. */
  readonly note: string | undefined;
}

/** How far the index goes: to the log of `size` entries, and the state of admission there. */
export interface IndexCursor {
  readonly size: number;
  readonly snapshot: Uint8Array;
}

/** One block on its way into the index. */
export interface IndexInput {
  readonly summary: BlockSummary;
  readonly block: IndexedBlock;
  /** `snapshotState` right behind the seal. */
  readonly snapshot: Uint8Array;
}

/** See the head of the file. Reads are synchronous and see all blocks whose `put` has resolved. */
export interface EntryIndex {
  /** How far it goes; `undefined` while it is empty. */
  cursor(): IndexCursor | undefined;

  /** Finds the statement of a key with this number. */
  findBySeq(kid: string, seq: number): Located | undefined;

  /** Finds the entry whose statement has this hash. */
  findByHash(hash: Hash): number | undefined;

  /** Gives an entry that may hide something: a hash envelope or an enrolment. `undefined` for all others. */
  hiding(index: number): Uint8Array | undefined;

  /** Gives a block by its height. */
  block(height: number): IndexedBlock | undefined;

  /** Gives the height of the block that an entry is in. */
  heightOf(index: number): number | undefined;

  /**
   * Adds the next block. Adding one again does no harm.
   *
   * The cursor moves last. A power cut may take back whole blocks, newest first; a rejection leaves the cursor where it
   * was, and the index may be used on.
   */
  put(input: IndexInput): Promise<void>;

  /** Empties it. */
  clear(): Promise<void>;

  close(): Promise<void>;
}

/** Writes a block as deterministic CBOR. */
export function encodeIndexedBlock(block: IndexedBlock): Uint8Array {
  return encodeCbor(fieldMap({ ...block }));
}

/** Reads what `encodeIndexedBlock` wrote. Throws `RangeError` for anything else. */
export function decodeIndexedBlock(bytes: Uint8Array): IndexedBlock {
  const map = decodeCbor(bytes);
  if (!isCborMap(map as never)) throw new RangeError("not a block of the index");
  const get = (name: string): unknown => (map as Map<string, unknown>).get(name);
  const hash = (name: string): Hash => asHash((get(name) as Uint8Array).slice());
  return {
    height: get("height") as number,
    first: get("first") as number,
    count: get("count") as number,
    size: get("size") as number,
    root: hash("root"),
    prev: hash("prev"),
    timeMs: get("timeMs") as number,
    index: get("index") as number,
    hash: hash("hash"),
    sealedRoot: hash("sealedRoot"),
    note: get("note") as string | undefined,
  };
}
