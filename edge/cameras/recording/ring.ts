/**
 * A camera's recordings on disk: a ring of segments, bounded in bytes and age, oldest out first.
 *
 * ffmpeg writes the segments; here they are counted, hashed once they are closed, and removed. What a power cut leaves
 * unfinished is kept, and never signed. Pictures never take the space that statements need: below a reserve the oldest
 * go, and where none is left, recording stops. Nothing here touches the outbox.
 */

import { decodeUtf8, encodeUtf8 } from "../../../ledger/bytes.ts";
import type { Clock } from "../../../platform/clock.ts";
import type { Files } from "../../../platform/files.ts";
import type { Logger } from "../../../platform/log.ts";
import { segmentName, segmentNumber } from "./segment-list.ts";
import { makeSafe } from "./safe-segment.ts";
import type { SafeSegment } from "./safe-segment.ts";
import { lookAtSegment } from "./segment-files.ts";
import { formatRecord, recordName } from "./segment-record.ts";
import type { SegmentRecord, Signing } from "./segment-record.ts";

/** How much is kept. */
export interface RingLimits {
  readonly bytesMax: number;
  readonly ageMsMax: number;
}

/** What a ring is made of. */
export interface RingParts {
  readonly device: string;
  readonly camera: string;
  readonly files: Files;
  /** Belongs to this ring alone; made where it is missing, for its owner's eyes only. */
  readonly folder: string;
  readonly limits: RingLimits;
  /** Bytes free on the disk of a folder. */
  readonly freeBytes: (folder: string) => Promise<number>;
  /** Bytes that must stay free for what matters more. */
  readonly reserveBytes: () => number;
  /** Milliseconds since 1970; `undefined` while nobody knows. */
  readonly nowMs: () => number | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called with each segment that is removed. */
  readonly removed?: (segment: SegmentRecord) => void;
}

/** A segment that ffmpeg has closed, with the monotonic times between which its pictures came. */
export interface ClosedSegment {
  readonly number: number;
  readonly endMs: number;
  /** When the pictures before it ended, or those of this run began: it cannot have begun earlier. */
  readonly notBeforeMs: number;
}

/** A segment in the ring. */
export interface Segment {
  record: SegmentRecord;
  /** When its pictures came, monotonic; absent for what an earlier process has recorded. */
  readonly span: { readonly fromMs: number; readonly toMs: number } | undefined;
  /** When it was found or closed, monotonic: its age is counted from there where nobody knows better. */
  readonly seenMs: number;
  /** What is on disk beside it is older than `record`. */
  isDirty: boolean;
}

/** Why nothing is recorded. */
export type RingTrouble = "disk-full" | "segment-too-large";

const FOLDER_MODE = 0o700;
const NEXT_FILE = "next.json";
/** Segments removed in one go; more wait for the next. */
const REMOVALS_MAX = 64;

/** See the head of the file. Methods that return promises are not to overlap, but for `save`; rejections are the disk's. */
export class Ring {
  private readonly parts: RingParts;
  private readonly kept: Segment[] = [];
  private readonly numbers = new Set<number>();
  /** Being removed: nothing is written about them any more. */
  private readonly leaving = new Set<number>();
  private total = 0;
  private next = 0;

  private constructor(parts: RingParts) {
    this.parts = parts;
  }

  /** Opens a ring, and finds out what is there. */
  static async open(parts: RingParts): Promise<Ring> {
    const ring = new Ring(parts);
    await parts.files.makeFolder(parts.folder, { mode: FOLDER_MODE });
    await ring.load();
    return ring;
  }

  /** All segments, the oldest first, but for the one being written. */
  get segments(): readonly Segment[] {
    return this.kept;
  }

  /** Bytes of all segments, but for the one being written. */
  get bytes(): number {
    return this.total;
  }

  /** Where a segment lies. */
  pathOf(number: number): string {
    return `${this.parts.folder}/${segmentName(number)}`;
  }

  /**
   * Makes ready for another run of ffmpeg, and gives the number of its first segment. No number is used twice.
   *
   * What it writes also tells whether the disk can be written at all.
   */
  async beginRun(): Promise<number> {
    await this.writeNext();
    return this.next;
  }

