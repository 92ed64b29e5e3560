/**
 * A peer's own copy of a log: every entry admitted again, every tile made again (docs/formats.md, sections 6 and 8).
 *
 * Disk: `log/tile/…` as the hub publishes it, and `state`, what admission remembers at the size of the copy. Tiles are
 * written before the state that counts on them, so a crash between leaves tiles that the next attempt writes again
 * with the same bytes.
 */

import { dirname } from "node:path";
import { equalBytes } from "../../ledger/bytes.ts";
import { Refusal } from "../../ledger/errors.ts";
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
import type { ReplayParts, ReplayRefusal } from "../../ledger/replay.ts";
import type { VerifyMany } from "../../ledger/signature-batch.ts";
import type { Hash } from "../../ledger/sha256.ts";
import type { Verify } from "../../ledger/signature.ts";
import { decodeStatement } from "../../ledger/statement.ts";
import {
  decodeEntryBundle,
  TILE_WIDTH,
  TileBuilder,
  tileNodeReader,
  tilePath,
  tileWidth,
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
  | { readonly kind: "missing"; readonly path: string }
  /** The entries do not end with a seal. */
  | { readonly kind: "unsealed" }
  /** What follows is not of the log that is meant. */
  | { readonly kind: "stranger" };

/** Bytes of entries between two durable states, except where one block is larger: held in memory until then. */
const BYTES_PER_STATE = 16 * 1024 * 1024;

/** Partial tiles of one place that are kept besides the full one. */
const PARTIALS_KEPT = 8;

/** Files that are written at the same time. */
const WRITES_AT_ONCE = 16;

/** The copy of one log. One owner; `follow` is not called while another call of it runs. */
export class Mirror {
  readonly #parts: MirrorParts;
  #replay: Replay;
  /** The size of the durable state, and the entries taken since. */
  #size = 0;
  #fresh: Uint8Array[] = [];

  private constructor(parts: MirrorParts) {
    this.#parts = parts;
    this.#replay = new Replay(this.#replayParts());
  }

  /** Opens the copy in a folder, or begins one. Rejects where the files there do not fit each other. */
  static async open(parts: MirrorParts): Promise<Mirror> {
    await parts.files.makeFolder(`${parts.folder}/log/tile`);
    const mirror = new Mirror(parts);
    await mirror.#restore();
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

  /** Entries that were admitted; durable here unless `follow` is at work. */
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
    if (index >= this.#size) return this.#fresh[index - this.#size];
    const n = Math.floor(index / TILE_WIDTH);
    const width = tileWidth("entries", n, this.#size);
    const bundle = await this.readTile({ level: "entries", n, width });
    return bundle && decodeEntryBundle(bundle)?.[index % TILE_WIDTH];
  }

  /** Reads a tile of the copy, or the full one that replaced it. */
  readTile(tile: TileId): Promise<Uint8Array | undefined> {
    const { files, folder } = this.#parts;
    return readTileOrFull((each) => files.read(`${folder}/log/${tilePath(each)}`), tile);
  }

  /**
   * Copies and admits entries until the copy has `size`, making it durable as it goes, always up to a seal.
   *
   * Only what a seal of the hub covers is kept: its root is over every entry before it, so whoever sits on the way
   * cannot leave anything here that the hub did not sign. `mayKeep` says of a state whether it is of the log that is
   * meant. Stops at what does not follow; what was durable before it stays. Rejects where the source or the disk
   * fails; the copy then stands at its last durable state.
   */
  async follow(
    source: LogSource,
    size: number,
    mayKeep: (state: LogState) => boolean = () => true,
  ): Promise<MirrorStop | undefined> {
    try {
      while (this.#size < size) {
        const stop = await this.#followSome(source, size, mayKeep);
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
      const entries = await readEntriesFrom(log.source, base + leaves.length, log.size);
      if (typeof entries === "string") return undefined;
      leaves.push(...entries.map(leafHash));
    }
    const path = await inclusionPath(index, log.size, nodesAbove(this.nodes(), base, leaves));
    return verifyInclusion(leafHash(entry), index, log.size, path, log.root) ? path : undefined;
  }

  /** Takes entries until there is enough that may be kept, and makes it durable. */
  async #followSome(
    source: LogSource,
    size: number,
    mayKeep: (state: LogState) => boolean,
  ): Promise<MirrorStop | undefined> {
    const tiles = new Map<string, TileFile>();
    let bytes = 0;
    // Entries after the last seal that was seen: taken with the seal that covers them.
    let open: Uint8Array[] = [];
    for (;;) {
      const next = this.size + open.length;
      if (next === size || (bytes >= BYTES_PER_STATE && tiles.size > 0 && mayKeep(this.state)))
        break;
      const fresh = await readEntriesFrom(source, next, size);
      if (typeof fresh === "string") return { kind: "missing", path: fresh };
      bytes += fresh.reduce((sum, entry) => sum + entry.length, 0);
      open.push(...fresh);
      const isLast = this.size + open.length === size;
      const sealed = isLast ? open.length : afterLastSeal(open);
      const taken = await this.#take(open.slice(0, sealed));
      if (!Array.isArray(taken)) return taken;
      open = open.slice(sealed);
      // A partial tile is soon overtaken by a wider one: only the widest of each is written.
      for (const tile of taken) tiles.set(`${tile.level}/${tile.n}`, tile);
    }
    if (this.state.firstOpen !== this.size) return { kind: "unsealed" };
    if (!mayKeep(this.state)) return { kind: "stranger" };
    await this.#write([...tiles.values()]);
    return undefined;
  }

  async #take(entries: readonly Uint8Array[]): Promise<TileFile[] | MirrorStop> {
    const first = this.size;
    const taken = await this.#replay.take(this.#replay.prepare(entries));
    if (Array.isArray(taken)) {
      for (const entry of entries) this.#fresh.push(entry);
      return taken;
    }
    const entry = entries[taken.index - first]!;
    return { kind: "refused", refused: taken, entry, keys: logVkeys(this.state) };
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
    this.#size = this.size;
    this.#fresh = [];
    await this.#collectPartials(tiles);
  }

  /** Removes the partial tiles that were overtaken: left alone, they outgrow the log itself. */
  async #collectPartials(written: readonly TileFile[]): Promise<void> {
    const { files, folder } = this.#parts;
    for (const tile of written) {
      const partials = `${folder}/log/${tilePath({ ...tile, width: TILE_WIDTH })}.p`;
      const widths = (await files.list(partials)).map(Number).sort((a, b) => b - a);
      // Whoever reads a checkpoint reads its tiles a moment later.
      for (const width of widths.slice(PARTIALS_KEPT)) await files.remove(`${partials}/${width}`);
    }
  }

  /** Goes back to the durable state. */
  async #restore(): Promise<void> {
    const { files, folder } = this.#parts;
    const stored = await files.read(`${folder}/state`);
    const state = stored === undefined ? new LogState() : restoreState(stored);
    const tiles = await TileBuilder.open(state.size, (tile) => this.readTile(tile));
    this.#size = state.size;
    this.#fresh = [];
    this.#replay = new Replay(this.#replayParts(), state, tiles);
  }

  #replayParts(): ReplayParts {
    const { verify, verifyMany } = this.#parts;
    return { verify, verifyMany, entry: (index) => this.entry(index) };
  }
}

