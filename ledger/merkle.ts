/**
 * The Merkle tree of the log (RFC 9162, 2.1; docs/formats.md, section 8): roots, paths, and their verification.
 *
 * Sizes and indexes go to 2^53-1, so all arithmetic on them is division and remainder, never bit operators, which
 * would cut them to 32 bits. Where the nodes of a large tree are kept is the business of tile.ts and its callers.
 */

import { equalBytes } from "./bytes.ts";
import { asHash, HASH_BYTES, sha256 } from "./sha256.ts";
import type { Hash } from "./sha256.ts";

/** The root of a tree without entries: SHA-256 of nothing. */
export const EMPTY_ROOT: Hash = sha256(new Uint8Array(0));

/** An inclusion path has at most one hash a level, and a tree of 2^53-1 leaves has 53. */
export const PATH_HASHES_MAX = 53;

/** A consistency proof may begin with one hash more, for the subtree where it starts. */
const PROOF_HASHES_MAX = PATH_HASHES_MAX + 1;

/** Hashes an entry into its leaf: `SHA-256(00 || entry)`. */
export function leafHash(entry: Uint8Array): Hash {
  const message = new Uint8Array(1 + entry.length);
  message.set(entry, 1);
  return sha256(message);
}

const nodeMessage = new Uint8Array(1 + 2 * HASH_BYTES);
nodeMessage[0] = 1;

/** Hashes two subtrees into their parent: `SHA-256(01 || left || right)`. */
export function nodeHash(left: Hash, right: Hash): Hash {
  nodeMessage.set(left, 1);
  nodeMessage.set(right, 1 + HASH_BYTES);
  return sha256(nodeMessage);
}

/** Joins the roots of complete subtrees, largest and leftmost first, into the root over all of them. */
function foldRight(roots: readonly Hash[]): Hash {
  let root = roots.at(-1);
  if (root === undefined) return EMPTY_ROOT;
  for (let i = roots.length - 2; i >= 0; i--) root = nodeHash(roots[i]!, root);
  return root;
}

/**
 * A growing tree of which only the right edge is remembered: the roots of the complete subtrees that make it up.
 *
 * Enough to give the root at every size on the way, in memory that grows with the logarithm of the size.
 */
export class MerkleFrontier {
  #size = 0;
  #roots: Hash[] = [];

  /**
   * Restores a frontier from `size` and what `hashes()` gave at that size.
   *
   * Throws `RangeError` where the number of hashes does not fit the size; whether they are the right ones, only the
   * root tells.
   */
  static from(size: number, hashes: readonly Uint8Array[]): MerkleFrontier {
    const subtrees = completeSubtrees(0, size).length;
    if (hashes.length !== subtrees) {
      throw new RangeError(`a tree of ${size} leaves has ${subtrees} roots, got ${hashes.length}`);
    }
    const frontier = new MerkleFrontier();
    frontier.#size = size;
    frontier.#roots = hashes.map(asHash);
    return frontier;
  }

  /** Restores the frontier of a tree of `size` leaves from its stored nodes. */
  static async read(size: number, read: NodeReader): Promise<MerkleFrontier> {
    const nodes = completeSubtrees(0, size);
    return MerkleFrontier.from(
      size,
      await Promise.all(nodes.map((node) => read(node.level, node.index))),
    );
  }

  /** The number of leaves. */
  get size(): number {
    return this.#size;
  }

