/**
 * A disk in memory for tests and the simulated city, with what a real one does to programs: it fails in both forms,
 * and the power goes.
 *
 * The model: what an `AppendFile` has not synced is lost at a power cut, wholly or from some point on, and what is
 * left of it may have holes of zeros, since a file system may note a file's new length before its new content. All
 * else that `Files` promises is atomic and durable. Chance comes from a seed, so that every cut repeats itself.
 */
import { basename, dirname, resolve } from "node:path";
import { type AppendFile, OrderedFile, type RawFile } from "./append-file.ts";
import type { FileFacts, Files } from "./files.ts";
import { type Random, seededRandom } from "./random.ts";

/** One change of the disk, as it is put to the fault plan before it happens. */
export interface DiskOperation {
  /** How many changes this disk was asked for before, since it was made. */
  readonly ordinal: number;
  readonly kind: "write" | "remove" | "makeFolder" | "open" | "append" | "sync" | "truncate";
  /** Absolute. */
  readonly path: string;
}

/**
 * What becomes of a change.
 *
 * - `undone`: it is not carried out, and rejects.
 * - `done`: it is carried out, and rejects all the same.
 * - `part`: half of the bytes of an append or a sync get there, and it rejects; for other changes as `undone`.
 * - `power-cut`: the power goes in the middle of it; it rejects, and so does everything until `powerOn`.
 */
export type Fault = "undone" | "done" | "part" | "power-cut";

/** Decides for each change what becomes of it; `undefined` lets it happen. */
export type FaultPlan = (operation: DiskOperation) => Fault | undefined;

/** Bytes that a disk writes at a time; what was not synced is kept or lost in such pieces. */
const SECTOR_BYTES = 512;
const FOLDER_MODE = 0o755;

class MemoryFile {
  bytes: Uint8Array;
  size: number;
  /** How many bytes from the beginning a power cut cannot touch. */
  syncedSize: number;
  readonly mode: number;

  constructor(bytes: Uint8Array, mode: number) {
    this.bytes = bytes;
    this.size = bytes.length;
    this.syncedSize = bytes.length;
    this.mode = mode;
  }

  put(offset: number, part: Uint8Array): void {
    const end = offset + part.length;
    if (end > this.bytes.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.bytes.length));
      larger.set(this.bytes.subarray(0, this.size));
      this.bytes = larger;
    }
    this.bytes.set(part, offset);
    this.size = Math.max(this.size, end);
  }

  cut(size: number): void {
    this.bytes.fill(0, size, this.size);
    this.size = size;
    this.syncedSize = Math.min(this.syncedSize, size);
  }

  losePower(random: Random): void {
    const unsynced = this.size - this.syncedSize;
    if (unsynced === 0) return;
    const share = random.unit();
    // A third each: all lost, all kept, cut somewhere.
    const kept = share < 1 / 3 ? 0 : share < 2 / 3 ? unsynced : randomBelow(random, unsynced);
    this.cut(this.syncedSize + kept);
    for (let at = this.syncedSize; at < this.size;) {
      const end = Math.min(this.size, at - (at % SECTOR_BYTES) + SECTOR_BYTES);
      if (random.unit() < 1 / 8) this.bytes.fill(0, at, end);
      at = end;
    }
    this.syncedSize = this.size;
  }
}

/** A disk in memory. Keeps nothing of what callers hand in, and hands out copies. */
export class MemoryFiles implements Files {
  /** Changes asked for since the disk was made. */
  operations = 0;
  readonly #files = new Map<string, MemoryFile>();
  /** With their modes. */
  readonly #folders = new Map<string, number>([["/", FOLDER_MODE]]);
  readonly #random: Random;
  #plan: FaultPlan = () => undefined;
  /** Counts the times that the power went; handles opened before are dead. */
  #epoch = 0;
  #hasPower = true;

  /** `random` decides what a power cut leaves. The working folder exists, as do those above it. */
  constructor(random: Random = seededRandom(0)) {
    this.#random = random;
    this.#addFolder(resolve("."));
  }

  /** Sets what becomes of changes from now on; called without a plan, all succeed again. */
  setFaults(plan: FaultPlan = () => undefined): void {
    this.#plan = plan;
  }

  /** Lets the power go and come back: unsynced bytes vanish or tear, and every open file is dead. */
  crash(): void {
    this.#losePower();
    this.powerOn();
  }

  /** Brings the power back after a fault of `power-cut`. The fault plan stays. */
  powerOn(): void {
    this.#hasPower = true;
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    return this.readRange(path, 0, Number.MAX_SAFE_INTEGER);
  }

  async readRange(path: string, offset: number, length: number): Promise<Uint8Array | undefined> {
    this.#needPower(path);
    const target = resolve(path);
    if (this.#folders.has(target)) throw diskError("EISDIR", path);
    const file = this.#files.get(target);
    return file?.bytes.slice(offset, Math.min(file.size, offset + length));
  }

  write(path: string, bytes: Uint8Array, options?: { mode?: number }): Promise<void> {
    const target = resolve(path);
    return this.#change("write", target, () => {
      this.#needFolderOf(target);
      if (this.#folders.has(target)) throw diskError("EISDIR", path);
      this.#files.set(target, new MemoryFile(bytes.slice(), options?.mode ?? 0o644));
    });
  }

