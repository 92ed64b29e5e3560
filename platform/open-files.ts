/**
 * How many files a process may have open at the same time (Linux, proc(5)): every connection is one.
 */

import { decodeUtf8 } from "../ledger/bytes.ts";
import type { Files } from "./files.ts";

const LIMITS_PATH = "/proc/self/limits";
const LIMITS_BYTES_MAX = 8192;

/** What is assumed where the system does not say. */
const FILES_ASSUMED = 1024;

/** Asks the system for the soft limit of this process; infinity where there is none. */
export async function openFilesMax(files: Pick<Files, "readRange">): Promise<number> {
  const bytes = await files.readRange(LIMITS_PATH, 0, LIMITS_BYTES_MAX);
  return parseOpenFilesMax(bytes && decodeUtf8(bytes));
}

/** Reads the soft limit from the text of `/proc/self/limits`; a guess without one, infinity for none. */
export function parseOpenFilesMax(limits: string | undefined): number {
  const soft = /^Max open files +(\d+|unlimited) /m.exec(limits ?? "")?.[1];
  if (soft === undefined) return FILES_ASSUMED;
  return soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
}
