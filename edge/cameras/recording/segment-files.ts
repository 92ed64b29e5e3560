/**
 * Recordings as they lie in a folder, for who only looks: nothing is written, and an agent may be at work there.
 */

import type { Files } from "../../../platform/files.ts";
import { segmentName, segmentNumber } from "./segment-list.ts";
import { parseRecord, recordName } from "./segment-record.ts";
import type { SegmentRecord } from "./segment-record.ts";

/** A recording in a folder. */
export interface SegmentFile {
  readonly number: number;
  readonly path: string;
  readonly bytes: number;
  /** Absent while it is being written, and where what stands beside it cannot be believed. */
  readonly record: SegmentRecord | undefined;
  /** What was noted of it when it had another length: somebody has changed it since. */
  readonly changed?: SegmentRecord;
}

/** Looks at one recording; `undefined` where there is none. */
export async function lookAtSegment(
  files: Files,
  folder: string,
  number: number,
): Promise<SegmentFile | undefined> {
  const path = `${folder}/${segmentName(number)}`;
  const facts = await files.facts(path);
  if (facts === undefined || facts.isFolder) return undefined;
  const bytes = facts.size;
  const beside = await files.read(`${folder}/${recordName(number)}`);
  const noted = beside && parseRecord(beside, number);
  if (noted?.bytes === bytes) return { number, path, bytes, record: noted };
  // What was cut off has no hash, and may have grown before ffmpeg knew that its agent is gone.
  const isChanged = noted?.sha256 !== undefined;
  return { number, path, bytes, record: undefined, ...(isChanged ? { changed: noted } : {}) };
}

/** Lists the recordings of a folder, the oldest first; none where there is no such folder. */
export async function listSegments(files: Files, folder: string): Promise<SegmentFile[]> {
  const found: SegmentFile[] = [];
  for (const name of await files.list(folder)) {
    const number = segmentNumber(name);
    const segment = number === undefined ? undefined : await lookAtSegment(files, folder, number);
    if (segment !== undefined) found.push(segment);
  }
  return found.sort((a, b) => a.number - b.number);
}
