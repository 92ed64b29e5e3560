/**
 * The journal: accepted entries that are in no committed block yet, one segment file a block.
 *
 * Group commit: whatever is added while one sync runs goes to disk with the next. At most one group is unsynced at any
 * moment, and a segment is written to only when the one before it is whole, so a torn end can be told from a damaged
 * middle. After a write or sync has failed nobody knows what the disk holds: the journal takes nothing more.
 */

import { join } from "node:path";
import type { AppendFile, Files } from "../../platform/files.ts";
import { UserError } from "../../platform/user-error.ts";
import { scanSegment, SegmentImage } from "./journal-format.ts";
import type { JournalRecord } from "./journal-format.ts";

interface Segment {
  readonly path: string;
  readonly image: SegmentImage;
  file: AppendFile | undefined;
}

interface Flush {
  /** How many entries are durable once it is done, counted from the opening. */
  readonly upTo: number;
  readonly done: Promise<void>;
}

const SEGMENT_NAME = /^\d{16}\.journal$/;

/** See the head of the file. One process owns the folder. */
export class Journal {
  readonly #files: Files;
  readonly #folder: string;
  readonly #segments: Segment[] = [];
  #onDurable: (count: number) => void = () => undefined;
  #added = 0;
  #durable = 0;
  #running: Flush | undefined;
  #next: Promise<void> | undefined;
  #failure: Error | undefined;

  private constructor(files: Files, folder: string) {
    this.#files = files;
    this.#folder = folder;
  }

  /**
   * Opens the journal and cuts off what never became durable.
   *
   * Throws `UserError` for a damaged segment, a missing one, and one of a later version of this software.
   */
  static async open(files: Files, folder: string): Promise<Journal> {
    await files.makeFolder(folder);
    const journal = new Journal(files, folder);
    const names = (await files.list(folder)).filter((name) => SEGMENT_NAME.test(name));
    for (const [i, name] of names.entries()) await journal.#load(name, i === names.length - 1);
    return journal;
  }

  /** The segments' contents, oldest first; the last one takes new entries. */
  get images(): readonly SegmentImage[] {
    return this.#segments.map(({ image }) => image);
  }

  /** Why it takes nothing more; `undefined` while it does. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Sets who is told, after each sync and before those who wait for it, how many entries are durable in all. */
  notify(onDurable: (count: number) => void): void {
    this.#onDurable = onDurable;
  }

  /** Begins the segment whose first entry has index `first`. Its file comes with its first flush. */
  begin(first: number): SegmentImage {
    const last = this.#segments.at(-1)?.image;
    if (last !== undefined && last.first + last.count !== first) {
      throw new Error(
        `a segment from ${first} does not follow one up to ${last.first + last.count}`,
      );
    }
    const image = new SegmentImage(first);
    this.#segments.push({ path: this.#pathOf(first), image, file: undefined });
    return image;
  }

  /** Adds an entry to the last segment; durable after a `flush` that is asked for later. Throws after a failure. */
  add(record: JournalRecord): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.#segments.at(-1)!.image.add(record);
    this.#added++;
  }

  /** Resolves when all that was added before the call is durable. Rejects for ever once a write or sync has failed. */
  flush(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#durable === this.#added) return DONE;
    if (this.#running === undefined) return this.#start();
    if (this.#running.upTo === this.#added) return this.#running.done;
    this.#next ??= this.#running.done.then(() => this.#start());
    return this.#next;
  }

  /** Removes the oldest segment: its block is committed, published and indexed. */
  async dropOldest(): Promise<void> {
    const segment = this.#segments.shift();
    await segment?.file?.close();
    // A crash here leaves a segment of a committed block, which the next start recognises and removes.
    if (segment !== undefined) await this.#files.remove(segment.path);
  }

  /** Closes the files. What was not flushed is lost, and was reported to nobody. */
  async close(): Promise<void> {
    await this.#running?.done.catch(() => undefined);
    for (const { file } of this.#segments) await file?.close();
  }

  #pathOf(first: number): string {
    return join(this.#folder, `${String(first).padStart(16, "0")}.journal`);
  }

  async #load(name: string, isLast: boolean): Promise<void> {
    const path = join(this.#folder, name);
    const first = Number(name.slice(0, 16));
    const bytes = (await this.#files.read(path)) ?? new Uint8Array(0);
    const scan = scanSegment(bytes, first);
    if (scan === "too-new") {
      throw new UserError(`${path} was written by a later version of this software.`);
    }
    if (scan.isDamaged || (!isLast && scan.validBytes < bytes.length)) {
      throw new UserError(`${path} is damaged: the disk has lost entries that it had stored.`, {
        hint: "Restore the data folder, or follow the log from a peer's copy.",
      });
    }
    const before = this.#segments.at(-1)?.image;
    if (before !== undefined && before.first + before.count !== first) {
      throw new UserError(`The journal lacks the entries before ${path}.`);
    }
    const file = await this.#files.open(path);
    // What never became durable must not stand between what will.
    if (scan.validBytes < bytes.length) await file.truncate(scan.validBytes);
    // After kill -9 the end may be in the page cache only, and what it holds is about to be acknowledged again.
    if (isLast) await file.sync();
    this.#segments.push({ path, image: new SegmentImage(first, { bytes, scan }), file });
  }

  #start(): Promise<void> {
    this.#next = undefined;
    const upTo = this.#added;
    const groups = this.#segments.map((segment) => ({
      segment,
      group: segment.image.closeGroup(),
    }));
    const done = this.#write(groups).then(
      () => {
        this.#running = undefined;
        this.#durable = upTo;
        this.#onDurable(upTo);
      },
      (cause: unknown) => {
        this.#running = undefined;
        this.#failure = new Error("the journal could not be written", { cause });
        throw this.#failure;
      },
    );
    this.#running = { upTo, done };
    return done;
  }

  async #write(groups: { segment: Segment; group: Uint8Array | undefined }[]): Promise<void> {
    for (const { segment, group } of groups) {
      if (group === undefined) continue;
      segment.file ??= await this.#files.open(segment.path);
      // A crash from here to the end of the sync leaves a torn group: nobody was told of it, and the next start cuts it.
      await segment.file.append(group);
      await segment.file.sync();
    }
  }
}

const DONE: Promise<void> = Promise.resolve();
