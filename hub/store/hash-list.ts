/** Many hashes in one buffer: an array of them would cost several times their bytes. */

import { equalBytes } from "../../ledger/bytes.ts";
import { HASH_BYTES } from "../../ledger/sha256.ts";
import type { Hash } from "../../ledger/sha256.ts";

const CAPACITY_MIN = 32;

/** A list of hashes that only grows. */
export class HashList {
  #bytes = new Uint8Array(CAPACITY_MIN * HASH_BYTES);
  #count = 0;

  get length(): number {
    return this.#count;
  }

  /** Appends a copy of a hash. */
  push(hash: Hash): void {
    const at = this.#count * HASH_BYTES;
    if (at === this.#bytes.length) {
      const larger = new Uint8Array(2 * at);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(hash, at);
    this.#count++;
  }

  /** The hash at a position, as a view. Throws `RangeError` outside the list. */
  at(position: number): Hash {
    if (!(position >= 0 && position < this.#count)) throw new RangeError(`no hash ${position}`);
    return this.#bytes.subarray(position * HASH_BYTES, (position + 1) * HASH_BYTES) as Hash;
  }

  /** The hashes `from` up to, not with, `to` as one run of bytes, a view. */
  slice(from: number, to: number): Uint8Array {
    return this.#bytes.subarray(from * HASH_BYTES, to * HASH_BYTES);
  }

  /** Where a hash stands; -1 where it does not. Looks at all of them. */
  indexOf(hash: Hash): number {
    const first = hash[0];
    for (let i = 0; i < this.#count; i++) {
      if (this.#bytes[i * HASH_BYTES] === first && equalBytes(this.at(i), hash)) return i;
    }
    return -1;
  }
}
