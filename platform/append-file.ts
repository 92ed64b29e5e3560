/**
 * The rules of a file that grows at its end, over whatever holds its bytes.
 *
 * Operations run one at a time, in the order in which they were asked for. Failures stick: what follows a failed
 * append was meant to stand behind it, and after a failed sync the kernel may have dropped pages without telling
 * again, so that a second sync would succeed for nothing.
 */

/** An open file that only grows, but for `truncate`. */
export interface AppendFile {
  /** Bytes in the file, counting the appends that are done. */
  readonly size: number;

  /**
   * Writes `bytes`, which must not change meanwhile, behind the end; durable only after `sync`.
   *
   * After a rejection part of them may be stored, and every further append and sync rejects with the same cause,
   * until `truncate` has cut the file back.
   */
  append(bytes: Uint8Array): Promise<void>;

  /**
   * Makes durable all that was appended before the call.
   *
   * After a rejection nobody can know what is stored: everything but reading and closing rejects from then on, and
   * the program stops.
   */
  sync(): Promise<void>;

  /** Reads up to `length` bytes from `offset`; fewer where the file ends. */
  read(offset: number, length: number): Promise<Uint8Array>;

  /** Cuts the file to `size`, at most its present size, and makes that durable. */
  truncate(size: number): Promise<void>;

  /** Closes the file after what is under way; does not sync. Closing again does nothing. */
  close(): Promise<void>;
}

/** What holds the bytes: an open descriptor, or memory. Calls never overlap, except for `read`. */
export interface RawFile {
  write(offset: number, bytes: Uint8Array): Promise<void>;
  sync(): Promise<void>;
  read(offset: number, length: number): Promise<Uint8Array>;
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
}

/** An `AppendFile` over a raw one. */
export class OrderedFile implements AppendFile {
  readonly #path: string;
  readonly #raw: RawFile;
  #size: number;
  #last: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #failure: { during: "append" | "sync"; cause: unknown } | undefined;

  /** Takes over `raw`, which holds `size` bytes. `path` is for messages only. */
  constructor(path: string, raw: RawFile, size: number) {
    this.#path = path;
    this.#raw = raw;
    this.#size = size;
  }

  get size(): number {
    return this.#size;
  }

  append(bytes: Uint8Array): Promise<void> {
    return this.#inOrder(async () => {
      this.#refuseAfterFailure();
      await this.#marking("append", () => this.#raw.write(this.#size, bytes));
      this.#size += bytes.length;
    });
  }

  sync(): Promise<void> {
    return this.#inOrder(async () => {
      this.#refuseAfterFailure();
      await this.#marking("sync", () => this.#raw.sync());
    });
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    this.#refuseAfterClose();
    const available = Math.min(length, Math.max(0, this.#size - offset));
    return available === 0 ? new Uint8Array(0) : this.#raw.read(offset, available);
  }

  truncate(size: number): Promise<void> {
    return this.#inOrder(async () => {
      if (this.#failure?.during === "sync") this.#refuseAfterFailure();
      if (!(size >= 0 && size <= this.#size)) {
        throw new RangeError(`cannot cut ${this.#path} of ${this.#size} bytes to ${size}`);
      }
      await this.#marking("sync", async () => {
        await this.#raw.truncate(size);
        await this.#raw.sync();
      });
      this.#size = size;
      this.#failure = undefined;
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#last.then(() => this.#raw.close());
    return this.#closing;
  }

  async #inOrder(step: () => Promise<void>): Promise<void> {
    this.#refuseAfterClose();
    const done = this.#last.then(step);
    this.#last = done.catch(() => undefined);
    await done;
  }

  async #marking(during: "append" | "sync", step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (cause) {
      this.#failure = { during, cause };
      throw cause;
    }
  }

  #refuseAfterFailure(): void {
    if (this.#failure === undefined) return;
    const { during, cause } = this.#failure;
    throw new Error(`${this.#path} takes nothing more, since an earlier ${during} failed`, {
      cause,
    });
  }

  #refuseAfterClose(): void {
    if (this.#closing !== undefined) throw new Error(`${this.#path} is closed`);
  }
}
