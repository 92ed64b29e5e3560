/**
 * The Merkle tree as RFC 9162, 2.1 writes it down: recursive, slow, and plain enough to be believed.
 *
 * What the fast one of ledger/merkle.ts is held against.
 */
import { createHash } from "node:crypto";
import type { NodeReader } from "../../ledger/merkle.ts";
import { asHash } from "../../ledger/sha256.ts";
import type { Hash } from "../../ledger/sha256.ts";

function sha256(...parts: readonly Uint8Array[]): Hash {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return asHash(new Uint8Array(hash.digest()));
}

/** MTH(D[n]), 2.1.1. */
export function referenceRoot(entries: readonly Uint8Array[]): Hash {
  if (entries.length === 0) return sha256();
  if (entries.length === 1) return sha256(Uint8Array.of(0), entries[0]!);
  const k = split(entries.length);
  const [left, right] = [entries.slice(0, k), entries.slice(k)];
  return sha256(Uint8Array.of(1), referenceRoot(left), referenceRoot(right));
}

/** PATH(m, D[n]), 2.1.3.1. */
export function referencePath(m: number, entries: readonly Uint8Array[]): Hash[] {
  if (entries.length === 1) return [];
  const k = split(entries.length);
  const [left, right] = [entries.slice(0, k), entries.slice(k)];
  return m < k
    ? [...referencePath(m, left), referenceRoot(right)]
    : [...referencePath(m - k, right), referenceRoot(left)];
}

/** PROOF(m, D[n]), 2.1.4.1. */
export function referenceProof(m: number, entries: readonly Uint8Array[]): Hash[] {
  return subproof(m, entries, true);
}

function subproof(m: number, entries: readonly Uint8Array[], isWhole: boolean): Hash[] {
  if (m === entries.length) return isWhole ? [] : [referenceRoot(entries)];
  const k = split(entries.length);
  const [left, right] = [entries.slice(0, k), entries.slice(k)];
  return m <= k
    ? [...subproof(m, left, isWhole), referenceRoot(right)]
    : [...subproof(m - k, right, false), referenceRoot(left)];
}

/** The largest power of two below n. */
function split(n: number): number {
  let k = 1;
  while (2 * k < n) k *= 2;
  return k;
}

/** Reads nodes straight from the entries. Rejects for a node that is not wholly inside, as any reader should. */
export function referenceNodes(entries: readonly Uint8Array[]): NodeReader {
  return (level, index) => {
    const width = 2 ** level;
    const under = entries.slice(index * width, (index + 1) * width);
    return under.length === width
      ? Promise.resolve(referenceRoot(under))
      : Promise.reject(new RangeError(`no node ${index} of level ${level}`));
  };
}
