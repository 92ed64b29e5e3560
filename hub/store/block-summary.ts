/**
 * What is looked up of a block's entries: by key and number, by hash, and what an erasure may refer to.
 *
 * Answers for the open block, from memory; once the block is sealed the same goes into the entry index.
 */

import type { Kind } from "../../ledger/kinds/kind.ts";
import type { Hash } from "../../ledger/sha256.ts";
import type { Statement } from "../../ledger/statement.ts";
import { HashList } from "./hash-list.ts";

/** Where a statement stands. */
export interface Located {
  readonly index: number;
  /** SHA-256 of the statement. */
  readonly hash: Hash;
}

/** Says whether an entry of this kind may hide something, and so be named by an erasure. */
export function mayHide(kind: Kind): boolean {
  return kind === "salted" || kind === "enrol";
}

/** The entries of one block, in the order of their indexes. */
export class BlockSummary {
  /** Index of the first entry. */
  readonly first: number;
  readonly hashes: HashList = new HashList();
  /** Of each kid the entries as `seq, index, seq, index, …`, ascending. */
  readonly runs: Map<string, number[]> = new Map();
  /** Entries that may hide something, and so be named by an erasure. */
  readonly hiding: Map<number, Uint8Array> = new Map();

  constructor(first: number) {
    this.first = first;
  }

  get count(): number {
    return this.hashes.length;
  }

  /** Adds the next entry. `bytes` are the statement's; they are needed, and kept, only where `mayHide` says so. */
  add(statement: Statement, bytes: Uint8Array | undefined): void {
    const index = this.first + this.count;
    this.hashes.push(statement.hash);
    const run = this.runs.get(statement.kid);
    if (run === undefined) this.runs.set(statement.kid, [statement.seq, index]);
    else run.push(statement.seq, index);
    if (bytes !== undefined && mayHide(statement.kind)) this.hiding.set(index, bytes);
  }

  /** Finds the statement of a key with this number. */
  findBySeq(kid: string, seq: number): Located | undefined {
    const run = this.runs.get(kid);
    const index = run === undefined ? undefined : findInRun(run, seq);
    return index === undefined ? undefined : { index, hash: this.hashes.at(index - this.first) };
  }

  /** Finds the entry whose statement has this hash. */
  findByHash(hash: Hash): number | undefined {
    const at = this.hashes.indexOf(hash);
    return at === -1 ? undefined : this.first + at;
  }
}

/** Searches `seq, index, seq, index, …` for a `seq` and gives its index. */
export function findInRun(run: readonly number[], seq: number): number | undefined {
  let low = 0;
  let high = run.length / 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (run[2 * middle]! < seq) low = middle + 1;
    else high = middle;
  }
  return run[2 * low] === seq ? run[2 * low + 1] : undefined;
}
