/**
 * Reading and writing an LMDB environment to see whether it holds, before anything depends on it.
 *
 * Bounded, so that a start takes no longer with a larger log: of each table both ends are read, where it grows and where
 * it began. Damage in between is found by whoever comes by.
 */

import type { Database, DatabaseOptions, Key, RootDatabase } from "lmdb";
import { commitFailure } from "../commit-failure.ts";
import { isDamage } from "./index-guard.ts";

/** Records read at each end of a table. */
const RECORDS_MAX = 1024;

/**
 * Reads `tables`, and writes the last record of each again as it is.
 *
 * Gives the failure of the write where the disk is to blame, which is for whoever writes next to report. Rejects, or
 * takes the process with it, where the environment is damaged.
 */
export async function probeTables<K extends Key>(
  root: RootDatabase<Uint8Array, K>,
  tables: readonly Database<Uint8Array, K>[],
  path: string,
): Promise<Error | undefined> {
  const lasts = tables.map((table) => readEnds(table));
  try {
    await root.transaction(() => {
      for (const [i, last] of lasts.entries()) {
        // The outcome is the transaction's; a rejection that nobody hears would end the process.
        if (last !== undefined) tables[i]!.put(last.key, last.value).catch(() => undefined);
      }
    });
    return undefined;
  } catch (error) {
    const failure = await commitFailure(error, path);
    if (isDamage(failure)) throw failure;
    return failure;
  }
}

/** Opens a table of an environment; where that fails, the environment is abandoned. */
export function openTable<K extends Key>(
  root: RootDatabase<Uint8Array, K>,
  options: DatabaseOptions & { name: string },
): Database<Uint8Array, K> {
  try {
    return root.openDB<Uint8Array, K>(options);
  } catch (error) {
    abandonEnvironment(root);
    throw error;
  }
}

/**
 * Closes an environment that is to be thrown away, without waiting: lmdb 3.5 waits for a failed commit for ever.
 *
 * Until it is closed, its files have to be removed before the same path is opened again.
 */
export function abandonEnvironment(root: { close(): Promise<void> }): void {
  try {
    root.close().catch(() => undefined);
  } catch {
    // What is damaged may not even close; the end of the process does that.
  }
}

/** Reads both ends of a table; gives its last record, `undefined` for an empty one. */
function readEnds<K extends Key>(
  table: Database<Uint8Array, K>,
): { key: K; value: Uint8Array } | undefined {
  let last: { key: K; value: Uint8Array } | undefined;
  for (const reverse of [false, true]) {
    let isFirst = true;
    for (const { key, value } of table.getRange({ reverse, limit: RECORDS_MAX })) {
      if (reverse && isFirst) last = { key: copyOf(key), value: value.slice() };
      isFirst = false;
    }
  }
  return last;
}

/** LMDB uses the memory of a binary key again. */
function copyOf<K extends Key>(key: K): K {
  return key instanceof Uint8Array ? (new Uint8Array(key) as Uint8Array & K) : key;
}
