/**
 * Reading a hub's log: entries, blocks, proofs' nodes and checkpoints, wherever they lie at the moment.
 *
 * The open blocks answer from memory, sealed ones from the archive and the index. What the log takes in is log.ts's
 * matter, which builds on this.
 */

import type { Checkpoint } from "../ledger/checkpoint.ts";
import type { Seal } from "../ledger/kinds/seal.ts";
import type { LogState } from "../ledger/log-state.ts";
import type { NodeReader } from "../ledger/merkle.ts";
import type { Hash } from "../ledger/sha256.ts";
import type { Located } from "./store/block-summary.ts";
import type { IndexedBlock } from "./store/entry-index.ts";
import type { EvidenceStore } from "./store/evidence-store.ts";
import type { LogStore } from "./store/log-store.ts";

/** A block with its seal's fields: `size` and `root` are of the log before the seal. */
export interface SealedBlock extends Seal {
  /** Index of the seal. */
  readonly index: number;
  /** SHA-256 of the seal's statement: what the next seal names as `prev`. */
  readonly hash: Hash;
  /** The log with the seal: what `note` signs. */
  readonly checkpoint: Checkpoint;
  /** The checkpoint, signed by the hub. Absent where only a former key could, and its signature is not kept. */
  readonly note: string | undefined;
}

/** Notes that are kept at hand. */
const NOTES_KEPT = 64;

/** See the head of the file. */
export abstract class LogReader {
  protected readonly store: LogStore;
  readonly #notes = new Map<number, string>();

  protected constructor(store: LogStore) {
    this.store = store;
  }

  /** Signs a checkpoint with the hub's live key. */
  protected abstract sign(checkpoint: Checkpoint): string;

  /** What admission knows. Others only read it. */
  get state(): LogState {
    return this.store.state;
  }

  /** Entries that were there when the log was opened. */
  get openedSize(): number {
    return this.store.openedSize;
  }

  /** Entries that the index knew of then. More than were there are lost. */
  get indexedSize(): number {
    return this.store.indexedSize;
  }

  /** Entries that are in the archive: those of sealed, committed and published blocks. */
  get sealedSize(): number {
    return this.store.sealedSize;
  }

  /** Proofs of misbehaviour. */
  get evidence(): EvidenceStore {
    return this.store.evidence;
  }

  /** Reads tree nodes that are complete at the sealed size, as they are in every later one. */
  readonly nodes: NodeReader = (level, index) =>
    this.store.archive.nodes(this.sealedSize)(level, index);

  /** Reads an entry, sealed or not; `undefined` outside the log. The bytes are shared: nobody changes them. */
  async entry(index: number): Promise<Uint8Array | undefined> {
    if (!Number.isSafeInteger(index) || index < 0 || index >= this.state.size) return undefined;
    const block = this.store.blocks.blockOf(index);
    return block ? block.entry(index) : this.store.archive.entry(index, this.sealedSize);
  }

  /** Reads the entries `from` up to, not with, `to`, as far as there are any, sealed or not. */
  async *entries(from: number, to: number): AsyncGenerator<{ index: number; bytes: Uint8Array }> {
    let index = from;
    while (index < Math.min(to, this.state.size)) {
      const block = this.store.blocks.blockOf(index);
      if (block !== undefined) {
        yield { index, bytes: block.entry(index) };
        index++;
        continue;
      }
      const size = this.sealedSize;
      yield* this.store.archive.entries(index, Math.min(to, size), size);
      index = Math.min(to, size);
    }
  }

  /** Gives the preimage behind an entry; `undefined` where there is none, or it was erased. Who may see it is not asked. */
  async body(index: number): Promise<Uint8Array | undefined> {
    const { blocks, index: entries, bodies } = this.store;
    if (blocks.isErased(index)) return undefined;
    const block = blocks.blockOf(index);
    if (block !== undefined) return block.image.preimage(index - block.first);
    const height = entries.heightOf(index);
    return height === undefined ? undefined : bodies.get(height, index);
  }

  /** Finds the statement of a key with this number. */
  findBySeq(kid: string, seq: number): Located | undefined {
    return this.store.blocks.findBySeq(kid, seq) ?? this.store.index.findBySeq(kid, seq);
  }

  /** Finds the entry whose statement has this SHA-256. */
  findByHash(hash: Hash): number | undefined {
    return this.store.index.findByHash(hash) ?? this.store.blocks.findByHash(hash);
  }

  /** Gives the height of the sealed block that an entry is in; `undefined` for those not sealed yet. */
  heightOf(index: number): number | undefined {
    return index < this.sealedSize ? this.store.index.heightOf(index) : undefined;
  }

  /** Gives a sealed block by its height. */
  async block(height: number): Promise<SealedBlock | undefined> {
    const block = this.store.index.block(height);
    return block === undefined || block.index >= this.sealedSize
      ? undefined
      : this.showBlock(block);
  }

  /** Gives the sealed block that an entry is in. */
  async blockOf(index: number): Promise<SealedBlock | undefined> {
    const height = this.heightOf(index);
    return height === undefined ? undefined : this.block(height);
  }

  /** Gives the hub's checkpoint of a sealed size; `undefined` where no block ends there, or as for `SealedBlock.note`. */
  checkpointAt(size: number): string | undefined {
    const known = this.#notes.get(size);
    if (known !== undefined) return known;
    const height = this.heightOf(size - 1);
    const block = height === undefined ? undefined : this.store.index.block(height);
    return block?.index === size - 1 ? this.#noteOf(block) : undefined;
  }

  /**
   * Shows a checkpoint with its cosignatures as the log's, durably. For logs with a quorum.
   *
   * Its size must be sealed. The partial tiles that it needs stay from here on.
   */
  async show(note: string, size: number): Promise<void> {
    if (size > this.sealedSize) throw new Error(`no checkpoint of ${size} entries is sealed`);
    this.store.partials.pin([size]);
    await this.store.archive.publishCheckpoint(note);
  }

  /** Puts a block together as others see it. */
  protected showBlock(block: IndexedBlock): SealedBlock {
    const { sealedRoot, ...seal } = block;
    const checkpoint = { origin: this.state.origin, size: block.index + 1, root: sealedRoot };
    return { ...seal, checkpoint, note: this.#noteOf(block) };
  }

  /** The note of a block: as it was signed, else signed again, which gives the same bytes as long as the key is the same. */
  #noteOf(block: IndexedBlock): string | undefined {
    const size = block.index + 1;
    const known = block.note ?? this.#notes.get(size);
    if (known !== undefined) return known;
    const { origin, hub } = this.state;
    if (hub === undefined || size <= hub.enrolledAt) return undefined;
    const note = this.sign({ origin, size, root: block.sealedRoot });
    this.keepNote(size, note);
    return note;
  }

  /** Keeps a checkpoint at hand. */
  protected keepNote(size: number, note: string): void {
    this.#notes.set(size, note);
    const [oldest] = this.#notes.keys();
    if (this.#notes.size > NOTES_KEPT && oldest !== undefined) this.#notes.delete(oldest);
  }
}