  /** Appends one leaf. Throws `RangeError` beyond 2^53-1 leaves. */
  push(leaf: Hash): void {
    if (this.#size >= Number.MAX_SAFE_INTEGER) throw new RangeError("the tree is full");
    let carry = leaf;
    for (let n = this.#size; n % 2 === 1; n = half(n)) carry = nodeHash(this.#roots.pop()!, carry);
    this.#roots.push(carry);
    this.#size++;
  }

  /** Computes the root at the present size. */
  root(): Hash {
    return foldRight(this.#roots);
  }

  /** Gives the roots of the complete subtrees, largest first: with the size, all there is to restore from. */
  hashes(): Hash[] {
    return [...this.#roots];
  }

  /** Makes a frontier that grows on its own from here. */
  copy(): MerkleFrontier {
    return MerkleFrontier.from(this.#size, this.#roots);
  }
}

/** A complete subtree: the one that covers leaves `index * 2^level` up to, not with, `(index + 1) * 2^level`. */
export interface NodeId {
  readonly level: number;
  readonly index: number;
}

/**
 * Reads the root of a complete subtree of 2^level leaves, the `index`-th from the left.
 *
 * Asked only for subtrees that lie wholly inside the tree; called concurrently. Rejects if it cannot be read.
 */
export type NodeReader = (level: number, index: number) => Promise<Hash>;

/** Halves a size or index. Exact over the whole range. */
function half(n: number): number {
  return Math.floor(n / 2);
}

/** Splits the leaves [start, end) into complete subtrees, from the left; `start` divides by the largest of them. */
function completeSubtrees(start: number, end: number): NodeId[] {
  const nodes: NodeId[] = [];
  let at = start;
  let level = PATH_HASHES_MAX;
  for (let width = 2 ** level; at < end; width = half(width), level--) {
    if (width > end - at) continue;
    nodes.push({ level, index: at / width });
    at += width;
  }
  return nodes;
}

/** The largest power of two below `n`, for `n` above 1: where RFC 9162 splits a tree. */
function splitPoint(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

/** Reads the roots of several ranges of leaves at once, each given by the subtrees that make it up. */
async function readRoots(ranges: readonly NodeId[][], read: NodeReader): Promise<Hash[]> {
  return Promise.all(
    ranges.map(async (nodes) =>
      foldRight(await Promise.all(nodes.map((node) => read(node.level, node.index)))),
    ),
  );
}

/**
 * Makes the path from leaf `index` to the root of the tree of `size` leaves, the leaf's sibling first (RFC 9162, 2.1.3.1).
 *
 * Throws `RangeError` unless `0 <= index < size`.
 */
export async function inclusionPath(
  index: number,
  size: number,
  read: NodeReader,
): Promise<Hash[]> {
  if (!isIndex(index, size)) throw new RangeError(`no leaf ${index} in a tree of ${size}`);
  const ranges: NodeId[][] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + splitPoint(end - start);
    if (index < middle) {
      ranges.push(completeSubtrees(middle, end));
      end = middle;
    } else {
      ranges.push(completeSubtrees(start, middle));
      start = middle;
    }
  }
  return readRoots(ranges.reverse(), read);
}

/**
 * Makes the proof that the tree of `first` leaves is the beginning of the one of `second` (RFC 9162, 2.1.4.1).
 *
 * Empty for equal sizes. Throws `RangeError` unless `0 < first <= second`: every tree continues the empty one.
 */
export async function consistencyPath(
  first: number,
  second: number,
  read: NodeReader,
): Promise<Hash[]> {
  if (first === 0 || !isIndex(first - 1, second)) {
    throw new RangeError(`no proof leads from size ${first} to ${second}`);
  }
  const ranges: NodeId[][] = [];
  let start = 0;
  let end = second;
  while (end !== first) {
    const middle = start + splitPoint(end - start);
    if (first <= middle) {
      ranges.push(completeSubtrees(middle, end));
      end = middle;
    } else {
      ranges.push(completeSubtrees(start, middle));
      start = middle;
    }
  }
  // The verifier knows the first tree as a whole, so only a part of it has to be named.
  if (start > 0) ranges.push(completeSubtrees(start, end));
  return readRoots(ranges.reverse(), read);
}

function isIndex(index: number, size: number): boolean {
  return Number.isSafeInteger(index) && Number.isSafeInteger(size) && index >= 0 && index < size;
}

function areHashes(hashes: readonly Uint8Array[], max: number): boolean {
  return hashes.length <= max && hashes.every((hash) => hash.length === HASH_BYTES);
}

/**
 * Computes the root to which a path leads (RFC 9162, 2.1.3.2); `undefined` if no path of that length fits.
 *
 * An index outside the tree, the size itself included, fits none. Anything but 32 bytes is not a hash.
 */
export function rootOfInclusion(
  leaf: Uint8Array,
  index: number,
  size: number,
  path: readonly Uint8Array[],
): Hash | undefined {
  if (!isIndex(index, size) || !areHashes([leaf], 1)) return undefined;
  if (!areHashes(path, PATH_HASHES_MAX)) return undefined;
  let at = index;
  let last = size - 1;
  let root = leaf as Hash;
  for (const sibling of path as readonly Hash[]) {
    if (last === 0) return undefined;
    if (at % 2 === 1 || at === last) {
      root = nodeHash(sibling, root);
      // A last node without sibling rises until it is a right child.
      while (at % 2 === 0) [at, last] = [half(at), half(last)];
    } else root = nodeHash(root, sibling);
    [at, last] = [half(at), half(last)];
  }
  return last === 0 ? root : undefined;
}

/** Verifies that `leaf` stands at `index` in the tree of `size` leaves with this root. */
export function verifyInclusion(
  leaf: Uint8Array,
  index: number,
  size: number,
  path: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  const computed = rootOfInclusion(leaf, index, size, path);
  return computed !== undefined && equalBytes(computed, root);
}

/**
 * Gives the frontier of the leaves before `index`, taken from the inclusion path of that leaf.
 *
 * The left siblings on a path are the complete subtrees of exactly those leaves. The path must have been verified
 * for this index and size: of any other the result means nothing.
 */
export function frontierBefore(
  index: number,
  size: number,
  path: readonly Uint8Array[],
): MerkleFrontier {
  const lefts: Uint8Array[] = [];
  let at = index;
  let last = size - 1;
  for (const sibling of path) {
    if (at % 2 === 1 || at === last) {
      lefts.push(sibling);
      while (at % 2 === 0 && at > 0) [at, last] = [half(at), half(last)];
    }
    [at, last] = [half(at), half(last)];
  }
  return MerkleFrontier.from(index, lefts.reverse());
}

/**
 * Verifies that the tree of `first` leaves is the beginning of the one of `second` (RFC 9162, 2.1.4.2).
 *
 * Equal sizes need equal roots and an empty path. A `first` of 0 never verifies: such a proof would say nothing, and
 * who starts from nothing must say so. Anything but 32 bytes is not a root.
 */
export function verifyConsistency(
  first: number,
  firstRoot: Uint8Array,
  second: number,
  secondRoot: Uint8Array,
  path: readonly Uint8Array[],
): boolean {
  if (first === 0 || !isIndex(first - 1, second)) return false;
  if (!areHashes([firstRoot, secondRoot], 2) || !areHashes(path, PROOF_HASHES_MAX)) return false;
  if (first === second) return path.length === 0 && equalBytes(firstRoot, secondRoot);
  const roots = rootsOfConsistency(first, firstRoot as Hash, second, path as readonly Hash[]);
  return roots !== undefined && equalBytes(roots[0], firstRoot) && equalBytes(roots[1], secondRoot);
}

/** Computes both roots from the path, for `0 < first < second`; `undefined` if no path of that length fits. */
function rootsOfConsistency(
  first: number,
  firstRoot: Hash,
  second: number,
  path: readonly Hash[],
): [Hash, Hash] | undefined {
  let at = first - 1;
  let last = second - 1;
  while (at % 2 === 1) [at, last] = [half(at), half(last)];
  // At zero the first tree is complete, hence itself the subtree where the path starts.
  const hashes = at === 0 ? [firstRoot, ...path] : path;
  let [older, newer] = [hashes[0], hashes[0]];
  if (older === undefined || newer === undefined) return undefined;
  for (const hash of hashes.slice(1)) {
    if (last === 0) return undefined;
    if (at % 2 === 1 || at === last) {
      older = nodeHash(hash, older);
      newer = nodeHash(hash, newer);
      while (at % 2 === 0 && at > 0) [at, last] = [half(at), half(last)];
    } else newer = nodeHash(newer, hash);
    [at, last] = [half(at), half(last)];
  }
  return last === 0 ? [older, newer] : undefined;
}