  /**
   * Takes a segment that is closed: makes it safe, hashes it, and says what is known of it.
   *
   * Where the disk fails in that, the segment stays unsigned, since nobody knows what is on it.
   */
  async take(closed: ClosedSegment): Promise<void> {
    const { number, endMs, notBeforeMs } = closed;
    if (this.numbers.has(number)) return;
    this.next = Math.max(this.next, number + 1);
    const path = this.pathOf(number);
    const found = await this.examine(path);
    if (found === undefined) return;
    const { bytes, sha256, seconds } = found;
    const isWhole = sha256 !== undefined && seconds !== undefined && seconds > 0;
    const fromMs = Math.max(notBeforeMs, endMs - (seconds ?? 0) * 1000);
    this.insert({
      record: isWhole
        ? { number, bytes, sha256, signing: { state: "waiting" } }
        : {
            number,
            bytes,
            signing: { state: "unsigned", reason: sha256 === undefined ? "disk" : "cut-off" },
          },
      span: { fromMs: Math.min(fromMs, endMs), toMs: endMs },
      seenMs: this.parts.clock.monotonicMs(),
      isDirty: true,
    });
    await this.save();
  }

  /** Takes in what a run has left unfinished, from a number on. */
  async adopt(from: number): Promise<void> {
    const { files, folder } = this.parts;
    for (const name of await files.list(folder)) {
      const number = segmentNumber(name);
      if (number !== undefined && number >= from && !this.numbers.has(number))
        await this.find(number);
    }
    await this.save();
  }

  /**
   * Says what is known of a segment from now on. It is on disk only after `save`.
   *
   * Does nothing where the segment has been removed meanwhile.
   */
  note(number: number, change: Partial<Omit<SegmentRecord, "number">>): void {
    const segment = this.kept.findLast(({ record }) => record.number === number);
    if (segment === undefined) return;
    segment.record = { ...segment.record, ...change };
    segment.isDirty = true;
  }

  /** Writes what has changed beside the segments. May be called at any time. */
  async save(): Promise<void> {
    const { files, folder, device, camera } = this.parts;
    for (const segment of this.kept.filter(({ isDirty }) => isDirty)) {
      const { record } = segment;
      if (this.leaving.has(record.number)) continue;
      const bytes = formatRecord(record, { device, camera });
      await files.write(`${folder}/${recordName(record.number)}`, bytes);
      segment.isDirty = segment.record !== record;
    }
  }

  /** Removes what is too much or too old; `growing` is the segment being written. Gives why nothing can be recorded. */
  async trim(growing: number | undefined): Promise<RingTrouble | undefined> {
    const { files, folder, limits, freeBytes, reserveBytes } = this.parts;
    const grown =
      growing === undefined ? 0 : ((await files.facts(this.pathOf(growing)))?.size ?? 0);
    for (let removals = 0; removals < REMOVALS_MAX; removals++) {
      const isFull = (await freeBytes(folder)) < reserveBytes();
      const isLarge = this.bytes + grown > limits.bytesMax;
      const oldest = this.kept[0];
      if (oldest === undefined) {
        return isFull ? "disk-full" : isLarge ? "segment-too-large" : undefined;
      }
      if (!isFull && !isLarge && !this.isOld(oldest)) return undefined;
      await this.remove(oldest);
    }
    return undefined;
  }

  /** The size of the segment being written, to see whether it grows. */
  async sizeOf(number: number): Promise<number> {
    return (await this.parts.files.facts(this.pathOf(number)))?.size ?? 0;
  }

  /** Puts a segment in its place. */
  private insert(segment: Segment): void {
    const { number, bytes } = segment.record;
    this.numbers.add(number);
    this.total += bytes;
    const at = this.kept.findLastIndex(({ record }) => record.number < number);
    this.kept.splice(at + 1, 0, segment);
  }

  /** Makes a segment safe; without a hash where the disk fails, `undefined` where there is no such file. */
  private async examine(
    path: string,
  ): Promise<(Pick<SafeSegment, "bytes"> & Partial<SafeSegment>) | undefined> {
    const { files, logger, camera } = this.parts;
    const size = (await files.facts(path))?.size;
    if (size === undefined) return undefined;
    try {
      return await makeSafe(files, path);
    } catch (error) {
      logger.error({ camera, error }, "a recording could not be kept safe, and stays unsigned");
      return { bytes: size };
    }
  }