/** Reads the rest of the bundle that holds entry `from`; the path of the bundle where it is not there or cut short. */
async function readEntriesFrom(
  source: LogSource,
  from: number,
  size: number,
): Promise<Uint8Array[] | string> {
  const n = Math.floor(from / TILE_WIDTH);
  const bundle: TileId = { level: "entries", n, width: tileWidth("entries", n, size) };
  const bytes = await readTileOrFull((tile) => source.read(tilePath(tile)), bundle);
  const entries = bytes && decodeEntryBundle(bytes)?.slice(0, bundle.width);
  if (entries?.length !== bundle.width) return tilePath(bundle);
  return entries.slice(from - n * TILE_WIDTH);
}

/** How many entries there are up to and with the last seal among them; bytes that are no statement count as none. */
function afterLastSeal(entries: readonly Uint8Array[]): number {
  const last = entries.findLastIndex((entry) => {
    const statement = decodeStatement(entry);
    return !(statement instanceof Refusal) && statement.kind === "seal";
  });
  return last + 1;
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

async function readTileOrFull(
  read: (tile: TileId) => Promise<Uint8Array | undefined>,
  tile: TileId,
): Promise<Uint8Array | undefined> {
  return (await read(tile)) ?? (await read({ ...tile, width: TILE_WIDTH }));
}
