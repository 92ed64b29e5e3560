/** Blocks that are not yet committed, published and indexed: the open one, and before it one that is being sealed. */

import type { Admission } from "../../ledger/admission.ts";
import type { Seal } from "../../ledger/kinds/seal.ts";
import type { Hash } from "../../ledger/sha256.ts";
import { BlockSummary, mayHide } from "./block-summary.ts";
import type { Located } from "./block-summary.ts";
import type { IndexedBlock } from "./entry-index.ts";
import { HashList } from "./hash-list.ts";
import type { SegmentImage } from "./journal-format.ts";

/** What is fixed at the moment of sealing. */
export interface Closing {
  readonly block: Omit<IndexedBlock, "note">;
  /** `snapshotState` right behind the seal. */
  readonly snapshot: Uint8Array;
}

/** A block in memory. Its entries' bytes are the journal's. */
export class OpenBlock {
  readonly image: SegmentImage;
  readonly summary: BlockSummary;
  readonly leaves: HashList = new HashList();
  /** Entries, of this block or earlier ones, whose preimages an entry of this block erases. */
  readonly erasures: Set<number> = new Set();
  /** Set by `close`, after which nothing is added. */
  closing: Closing | undefined;
  #seal: { seal: Seal; hash: Hash } | undefined;

  constructor(image: SegmentImage) {
    this.image = image;
    this.summary = new BlockSummary(image.first);
  }

  /** Index of the first entry. */
  get first(): number {
    return this.image.first;
  }

  /** Notes the entry that the journal's image has got last, once it is part of the state. */
  take({ index, statement, effect }: Admission, leaf: Hash): void {
    this.summary.add(statement, mayHide(statement.kind) ? this.entry(index) : undefined);
    this.leaves.push(leaf);
    if (effect.kind === "erase") this.erasures.add(effect.erase.entry);
    if (effect.kind === "seal") this.#seal = { seal: effect.seal, hash: statement.hash };
  }

  /** Closes the block behind its seal. `sealedRoot` and `snapshot` are of the log with the seal. */
  close(snapshot: Uint8Array, sealedRoot: Hash): void {
    if (this.#seal === undefined) throw new Error("a block closes with its seal");
    const { seal, hash } = this.#seal;
    this.closing = { block: { ...seal, index: seal.size, hash, sealedRoot }, snapshot };
  }

  /** Says whether an entry is in this block. */
  has(index: number): boolean {
    return index >= this.first && index < this.first + this.summary.count;
  }

  /** The bytes of an entry of this block, as a view. */
  entry(index: number): Uint8Array {
    return this.image.entry(index - this.first);
  }
}

/** The open block and those before it that the archive does not show yet, oldest first. */
export class OpenBlocks {
  readonly #blocks: OpenBlock[] = [];

  /** Adds a block behind the others, which from now on is the open one. */
  push(block: OpenBlock): void {
    this.#blocks.push(block);
  }

  /** Forgets the oldest: the archive and the index know it now. */
  shift(): void {
    this.#blocks.shift();
  }

  /** The block that takes entries. Throws before there is one. */
  get current(): OpenBlock {
    const block = this.#blocks.at(-1);
    if (block === undefined) throw new Error("there is no open block");
    return block;
  }

  /** The oldest block that has a seal and is not archived yet. */
  get sealed(): OpenBlock | undefined {
    const oldest = this.#blocks[0];
    return oldest?.closing === undefined ? undefined : oldest;
  }

  /** The block that an entry is in; `undefined` for those in the archive, and for none. */
  blockOf(index: number): OpenBlock | undefined {
    return this.#blocks.find((block) => block.has(index));
  }

  findBySeq(kid: string, seq: number): Located | undefined {
    for (const block of this.#blocks) {
      const found = block.summary.findBySeq(kid, seq);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  findByHash(hash: Hash): number | undefined {
    for (const block of this.#blocks) {
      const found = block.summary.findByHash(hash);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Says whether an entry of these blocks erases what stands behind entry `index`. */
  isErased(index: number): boolean {
    return this.#blocks.some((block) => block.erasures.has(index));
  }
}
