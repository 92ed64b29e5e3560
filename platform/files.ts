/**
 * Durable files: the port through which programs reach a disk, and its implementation by Node.
 *
 * What a method promises to be durable survives a power cut right after it. One process at a time writes in a folder
 * (folder-lock.ts sees to it). Errors are Node's own, with `code` and `path`.
 */
import { constants } from "node:fs";
import {
  type FileHandle,
  mkdir,
  open,
  readFile,
  readdir,
  rename,
  rmdir,
  stat,
  unlink,
} from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { type AppendFile, OrderedFile, type RawFile } from "./append-file.ts";

export type { AppendFile } from "./append-file.ts";

/** What a folder says of a path. */
export interface FileFacts {
  /** Size in bytes; of no meaning for folders. */
  readonly size: number;
  /** Permission bits, such as 0o600. */
  readonly mode: number;
  readonly isFolder: boolean;
  /** As against a folder, a pipe or a device. */
  readonly isFile: boolean;
}

/** A disk. Paths are absolute or relative to the working folder; folders must exist before anything is put in them. */
export interface Files {
  /** Reads a whole file; `undefined` where there is none. The caller owns the bytes. */
  read(path: string): Promise<Uint8Array | undefined>;

  /** Reads up to `length` bytes from `offset`, fewer where the file ends; `undefined` where there is no file. */
  readRange(path: string, offset: number, length: number): Promise<Uint8Array | undefined>;

  /**
   * Puts `bytes` in place of whatever the file holds, in one durable step; `bytes` must not change meanwhile.
   *
   * A power cut leaves the old content or the new, never a mixture. So does a rejection, and the caller does not know
   * which. Writes of one path happen in the order in which they were asked for. The mode is 0o644 less the umask
   * unless given, and in force before the first byte is written.
   */
  write(path: string, bytes: Uint8Array, options?: { mode?: number }): Promise<void>;

  /** Gives the sorted names of files and folders in a folder; none where it does not exist. */
  list(folder: string): Promise<string[]>;

  /** Removes a file or an empty folder, durably. One that is not there is fine. */
  remove(path: string): Promise<void>;

  /**
   * Makes a folder and those above it, durably. One that is there is fine, and stays as it is.
   *
   * The mode of those that it makes is 0o777 less the umask unless given.
   */
  makeFolder(path: string, options?: { mode?: number }): Promise<void>;

  /** Opens a file for growing, and makes an empty one, durably, where there is none. */
  open(path: string): Promise<AppendFile>;

  /** Says whether there is a file or folder. */
  exists(path: string): Promise<boolean>;

  /** Says what a path is; `undefined` where there is nothing. */
  facts(path: string): Promise<FileFacts | undefined>;
}

/** How half-written files begin. `list` does not show them; the next write of the same path overwrites them. */
export const TEMPORARY_PREFIX = ".writing-";

const DEFAULT_MODE = 0o644;

/** The machine's disk. */
export const nodeFiles: Files = {
  read: (path) => orUndefined(() => named(path, async () => plainBytes(await readFile(path)))),

  readRange: (path, offset, length) =>
    orUndefined(async () => {
      const handle = await open(path, "r");
      try {
        return await readAt(handle, offset, length);
      } finally {
        await handle.close();
      }
    }),

  write: (path, bytes, options) =>
    inOrderOfPath(resolve(path), (target) => replace(target, bytes, options?.mode)),

  list: async (folder) => {
    const names = (await orUndefined(() => readdir(folder))) ?? [];
    return names.filter((name) => !name.startsWith(TEMPORARY_PREFIX)).sort();
  },

  remove: (path) =>
    inOrderOfPath(resolve(path), async (target) => {
      const isFolder = (await orUndefined(() => stat(target)))?.isDirectory();
      if (isFolder === undefined) return;
      await (isFolder ? rmdir(target) : unlink(target));
      await syncFolder(dirname(target));
    }),

  makeFolder: async (path, options) => {
    const target = resolve(path);
    const first = await makeFolders(target, options);
    if (first === undefined) return;
    // Each new folder's name is kept by the folder above it.
    for (let made = target; made.length >= first.length; made = dirname(made)) {
      await syncFolder(dirname(made));
    }
  },

  open: async (path) => {
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT, DEFAULT_MODE);
    try {
      // Even where the file was there: whoever made it may have been killed before its own sync.
      await syncFolder(dirname(resolve(path)));
      const { size } = await handle.stat();
      return new OrderedFile(path, rawFile(handle, path), size);
    } catch (error) {
      await handle.close();
      throw error;
    }
  },

  exists: async (path) => (await nodeFiles.facts(path)) !== undefined,

  facts: (path) =>
    orUndefined(async () => {
      const found = await stat(path);
      return {
        size: found.size,
        mode: found.mode & 0o777,
        isFolder: found.isDirectory(),
        isFile: found.isFile(),
      };
    }),
};

