/** An entry index that lasts as long as the process: for tests and simulated cities. */

import { encodeHex } from "../../ledger/bytes.ts";
import type { Hash } from "../../ledger/sha256.ts";
import type { Located } from "./block-summary.ts";
import type { EntryIndex, IndexCursor, IndexedBlock, IndexInput } from "./entry-index.ts";

/** See `EntryIndex`. */
export class MemoryEntryIndex implements EntryIndex {
  #cursor: IndexCursor | undefined;
  readonly #bySeq = new Map<string, Located>();
  readonly #byHash = new Map<string, number>();
  readonly #hiding = new Map<number, Uint8Array>();
  readonly #blocks: IndexedBlock[] = [];

  cursor(): IndexCursor | undefined {
    return this.#cursor;
  }

  findBySeq(kid: string, seq: number): Located | undefined {
    return this.#bySeq.get(`${kid}/${seq}`);
  }

  findByHash(hash: Hash): number | undefined {
    return this.#byHash.get(encodeHex(hash));
  }

  hiding(index: number): Uint8Array | undefined {
    return this.#hiding.get(index);
  }

  block(height: number): IndexedBlock | undefined {
    return this.#blocks[height];
  }

  heightOf(index: number): number | undefined {
    if (index < 0) return undefined;
    const height = this.#blocks.findIndex((block) => index <= block.index);
    return height === -1 ? undefined : height;
  }

  put({ summary, block, snapshot }: IndexInput): Promise<void> {
    for (const [kid, run] of summary.runs) {
      for (let i = 0; i < run.length; i += 2) {
        const index = run[i + 1]!;
        const hash = summary.hashes.at(index - summary.first).slice() as Hash;
        this.#bySeq.set(`${kid}/${run[i]!}`, { index, hash });
        this.#byHash.set(encodeHex(hash), index);
      }
    }
    for (const [index, bytes] of summary.hiding) this.#hiding.set(index, bytes.slice());
    this.#blocks[block.height] = block;
    this.#cursor = { size: block.index + 1, snapshot: snapshot.slice() };
    return Promise.resolve();
  }

  clear(): Promise<void> {
    this.#cursor = undefined;
    this.#bySeq.clear();
    this.#byHash.clear();
    this.#hiding.clear();
    this.#blocks.length = 0;
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
