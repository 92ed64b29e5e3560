/**
 * Looking at an LMDB file before LMDB does.
 *
 * lmdb 3.5 ends the process where it cannot make sense of a file, and touches pages that a shortened file no longer
 * has. An index is made again in a moment, so whatever looks wrong here is thrown away instead. Damage further inside
 * is not seen.
 */

import { join } from "node:path";
import type { Files } from "../../platform/files.ts";

/** The beginning of a meta page, of which the first two pages are one each; little-endian. */
const META = { magicAt: 24, pageSizeAt: 48, lastPageAt: 144, transactionAt: 152, bytes: 160 };
const MAGIC = 0xbeefc0de;
const PAGE_BYTES_MIN = 512;

/** Says whether LMDB can open the environment in `folder`: there is none yet, or both its meta pages and its length fit. */
export async function isSoundEnvironment(files: Files, folder: string): Promise<boolean> {
  const path = join(folder, "data.mdb");
  const size = (await files.facts(path))?.size ?? 0;
  if (size === 0) return true;
  const first = await readMeta(files, path, 0);
  if (first === undefined || first.pageBytes < PAGE_BYTES_MIN) return false;
  const second = await readMeta(files, path, first.pageBytes);
  if (second === undefined) return false;
  const newest = first.transaction > second.transaction ? first : second;
  return (newest.lastPage + 1) * first.pageBytes <= size;
}

interface Meta {
  readonly pageBytes: number;
  readonly lastPage: number;
  readonly transaction: number;
}

async function readMeta(files: Files, path: string, at: number): Promise<Meta | undefined> {
  const bytes = await files.readRange(path, at, META.bytes);
  if (bytes === undefined || bytes.length < META.bytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (view.getUint32(META.magicAt, true) !== MAGIC) return undefined;
  return {
    pageBytes: view.getUint32(META.pageSizeAt, true),
    lastPage: Number(view.getBigUint64(META.lastPageAt, true)),
    transaction: Number(view.getBigUint64(META.transactionAt, true)),
  };
}
