/**
 * Evidence files: `.evidence.json`, everything that a stranger needs to check one statement offline
 * (docs/formats.md, section 9).
 *
 * The form only. What goes into one, and what it shows, is evidence.ts's business.
 */

import { decodeBase64, encodeBase64 } from "./bytes.ts";
import { parseHash } from "./checkpoint.ts";
import { Fault, malformedText } from "./fault.ts";
import { STATEMENT_BYTES_MAX } from "./limits.ts";
import { PATH_HASHES_MAX } from "./merkle.ts";
import { NOTE_LENGTH_MAX } from "./note.ts";
import type { Hash } from "./sha256.ts";

const FORMAT = "evidence/";
const VERSION = `${FORMAT}v1`;

/** Bound of a file that is taken in, in UTF-16 units: some thousand entries with their paths. */
export const EVIDENCE_LENGTH_MAX = 8_388_608;

/** An entry of the log with the path that leads to the root of the evidence's checkpoint. */
export interface EvidenceEntry {
  readonly index: number;
  readonly entry: Uint8Array;
  readonly path: readonly Hash[];
}

/** An evidence file, taken apart and not verified. */
export interface Evidence {
  /** The checkpoint's note, whole. */
  readonly checkpoint: string;
  /** In ascending order of index, none twice. */
  readonly entries: readonly EvidenceEntry[];
}

/** Writes an evidence file. Equal evidence gives equal text. */
export function formatEvidence(evidence: Evidence): string {
  const file = {
    kerbstone: VERSION,
    checkpoint: evidence.checkpoint,
    entries: evidence.entries.map(({ index, entry, path }) => ({
      index,
      entry: encodeBase64(entry),
      path: path.map((hash) => encodeBase64(hash)),
    })),
  };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

/** Reads an evidence file without verifying it. It has exactly the members of version 1, entries in order. */
export function parseEvidence(text: string): Evidence | Fault {
  if (text.length > EVIDENCE_LENGTH_MAX) {
    return malformedText(`an evidence file has at most ${EVIDENCE_LENGTH_MAX} characters`);
  }
  const file = parseJson(text);
  if (!isRecord(file) || typeof file["kerbstone"] !== "string") {
    return malformedText(`an evidence file is a JSON object that says "kerbstone": "${VERSION}"`);
  }
  if (file["kerbstone"] !== VERSION) {
    return file["kerbstone"].startsWith(FORMAT)
      ? new Fault("unknown-version", `expected ${VERSION}, got ${file["kerbstone"]}`)
      : malformedText(`"${file["kerbstone"]}" is another kind of file`);
  }
  const { checkpoint, entries } = file;
  const isWhole =
    Object.keys(file).length === 3 &&
    typeof checkpoint === "string" &&
    checkpoint.length <= NOTE_LENGTH_MAX &&
    Array.isArray(entries);
  if (!isWhole) return malformedText("an evidence file has checkpoint and entries, and no more");
  return parseEntries(checkpoint, entries as unknown[]);
}

function parseEntries(checkpoint: string, items: readonly unknown[]): Evidence | Fault {
  const entries: EvidenceEntry[] = [];
  for (const item of items) {
    const entry = parseEntry(item);
    if (entry === undefined) {
      return malformedText(
        "each entry of evidence has index, entry and path, the last two in base64",
      );
    }
    if (entry.index <= (entries.at(-1)?.index ?? -1)) {
      return malformedText("the entries of evidence stand in ascending order of index");
    }
    entries.push(entry);
  }
  return { checkpoint, entries };
}

function parseEntry(item: unknown): EvidenceEntry | undefined {
  if (!isRecord(item) || Object.keys(item).length !== 3) return undefined;
  const { index, entry: text, path: lines } = item;
  if (!Number.isSafeInteger(index) || (index as number) < 0) return undefined;
  if (typeof text !== "string" || !Array.isArray(lines) || lines.length > PATH_HASHES_MAX) {
    return undefined;
  }
  const entry = decodeBase64(text);
  const path = lines.map((line) => (typeof line === "string" ? parseHash(line) : undefined));
  if (entry === undefined || entry.length > STATEMENT_BYTES_MAX || !path.every(isHash)) {
    return undefined;
  }
  return { index: index as number, entry, path };
}

function isHash(hash: Hash | undefined): hash is Hash {
  return hash !== undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
