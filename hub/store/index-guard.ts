/**
 * Opening what is derived from the log, be it damaged: it is thrown away and made again rather than complained about.
 *
 * LMDB ends the whole process where damage lies deep enough, so before it is let near a file a mark is left beside the
 * folder. A start that finds the mark of one before it, which never came back, takes the index for the culprit.
 */

import { getSystemErrorName } from "node:util";
import { join } from "node:path";
import type { Files } from "../../platform/files.ts";
import type { Logger } from "../../platform/log.ts";
import { UserError } from "../../platform/user-error.ts";
import { isSoundEnvironment } from "./lmdb-file.ts";

/** A folder of something derived. */
export interface DerivedPlace {
  /** The disk that LMDB writes to as well. */
  readonly files: Files;
  readonly path: string;
  readonly logger: Logger;
}

/** What keeps even a sound index from being read or written: the disk or the machine is at fault. */
const FAULTS_OF_THE_WORLD = new Set([
  "EACCES",
  "EDQUOT",
  "EIO",
  "EMFILE",
  "ENFILE",
  "ENOSPC",
  "EPERM",
  "EROFS",
]);

/**
 * Calls `use`, which opens what lies at `path`, and gives what that gives.
 *
 * `use` calls `isProven` once it has seen that the index holds: a process that ends before is held against the index.
 * Where `use` rejects because of damage, having closed what it opened, the folder is emptied and `use` called once more.
 */
export async function openDerived<T>(
  place: DerivedPlace,
  use: (isProven: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const { files, path } = place;
  await files.makeFolder(path);
  const reason = await suspicion(place);
  if (reason !== undefined) await throwAway(place, reason);
  await mark(files, path);
  const isProven = (): Promise<void> => files.remove(markOf(path));
  try {
    return await use(isProven);
  } catch (error) {
    if (reason !== undefined || !isDamage(error)) {
      await isProven();
      throw error;
    }
    await throwAway(place, error);
  }
  try {
    return await use(isProven);
  } finally {
    await isProven();
  }
}

/** Sees to it that the next start makes an index again that has turned out to be damaged. */
export async function condemn({ files, path, logger }: DerivedPlace): Promise<void> {
  logger.error({ path }, "the index is damaged: restart the hub, and it is made again");
  await mark(files, path);
}

/** What LMDB says of its own pages; `ENOMEM` comes of lengths that are none. */
const DAMAGE = /MDB_(CORRUPTED|PAGE_NOTFOUND|BAD_TXN|PANIC|INVALID)|Cannot allocate memory/;

/** Says whether a write failed since LMDB found damage, and not for any other reason. */
export function isDamagedPage(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (DAMAGE.test(cause.message)) return true;
  }
  return false;
}

/** Says whether an error of an index means that its content is to blame, and not the disk or whoever asked. */
export function isDamage(error: unknown): boolean {
  if (error instanceof UserError) return false;
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code: unknown = "code" in cause ? cause.code : undefined;
    const name = typeof code === "number" && code > 0 ? getSystemErrorName(-code) : code;
    if (typeof name === "string" && FAULTS_OF_THE_WORLD.has(name)) return false;
  }
  return true;
}

async function suspicion({ files, path }: DerivedPlace): Promise<string | undefined> {
  if (await files.exists(markOf(path))) return "the process that opened it last came to its end";
  return (await isSoundEnvironment(files, path)) ? undefined : "its file is no whole environment";
}

async function throwAway({ files, path, logger }: DerivedPlace, reason: unknown): Promise<void> {
  const fields = reason instanceof Error ? { path, error: reason } : { path, reason };
  logger.warn(fields, "the index is damaged and is made again");
  for (const name of await files.list(path)) await files.remove(join(path, name));
}

async function mark(files: Files, path: string): Promise<void> {
  await files.write(markOf(path), new Uint8Array(0));
}

function markOf(path: string): string {
  return `${path}.opening`;
}