  private async load(): Promise<void> {
    const { files, folder } = this.parts;
    const names = await files.list(folder);
    this.next = await this.readNext();
    const orphans: string[] = [];
    for (const name of names) {
      const number = segmentNumber(name);
      if (number !== undefined) await this.find(number);
      // What a crash between two removals has left.
      else if (name.endsWith(".json") && name !== NEXT_FILE) {
        const video = segmentNumber(name.replace(/json$/, "mp4"));
        if (video !== undefined && !names.includes(segmentName(video))) {
          this.next = Math.max(this.next, video + 1);
          orphans.push(name);
        }
      }
    }
    try {
      if (orphans.length > 0) await this.writeNext();
      for (const name of orphans) await files.remove(`${folder}/${name}`);
      await this.save();
    } catch (error) {
      // A disk without room gets some by the next look at the bounds, and what is known is written then.
      const { logger, camera } = this.parts;
      logger.warn({ camera, error }, "what is known of the recordings cannot be written yet");
    }
  }

  /** Takes in a segment as it lies there. */
  private async find(number: number): Promise<void> {
    const { files, folder, clock } = this.parts;
    this.next = Math.max(this.next, number + 1);
    const found = await lookAtSegment(files, folder, number);
    if (found === undefined) return;
    const { bytes, record: known, changed } = found;
    // Nothing was ever in it.
    if (bytes === 0) {
      await files.remove(this.pathOf(number));
      await files.remove(`${folder}/${recordName(number)}`);
      return;
    }
    const record = known ? withoutHope(known) : { number, bytes, signing: CUT_OFF };
    const seenMs = clock.monotonicMs();
    // Of what was changed it stays on disk what was signed: that is how it is found out.
    const isDirty = record !== known && changed === undefined;
    this.insert({ record, span: undefined, seenMs, isDirty });
  }

  private async writeNext(): Promise<void> {
    const text = JSON.stringify({ next: this.next });
    await this.parts.files.write(`${this.parts.folder}/${NEXT_FILE}`, encodeUtf8(`${text}\n`));
  }

  private async readNext(): Promise<number> {
    const bytes = await this.parts.files.read(`${this.parts.folder}/${NEXT_FILE}`);
    try {
      const { next } = JSON.parse((bytes && decodeUtf8(bytes)) ?? "{}") as { next?: unknown };
      return Number.isSafeInteger(next) && (next as number) >= 0 ? (next as number) : 0;
    } catch {
      return 0;
    }
  }

  private isOld({ record, span, seenMs }: Segment): boolean {
    const { limits, nowMs, clock } = this.parts;
    // Whoever sets the wall clock must not be able to have all of it removed.
    if (span !== undefined) return clock.monotonicMs() - span.toMs > limits.ageMsMax;
    const wallMs = nowMs();
    // The wall clock may have been wrong when it was recorded; it is at least as old as it was seen here.
    const ageMs = Math.max(
      clock.monotonicMs() - seenMs,
      wallMs === undefined || record.toMs === undefined ? 0 : wallMs - record.toMs,
    );
    return ageMs > limits.ageMsMax;
  }

  /** The pictures go first: what is known of them is worth nothing without them. */
  private async remove(segment: Segment): Promise<void> {
    const { files, folder, removed } = this.parts;
    const { number, bytes } = segment.record;
    this.leaving.add(number);
    await files.remove(this.pathOf(number));
    // Numbers go on from the greatest that is there, or from this; on a full disk there is room for it only now.
    if (this.kept.length === 1) await this.writeNext();
    await files.remove(`${folder}/${recordName(number)}`);
    this.kept.splice(this.kept.indexOf(segment), 1);
    this.numbers.delete(number);
    this.leaving.delete(number);
    this.total -= bytes;
    removed?.(segment.record);
  }
}

const CUT_OFF: Signing = { state: "unsigned", reason: "cut-off" };

/** A segment of an earlier process whose time nobody knew then: nobody will ever know it. */
function withoutHope(record: SegmentRecord): SegmentRecord {
  if (record.signing.state !== "waiting" || record.fromMs !== undefined) return record;
  return { ...record, signing: { state: "unsigned", reason: "no-time" } };
}
