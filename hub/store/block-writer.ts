/**
 * How a sealed block becomes part of the archive: the order of the writes, and what a crash at each of them does.
 *
 * Tiles are built and staged, the commit cell is swapped, and only then anything is shown. Until the swap the block
 * exists in the journal alone, and the next start does everything over again, with the same bytes; from the swap on
 * the next start finishes what is missing (docs/architecture.md, the hub's disk).
 */

import { setImmediate } from "node:timers/promises";
import type { Checkpoint } from "../../ledger/checkpoint.ts";
import { formatCheckpointText, parseCheckpoint } from "../../ledger/checkpoint.ts";
import { Fault } from "../../ledger/fault.ts";
import type { Hash } from "../../ledger/sha256.ts";
import { TILE_WIDTH, TileBuilder } from "../../ledger/tile.ts";
import type { TileFile, TileId, TileLevel } from "../../ledger/tile.ts";
import type { Files } from "../../platform/files.ts";
import { UserError } from "../../platform/user-error.ts";
import type { Archive } from "./archive.ts";
import type { Bodies } from "./bodies.ts";
import type { CommitCell } from "./commit-cell.ts";
import type { EntryIndex } from "./entry-index.ts";
import type { Closing, OpenBlock, OpenBlocks } from "./open-block.ts";
import { Staging } from "./staging.ts";

/** What a block is written to. */
export interface BlockWriterParts {
  readonly files: Files;
  readonly stagingPath: string;
  readonly cell: CommitCell;
  readonly archive: Archive;
  readonly bodies: Bodies;
  readonly index: EntryIndex;
  /** What the log shows as its checkpoint is then published by those who collect cosignatures. */
  readonly hasQuorum: boolean;
}

/** Entries turned into tiles at a stretch; then everything else gets a turn. */
const STRETCH = 2048;

/** Writes the blocks of one log, one after another. After a rejection the log stops. */
export class BlockWriter {
  readonly #parts: BlockWriterParts;
  readonly #builder: TileBuilder;
  #committed: string | undefined;

  private constructor(
    parts: BlockWriterParts,
    builder: TileBuilder,
    committed: string | undefined,
  ) {
    this.#parts = parts;
    this.#builder = builder;
    this.#committed = committed;
  }

  /** Goes on behind the committed checkpoint, whose tiles are all in place. */
  static async open(
    parts: BlockWriterParts,
    committed: Committed | undefined,
  ): Promise<BlockWriter> {
    const { archive } = parts;
    let asked: TileId | undefined;
    const read = (tile: TileId): Promise<Uint8Array | undefined> => {
      // A partial tile that is gone is asked for once more, as the full one.
      if (tile.width < TILE_WIDTH) asked = tile;
      return archive.readTile(tile);
    };
    const builder = await TileBuilder.open(committed?.checkpoint.size ?? 0, read).catch(
      (cause: unknown) => {
        // Errors of the disk speak for themselves.
        throw asked === undefined || (cause as NodeJS.ErrnoException).code !== undefined
          ? cause
          : archive.missing(asked);
      },
    );
    return new BlockWriter(parts, builder, committed?.note);
  }

