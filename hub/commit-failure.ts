/**
 * Why LMDB could not commit, as an error like those of Node's own files.
 *
 * lmdb 3.5 rejects a write with an error that says nothing, and the reason is in a promise of its own, `commitError`,
 * which is rejected with nobody listening: that alone would end the process. So does a promise that it makes and drops
 * for each turn of the event loop; only without that batching there is none. Hence `LMDB_OPTIONS`.
 */

import { getSystemErrorName } from "node:util";

/** Whatever a rejected write of LMDB carries. */
interface LmdbError extends Error {
  readonly commitError?: Promise<never>;
  /** An `errno`, or one of LMDB's own numbers, which are negative. */
  readonly code?: unknown;
}

const ERRNO_MAX = 4095;

/** What every environment is opened with, or a full disk would end the process without a word of ours. */
export const LMDB_OPTIONS = { eventTurnBatching: false } as const;

/** Waits for the reason behind a rejected write in `path`, and gives it with code and path. Never rejects. */
export async function commitFailure(rejected: unknown, path: string): Promise<Error> {
  const error = rejected as LmdbError;
  const reason = await (error.commitError ?? Promise.reject(error)).catch(
    (why: unknown) => why as LmdbError,
  );
  const failure = new Error(`the index ${path} could not be written: ${reason.message}`, {
    cause: error,
  });
  const { code } = reason;
  if (typeof code !== "number" || code <= 0 || code > ERRNO_MAX) return failure;
  return Object.assign(failure, { code: getSystemErrorName(-code), path });
}
