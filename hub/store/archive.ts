/**
 * The published chain on disk: tiles and checkpoint in `data/log`, plain files for any web server (docs/formats.md,
 * section 8).
 *
 * Reads entries and tree nodes of sealed sizes through a bounded cache. What is written, and when, is sealing's matter;
 * which partial tiles may go is partial-tiles.ts's.
 */

import { dirname, join } from "node:path";
import { decodeUtf8, encodeUtf8 } from "../../ledger/bytes.ts";
import type { NodeReader } from "../../ledger/merkle.ts";
import {
  decodeEntryBundle,
  TILE_WIDTH,
  readTileTree,
  tilePath,
  tileWidth,
  treeNodeReader,
} from "../../ledger/tile.ts";
import type { TileId, TileTree } from "../../ledger/tile.ts";
import type { Files } from "../../platform/files.ts";
import { UserError } from "../../platform/user-error.ts";
import { TileCache } from "./tile-cache.ts";

/** The newest checkpoint that the hub has signed, whoever may have cosigned it. */
const PENDING_NAME = "checkpoint-pending";

/** What anybody asks for first. With a quorum policy, it is the newest that the quorum has cosigned. */
const CHECKPOINT_NAME = "checkpoint";

const CACHE_BYTES_MAX = 8_388_608;
/** Of at most 16 KiB each: those over the newest 65,536 entries. */
const TREES_MAX = 256;
const FOLDERS_KNOWN_MAX = 4096;

/** The log folder of one hub. */
export class Archive {
  readonly #files: Files;
  readonly #folder: string;
  readonly #cache: TileCache;
  /** By the path of the tile that was asked for, the one used longest ago first. */
  readonly #trees = new Map<string, TileTree>();
  readonly #folders = new Set<string>();

  constructor(files: Files, folder: string, cacheBytesMax: number = CACHE_BYTES_MAX) {
    this.#files = files;
    this.#folder = folder;
    this.#cache = new TileCache(cacheBytesMax, (path) => files.read(join(folder, path)));
  }

  /** Reads a tile; `undefined` where there is none. The bytes are shared: nobody changes them. */
  readTile(tile: TileId): Promise<Uint8Array | undefined> {
    return this.#cache.read(tilePath(tile));
  }

  /** Says that a tile which the committed log needs is not there, or not as it was written. */
  missing(tile: TileId): UserError {
    return new UserError(`${join(this.#folder, tilePath(tile))} is missing or damaged.`, {
      hint: `Bring the folder ${this.#folder} back from a backup, or copy that file from a mirror of the log.`,
    });
  }

  /** Puts a tile in its place, durably. `path` is as `tilePath` writes it. */
  async writeTile(path: string, bytes: Uint8Array): Promise<void> {
    const target = join(this.#folder, path);
    const folder = dirname(target);
    if (!this.#folders.has(folder)) {
      await this.#files.makeFolder(folder);
      if (this.#folders.size >= FOLDERS_KNOWN_MAX) this.#folders.clear();
      this.#folders.add(folder);
    }
    await this.#files.write(target, bytes);
  }

  /** Forgets what it knows of a folder that was removed. */
  forgetFolder(path: string): void {
    this.#folders.delete(join(this.#folder, path));
  }

  /** Reads tree nodes of the log of `size` entries. */
  nodes(size: number): NodeReader {
    return treeNodeReader(size, (tile) => this.#tree(tile));
  }

  /** Each ack needs some ten nodes of a tile: the trees of the tiles used lately are kept. */
  async #tree(tile: TileId): Promise<TileTree> {
    const path = tilePath(tile);
    const known = this.#trees.get(path);
    if (known !== undefined) {
      this.#trees.delete(path);
      this.#trees.set(path, known);
      return known;
    }
    const tree = await readTileTree(tile, (each) => this.readTile(each));
    this.#trees.set(path, tree);
    if (this.#trees.size > TREES_MAX) this.#trees.delete(this.#trees.keys().next().value!);
    return tree;
  }

  /** Reads an entry of the log of `size` entries, as a view into a shared tile. Rejects where its tile is gone. */
  async entry(index: number, size: number): Promise<Uint8Array> {
    const bundle = await this.#bundle(Math.floor(index / TILE_WIDTH), size);
    return bundle[index % TILE_WIDTH]!;
  }

  /** Reads the entries `from` up to, not with, `to`, which is at most `size`. */
  async *entries(
    from: number,
    to: number,
    size: number,
  ): AsyncGenerator<{ index: number; bytes: Uint8Array }> {
    for (let index = from; index < to;) {
      const n = Math.floor(index / TILE_WIDTH);
      const bundle = await this.#bundle(n, size);
      for (; index < to && index < (n + 1) * TILE_WIDTH; index++) {
        yield { index, bytes: bundle[index - n * TILE_WIDTH]! };
      }
    }
  }

  /** The newest checkpoint that was published; `undefined` before the first. */
  async pending(): Promise<string | undefined> {
    return this.#note(PENDING_NAME);
  }

  /** What the log shows as its checkpoint; `undefined` before the first. */
  async checkpoint(): Promise<string | undefined> {
    return this.#note(CHECKPOINT_NAME);
  }

  /** Publishes the newest checkpoint. Where there is a quorum, what the log shows is left to those who collect it. */
  async publish(note: string, hasQuorum: boolean): Promise<void> {
    // A crash between the two leaves `pending` behind, and the next start publishes both again.
    if (!hasQuorum) await this.publishCheckpoint(note);
    await this.#files.write(join(this.#folder, PENDING_NAME), encodeUtf8(note));
  }

  /** Shows a checkpoint, cosigned or not, as the log's. */
  publishCheckpoint(note: string): Promise<void> {
    return this.#files.write(join(this.#folder, CHECKPOINT_NAME), encodeUtf8(note));
  }

  async #note(name: string): Promise<string | undefined> {
    const bytes = await this.#files.read(join(this.#folder, name));
    return bytes && decodeUtf8(bytes);
  }

  /** Reads an entry bundle: the partial one of that size, or the full one that has replaced it. */
  async #bundle(n: number, size: number): Promise<Uint8Array[]> {
    const tile: TileId = { level: "entries", n, width: tileWidth("entries", n, size) };
    const bytes =
      (await this.readTile(tile)) ?? (await this.readTile({ ...tile, width: TILE_WIDTH }));
    const bundle = bytes && decodeEntryBundle(bytes);
    if (bundle === undefined || bundle.length < tile.width) {
      throw this.missing(tile);
    }
    return bundle;
  }
}
