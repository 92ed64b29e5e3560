/**
 * The log as static files: hash tiles and entry bundles (C2SP tlog-tiles; docs/formats.md, section 8).
 *
 * Names, contents, and which of them a growing log writes. A tile of level `l` holds the roots of complete subtrees of
 * 256^l leaves each. Reading, writing and collecting the files is left to the callers.
 */

import { concatBytes, joinBytes } from "./bytes.ts";
import { STATEMENT_BYTES_MAX } from "./limits.ts";
import { leafHash, MerkleFrontier, nodeHash } from "./merkle.ts";
import type { NodeReader } from "./merkle.ts";
import { HASH_BYTES } from "./sha256.ts";
import type { Hash } from "./sha256.ts";

/** Hashes or entries of a full tile. */
export const TILE_WIDTH = 256;

/** Levels of tree nodes inside one tile: 2^8 is its width. */
const TILE_HEIGHT = 8;

/** The level of a tile: 0 holds leaf hashes, `"entries"` the entries themselves. */
export type TileLevel = number | "entries";

/** One file of the log: the `n`-th tile of its level from the left, `width` of 1 to 256; below 256 it is partial. */
export interface TileId {
  readonly level: TileLevel;
  readonly n: number;
  readonly width: number;
}

/** A tile with its contents. */
export interface TileFile extends TileId {
  readonly bytes: Uint8Array;
}

/** Writes the name of a tile relative to the log's folder: `tile/0/x001/067.p/3`. */
export function tilePath(tile: TileId): string {
  const groups: string[] = [];
  let rest = tile.n;
  do {
    groups.unshift(String(rest % 1000).padStart(3, "0"));
    rest = Math.floor(rest / 1000);
  } while (rest > 0);
  const number = groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join("/");
  const partial = tile.width < TILE_WIDTH ? `.p/${tile.width}` : "";
  return `tile/${tile.level}/${number}${partial}`;
}

const TILE_NAME = /^tile\/(entries|\d{1,2})\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/(\d{1,3}))?$/;

/** Reads a name that `tilePath` may have written; `undefined` for any other text. */
export function parseTilePath(path: string): TileId | undefined {
  const [, level, number, partial] = TILE_NAME.exec(path) ?? [];
  if (level === undefined || number === undefined) return undefined;
  const tile: TileId = {
    level: level === "entries" ? level : Number(level),
    n: Number(number.replaceAll(/[x/]/g, "")),
    width: partial === undefined ? TILE_WIDTH : Number(partial),
  };
  if (!Number.isSafeInteger(tile.n) || tile.width < 1) return undefined;
  return tilePath(tile) === path ? tile : undefined;
}

/** Writes up to 256 entries as a bundle: each as `uint16 length || bytes`. Throws `RangeError` beyond either bound. */
export function encodeEntryBundle(entries: readonly Uint8Array[]): Uint8Array {
  if (entries.length > TILE_WIDTH) throw new RangeError(`${entries.length} entries in one bundle`);
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    const { length } = entry;
    if (length > STATEMENT_BYTES_MAX) throw new RangeError(`an entry of ${length} bytes`);
    parts.push(Uint8Array.of(length >> 8, length & 0xff), entry);
  }
  return concatBytes(...parts);
}

/**
 * Reads a bundle into its entries, which are views into `bytes`.
 *
 * `undefined` where the bytes do not end with an entry, or hold more than 256.
 */
export function decodeEntryBundle(bytes: Uint8Array): Uint8Array[] | undefined {
  const entries: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    const start = at + 2;
    if (start > bytes.length || entries.length === TILE_WIDTH) return undefined;
    at = start + bytes[at]! * 0x100 + bytes[at + 1]!;
    if (at > bytes.length) return undefined;
    entries.push(bytes.subarray(start, at));
  }
  return entries;
}

/** Takes the hashes out of a hash tile, as views; `undefined` unless it holds 1 to 256 whole ones. */
export function decodeHashTile(bytes: Uint8Array): Hash[] | undefined {
  const width = bytes.length / HASH_BYTES;
  if (!Number.isInteger(width) || width < 1 || width > TILE_WIDTH) return undefined;
  return Array.from({ length: width }, (_, i) => hashIn(bytes, i));
}

/** Says how wide tile `n` of a level is in a log of `size` entries; 0 where there is none yet. */
export function tileWidth(level: TileLevel, n: number, size: number): number {
  const hashes = Math.floor(size / TILE_WIDTH ** (level === "entries" ? 0 : level));
  return Math.max(0, Math.min(TILE_WIDTH, hashes - n * TILE_WIDTH));
}

