/**
 * Checkpoints: a log's signature over its size and root (C2SP tlog-checkpoint 1.x; docs/formats.md, section 8).
 *
 * Opening a checkpoint parses it and verifies every line whose key is trusted. How many cosigners are enough is
 * policy.ts's business; that one checkpoint continues another is merkle.ts's.
 */

import { decodeBase64, encodeBase64 } from "./bytes.ts";
import { verifyCosignature } from "./cosignature.ts";
import { Fault, malformedText } from "./fault.ts";
import {
  formatNote,
  isKeyName,
  isSignedAs,
  parseNote,
  signNoteText,
  TYPE_ED25519,
  verifyNoteSignature,
} from "./note.ts";
import type { Note, Vkey } from "./note.ts";
import { HASH_BYTES } from "./sha256.ts";
import type { Hash } from "./sha256.ts";
import type { Signer, Verify } from "./signature.ts";

/** What a log says of itself: so many entries, with this root. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Hash;
}

/** A cosignature that has been verified. */
export interface VerifiedCosignature {
  readonly vkey: Vkey;
  /** When the cosigner says it signed, in POSIX seconds. */
  readonly timeSeconds: number;
}

/** A checkpoint that a trusted key of its log has signed. */
export interface OpenedCheckpoint extends Checkpoint {
  /** The signed text, which cosigners sign too. */
  readonly text: string;
  /** The whole note, as it came. */
  readonly note: string;
  /** The trusted log keys whose signatures were verified, each once; at least one. */
  readonly signers: readonly Vkey[];
  /** The trusted cosigners whose lines were verified, each once, with the latest of its times. */
  readonly cosignatures: readonly VerifiedCosignature[];
}

/** Writes the text that is signed: `<origin>\n<size>\n<base64 root>\n`. */
export function formatCheckpointText(checkpoint: Checkpoint): string {
  return `${checkpoint.origin}\n${checkpoint.size}\n${encodeBase64(checkpoint.root)}\n`;
}

/** Reads a decimal without leading zeros up to 2^53-1, as sizes and indexes are written; `undefined` for other text. */
export function parseDecimal(text: string): number | undefined {
  if (!/^(0|[1-9][0-9]{0,15})$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Reads a base64 line that holds one hash; `undefined` for anything else. */
export function parseHash(text: string): Hash | undefined {
  const bytes = decodeBase64(text);
  return bytes?.length === HASH_BYTES ? (bytes as Uint8Array as Hash) : undefined;
}

/** Reads a checkpoint's text. Extension lines are not part of this ledger and are refused. */
export function parseCheckpointText(text: string): Checkpoint | Fault {
  const [origin = "", sizeText = "", rootText = "", end, ...rest] = text.split("\n");
  const size = parseDecimal(sizeText);
  const root = parseHash(rootText);
  if (!isKeyName(origin) || size === undefined || root === undefined) {
    return malformedText("a checkpoint begins with lines of origin, size and base64 root");
  }
  if (end !== "" || rest.length > 0) {
    return malformedText(
      "a checkpoint of this ledger ends after its root, without extension lines",
    );
  }
  return { origin, size, root };
}

/** Reads the checkpoint in a note without verifying anything: only to find out whose keys to look for. */
export function parseCheckpoint(note: string): (Checkpoint & Note) | Fault {
  const parsed = parseNote(note);
  if (parsed instanceof Fault) return parsed;
  const checkpoint = parseCheckpointText(parsed.text);
  return checkpoint instanceof Fault ? checkpoint : { ...checkpoint, ...parsed };
}

/** Signs a checkpoint with the log's key and gives the whole note. */
export function signCheckpoint(checkpoint: Checkpoint, signer: Signer): string {
  const text = formatCheckpointText(checkpoint);
  return formatNote(text, [signNoteText(text, checkpoint.origin, signer)]);
}

/**
 * Opens a checkpoint with trusted keys: type 01 for logs, type 04 for cosigners.
 *
 * Lines of unknown keys are ignored. A line of a known key that fails refuses the whole note (`bad-signature`), and so
 * does the lack of any log key (`untrusted`). A log key signs for the origin it is named after and for no other.
 */
export function openCheckpoint(
  note: string,
  trusted: readonly Vkey[],
  verify: Verify,
): OpenedCheckpoint | Fault {
  const parsed = parseCheckpoint(note);
  if (parsed instanceof Fault) return parsed;
  const signers = new Set<Vkey>();
  const times = new Map<Vkey, number>();
  for (const line of parsed.signatures) {
    const vkey = trusted.find((candidate) => isSignedAs(line, candidate));
    if (vkey === undefined) continue;
    if (vkey.type === TYPE_ED25519) {
      if (!verifyNoteSignature(parsed.text, line, vkey, verify)) {
        return new Fault("bad-signature", `the signature of ${line.name} does not hold`);
      }
      if (vkey.name === parsed.origin) signers.add(vkey);
    } else {
      const cosignature = verifyCosignature(parsed.text, line, vkey, verify);
      if (cosignature instanceof Fault) return cosignature;
      times.set(vkey, Math.max(cosignature.timeSeconds, times.get(vkey) ?? 0));
    }
  }
  if (signers.size === 0) return untrusted(parsed.origin, trusted);
  return {
    origin: parsed.origin,
    size: parsed.size,
    root: parsed.root,
    text: parsed.text,
    note,
    signers: [...signers],
    cosignatures: [...times].map(([vkey, timeSeconds]) => ({ vkey, timeSeconds })),
  };
}

function untrusted(origin: string, trusted: readonly Vkey[]): Fault {
  const logs = trusted.filter((vkey) => vkey.type === TYPE_ED25519);
  if (logs.length > 0 && logs.every((vkey) => vkey.name !== origin)) {
    return new Fault(
      "wrong-origin",
      `a checkpoint of ${origin}, and no key of that log is trusted`,
    );
  }
  return new Fault("untrusted", `no trusted key of ${origin} has signed the checkpoint`);
}
