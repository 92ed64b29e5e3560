/**
 * Preimages of restricted packs and enrolments: what the log only commits to, and all that can ever be erased
 * (docs/formats.md, section 7).
 *
 * One file a block: version, then `index || length || bytes` for each preimage. Until its block is sealed a preimage
 * lies in the journal, beside its statement and under the same sync. Who may read one is decided elsewhere.
 */

import { join } from "node:path";
import { concatBytes } from "../../ledger/bytes.ts";
import type { Files } from "../../platform/files.ts";
import { getInteger, INDEX_BYTES, putInteger } from "./integers.ts";

const BODIES_VERSION = 1;
const HEAD_BYTES = INDEX_BYTES + 2;
const BLOCKS_PER_FOLDER = 1000;
const PRIVATE_MODE = 0o600;

/** See the head of the file. Calls for one block do not overlap. */
export class Bodies {
  readonly #files: Files;
  readonly #folder: string;

  constructor(files: Files, folder: string) {
    this.#files = files;
    this.#folder = folder;
  }

  /** Keeps the preimages of a block by the index of their entry, durably, in place of what is there. */
  async put(height: number, preimages: ReadonlyMap<number, Uint8Array>): Promise<void> {
    const path = this.#pathOf(height);
    if (preimages.size === 0) {
      await this.#files.remove(path);
      return;
    }
    const parts: Uint8Array[] = [Uint8Array.of(BODIES_VERSION)];
    for (const [index, bytes] of preimages) {
      const head = new Uint8Array(HEAD_BYTES);
      putInteger(head, 0, INDEX_BYTES, index);
      putInteger(head, INDEX_BYTES, 2, bytes.length);
      parts.push(head, bytes);
    }
    await this.#files.makeFolder(this.#folderOf(height));
    await this.#files.write(path, concatBytes(...parts), { mode: PRIVATE_MODE });
  }

  /** Gives the preimage behind an entry of a block; `undefined` where there is none, or it was erased. */
  async get(height: number, index: number): Promise<Uint8Array | undefined> {
    return (await this.#read(height)).get(index);
  }

  /** Deletes preimages of a block, durably. Those that are not there are fine. */
  async erase(height: number, indexes: ReadonlySet<number>): Promise<void> {
    const preimages = await this.#read(height);
    const left = new Map([...preimages].filter(([index]) => !indexes.has(index)));
    // The file is replaced as a whole: its old content is given back to the disk with the old file.
    if (left.size < preimages.size) await this.put(height, left);
  }

  async #read(height: number): Promise<Map<number, Uint8Array>> {
    const bytes = await this.#files.read(this.#pathOf(height));
    const preimages = new Map<number, Uint8Array>();
    if (bytes === undefined) return preimages;
    if (bytes[0] !== BODIES_VERSION)
      throw new Error(`${this.#pathOf(height)} is of another version`);
    for (let at = 1; at < bytes.length;) {
      const start = at + HEAD_BYTES;
      const end = start + getInteger(bytes, at + INDEX_BYTES, 2);
      preimages.set(getInteger(bytes, at, INDEX_BYTES), bytes.subarray(start, end));
      at = end;
    }
    return preimages;
  }

  #folderOf(height: number): string {
    return join(this.#folder, String(Math.floor(height / BLOCKS_PER_FOLDER)));
  }

  #pathOf(height: number): string {
    return join(this.#folderOf(height), String(height));
  }
}
