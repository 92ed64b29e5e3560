/**
 * A peer's own copy of a log: every entry admitted again, every tile made again (docs/formats.md, sections 6 and 8).
 *
 * Disk: `log/tile/…` as the hub publishes it, and `state`, what admission remembers at the size of the copy. Tiles are
 * written before the state that counts on them, so a crash between leaves tiles that the next attempt writes again
 * with the same bytes.
 */

import { dirname } from "node:path";
import { equalBytes } from "../../ledger/bytes.ts";
import { LogState, restoreState, snapshotState } from "../../ledger/log-state.ts";
import { logVkeys } from "../../ledger/log-keys.ts";
import type { LogSource } from "../../ledger/log-source.ts";
import {
  inclusionPath,
  leafHash,
  MerkleFrontier,
  nodeHash,
  verifyInclusion,
} from "../../ledger/merkle.ts";
import type { NodeReader } from "../../ledger/merkle.ts";
import type { Vkey } from "../../ledger/note.ts";
import { Replay } from "../../ledger/replay.ts";
import type { ReplayRefusal } from "../../ledger/replay.ts";
import type { VerifyMany } from "../../ledger/signature-batch.ts";
import type { Hash } from "../../ledger/sha256.ts";
import type { Verify } from "../../ledger/signature.ts";
import {
  decodeEntryBundle,
  TILE_WIDTH,
  TileBuilder,
  tileNodeReader,
  tilePath,
} from "../../ledger/tile.ts";
import type { TileFile, TileId } from "../../ledger/tile.ts";
import type { Files } from "../../platform/files.ts";

/** What a mirror is made of. */
export interface MirrorParts {
  readonly files: Files;
  /** The peer's data folder. */
  readonly folder: string;
  readonly verify: Verify;
  readonly verifyMany?: VerifyMany | undefined;
}

/** Why a copy could not go on: an entry that does not follow, or a file that the source lacks or cut short. */
export type MirrorStop =
  | {
      readonly kind: "refused";
      readonly refused: ReplayRefusal;
      /** The entry as it was read. Whether the log's own root covers it, `includes` tells. */
      readonly entry: Uint8Array;
      /** The log's keys by the entries before it. */
      readonly keys: readonly Vkey[];
    }
  | { readonly kind: "missing"; readonly path: string };

/** Bundles between two durable states: at most so many are fetched again after a crash. */
const BUNDLES_PER_STATE = 32;

/** Files that are written at the same time. */
const WRITES_AT_ONCE = 16;

/** The copy of one log. One owner; `follow` is not called while another call of it runs. */
export class Mirror {
  readonly #parts: MirrorParts;
  #replay: Replay;

  private constructor(parts: MirrorParts, replay: Replay) {
    this.#parts = parts;
    this.#replay = replay;
  }

  /** Opens the copy in a folder, or begins one. Rejects where the files there do not fit each other. */
  static async open(parts: MirrorParts): Promise<Mirror> {
    await parts.files.makeFolder(`${parts.folder}/log/tile`);
    const mirror = new Mirror(parts, await restoreReplay(parts));
    const { state } = mirror;
    if (state.size > 0) {
      const frontier = await MerkleFrontier.read(state.size, mirror.nodes());
      if (!equalBytes(frontier.root(), state.frontier.root())) {
        throw new Error(`${parts.folder}: the tiles are not those of the stored state`);
      }
    }
    return mirror;
  }

  /** What admission remembers at the size of the copy. */
  get state(): LogState {
    return this.#replay.state;
  }

  /** Entries that were admitted and are durable here. */
  get size(): number {
    return this.#replay.state.size;
  }

  /** Reads the nodes of the tree at the copy's size. */
  nodes(): NodeReader {
    return tileNodeReader(this.size, (tile) => this.readTile(tile));
  }

  /** The root that the copy gives at an earlier or its present size. */
  async rootAt(size: number): Promise<Hash> {
    const { state } = this;
    if (size === state.size) return state.frontier.root();
    return (await MerkleFrontier.read(size, this.nodes())).root();
  }

  /** Reads an entry of the copy; `undefined` outside of it. */
  async entry(index: number): Promise<Uint8Array | undefined> {
    const n = Math.floor(index / TILE_WIDTH);
    const width = Math.min(TILE_WIDTH, this.size - n * TILE_WIDTH);
    const bundle = await this.readTile({ level: "entries", n, width });
    return bundle && decodeEntryBundle(bundle)?.[index % TILE_WIDTH];
  }

  /** Reads a tile of the copy, or the full one that replaced it. */
  readTile(tile: TileId): Promise<Uint8Array | undefined> {
    const { files, folder } = this.#parts;
    return readTileOrFull((each) => files.read(`${folder}/log/${tilePath(each)}`), tile);
  }

  /**
   * Copies and admits entries until the copy has `size`, making it durable as it goes.
   *
   * Stops at the first entry that does not follow; what was durable before it stays. Rejects where the source or the disk
   * fails; the copy then stands at its last durable state.
   */
  async follow(source: LogSource, size: number): Promise<MirrorStop | undefined> {
    try {
      while (this.size < size) {
        const stop = await this.#followSome(source, size);
        if (stop !== undefined) {
          await this.#restore();
          return stop;
        }
      }
      return undefined;
    } catch (error) {
      await this.#restore();
      throw error;
    }
  }

