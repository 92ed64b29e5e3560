/**
 * The segments of an outbox as files: their names, and what is read of them when an outbox is opened.
 *
 * Of all but the newest only the header is read, so that a start does not take longer for a year of backlog.
 */

import { equalBytes } from "../../ledger/bytes.ts";
import { sha256 } from "../../ledger/sha256.ts";
import type { Files } from "../../platform/files.ts";
import { UserError } from "../../platform/user-error.ts";
import { decodeRecord, scanSegment } from "./outbox-format.ts";
import type { SegmentScan } from "./outbox-format.ts";
import { decodeHeader, headerLength } from "./segment-header.ts";
import type { SegmentHeader, Tail } from "./segment-header.ts";

/** A segment that was found. */
export interface FoundSegment {
  readonly path: string;
  readonly header: SegmentHeader;
  /** Size of the file. */
  readonly bytes: number;
}

/** The newest segment, and where the chain stands behind it. */
export interface NewestSegment extends SegmentScan {
  readonly tail: Tail;
}

const NAME = /^\d{16}\.outbox$/;
/** Most headers are far shorter; a longer one is read again. */
const FIRST_READ_BYTES = 1_024;
const READS_AT_ONCE = 16;

/** The path of the segment that begins with a number. */
export function segmentPath(folder: string, seq: number): string {
  return `${folder}/${String(seq).padStart(16, "0")}.outbox`;
}

/** Finds all segments of a key's outbox, in order. Throws `UserError` for another key's, and for a header that is damaged. */
export async function findSegments(
  files: Files,
  folder: string,
  kid: Uint8Array,
): Promise<FoundSegment[]> {
  const names = (await files.list(folder)).filter((name) => NAME.test(name)).toSorted();
  const found: FoundSegment[] = [];
  for (let at = 0; at < names.length; at += READS_AT_ONCE) {
    const some = names.slice(at, at + READS_AT_ONCE);
    found.push(...(await Promise.all(some.map((name) => look(files, `${folder}/${name}`)))));
  }
  if (found.some(({ header }) => !equalBytes(header.kid, kid)))
    throw new UserError(`The outbox ${folder} belongs to another key.`);
  return found;
}

async function look(files: Files, path: string): Promise<FoundSegment> {
  const [header, facts] = await Promise.all([readHeader(files, path), files.facts(path)]);
  return { path, header, bytes: facts?.size ?? 0 };
}

/** Reads the newest segment whole, stepping over what is torn. */
export async function readNewest(files: Files, path: string): Promise<NewestSegment> {
  const bytes = await files.read(path);
  if (bytes === undefined) throw unusable(path, "it is gone");
  const scan = scanSegment(bytes);
  if (typeof scan === "string") throw unusable(path, scan);
  const last = scan.entries.at(-1);
  const record = last && decodeRecord(bytes, last.offset);
  if (record === undefined) return { ...scan, tail: scan.header.tail };
  const seq = record.seq + 1;
  return { ...scan, tail: { seq, follows: seq, prev: sha256(record.statement) } };
}

async function readHeader(files: Files, path: string): Promise<SegmentHeader> {
  let bytes = (await files.readRange(path, 0, FIRST_READ_BYTES)) ?? new Uint8Array(0);
  const length = headerLength(bytes);
  if (typeof length === "number" && length > bytes.length)
    bytes = (await files.readRange(path, 0, length)) ?? bytes;
  const header = decodeHeader(bytes);
  if (typeof header === "string") throw unusable(path, header);
  return header;
}

function unusable(path: string, why: string): UserError {
  return new UserError(`The outbox file ${path} cannot be used: ${why}.`);
}