/**
 * Lists the tiles that a log writes when it grows: entry bundles first, then hash tiles level by level.
 *
 * With `from` 0 these are all tiles of a log of size `to`. Partial tiles of the sizes between are not among them.
 */
export function tilesAdded(from: number, to: number): TileId[] {
  return [...levelAdded("entries", from, to), ...hashTilesAdded(from, to)];
}

function hashTilesAdded(from: number, to: number): TileId[] {
  const tiles: TileId[] = [];
  for (let level = 0, span = 1; span <= to; level++, span *= TILE_WIDTH) {
    tiles.push(...levelAdded(level, Math.floor(from / span), Math.floor(to / span)));
  }
  return tiles;
}

/** Lists the tiles of one level that hold its hashes (or entries) `from` up to, not with, `to`. */
function levelAdded(level: TileLevel, from: number, to: number): TileId[] {
  const tiles: TileId[] = [];
  if (from >= to) return tiles;
  for (let n = Math.floor(from / TILE_WIDTH); n * TILE_WIDTH < to; n++) {
    tiles.push({ level, n, width: Math.min(TILE_WIDTH, to - n * TILE_WIDTH) });
  }
  return tiles;
}

/** Reads a tile's file; `undefined` where there is none. Called concurrently; rejects if the medium fails. */
export type TileReader = (tile: TileId) => Promise<Uint8Array | undefined>;

/**
 * Reads the tile as it is in a log of some size: the partial one, or as many bytes of the full one that replaced it.
 *
 * Rejects where neither is there, or what is there is too short: a log without its tiles is broken.
 */
async function readHashTile(tile: TileId, read: TileReader): Promise<Hash[]> {
  let bytes = await read(tile);
  if (bytes === undefined && tile.width < TILE_WIDTH) {
    bytes = await read({ ...tile, width: TILE_WIDTH });
  }
  if (bytes === undefined) throw new Error(`${tilePath(tile)} is missing`);
  const hashes = decodeHashTile(bytes);
  if (hashes === undefined || hashes.length < tile.width) {
    throw new Error(`${tilePath(tile)} does not hold ${tile.width} hashes`);
  }
  return hashes.slice(0, tile.width);
}

/** Makes a reader of tree nodes that hashes what it needs anew each time; for whoever reads few. See `treeNodeReader`. */
export function tileNodeReader(size: number, read: TileReader): NodeReader {
  return treeNodeReader(size, (tile) => readTileTree(tile, read));
}

/** Reads a hash tile as it is in a log of some size. Rejects as `TileTree.node` cannot go on without. */
export async function readTileTree(tile: TileId, read: TileReader): Promise<TileTree> {
  return new TileTree(await readHashTile(tile, read));
}

/** The nodes of one hash tile: its hashes, and the roots of the complete subtrees over them. At most 16 KiB. */
export class TileTree {
  /** Level by level, from the hashes upwards, each as bytes; a level is made when it is first asked for. */
  readonly #levels: Uint8Array[];

  constructor(hashes: readonly Hash[]) {
    this.#levels = [joinBytes(hashes)];
  }

  /** Gives the node `index` of a level, counted from the tile's own hashes: a view; `undefined` where there is none. */
  node(level: number, index: number): Hash | undefined {
    while (this.#levels.length <= level) this.#levels.push(roots(this.#levels.at(-1)!));
    const nodes = this.#levels[level]!;
    return (index + 1) * HASH_BYTES <= nodes.length ? hashIn(nodes, index) : undefined;
  }
}

/** The roots over each two of some hashes; one that is left over has none yet. */
function roots(hashes: Uint8Array): Uint8Array {
  const count = Math.floor(hashes.length / HASH_BYTES / 2);
  const above = new Uint8Array(count * HASH_BYTES);
  for (let i = 0; i < count; i++) {
    above.set(nodeHash(hashIn(hashes, 2 * i), hashIn(hashes, 2 * i + 1)), i * HASH_BYTES);
  }
  return above;
}

function hashIn(hashes: Uint8Array, index: number): Hash {
  return hashes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES) as Hash;
}

/**
 * Makes a reader of tree nodes out of the hash tiles of a log of `size` entries.
 *
 * A tile takes 255 hashings once; keeping trees at hand is up to `read`. The tiles are believed: a root or path made from
 * a stranger's must still be verified.
 */