  /**
   * Looks for proof that a log of `size` entries and this `root` holds `entry` at `index`, beyond this copy.
   *
   * Reads the entries from the source again, without admitting them. Gives the inclusion path, or `undefined` where
   * what the source says does not lead to the root: then it was damaged or changed on the way, and proves nothing.
   */
  async pathTo(
    entry: Uint8Array,
    index: number,
    log: { readonly source: LogSource; readonly size: number; readonly root: Hash },
  ): Promise<Hash[] | undefined> {
    const base = this.size;
    const leaves: Hash[] = [];
    while (base + leaves.length < log.size) {
      const at = base + leaves.length;
      const n = Math.floor(at / TILE_WIDTH);
      const width = Math.min(TILE_WIDTH, log.size - n * TILE_WIDTH);
      const bundle = await readBundle(log.source, { level: "entries", n, width });
      const entries = bundle && decodeEntryBundle(bundle)?.slice(at - n * TILE_WIDTH, width);
      if (entries === undefined || entries.length === 0) return undefined;
      leaves.push(...entries.map(leafHash));
    }
    const path = await inclusionPath(index, log.size, nodesAbove(this.nodes(), base, leaves));
    return verifyInclusion(leafHash(entry), index, log.size, path, log.root) ? path : undefined;
  }

  /** Takes up to `BUNDLES_PER_STATE` bundles and makes them durable. */
  async #followSome(source: LogSource, size: number): Promise<MirrorStop | undefined> {
    const tiles = new Map<string, TileFile>();
    for (let i = 0; i < BUNDLES_PER_STATE && this.size < size; i++) {
      const n = Math.floor(this.size / TILE_WIDTH);
      const width = Math.min(TILE_WIDTH, size - n * TILE_WIDTH);
      const path = tilePath({ level: "entries", n, width });
      const bundle = await readBundle(source, { level: "entries", n, width });
      const entries = bundle && decodeEntryBundle(bundle)?.slice(0, width);
      if (bundle === undefined || entries?.length !== width) return { kind: "missing", path };
      const fresh = entries.slice(this.size - n * TILE_WIDTH);
      const taken = await this.#replay.take(this.#replay.prepare(fresh));
      if (!Array.isArray(taken)) {
        const entry = entries[taken.index - n * TILE_WIDTH]!;
        return { kind: "refused", refused: taken, entry, keys: logVkeys(this.state) };
      }
      // A partial tile is soon overtaken by a wider one: only the widest of each is written.
      for (const tile of taken) tiles.set(`${tile.level}/${tile.n}`, tile);
    }
    await this.#write([...tiles.values()]);
    return undefined;
  }

  async #write(tiles: readonly TileFile[]): Promise<void> {
    const { files, folder } = this.#parts;
    for (let at = 0; at < tiles.length; at += WRITES_AT_ONCE) {
      await Promise.all(
        tiles.slice(at, at + WRITES_AT_ONCE).map(async (tile) => {
          const path = `${folder}/log/${tilePath(tile)}`;
          await files.makeFolder(dirname(path));
          await files.write(path, tile.bytes);
        }),
      );
    }
    // A crash before this line leaves tiles ahead of the state; they are written again, the same.
    await files.write(`${folder}/state`, snapshotState(this.state));
    await this.#collectPartials(tiles);
  }

  /** Removes the partial tiles that were overtaken: left alone, they outgrow the log itself. */
  async #collectPartials(written: readonly TileFile[]): Promise<void> {
    const { files, folder } = this.#parts;
    for (const tile of written) {
      const partials = `${folder}/log/${tilePath({ ...tile, width: TILE_WIDTH })}.p`;
      for (const name of await files.list(partials)) {
        if (Number(name) < tile.width) await files.remove(`${partials}/${name}`);
      }
      if (tile.width === TILE_WIDTH) await files.remove(partials);
    }
  }

  async #restore(): Promise<void> {
    this.#replay = await restoreReplay(this.#parts);
  }
}

/** Reads nodes of a tree whose first `base` leaves are stored and whose others are at hand. */
function nodesAbove(stored: NodeReader, base: number, leaves: readonly Hash[]): NodeReader {
  const read: NodeReader = async (level, index) => {
    if ((index + 1) * 2 ** level <= base) return stored(level, index);
    if (level === 0) return leaves[index - base]!;
    return nodeHash(await read(level - 1, 2 * index), await read(level - 1, 2 * index + 1));
  };
  return read;
}

/** Goes on at the stored state. */
async function restoreReplay(parts: MirrorParts): Promise<Replay> {
  const { files, folder } = parts;
  const stored = await files.read(`${folder}/state`);
  const state = stored === undefined ? new LogState() : restoreState(stored);
  const read = async (tile: TileId): Promise<Uint8Array | undefined> =>
    files.read(`${folder}/log/${tilePath(tile)}`);
  const entry = async (index: number): Promise<Uint8Array | undefined> => {
    const n = Math.floor(index / TILE_WIDTH);
    const width = Math.min(TILE_WIDTH, state.size - n * TILE_WIDTH);
    const bundle = await readTileOrFull(read, { level: "entries", n, width });
    return bundle && decodeEntryBundle(bundle)?.[index % TILE_WIDTH];
  };
  const tiles = await TileBuilder.open(state.size, (tile) => readTileOrFull(read, tile));
  return new Replay({ verify: parts.verify, verifyMany: parts.verifyMany, entry }, state, tiles);
}

async function readTileOrFull(
  read: (tile: TileId) => Promise<Uint8Array | undefined>,
  tile: TileId,
): Promise<Uint8Array | undefined> {
  return (await read(tile)) ?? (await read({ ...tile, width: TILE_WIDTH }));
}

function readBundle(source: LogSource, tile: TileId): Promise<Uint8Array | undefined> {
  return readTileOrFull((each) => source.read(tilePath(each)), tile);
}
