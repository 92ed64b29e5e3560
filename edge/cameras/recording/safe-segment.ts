/** A closed segment, made safe from a power cut, and what its bytes say: only then may anything be said about it. */

import { encodeHex } from "../../../ledger/bytes.ts";
import { hashFile } from "../../../platform/file-hash.ts";
import type { Files } from "../../../platform/files.ts";
import { mp4Length } from "./mp4-length.ts";

/** See the head of the file. */
export interface SafeSegment {
  readonly bytes: number;
  /** In hex. */
  readonly sha256: string;
  /** How long it lasts by itself; absent where it is torn or no recording. */
  readonly seconds: number | undefined;
}

/** Syncs a segment, and looks at it piece by piece; `undefined` where it is gone. Rejects with the disk's error. */
export async function makeSafe(files: Files, path: string): Promise<SafeSegment | undefined> {
  const file = await files.open(path);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  const hashed = await hashFile(files, path);
  if (hashed === undefined) return undefined;
  const { sha256, bytes } = hashed;
  const length = await mp4Length(
    bytes,
    async (offset, count) => (await files.readRange(path, offset, count)) ?? new Uint8Array(0),
  );
  return { bytes, sha256: encodeHex(sha256), seconds: length?.seconds };
}