  /**
   * Makes the sealed `block`, whose entries are durable in the journal, part of the archive and of the index.
   *
   * `note` is its checkpoint, signed. What later open blocks erase is known to `blocks`.
   */
  async write(block: OpenBlock, note: string, blocks: OpenBlocks): Promise<void> {
    const { files, stagingPath, cell, archive, index, hasQuorum } = this.#parts;
    const closing = block.closing;
    if (closing === undefined) throw new Error("a block without seal is not written");
    // A crash up to the swap: the commit cell says the block before, and the staging file is overwritten one day.
    const staging = await this.#stage(block, closing.block.sealedRoot);
    // The commit point. A crash inside leaves the one or the other; a rejection stops the hub, and its restart asks.
    await cell.swap(this.#committed, note);
    this.#committed = note;
    // A crash from here to the publication: the next start sees the commit ahead and copies the same tiles again.
    await staging.copyTiles((path, bytes) => archive.writeTile(path, bytes));
    await staging.close();
    // A crash before or after: the journal segment is still there, and the next start does this again.
    await this.keepBodies(block, closing, blocks);
    // A crash before: commit ahead of the publication. After: a spent staging file, which the next start removes.
    await archive.publish(note, hasQuorum);
    await files.remove(stagingPath);
    // A crash before or in the middle: the index is behind, and the next start brings it up from the tiles.
    await index.put({
      summary: block.summary,
      block: { ...closing.block, note },
      snapshot: closing.snapshot,
    });
  }

  /** Puts the preimages of a block where they stay, and deletes those that it erases. Repeating it does no harm. */
  async keepBodies(block: OpenBlock, closing: Closing, blocks: OpenBlocks): Promise<void> {
    const { bodies } = this.#parts;
    const preimages = new Map<number, Uint8Array>();
    for (const index of block.summary.hiding.keys()) {
      const preimage = block.image.preimage(index - block.first);
      const isErased = block.erasures.has(index) || blocks.isErased(index);
      if (preimage !== undefined && !isErased) preimages.set(index, preimage);
    }
    if (preimages.size > 0) await bodies.put(closing.block.height, preimages);
    for (const [height, indexes] of this.#erasuresByBlock(block))
      await bodies.erase(height, indexes);
  }

  #erasuresByBlock(block: OpenBlock): Map<number, Set<number>> {
    const byBlock = new Map<number, Set<number>>();
    for (const index of block.erasures) {
      const height = index < block.first ? this.#parts.index.heightOf(index) : undefined;
      if (height === undefined) continue;
      byBlock.set(height, (byBlock.get(height) ?? new Set()).add(index));
    }
    return byBlock;
  }

  /** Builds the tiles of a block and makes them durable in the staging file. */
  async #stage(block: OpenBlock, root: Hash): Promise<Staging> {
    const { files, stagingPath } = this.#parts;
    const { count } = block.summary;
    const from = block.first;
    const to = from + count;
    if (this.#builder.size !== from) throw new Error("a block does not follow the one before");
    const staging = await Staging.begin(files, stagingPath, { from, to, root });
    // The partial tiles of a stretch are outgrown by the next one, but not on every level.
    const partials = new Map<TileLevel, TileFile>();
    for (let at = 0; at < count; at += STRETCH) {
      const tiles = this.#grow(block, at, Math.min(count, at + STRETCH));
      const full = tiles.filter(({ width }) => width === TILE_WIDTH);
      for (const { level } of full) partials.delete(level);
      for (const tile of tiles) if (tile.width < TILE_WIDTH) partials.set(tile.level, tile);
      await staging.add(full);
      await setImmediate();
    }
    await staging.add([...partials.values()]);
    await staging.finish();
    return staging;
  }

  #grow(block: OpenBlock, start: number, end: number): TileFile[] {
    const entries: Uint8Array[] = [];
    const leaves: Hash[] = [];
    const total = block.first + block.summary.count;
    const firstPartial = total - (total % TILE_WIDTH);
    for (let at = start; at < end; at++) {
      const entry = block.image.entry(at);
      const leaf = block.leaves.at(at);
      // The builder keeps what is in the last bundle; a view would keep the whole block in memory.
      const stays = block.first + at >= firstPartial;
      entries.push(stays ? entry.slice() : entry);
      leaves.push(stays ? (leaf.slice() as Hash) : leaf);
    }
    return this.#builder.grow(entries, leaves);
  }
}

/** A committed checkpoint, taken apart. */
export interface Committed {
  readonly checkpoint: Checkpoint;
  readonly note: string;
}

/**
 * Brings the archive level with the commit cell: the first thing that a start does.
 *
 * Gives what is committed, `undefined` for a log not yet begun. Throws `UserError` where the disk holds a publication
 * that the cell knows nothing of, or lacks the staging file of a commit that is not published.
 */
export async function settleCommit(
  parts: Pick<BlockWriterParts, "files" | "stagingPath" | "cell" | "archive" | "hasQuorum">,
): Promise<Committed | undefined> {
  const { files, stagingPath, cell, archive, hasQuorum } = parts;
  const committed = taken(await cell.read(), "The commit cell");
  const pending = taken(await archive.pending(), "The published checkpoint");
  const shown = taken(await archive.checkpoint(), "The published checkpoint");
  refuseAhead(pending, committed);
  refuseAhead(shown, committed);
  if (committed === undefined) return undefined;
  if (pending?.checkpoint.size !== committed.checkpoint.size) {
    const staging = await Staging.recover(files, stagingPath, {
      to: committed.checkpoint.size,
      root: committed.checkpoint.root,
    });
    if (staging === undefined) {
      throw new UserError(
        `The log is committed up to ${committed.checkpoint.size} entries, but the staged tiles for that are gone.`,
        { hint: "Restore the data folder, or follow the log from a peer's copy." },
      );
    }
    await staging.copyTiles((path, bytes) => archive.writeTile(path, bytes));
    await staging.close();
    await archive.publish(committed.note, hasQuorum);
  }
  await files.remove(stagingPath);
  return committed;
}

function taken(note: string | undefined, what: string): Committed | undefined {
  if (note === undefined) return undefined;
  const checkpoint = parseCheckpoint(note);
  if (checkpoint instanceof Fault) throw new UserError(`${what} is damaged: ${checkpoint.text}.`);
  return { checkpoint, note };
}

/** A publication that was never committed, or contradicts what is: going on would sign a second history. */
function refuseAhead(published: Committed | undefined, committed: Committed | undefined): void {
  if (published === undefined) return;
  const size = committed?.checkpoint.size ?? 0;
  const isAhead = published.checkpoint.size > size;
  const isOther =
    committed !== undefined &&
    published.checkpoint.size === size &&
    formatCheckpointText(published.checkpoint) !== formatCheckpointText(committed.checkpoint);
  if (!isAhead && !isOther) return;
  throw new UserError(
    `The published checkpoint of ${published.checkpoint.size} entries is not the committed one of ${size}: ` +
      "the data folder mixes two states of the log.",
    { hint: "Restore the whole data folder from one moment." },
  );
}
