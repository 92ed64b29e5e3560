/**
 * The LMDB environment of the projections, under `data/index/projections`.
 *
 * All of it is derived from the log: it may be deleted, and is made again. Each projection has a version and a cursor of
 * its own; what it writes and where its cursor then stands are one transaction, so a crash leaves both or neither.
 */

import { open } from "lmdb";
import type { Database, RootDatabase } from "lmdb";
import { decodeCbor, encodeCbor } from "../ledger/cbor.ts";
import { commitFailure } from "./commit-failure.ts";

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

/** One process owns the folder: LMDB itself would not mind two. */
export class IndexDb {
  readonly #path: string;
  readonly #root: RootDatabase<Uint8Array, (string | number)[]>;
  readonly #meta: Bytes;

  private constructor(path: string) {
    this.#path = path;
    this.#root = open<Uint8Array, (string | number)[]>({ path, encoding: "binary", maxDbs: 16 });
    this.#meta = this.#root.openDB({ name: "cursors", encoding: "binary" });
  }

  /** Opens the environment in a folder of its own, an empty one where there is none. */
  static open(path: string): IndexDb {
    return new IndexDb(path);
  }

  /** Opens what a projection owns; what another version of it has left is thrown away. */
  async shelf(name: string, version: number): Promise<Shelf> {
    const table = this.#root.openDB<Uint8Array, (string | number)[]>({ name, encoding: "binary" });
    const db = { root: this.#root, meta: this.#meta, path: this.#path };
    const shelf = new LmdbShelf(db, table, name, version);
    if (!shelf.isOfVersion()) await shelf.clear();
    return shelf;
  }

  /** Waits for what is being written, and closes. */
  async close(): Promise<void> {
    await this.#root.flushed;
    await this.#root.close();
  }
}

class LmdbShelf implements Shelf {
  readonly table: Table;
  readonly #path: string;
  readonly #root: RootDatabase<Uint8Array, (string | number)[]>;
  readonly #meta: Bytes;
  readonly #table: Bytes;
  readonly #name: string;
  readonly #version: number;
  #cursor: Cursor;

  constructor(
    db: { root: RootDatabase<Uint8Array, (string | number)[]>; meta: Bytes; path: string },
    table: Bytes,
    name: string,
    version: number,
  ) {
    this.#root = db.root;
    this.#meta = db.meta;
    this.#path = db.path;
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
    try {
      await this.#root.transaction(act);
    } catch (error) {
      throw await commitFailure(error, this.#path);
    }
  }

  #write(cursor: Cursor): void {
    leave(this.#meta.put([this.#name], encodeCbor([this.#version, cursor.next, cursor.hash])));
  }

  #read(): { version: number; cursor: Cursor } | undefined {
    const bytes = this.#meta.get([this.#name]);
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