  async list(folder: string): Promise<string[]> {
    this.#needPower(folder);
    const target = resolve(folder);
    if (this.#files.has(target)) throw diskError("ENOTDIR", folder);
    const paths = [...this.#files.keys(), ...this.#folders.keys()];
    const inside = paths.filter((path) => path !== "/" && dirname(path) === target);
    return inside.map((path) => basename(path)).sort();
  }

  remove(path: string): Promise<void> {
    const target = resolve(path);
    return this.#change("remove", target, () => {
      if (this.#folders.has(target)) {
        if (this.#hasInside(target)) throw diskError("ENOTEMPTY", path);
        this.#folders.delete(target);
      }
      this.#files.delete(target);
    });
  }

  makeFolder(path: string, options?: { mode?: number }): Promise<void> {
    const target = resolve(path);
    return this.#change("makeFolder", target, () => this.#addFolder(target, options?.mode));
  }

  async open(path: string): Promise<AppendFile> {
    const target = resolve(path);
    let file: MemoryFile | undefined;
    await this.#change("open", target, () => {
      this.#needFolderOf(target);
      if (this.#folders.has(target)) throw diskError("EISDIR", path);
      file = this.#files.get(target) ?? new MemoryFile(new Uint8Array(0), 0o644);
      this.#files.set(target, file);
    });
    if (file === undefined) throw diskError("EIO", path);
    return new OrderedFile(path, this.#rawFile(target, file), file.size);
  }

  async exists(path: string): Promise<boolean> {
    return (await this.facts(path)) !== undefined;
  }

  async facts(path: string): Promise<FileFacts | undefined> {
    this.#needPower(path);
    const target = resolve(path);
    const folderMode = this.#folders.get(target);
    if (folderMode !== undefined)
      return { size: 0, mode: folderMode, isFolder: true, isFile: false };
    const file = this.#files.get(target);
    return file && { size: file.size, mode: file.mode, isFolder: false, isFile: true };
  }

  #rawFile(path: string, file: MemoryFile): RawFile {
    const epoch = this.#epoch;
    const alive = (): void => {
      this.#needPower(path);
      if (epoch !== this.#epoch) throw diskError("EBADF", path);
    };
    const change = (kind: DiskOperation["kind"], act: () => void, half?: () => void) => {
      alive();
      return this.#change(kind, path, act, half);
    };
    return {
      write: async (offset, bytes) => {
        const put = (length: number): void => file.put(offset, bytes.subarray(0, length));
        await change(
          "append",
          () => put(bytes.length),
          () => put(bytes.length >> 1),
        );
      },
      sync: async () => {
        const sync = (size: number): void => {
          file.syncedSize = size;
        };
        await change(
          "sync",
          () => sync(file.size),
          () => sync(file.syncedSize + ((file.size - file.syncedSize) >> 1)),
        );
      },
      read: async (offset, length) => {
        alive();
        return file.bytes.slice(offset, Math.min(file.size, offset + length));
      },
      truncate: (size) => change("truncate", () => file.cut(size)),
      close: async () => undefined,
    };
  }

  /** Carries out one change as the fault plan has it. `half` is what `part` leaves. */
  async #change(
    kind: DiskOperation["kind"],
    path: string,
    act: () => void,
    half: () => void = () => undefined,
  ): Promise<void> {
    this.#needPower(path);
    const fault = this.#plan({ ordinal: this.operations++, kind, path });
    if (fault === undefined) {
      act();
      return;
    }
    if (fault === "done") act();
    if (fault === "part") half();
    if (fault === "power-cut") {
      const share = this.#random.unit();
      if (share < 1 / 3) act();
      else if (share < 2 / 3) half();
      this.#losePower();
    }
    throw diskError(kind === "append" && fault !== "power-cut" ? "ENOSPC" : "EIO", path);
  }

  #losePower(): void {
    this.#hasPower = false;
    this.#epoch++;
    for (const file of this.#files.values()) file.losePower(this.#random);
  }

  #needPower(path: string): void {
    if (!this.#hasPower) throw diskError("EIO", path);
  }

  #needFolderOf(target: string): void {
    if (!this.#folders.has(dirname(target))) throw diskError("ENOENT", target);
  }

  #hasInside(folder: string): boolean {
    const isInside = (path: string): boolean => path !== "/" && dirname(path) === folder;
    return [...this.#files.keys()].some(isInside) || [...this.#folders.keys()].some(isInside);
  }

  #addFolder(target: string, mode = FOLDER_MODE): void {
    for (let folder = target; ; folder = dirname(folder)) {
      if (this.#files.has(folder)) throw diskError("EEXIST", target);
      if (!this.#folders.has(folder)) this.#folders.set(folder, mode);
      if (folder === dirname(folder)) return;
    }
  }
}

function randomBelow(random: Random, bound: number): number {
  return Math.floor(random.unit() * bound);
}

/** Makes an error as Node's disk functions do. */
function diskError(code: string, path: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(`${code}: the disk in memory, '${path}'`);
  error.code = code;
  error.path = path;
  return error;
}
