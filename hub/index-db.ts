/**
 * The LMDB environment of the projections, under `data/index/projections`.
 *
 * All of it is derived from the log: it may be deleted, and is made again. Each projection has a version and a cursor of
 * its own; what it writes and where its cursor then stands are one transaction, so a crash leaves both or neither.
 */

import { open } from "lmdb";
import type { Database, RootDatabase } from "lmdb";
import { decodeCbor, encodeCbor } from "../ledger/cbor.ts";
import { nodeFiles } from "../platform/files.ts";
import type { Logger } from "../platform/log.ts";
import { commitFailure, LMDB_OPTIONS } from "./commit-failure.ts";
import { condemn, isDamagedPage, openDerived } from "./store/index-guard.ts";
import { abandonEnvironment, openTable, probeTables } from "./store/lmdb-probe.ts";

/** Keys are compared part by part: texts by their UTF-8, numbers by value. */
export type TableKey = readonly (string | number)[];

/** How far a projection has come. */
export interface Cursor {
  /** The index of the entry that it takes next. */
  readonly next: number;
  /** SHA-256 of the entry before that; empty at the beginning. Tells this log's history from another one's. */
  readonly hash: Uint8Array;
}

/** Where a projection begins. */
export const NOTHING_TAKEN: Cursor = { next: 0, hash: new Uint8Array(0) };

/** A sorted table of bytes. Writes happen inside `Shelf.commit`; reads see what was committed. */
export interface Table {
  get(key: TableKey): Uint8Array | undefined;
  /** From `start` up to, not with, `end`, in the order of keys. The iterator is drained before the next write. */
  range(
    start: TableKey,
    end: TableKey,
    limit: number,
  ): Iterable<{ key: TableKey; value: Uint8Array }>;
  /** Of all keys, in order. */
  all(): Iterable<{ key: TableKey; value: Uint8Array }>;
  put(key: TableKey, value: Uint8Array): void;
  remove(key: TableKey): void;
}

/** What one projection owns: a table, and its cursor. */
export interface Shelf {
  readonly table: Table;
  readonly cursor: Cursor;
  /** Runs `write` and moves the cursor in one transaction. A rejection, with the reason, leaves both as they were. */
  commit(cursor: Cursor, write: () => void): Promise<void>;
  /** Empties the table and sets the cursor back. */
  clear(): Promise<void>;
}

type Bytes = Database<Uint8Array, (string | number)[]>;

/** What the shelves of an environment share. */
interface Environment {
  readonly root: RootDatabase<Uint8Array, (string | number)[]>;
  readonly meta: Bytes;
  readonly path: string;
  /** Whether the newest commit has failed. */
  hasFailed: boolean;
  /** Called when a write finds that what is there is damaged. */
  readonly onDamage: () => Promise<void>;
}

/** One process owns the folder: LMDB itself would not mind two. */
export class IndexDb {
  readonly #environment: Environment;
  /** Of the shelves that are open. */
  readonly #tables: Bytes[] = [];

  private constructor(path: string, onDamage: () => Promise<void>) {
    const root = open<Uint8Array, (string | number)[]>({
      ...LMDB_OPTIONS,
      path,
      encoding: "binary",
      maxDbs: 16,
    });
    const meta: Bytes = openTable(root, { name: "cursors", encoding: "binary" });
    this.#environment = { root, meta, path, hasFailed: false, onDamage };
  }

  /** Opens the environment in a folder of its own, an empty one where there is none. */
  static open(path: string, onDamage: () => Promise<void> = () => Promise.resolve()): IndexDb {
    return new IndexDb(path, onDamage);
  }

  /** Opens it and lets `use` open its shelves. What turns out to be damaged is thrown away, and all begins again, once. */
  static openSound<T>(path: string, logger: Logger, use: (db: IndexDb) => Promise<T>): Promise<T> {
    // LMDB knows no other disk than the machine's.
    const place = { files: nodeFiles, path, logger };
    return openDerived(place, async (isProven) => {
      const db = new IndexDb(path, () => condemn(place));
      try {
        const used = await use(db);
        await db.#probe();
        await isProven();
        return used;
      } catch (error) {
        abandonEnvironment(db.#environment.root);
        throw error;
      }
    });
  }

  /** Opens what a projection owns; what another version of it has left is thrown away. */
  async shelf(name: string, version: number): Promise<Shelf> {
    const { root } = this.#environment;
    const table = openTable(root, { name, encoding: "binary" });
    this.#tables.push(table);
    const shelf = new LmdbShelf(this.#environment, table, name, version);
    if (!shelf.isOfVersion()) await shelf.clear();
    return shelf;
  }

  /** Waits for what is being written, and closes. */
  async close(): Promise<void> {
    const { root, hasFailed } = this.#environment;
    // lmdb 3.5 waits for a failed commit for ever; what is open then, the end of the process closes.
    if (hasFailed) return;
    await root.flushed;
    await root.close();
  }

  async #probe(): Promise<void> {
    const { root, meta, path } = this.#environment;
    const failure = await probeTables(root, [meta, ...this.#tables], path);
    this.#environment.hasFailed = failure !== undefined;
  }
}

class LmdbShelf implements Shelf {
  readonly table: Table;
  readonly #environment: Environment;
  readonly #table: Bytes;
  readonly #name: string;
  readonly #version: number;
  #cursor: Cursor;

  constructor(environment: Environment, table: Bytes, name: string, version: number) {
    this.#environment = environment;
    this.#table = table;
    this.#name = name;
    this.#version = version;
    this.table = tableOf(table);
    this.#cursor = this.#read()?.cursor ?? NOTHING_TAKEN;
  }

  get cursor(): Cursor {
    return this.#cursor;
  }

  isOfVersion(): boolean {
    return this.#read()?.version === this.#version;
  }

  async commit(cursor: Cursor, write: () => void): Promise<void> {
    await this.#transaction(() => {
      write();
      this.#write(cursor);
    });
    this.#cursor = cursor;
  }

  async clear(): Promise<void> {
    // The cursor first: a crash in between leaves a table that is filled again over what it holds.
    await this.#transaction(() => this.#write(NOTHING_TAKEN));
    this.#cursor = NOTHING_TAKEN;
    await this.#table.clearAsync();
  }

  async #transaction(act: () => void): Promise<void> {
    const { root, path } = this.#environment;
    try {
      await root.transaction(act);
      this.#environment.hasFailed = false;
    } catch (error) {
      this.#environment.hasFailed = true;
      const failure = await commitFailure(error, path);
      if (isDamagedPage(failure)) await this.#environment.onDamage();
      throw failure;
    }
  }

  #write(cursor: Cursor): void {
    leave(
      this.#environment.meta.put(
        [this.#name],
        encodeCbor([this.#version, cursor.next, cursor.hash]),
      ),
    );
  }

  #read(): { version: number; cursor: Cursor } | undefined {
    const bytes = this.#environment.meta.get([this.#name]);
    if (bytes === undefined) return undefined;
    const [version, next, hash] = decodeCbor(bytes) as [number, number, Uint8Array];
    return { version, cursor: { next, hash } };
  }
}

function tableOf(table: Bytes): Table {
  return {
    get: (key) => table.get([...key]),
    range: (start, end, limit) => table.getRange({ start: [...start], end: [...end], limit }),
    all: () => table.getRange({}),
    put: (key, value) => leave(table.put([...key], value)),
    remove: (key) => leave(table.remove([...key])),
  };
}

/** Leaves a write's outcome to the transaction around it; a rejection that nobody hears would end the process. */
function leave(writing: Promise<boolean>): void {
  writing.catch(() => undefined);
}
