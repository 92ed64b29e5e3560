/**
 * One process at a time in a data folder.
 *
 * Each process that wants the folder listens on a Unix socket with a name of its own in `<folder>/.lock/`, and then
 * looks whether anybody answers on another one. The kernel closes the socket of a process however it ends, so a lock
 * outlives neither `kill -9` nor a power cut, and a process id that is used again means nothing. Holds between
 * containers that share the folder on one machine; not between machines on a network file system.
 */
import { randomBytes } from "node:crypto";
import { type FileHandle, open, readdir, rename, rm } from "node:fs/promises";
import { type Server, connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { makeFolders } from "./files.ts";
import { systemRandom } from "./random.ts";
import { UserError } from "./user-error.ts";

/** A folder that belongs to this process. */
export interface FolderLock {
  /** Lets the folder go. Releasing again does nothing. */
  release(): Promise<void>;
}

/** Two processes that start in the same moment see each other and both step back; then they try again. */
const ATTEMPTS = 3;
const PAUSE_MS_MAX = 100;
/** Answers with which a file system says that it holds no sockets. */
const NO_SOCKETS = new Set(["EOPNOTSUPP", "ENOTSUP", "EPERM", "ENAMETOOLONG", "EINVAL"]);

/**
 * Takes `folder`, which is made where it is missing.
 *
 * Rejects with a `UserError` that names the process which has it, be it this one.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const place = join(folder, ".lock");
  await makeFolders(place, { mode: 0o700 });
  for (let attempt = 1; ; attempt++) {
    const claim = await Claim.make(place, folder);
    let holder: string | undefined;
    try {
      holder = await claim.otherProcess();
    } catch (error) {
      await claim.release();
      throw error;
    }
    if (holder === undefined) return claim;
    await claim.release();
    if (attempt === ATTEMPTS) throw heldBy(folder, holder);
    await pause(PAUSE_MS_MAX * (0.2 + 0.8 * systemRandom.unit()));
  }
}

function heldBy(folder: string, processId: string): UserError {
  const isOwn = processId === String(process.pid);
  return new UserError(
    isOwn
      ? `${folder} is already in use by this very process (${processId}).`
      : `${folder} is in use by another kerbstone process, number ${processId}.`,
    { hint: "Stop that process first, or give this one a folder of its own." },
  );
}

/** A socket on which this process listens, to be seen by others. */
class Claim implements FolderLock {
  readonly #place: string;
  readonly #name: string;
  readonly #server: Server;
  readonly #handle: FileHandle;
  #released: Promise<void> | undefined;

  private constructor(place: string, name: string, server: Server, handle: FileHandle) {
    this.#place = place;
    this.#name = name;
    this.#server = server;
    this.#handle = handle;
  }

  static async make(place: string, folder: string): Promise<Claim> {
    const name = `${process.pid}.${randomBytes(8).toString("hex")}`;
    const handle = await open(place, "r");
    const server = createServer((visitor) => visitor.destroy());
    try {
      // Under its final name a socket always answers: between bind and listen it would look dead.
      await listen(server, join(socketFolder(place, handle), `new-${name}`));
      await rename(join(place, `new-${name}`), join(place, name));
    } catch (error) {
      server.close();
      await handle.close();
      throw explained(error, folder);
    }
    server.unref();
    return new Claim(place, name, server, handle);
  }

  /** Finds another living claim and gives its process id; clears away those of the dead. */
  async otherProcess(): Promise<string | undefined> {
    for (const name of await readdir(this.#place)) {
      if (name === this.#name || !/^\d+\.[0-9a-f]{16}$/.test(name)) continue;
      if (await answers(join(socketFolder(this.#place, this.#handle), name))) {
        return name.slice(0, name.indexOf("."));
      }
      await rm(join(this.#place, name), { force: true });
    }
    return undefined;
  }

  release(): Promise<void> {
    this.#released ??= this.#end();
    return this.#released;
  }

  async #end(): Promise<void> {
    await rm(join(this.#place, this.#name), { force: true });
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    await this.#handle.close();
  }
}

/** Gives a short path to the folder where there is one: a socket's address holds about a hundred bytes only. */
function socketFolder(place: string, handle: FileHandle): string {
  return process.platform === "linux" ? `/proc/self/fd/${handle.fd}` : place;
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ path, exclusive: true }, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
}

/** Says whether a living process listens; where it cannot be told, the answer is yes. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code !== "ECONNREFUSED" && error.code !== "ENOENT");
    });
  });
}

function explained(error: unknown, folder: string): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (!NO_SOCKETS.has(code)) return error;
  return new UserError(`${folder} cannot be locked: its file system holds no sockets (${code}).`, {
    hint: "Put the data on a file system of Linux or macOS, under a path that is not very long.",
    cause: error,
  });
}
