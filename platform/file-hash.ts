/** SHA-256 of files that are larger than memory should be. */
import { createHash } from "node:crypto";
import { asHash } from "../ledger/sha256.ts";
import type { Hash } from "../ledger/sha256.ts";
import type { Files } from "./files.ts";

/** What a file holds. */
export interface FileHash {
  readonly sha256: Hash;
  readonly bytes: number;
}

const PIECE_BYTES = 1_048_576;

/**
 * Hashes a file piece by piece; `undefined` where there is none.
 *
 * Rejects with the disk's error, and with the signal's reason. A file that changes meanwhile has no hash that means
 * anything: that is the caller's to rule out.
 */
export async function hashFile(
  files: Files,
  path: string,
  signal?: AbortSignal,
): Promise<FileHash | undefined> {
  const hash = createHash("sha256");
  for (let bytes = 0; ;) {
    signal?.throwIfAborted();
    const piece = await files.readRange(path, bytes, PIECE_BYTES);
    if (piece === undefined) return undefined;
    hash.update(piece);
    bytes += piece.length;
    if (piece.length < PIECE_BYTES) return { sha256: asHash(new Uint8Array(hash.digest())), bytes };
  }
}
