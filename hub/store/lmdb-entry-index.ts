/**
 * The entry index in LMDB, under `data/index`.
 *
 * Small by its keys: of each key and block one record tells where its statements stand; hashes lie 256 together, by
 * position; an entry is found by 8 bytes of its hash, and what is found is compared with all 32. Written once a block,
 * and in portions, so that a large one does not hold up everything else.
 */

import { setImmediate } from "node:timers/promises";
import { open } from "lmdb";
import type { Database, RootDatabase } from "lmdb";
import { decodeHex, equalBytes } from "../../ledger/bytes.ts";
import { decodeCbor, encodeCbor } from "../../ledger/cbor.ts";
import { asHash, HASH_BYTES } from "../../ledger/sha256.ts";
import type { Hash } from "../../ledger/sha256.ts";
import { TILE_WIDTH } from "../../ledger/tile.ts";
import { commitFailure, LMDB_OPTIONS } from "../commit-failure.ts";
import { isDamagedPage } from "./index-guard.ts";
import { findInRun } from "./block-summary.ts";
import type { BlockSummary, Located } from "./block-summary.ts";
import { decodeIndexedBlock, encodeIndexedBlock } from "./entry-index.ts";
import type { EntryIndex, IndexCursor, IndexedBlock, IndexInput } from "./entry-index.ts";
import { abandonEnvironment, openTable, probeTables } from "./lmdb-probe.ts";
import { getInteger, INDEX_BYTES, indexBytes, putInteger } from "./integers.ts";

type Table = Database<Uint8Array, Uint8Array>;

/** Another number means other tables: what an older software left is thrown away and made again. */
const INDEX_VERSION = 1;
const VERSION_KEY = Uint8Array.of(1);
const CURSOR_KEY = Uint8Array.of(2);
const KID_BYTES = 8;
const PREFIX_BYTES = 8;
/** Numbers of one run, two a statement: a lookup decodes all of them. */
const RUN_NUMBERS_MAX = 512;
/** Records handed over before waiting for their commit. */
const PORTION_MAX = 4096;

