/**
 * Collecting partial tiles, which would otherwise soon be most of the log's bytes.
 *
 * A checkpoint needs the partial tiles of its size until the full ones have replaced them. Kept are those of the last
 * few checkpoints, since somebody may just be reading one of them, and of any that is published and lags behind.
 */

import { join } from "node:path";
import { tilePath, TILE_WIDTH, tileWidth } from "../../ledger/tile.ts";
import type { TileLevel } from "../../ledger/tile.ts";
import type { Files } from "../../platform/files.ts";

/** Checkpoints whose partial tiles stay, the newest included. */
export const CHECKPOINTS_KEPT = 8;

/** The partial tiles of one log folder. */
export class PartialTiles {
  readonly #files: Files;
  readonly #folder: string;
  readonly #onFolderRemoved: (path: string) => void;
  /** Sizes of checkpoints whose partial tiles may still lie there, ascending. */
  #sizes: number[] = [];
  readonly #pinned = new Set<number>();

  constructor(files: Files, folder: string, onFolderRemoved: (path: string) => void) {
    this.#files = files;
    this.#folder = folder;
    this.#onFolderRemoved = onFolderRemoved;
  }

  /** Notes that a checkpoint of this size exists, larger than all before. */
  note(size: number): void {
    if (!this.#sizes.includes(size)) this.#sizes.push(size);
  }

  /** Says which sizes besides the newest are still published. */
  pin(sizes: Iterable<number>): void {
    this.#pinned.clear();
    for (const size of sizes) {
      this.#pinned.add(size);
      if (!this.#sizes.includes(size)) this.#sizes = [...this.#sizes, size].sort((a, b) => a - b);
    }
  }

  /**
   * Removes what no kept checkpoint needs. A crash in between leaves a few files too many, and the next call takes them.
   *
   * May run while the tiles of a checkpoint that is not noted yet are written: wider ones than it knows are left alone.
   */
  async collect(): Promise<void> {
    const newest = this.#sizes.slice(-CHECKPOINTS_KEPT);
    const kept = [...new Set([...newest, ...this.#pinned])];
    for (const size of this.#sizes.filter((candidate) => !kept.includes(candidate))) {
      for (const [level, n] of partialTilesOf(size)) await this.#collectTile(level, n, kept);
    }
    this.#sizes = this.#sizes.filter((size) => kept.includes(size));
  }

  async #collectTile(level: TileLevel, n: number, kept: readonly number[]): Promise<void> {
    const path = dirOfPartials(level, n);
    const folder = join(this.#folder, path);
    const needed = new Set(kept.map((size) => String(tileWidth(level, n, size))));
    const names = await this.#files.list(folder);
    const widest = tileWidth(
      level,
      n,
      kept.reduce((a, b) => Math.max(a, b), 0),
    );
    const spent = names.filter((name) => Number(name) < widest && !needed.has(name));
    for (const name of spent) await this.#files.remove(join(folder, name));
    if (spent.length === 0 || spent.length < names.length) return;
    this.#onFolderRemoved(path);
    await this.#files.remove(folder);
  }
}

/** Level and number of each partial tile of a log of `size` entries. */
function partialTilesOf(size: number): [TileLevel, number][] {
  const tiles: [TileLevel, number][] = [];
  for (
    let level = 0, hashes = size;
    hashes > 0;
    level++, hashes = Math.floor(hashes / TILE_WIDTH)
  ) {
    if (hashes % TILE_WIDTH === 0) continue;
    const n = Math.floor(hashes / TILE_WIDTH);
    if (level === 0) tiles.push(["entries", n]);
    tiles.push([level, n]);
  }
  return tiles;
}

function dirOfPartials(level: TileLevel, n: number): string {
  const path = tilePath({ level, n, width: 1 });
  return path.slice(0, path.lastIndexOf("/"));
}
