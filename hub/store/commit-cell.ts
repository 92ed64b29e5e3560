/**
 * The cell that says what is committed: the one mutable thing of a log, and changing it is the commit point.
 *
 * Holds the newest checkpoint as the hub signed it. Everything else is written before, for nothing if the swap does not
 * happen, or after, and then again by the next start.
 */

import { decodeUtf8, encodeUtf8 } from "../../ledger/bytes.ts";
import type { Files } from "../../platform/files.ts";
import { UserError } from "../../platform/user-error.ts";

/** See the head of the file. Called by one log at a time; calls do not overlap. */
export interface CommitCell {
  /** Reads the committed checkpoint, a note; `undefined` for a log not yet begun. What it gives is durable. */
  read(): Promise<string | undefined>;

  /**
   * Replaces `expected` by `next` in one durable step.
   *
   * Rejects with `CommitConflict`, and changes nothing, where something else than `expected` is stored. After any other
   * rejection either of the two may be stored: the caller stops and reads again, it never guesses.
   */
  swap(expected: string | undefined, next: string): Promise<void>;
}

/** Somebody else has committed: two hubs write one log. */
export class CommitConflict extends Error {
  override readonly name: string = "CommitConflict";

  constructor() {
    super("the commit cell holds another checkpoint than this hub has left there");
  }
}

/** A cell that is a file. That one process owns it is the folder lock's to guarantee. */
export class FileCommitCell implements CommitCell {
  readonly #files: Files;
  readonly #path: string;

  constructor(files: Files, path: string) {
    this.#files = files;
    this.#path = path;
  }

  async read(): Promise<string | undefined> {
    const note = await this.#load();
    // A process killed between rename and sync of the folder leaves what a power cut would still take back.
    if (note !== undefined) await this.#files.write(this.#path, encodeUtf8(note));
    return note;
  }

  async swap(expected: string | undefined, next: string): Promise<void> {
    if ((await this.#load()) !== expected) throw new CommitConflict();
    // A crash in here leaves the old note or the new: either the sealing never happened, or the next start finishes it.
    await this.#files.write(this.#path, encodeUtf8(next));
  }

  async #load(): Promise<string | undefined> {
    const bytes = await this.#files.read(this.#path);
    if (bytes === undefined) return undefined;
    const note = decodeUtf8(bytes);
    if (note === undefined) {
      throw new UserError(`The commit cell ${this.#path} is damaged: it is not UTF-8 text.`, {
        hint: "Restore the whole data folder from one moment.",
      });
    }
    return note;
  }
}

/** A cell that lasts as long as the process: for tests and simulated cities. */
export class MemoryCommitCell implements CommitCell {
  #note: string | undefined;

  read(): Promise<string | undefined> {
    return Promise.resolve(this.#note);
  }

  swap(expected: string | undefined, next: string): Promise<void> {
    if (this.#note !== expected) return Promise.reject(new CommitConflict());
    this.#note = next;
    return Promise.resolve();
  }
}