/** See `EntryIndex`. One process owns the folder: LMDB itself would not mind two. */
export class LmdbEntryIndex implements EntryIndex {
  readonly #path: string;
  readonly #root: RootDatabase<Uint8Array, Uint8Array>;
  /** Version, and the cursor: size and snapshot. */
  readonly #meta: Table;
  /** kid and first `seq` of a run → its numbers and places. */
  readonly #runs: Table;
  /** Number of an entry bundle → the hashes of its statements. */
  readonly #hashes: Table;
  /** First bytes of a hash → indexes of entries. */
  readonly #prefixes: Table;
  /** Index → entry. */
  readonly #hiding: Table;
  /** Height → block. */
  readonly #blocks: Table;
  /** Index of a seal → height. */
  readonly #seals: Table;
  #cursor: IndexCursor | undefined;
  #outstanding: { count: number; last: Promise<boolean> | undefined } = {
    count: 0,
    last: undefined,
  };
  /** Why the first write was rejected since the last portion was settled. */
  #failure: Promise<Error> | undefined;
  /** Whether the newest portion has failed. */
  #hasFailed = false;

  readonly #onDamage: () => Promise<void>;

  private constructor(path: string, onDamage: () => Promise<void>) {
    this.#path = path;
    this.#onDamage = onDamage;
    this.#root = open<Uint8Array, Uint8Array>({
      ...LMDB_OPTIONS,
      path,
      encoding: "binary",
      keyEncoding: "binary",
    });
    const table = (name: string, dupSort = false): Table =>
      openTable(this.#root, {
        name,
        encoding: "binary",
        keyEncoding: "binary",
        dupSort,
      });
    this.#meta = table("meta");
    this.#runs = table("runs");
    this.#hashes = table("hashes");
    this.#prefixes = table("prefixes", true);
    this.#hiding = table("hiding");
    this.#blocks = table("blocks");
    this.#seals = table("seals");
  }

  /**
   * Opens the index in a folder of its own, and an empty one where there is none or one of another version.
   *
   * `onDamage` is called when a write finds that what is there is damaged, before that write rejects.
   */
  static async open(
    path: string,
    onDamage: () => Promise<void> = () => Promise.resolve(),
  ): Promise<LmdbEntryIndex> {
    const index = new LmdbEntryIndex(path, onDamage);
    try {
      if (index.#meta.get(VERSION_KEY)?.[0] !== INDEX_VERSION) await index.clear();
      index.#cursor = index.#readCursor();
    } catch (error) {
      index.abandon();
      throw error;
    }
    return index;
  }

  /** Reads and writes a little of everything. Rejects, or takes the process with it, where the index is damaged. */
  async probe(): Promise<void> {
    this.#hasFailed = (await probeTables(this.#root, this.#tables(), this.#path)) !== undefined;
  }

  cursor(): IndexCursor | undefined {
    return this.#cursor;
  }

  findBySeq(kid: string, seq: number): Located | undefined {
    const start = runKey(kid, seq);
    const range = { start, end: start.subarray(0, KID_BYTES), reverse: true, limit: 1 };
    for (const { key, value } of this.#runs.getRange(range)) {
      const firstSeq = getInteger(key, KID_BYTES, INDEX_BYTES);
      const index = findInRun(decodeRun(value, firstSeq), seq);
      return index === undefined ? undefined : { index, hash: this.#hashAt(index) };
    }
    return undefined;
  }

  findByHash(hash: Hash): number | undefined {
    for (const value of this.#prefixes.getValues(hash.subarray(0, PREFIX_BYTES))) {
      const index = getInteger(value, 0, INDEX_BYTES);
      if (equalBytes(this.#hashAt(index), hash)) return index;
    }
    return undefined;
  }

  hiding(index: number): Uint8Array | undefined {
    return plain(this.#hiding.get(indexBytes(index)));
  }

  block(height: number): IndexedBlock | undefined {
    const bytes = plain(this.#blocks.get(indexBytes(height)));
    return bytes && decodeIndexedBlock(bytes);
  }

  heightOf(index: number): number | undefined {
    for (const { value } of this.#seals.getRange({ start: indexBytes(index), limit: 1 })) {
      return getInteger(value, 0, INDEX_BYTES);
    }
    return undefined;
  }

  async put({ summary, block, snapshot }: IndexInput): Promise<void> {
    const firstBundle = Math.floor(summary.first / TILE_WIDTH);
    const head = this.#hashes.get(indexBytes(firstBundle));
    for (const [n, bytes] of bundles(summary, head))
      await this.#write(this.#hashes, indexBytes(n), bytes);
    for (const [kid, run] of summary.runs) {
      for (let at = 0; at < run.length; at += RUN_NUMBERS_MAX) {
        const part = run.slice(at, at + RUN_NUMBERS_MAX);
        await this.#write(this.#runs, runKey(kid, part[0]!), encodeRun(part));
      }
    }
    await this.#putPrefixes(summary);
    for (const [index, bytes] of summary.hiding) {
      await this.#write(this.#hiding, indexBytes(index), bytes.slice());
    }
    await this.#write(this.#blocks, indexBytes(block.height), encodeIndexedBlock(block));
    await this.#write(this.#seals, indexBytes(block.index), indexBytes(block.height));
    await this.#settle();
    const cursor: IndexCursor = { size: block.index + 1, snapshot };
    const value = new Uint8Array(INDEX_BYTES + snapshot.length);
    putInteger(value, 0, INDEX_BYTES, cursor.size);
    value.set(snapshot, INDEX_BYTES);
    // LMDB commits in order: no power cut leaves the cursor without what it promises.
    await this.#write(this.#meta, CURSOR_KEY, value);
    await this.#settle();
    this.#cursor = cursor;
  }

  async clear(): Promise<void> {
    const { root, tables } = { root: this.#root, tables: this.#tables() };
    for (const table of tables) await table.clearAsync();
    await this.#meta.put(VERSION_KEY, Uint8Array.of(INDEX_VERSION));
    await root.flushed;
    this.#cursor = undefined;
  }

  async close(): Promise<void> {
    const { count } = this.#outstanding;
    if (count > 0) await this.#settle().catch(() => undefined);
    // lmdb 3.5 waits for a failed commit for ever; what is open then, the end of the process closes.
    if (!this.#hasFailed) await this.#root.close();
  }

  /** Closes an index that is to be thrown away, whatever that says: nothing of it is waited for. */
  abandon(): void {
    abandonEnvironment(this.#root);
  }

  #tables(): Table[] {
    return [
      this.#meta,
      this.#runs,
      this.#hashes,
      this.#prefixes,
      this.#hiding,
      this.#blocks,
      this.#seals,
    ];
  }

  #readCursor(): IndexCursor | undefined {
    const bytes = plain(this.#meta.get(CURSOR_KEY));
    if (bytes === undefined) return undefined;
    const size = getInteger(bytes, 0, INDEX_BYTES);
    return { size, snapshot: bytes.subarray(INDEX_BYTES) };
  }

  #hashAt(index: number): Hash {
    const bundle = plain(this.#hashes.get(indexBytes(Math.floor(index / TILE_WIDTH))));
    const at = (index % TILE_WIDTH) * HASH_BYTES;
    if (bundle === undefined) throw new Error(`the index lacks the hash of entry ${index}`);
    return asHash(bundle.subarray(at, at + HASH_BYTES));
  }

  /** Values lie in one buffer: LMDB's writer takes their addresses, and one buffer has one. */
  async #putPrefixes(summary: BlockSummary): Promise<void> {
    const values = new Uint8Array(summary.count * INDEX_BYTES);
    for (let i = 0; i < summary.count; i++) {
      const at = i * INDEX_BYTES;
      putInteger(values, at, INDEX_BYTES, summary.first + i);
      const prefix = summary.hashes.at(i).subarray(0, PREFIX_BYTES);
      const waiting = this.#write(this.#prefixes, prefix, values.subarray(at, at + INDEX_BYTES));
      if (waiting !== undefined) await waiting;
    }
  }

  /** Hands a record to LMDB's writer; after each portion waits until it is committed. */
  #write(table: Table, key: Uint8Array, value: Uint8Array): Promise<void> | undefined {
    const writing = table.put(key, value);
    // Writes that are committed together share a promise.
    if (writing !== this.#outstanding.last) {
      writing.catch((error: unknown) => {
        const failure = commitFailure(error, this.#path);
        this.#failure ??= failure;
      });
    }
    this.#outstanding.last = writing;
    this.#outstanding.count++;
    return this.#outstanding.count >= PORTION_MAX ? this.#settle() : undefined;
  }

  async #settle(): Promise<void> {
    const { last } = this.#outstanding;
    this.#outstanding = { count: 0, last: undefined };
    await last?.catch(() => undefined);
    await setImmediate();
    const failure = this.#failure;
    this.#failure = undefined;
    this.#hasFailed = failure !== undefined;
    if (failure === undefined) return;
    const error = await failure;
    if (isDamagedPage(error)) await this.#onDamage();
    throw error;
  }
}

/** Copies what LMDB gives: a Buffer, whose `slice` is a view, and whose memory is LMDB's to reuse. */
function plain(buffer: Uint8Array | undefined): Uint8Array | undefined {
  return buffer && new Uint8Array(buffer);
}

function runKey(kid: string, seq: number): Uint8Array {
  const key = new Uint8Array(KID_BYTES + INDEX_BYTES);
  key.set(decodeHex(kid)!);
  putInteger(key, KID_BYTES, INDEX_BYTES, seq);
  return key;
}

/** Writes `seq, index, seq, index, …` as differences: the first index, then what each pair adds. */
function encodeRun(run: readonly number[]): Uint8Array {
  const steps: number[] = [run[1]!];
  for (let i = 2; i < run.length; i++) steps.push(run[i]! - run[i - 2]!);
  return encodeCbor(steps);
}

function decodeRun(bytes: Uint8Array, firstSeq: number): number[] {
  const steps = decodeCbor(bytes) as number[];
  const run = [firstSeq, steps[0]!];
  for (let i = 1; i < steps.length; i++) run.push(run[i - 1]! + steps[i]!);
  return run;
}

/** The hashes of a block by entry bundle; `head` is what the first bundle holds of earlier blocks. */
function* bundles(
  summary: BlockSummary,
  head: Uint8Array | undefined,
): Generator<[number, Uint8Array]> {
  const { first, count, hashes } = summary;
  for (let from = 0; from < count;) {
    const n = Math.floor((first + from) / TILE_WIDTH);
    const offset = first + from - n * TILE_WIDTH;
    const to = Math.min(count, from + TILE_WIDTH - offset);
    const bytes = new Uint8Array((offset + to - from) * HASH_BYTES);
    if (offset > 0 && head) bytes.set(head.subarray(0, offset * HASH_BYTES));
    bytes.set(hashes.slice(from, to), offset * HASH_BYTES);
    yield [n, bytes];
    from = to;
  }
}
