/**
 * Everything that a log lies in, opened in the order that a start needs.
 *
 * First the archive is brought level with the commit cell, then the index with the archive, then the journal is
 * replayed on top. What was sealed and not committed is left for the log to finish, since that takes its key.
 */

import { apply, judge } from "../../ledger/admission.ts";
import { parseCheckpoint } from "../../ledger/checkpoint.ts";
import type { Checkpoint } from "../../ledger/checkpoint.ts";
import { Refusal } from "../../ledger/errors.ts";
import { Fault } from "../../ledger/fault.ts";
import { decodeErase } from "../../ledger/kinds/erase.ts";
import { snapshotState } from "../../ledger/log-state.ts";
import type { LogState } from "../../ledger/log-state.ts";
import type { Verify } from "../../ledger/signature.ts";
import { decodeStatement } from "../../ledger/statement.ts";
import type { Files } from "../../platform/files.ts";
import type { Logger } from "../../platform/log.ts";
import { UserError } from "../../platform/user-error.ts";
import { Archive } from "./archive.ts";
import { BlockWriter, settleCommit } from "./block-writer.ts";
import type { Committed } from "./block-writer.ts";
import { Bodies } from "./bodies.ts";
import { condemn, openDerived } from "./index-guard.ts";
import { restored, stateAt } from "./catch-up.ts";
import { FileCommitCell } from "./commit-cell.ts";
import type { CommitCell } from "./commit-cell.ts";
import type { EntryIndex } from "./entry-index.ts";
import { EvidenceStore } from "./evidence-store.ts";
import { Journal } from "./journal.ts";
import type { SegmentImage } from "./journal-format.ts";
import { layoutOf } from "./layout.ts";
import { LmdbEntryIndex } from "./lmdb-entry-index.ts";
import { OpenBlock, OpenBlocks } from "./open-block.ts";
import { CHECKPOINTS_KEPT, PartialTiles } from "./partial-tiles.ts";

/** What the store of a log is made of. */
export interface LogStoreParts {
  readonly files: Files;
  readonly folder: string;
  readonly verify: Verify;
  readonly logger: Logger;
  readonly hasQuorum?: boolean | undefined;
  readonly cell?: CommitCell | undefined;
  readonly openIndex?: ((path: string) => Promise<EntryIndex>) | undefined;
}

interface Pieces {
  readonly committed: Committed | undefined;
  readonly state: LogState;
  readonly journal: Journal;
  readonly archive: Archive;
  readonly bodies: Bodies;
  readonly evidence: EvidenceStore;
  readonly index: EntryIndex;
  readonly writer: BlockWriter;
  readonly partials: PartialTiles;
  readonly indexedSize: number;
  readonly logger: Logger;
}

/** See the head of the file. */
export class LogStore {
  /** What was committed when it was opened. */
  readonly committed: Committed | undefined;
  readonly state: LogState;
  readonly blocks: OpenBlocks = new OpenBlocks();
  readonly journal: Journal;
  readonly archive: Archive;
  readonly bodies: Bodies;
  readonly evidence: EvidenceStore;
  readonly index: EntryIndex;
  readonly writer: BlockWriter;
  readonly partials: PartialTiles;
  readonly #logger: Logger;
  /** Entries that the index knew of when it was opened; more than `openedSize` means that the journal has lost some. */
  readonly indexedSize: number;
  #openedSize = 0;
  #sealedSize: number;
  #collecting: Promise<void> = Promise.resolve();

  private constructor(pieces: Pieces) {
    this.committed = pieces.committed;
    this.state = pieces.state;
    this.journal = pieces.journal;
    this.archive = pieces.archive;
    this.bodies = pieces.bodies;
    this.evidence = pieces.evidence;
    this.index = pieces.index;
    this.writer = pieces.writer;
    this.partials = pieces.partials;
    this.#logger = pieces.logger;
    this.indexedSize = pieces.indexedSize;
    this.#sealedSize = pieces.state.size;
  }

  /** Opens the store of a data folder, that of an empty log where there is none. Throws `UserError` for a damaged one. */
  static async open(parts: LogStoreParts): Promise<LogStore> {
    const { files, folder, logger, hasQuorum = false } = parts;
    const layout = layoutOf(folder);
    for (const path of [layout.log, layout.bodies, layout.evidence]) await files.makeFolder(path);
    const archive = new Archive(files, layout.log);
    const cell = parts.cell ?? new FileCommitCell(files, layout.commit);
    const committing = { files, stagingPath: layout.staging, cell, archive, hasQuorum };
    const committed = await settleCommit(committing);
    const { index, state, indexed } = await openLevel(parts, layout.index, {
      committed: committed?.checkpoint,
      archive,
    });
    try {
      const bodies = new Bodies(files, layout.bodies);
      const writer = await BlockWriter.open({ ...committing, bodies, index }, committed);
      const evidence = await EvidenceStore.open(files, layout.evidence, logger);
      const partials = new PartialTiles(files, layout.log, (path) => archive.forgetFolder(path));
      // Where a quorum decides what is shown, that may lag behind by any number of blocks.
      const shown = await archive.checkpoint();
      const checkpoint = shown === undefined ? undefined : parseCheckpoint(shown);
      if (checkpoint && !(checkpoint instanceof Fault)) partials.pin([checkpoint.size]);
      const journal = await Journal.open(files, layout.journal);
      const store = new LogStore({
        committed,
        state,
        journal,
        archive,
        bodies,
        evidence,
        index,
        writer,
        partials,
        indexedSize: indexed,
        logger,
      });
      await store.#recover(parts.verify);
      store.#openedSize = state.size;
      return store;
    } catch (error) {
      await index.close();
      throw error;
    }
  }