/**
 * Makes a folder and those above it, and gives the first that was missing; `undefined` where nothing was.
 *
 * Making several at once, Node says "no such file" of a file system that is read-only; so the first missing folder is then
 * made by itself, for the sake of the error.
 */
export async function makeFolders(
  path: string,
  options: { mode?: number } = {},
): Promise<string | undefined> {
  try {
    return await mkdir(path, { recursive: true, ...options });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    let missing = resolve(path);
    while ((await orUndefined(() => stat(dirname(missing)))) === undefined)
      missing = dirname(missing);
    await mkdir(missing, options);
    await mkdir(path, { recursive: true, ...options });
    return missing;
  }
}

/** Writes beside the target, syncs, and swaps: a crash before the swap leaves only a temporary file. */
async function replace(target: string, bytes: Uint8Array, mode?: number): Promise<void> {
  const folder = dirname(target);
  const temporary = join(folder, TEMPORARY_PREFIX + basename(target));
  await named(target, async () => {
    try {
      await writeWhole(temporary, bytes, mode);
      await rename(temporary, target);
    } catch (error) {
      await unlink(temporary).catch(() => undefined); // The first error says more.
      throw error;
    }
  });
  await syncFolder(folder);
}

async function writeWhole(path: string, bytes: Uint8Array, mode?: number): Promise<void> {
  const handle = await open(path, "w", mode ?? DEFAULT_MODE);
  try {
    if (mode !== undefined) await handle.chmod(mode); // A file left by a crash may have another.
    await writeAt(handle, 0, bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function rawFile(handle: FileHandle, path: string): RawFile {
  return {
    write: (offset, bytes) => named(path, () => writeAt(handle, offset, bytes)),
    sync: () => named(path, () => handle.datasync()),
    read: (offset, length) => named(path, () => readAt(handle, offset, length)),
    truncate: (size) => named(path, () => handle.truncate(size)),
    close: () => handle.close(),
  };
}

/** Has an error say which path it is about: Node names none for what is done to an open file. */
async function named<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw error instanceof Error ? Object.assign(error, { path }) : error;
  }
}

/** Writes all of `bytes`; one call of the kernel may take only part of them. */
async function writeAt(handle: FileHandle, offset: number, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, offset + done);
    done += bytesWritten;
  }
}

/** Reads until `length` bytes are there or the file ends. */
async function readAt(handle: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) return bytes.subarray(0, done);
    done += bytesRead;
  }
  return bytes;
}

/** Changes of one path that are under way, so that a later one waits for the earlier ones. */
const changesOfPath = new Map<string, Promise<void>>();

function inOrderOfPath(target: string, change: (target: string) => Promise<void>): Promise<void> {
  const before = changesOfPath.get(target);
  const done = before === undefined ? change(target) : before.then(() => change(target));
  const settled = done
    .catch(() => undefined)
    .then(() => {
      if (changesOfPath.get(target) === settled) changesOfPath.delete(target);
    });
  changesOfPath.set(target, settled);
  return done;
}

interface FolderSyncs {
  running: Promise<void>;
  next: Promise<void> | undefined;
}

const syncsOfFolder = new Map<string, FolderSyncs>();

/**
 * Makes the names in a folder durable.
 *
 * Those who ask while a sync runs share the next one: theirs must begin after their change, but one for all will do.
 */
function syncFolder(folder: string): Promise<void> {
  const syncs = syncsOfFolder.get(folder);
  if (syncs !== undefined) {
    syncs.next ??= syncs.running.catch(() => undefined).then(() => startFolderSync(folder));
    return syncs.next;
  }
  return startFolderSync(folder);
}

function startFolderSync(folder: string): Promise<void> {
  const running = syncFolderNow(folder);
  const syncs: FolderSyncs = { running, next: undefined };
  syncsOfFolder.set(folder, syncs);
  const forget = (): void => {
    if (syncsOfFolder.get(folder) === syncs && syncs.next === undefined) {
      syncsOfFolder.delete(folder);
    }
  };
  running.then(forget, forget);
  return running;
}

async function syncFolderNow(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await named(folder, () => handle.sync());
  } finally {
    await handle.close();
  }
}

/** Gives `undefined` in place of "no such file". */
async function orUndefined<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Shows a Buffer as the plain bytes that it is. */
function plainBytes(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
