/**
 * Proofs that an entry is in the log, as text: `.tlog-proof` files (C2SP tlog-proof; docs/formats.md, section 9).
 *
 * The specification is still moving, so nothing else knows the file's form. The same fact as COSE is receipt.ts's.
 */

import { decodeBase64, encodeBase64 } from "./bytes.ts";
import { parseDecimal, parseHash } from "./checkpoint.ts";
import type { OpenedCheckpoint } from "./checkpoint.ts";
import { Fault, malformedText } from "./fault.ts";
import { leafHash, PATH_HASHES_MAX, verifyInclusion } from "./merkle.ts";
import { NOTE_LENGTH_MAX } from "./note.ts";
import { openByPolicy } from "./policy.ts";
import type { Policy } from "./policy.ts";
import type { Hash } from "./sha256.ts";
import type { Verify } from "./signature.ts";

const FORMAT = "c2sp.org/tlog-proof@";
const HEADER = `${FORMAT}v1`;

/** Bound of a proof that is taken in, in UTF-16 units. */
export const PROOF_LENGTH_MAX: number = NOTE_LENGTH_MAX + 16_384;

/** A proof, taken apart and not verified. */
export interface TlogProof {
  readonly index: number;
  /** From the leaf's sibling to the root's child; at most 53 hashes. */
  readonly path: readonly Hash[];
  /** Opaque data that nobody has signed. */
  readonly extra?: Uint8Array | undefined;
  /** The checkpoint's note, whole. */
  readonly checkpoint: string;
}

/** What a verified proof shows: the entry stands at `index` of the log that `checkpoint` describes. */
export interface ProvenEntry {
  readonly index: number;
  readonly checkpoint: OpenedCheckpoint;
}

/** Writes a proof. */
export function formatProof(proof: TlogProof): string {
  const lines = [HEADER];
  if (proof.extra !== undefined) lines.push(`extra ${encodeBase64(proof.extra)}`);
  lines.push(`index ${proof.index}`, ...proof.path.map((hash) => encodeBase64(hash)));
  return `${lines.join("\n")}\n\n${proof.checkpoint}`;
}

/** Reads a proof without verifying it; the checkpoint is not looked at. */
export function parseProof(text: string): TlogProof | Fault {
  if (text.length > PROOF_LENGTH_MAX) {
    return malformedText(`a proof has at most ${PROOF_LENGTH_MAX} characters`);
  }
  const split = text.indexOf("\n\n");
  const lines = text.slice(0, Math.max(split, 0)).split("\n");
  const header = lines.shift();
  if (header !== HEADER) {
    return text.startsWith(FORMAT) && split >= 0
      ? new Fault("unknown-version", `expected ${HEADER}, got ${header}`)
      : malformedText(`a proof begins with ${HEADER} and has a blank line before its checkpoint`);
  }
  const extra = takeExtra(lines);
  const [, indexText = ""] = /^index (.*)$/.exec(lines.shift() ?? "") ?? [];
  const index = parseDecimal(indexText);
  if (extra instanceof Fault) return extra;
  if (index === undefined) return malformedText('a proof says "index <number>" before its path');
  const path = parsePath(lines, PATH_HASHES_MAX);
  if (path instanceof Fault) return path;
  return { index, path, ...(extra && { extra }), checkpoint: text.slice(split + 2) };
}

/** Takes the `extra` line off the beginning, if it is there. */
function takeExtra(lines: string[]): Uint8Array | undefined | Fault {
  if (!lines[0]?.startsWith("extra ")) return undefined;
  const extra = decodeBase64(lines.shift()!.slice("extra ".length));
  return extra ?? malformedText("the extra data of a proof are base64");
}

/** Reads lines that each hold one hash in base64. */
export function parsePath(lines: readonly string[], hashesMax: number): Hash[] | Fault {
  if (lines.length > hashesMax) return malformedText(`a path has at most ${hashesMax} hashes`);
  const path: Hash[] = [];
  for (const line of lines) {
    const hash = parseHash(line);
    if (hash === undefined) return malformedText("each line of a path is the base64 of 32 bytes");
    path.push(hash);
  }
  return path;
}

/**
 * Verifies that a trusted log holds `entry` at the index of the proof.
 *
 * Says nothing of what the entry means, nor of who made it. Faults: those of `openByPolicy`, and `not-included`.
 */
export function verifyProof(
  entry: Uint8Array,
  proof: TlogProof,
  policy: Policy,
  verify: Verify,
): ProvenEntry | Fault {
  const checkpoint = openByPolicy(proof.checkpoint, policy, verify);
  if (checkpoint instanceof Fault) return checkpoint;
  const { index, path } = proof;
  if (!verifyInclusion(leafHash(entry), index, checkpoint.size, path, checkpoint.root)) {
    return new Fault(
      "not-included",
      `the path does not lead from this entry at index ${index} to the root of size ${checkpoint.size}`,
    );
  }
  return { index, checkpoint };
}