  /** Entries, sealed or not, that were there when it was opened. */
  get openedSize(): number {
    return this.#openedSize;
  }

  /** Entries that are in the archive. */
  get sealedSize(): number {
    return this.#sealedSize;
  }

  /** Gives an entry that an erasure may name. */
  hiding(index: number): Uint8Array | undefined {
    const block = this.blocks.blockOf(index);
    return block === undefined ? this.index.hiding(index) : block.summary.hiding.get(index);
  }

  /** Lets go of a block that is written: the archive and the index answer for it from here on. */
  async retire(block: OpenBlock): Promise<void> {
    this.#sealedSize = block.first + block.summary.count;
    this.blocks.shift();
    await this.journal.dropOldest();
    this.partials.note(this.#sealedSize);
    this.#collecting = this.#collecting
      .then(() => this.partials.collect())
      .catch((error: unknown) => {
        // Files too many harm nobody; the next block tries again.
        this.#logger.warn({ error }, "partial tiles could not be collected");
      });
  }

  async close(): Promise<void> {
    await this.#collecting;
    await this.journal.close();
    await this.index.close();
  }

  /** Replays the journal on top of what is committed. */
  async #recover(verify: Verify): Promise<void> {
    this.#noteCheckpoints();
    const spent: OpenBlock[] = [];
    for (const image of this.journal.images) {
      if (image.first < this.#sealedSize) spent.push(this.#spentBlock(image));
      else this.#replay(image, verify);
    }
    for (const block of spent) {
      // The hub ended between commit and here: whether the bodies were put away is not known, so they are again.
      await this.writer.keepBodies(block, block.closing!, this.blocks);
      await this.journal.dropOldest();
    }
    const last = this.journal.images.at(-1);
    const isOpen =
      last !== undefined && last.first + last.count > (this.state.head?.index ?? -1) + 1;
    const isEmpty = last?.count === 0;
    if (!isOpen && !isEmpty) this.blocks.push(new OpenBlock(this.journal.begin(this.state.size)));
  }

  /** Tells the collector of partial tiles which checkpoints came last; twice as many as it keeps, as it may be behind. */
  #noteCheckpoints(): void {
    const newest = this.state.head?.height ?? -1;
    for (let height = Math.max(0, newest + 1 - 2 * CHECKPOINTS_KEPT); height <= newest; height++) {
      const block = this.index.block(height);
      if (block !== undefined) this.partials.note(block.index + 1);
    }
  }

  /** Takes apart the segment of a block that is committed already. */
  #spentBlock(image: SegmentImage): OpenBlock {
    const height = this.index.heightOf(image.first);
    const indexed = height === undefined ? undefined : this.index.block(height);
    if (indexed?.first !== image.first || indexed.count + 1 !== image.count) throw contradiction();
    const block = new OpenBlock(image);
    for (let at = 0; at < image.count; at++) {
      const statement = decodeStatement(image.entry(at));
      if (statement instanceof Refusal) throw contradiction();
      block.summary.add(statement, image.entry(at));
      const erase = statement.kind === "erase" ? decodeErase(statement.payload) : undefined;
      if (erase !== undefined && !(erase instanceof Refusal)) block.erasures.add(erase.entry);
    }
    block.closing = { block: indexed, snapshot: new Uint8Array(0) };
    return block;
  }

  /** Admits the entries of a segment again, signatures and all: the journal is no more trusted than the wire. */
  #replay(image: SegmentImage, verify: Verify): void {
    const { state } = this;
    if (image.first !== state.size) throw contradiction();
    const block = new OpenBlock(image);
    this.blocks.push(block);
    for (let at = 0; at < image.count; at++) {
      if (block.closing !== undefined) throw contradiction();
      const admission = judge(state, image.entry(at), {
        verify,
        entry: (index) => this.hiding(index),
      });
      if (admission instanceof Refusal) {
        const { code, text } = admission;
        throw new UserError(
          `Entry ${image.first + at} of the journal is refused: ${code}: ${text}.`,
        );
      }
      block.take(admission, apply(state, admission));
      if (admission.effect.kind === "seal")
        block.close(snapshotState(state), state.frontier.root());
    }
  }
}

interface Level {
  readonly index: EntryIndex;
  readonly state: LogState;
  /** Entries that the index knew of before it was brought level. */
  readonly indexed: number;
}

/** Opens the index and brings it level with the archive. One that is damaged is made again from the log. */
async function openLevel(
  parts: LogStoreParts,
  path: string,
  log: { committed: Checkpoint | undefined; archive: Archive },
): Promise<Level> {
  const { files, logger, openIndex } = parts;
  const levelled = async (index: EntryIndex): Promise<Level> => {
    const indexed = indexedOf(index, log.committed);
    return { index, indexed, state: await stateAt(log.committed, { ...log, index, logger }) };
  };
  if (openIndex !== undefined) {
    const index = await openIndex(path);
    return levelled(index).catch(async (error: unknown) => {
      await index.close();
      throw error;
    });
  }
  const place = { files, path, logger };
  return openDerived(place, async (isProven) => {
    const index = await LmdbEntryIndex.open(path, () => condemn(place));
    try {
      await index.probe();
      await isProven();
      return await levelled(index);
    } catch (error) {
      index.abandon();
      throw error;
    }
  });
}

/** How many entries of this log the index knows of; none where it is of another one. */
function indexedOf(index: EntryIndex, committed: Checkpoint | undefined): number {
  const cursor = index.cursor();
  if (cursor === undefined || committed === undefined) return 0;
  return restored(cursor.snapshot)?.origin === committed.origin ? cursor.size : 0;
}

function contradiction(): UserError {
  return new UserError("The journal does not continue the committed log.", {
    hint: "Restore the whole data folder from one moment.",
  });
}