export function treeNodeReader(
  size: number,
  read: (tile: TileId) => Promise<TileTree>,
): NodeReader {
  return async (level, index) => {
    const tileLevel = Math.floor(level / TILE_HEIGHT);
    const count = 2 ** (level % TILE_HEIGHT);
    const first = index * count;
    const n = Math.floor(first / TILE_WIDTH);
    const width = tileWidth(tileLevel, n, size);
    const start = first % TILE_WIDTH;
    if (start + count > width)
      throw new RangeError(`no node ${index} of level ${level} in ${size}`);
    const tree = await read({ level: tileLevel, n, width });
    return tree.node(level % TILE_HEIGHT, start / count)!;
  };
}

/** The root over a power of two of hashes of one level. */
function rootOf(hashes: readonly Hash[]): Hash {
  const frontier = new MerkleFrontier();
  for (const hash of hashes) frontier.push(hash);
  return frontier.root();
}

/**
 * Builds the tiles of a growing log, block by block.
 *
 * Keeps the last, partial tile of each level in memory, and nothing else: up to 255 entries and 255 hashes a level.
 */
export class TileBuilder {
  #size = 0;
  #entries: Uint8Array[] = [];
  /** The hashes of the partial tile of each level; a level begins with the first hash that reaches it. */
  readonly #levels: Hash[][] = [[]];

  /**
   * Goes on where a log of `size` entries stands, reading its partial tiles.
   *
   * Rejects where one is missing or too short. Does not check that the hashes are those of the entries.
   */
  static async open(size: number, read: TileReader): Promise<TileBuilder> {
    const builder = new TileBuilder();
    builder.#size = size;
    const partial = size % TILE_WIDTH;
    if (partial > 0) {
      const tile: TileId = { level: "entries", n: Math.floor(size / TILE_WIDTH), width: partial };
      const bytes = (await read(tile)) ?? (await read({ ...tile, width: TILE_WIDTH }));
      const entries = bytes && decodeEntryBundle(bytes);
      if (entries === undefined || entries.length < partial) {
        throw new Error(`${tilePath(tile)} is missing or does not hold ${partial} entries`);
      }
      builder.#entries = entries.slice(0, partial).map((entry) => entry.slice());
    }
    for (let level = 0, span = 1; span <= size; level++, span *= TILE_WIDTH) {
      const n = Math.floor(size / span / TILE_WIDTH);
      const width = Math.floor(size / span) % TILE_WIDTH;
      const hashes = width === 0 ? [] : await readHashTile({ level, n, width }, read);
      builder.#levels[level] = hashes.map((hash) => hash.slice() as Hash);
    }
    return builder;
  }

  /** The number of entries built so far. */
  get size(): number {
    return this.#size;
  }

  /**
   * Appends entries and gives the tiles of `tilesAdded` with their contents, as one would write them at the new size.
   *
   * The entries of the last, partial bundle are kept, not copied. Whoever has the leaf hashes already hands them in as
   * `leaves`, one for each entry; they are believed, and kept as the entries are.
   */
  grow(entries: readonly Uint8Array[], leaves?: readonly Hash[]): TileFile[] {
    const files: TileFile[] = [];
    const from = this.#size;
    for (const [i, entry] of entries.entries()) {
      this.#append(entry, leaves?.[i] ?? leafHash(entry), files);
    }
    for (const tile of tilesAdded(from, this.#size)) {
      if (tile.width < TILE_WIDTH) files.push({ ...tile, bytes: this.#partial(tile.level) });
    }
    return files;
  }

  #append(entry: Uint8Array, leaf: Hash, files: TileFile[]): void {
    this.#entries.push(entry);
    if (this.#entries.length === TILE_WIDTH) {
      const n = Math.floor(this.#size / TILE_WIDTH);
      const bytes = encodeEntryBundle(this.#entries);
      files.push({ level: "entries", n, width: TILE_WIDTH, bytes });
      this.#entries = [];
    }
    this.#size++;
    this.#push(0, leaf, files);
  }

  /** Adds a hash to a level, and where that fills its tile, the tile's root to the level above. */
  #push(level: number, hash: Hash, files: TileFile[]): void {
    const hashes = (this.#levels[level] ??= []);
    hashes.push(hash);
    if (hashes.length < TILE_WIDTH) return;
    const n = this.#size / TILE_WIDTH ** (level + 1) - 1;
    files.push({ level, n, width: TILE_WIDTH, bytes: concatBytes(...hashes) });
    this.#levels[level] = [];
    this.#push(level + 1, rootOf(hashes), files);
  }

  #partial(level: TileLevel): Uint8Array {
    if (level === "entries") return encodeEntryBundle(this.#entries);
    return concatBytes(...this.#levels[level]!);
  }
}
