/**
 * How a running agent tells its status without wearing out the card: a Unix socket in its data folder.
 *
 * Whoever connects gets one JSON document. Where no agent answers there is status-file.ts.
 */

import { Buffer } from "node:buffer";
import { open, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { connect, createServer } from "node:net";
import type { Files } from "../../platform/files.ts";
import { parseStatus, readStatus } from "./status-file.ts";
import type { AgentStatus } from "./status.ts";

const NAME = "status.sock";
const CONNECTIONS_MAX = 16;
const ANSWER_LIMIT_MS = 2_000;
const STATUS_BYTES_MAX = 4_194_304;

/** Why an agent could not be asked: it took the question and gave no answer, or this user may not ask. */
export type Unheard = "silent" | "denied";

/** A status, and whether the agent itself has just given it. */
export interface FoundStatus {
  readonly status: AgentStatus;
  readonly isLive: boolean;
  /** The status is an old one, and the agent may well be running. */
  readonly unheard?: Unheard;
}

/** Answers in `folder`, which the caller has locked, until closed. Rejects where the file system holds no sockets. */
export async function serveStatus(
  folder: string,
  status: () => AgentStatus,
): Promise<{ close(): Promise<void> }> {
  // The lock says that nobody listens there any more.
  await rm(`${folder}/${NAME}`, { force: true });
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.setTimeout(ANSWER_LIMIT_MS, () => socket.destroy());
    socket.end(JSON.stringify(status()));
  });
  server.maxConnections = CONNECTIONS_MAX;
  const place = await SocketPlace.open(folder);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(place.path, resolve);
    });
  } catch (error) {
    await place.close();
    throw error;
  }
  server.unref();
  return {
    close: async () => {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      await place.close();
    },
  };
}

/**
 * Finds how the agent of a data folder is: from itself, or else from its file; `undefined` where it has never run.
 *
 * Rejects where this user may read neither.
 */
export async function findStatus(files: Files, folder: string): Promise<FoundStatus | undefined> {
  const said = await ask(folder);
  if (typeof said === "object") return { status: said, isLive: true };
  const written = await readStatus(files, folder);
  if (written === undefined) return undefined;
  return { status: written, isLive: false, ...(said === undefined ? {} : { unheard: said }) };
}

/** Asks an agent; `undefined` where none is there. */
async function ask(folder: string): Promise<AgentStatus | Unheard | undefined> {
  const place = await SocketPlace.open(folder).catch((error: unknown) => error);
  if (!(place instanceof SocketPlace)) return isDenied(place) ? "denied" : undefined;
  try {
    return await askAt(place.path);
  } finally {
    await place.close();
  }
}

function askAt(path: string): Promise<AgentStatus | Unheard | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let text = "";
    let isThere = false;
    socket.setEncoding("utf8");
    socket.setTimeout(ANSWER_LIMIT_MS, () => socket.destroy());
    socket.on("connect", () => (isThere = true));
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (text.length > STATUS_BYTES_MAX) socket.destroy();
    });
    socket.on("error", (error) => resolve(isDenied(error) ? "denied" : undefined));
    // Who takes the call and says nothing runs, and hangs.
    socket.on("close", () => resolve(isThere ? (parseStatus(text) ?? "silent") : undefined));
  });
}

function isDenied(error: unknown): boolean {
  return ["EACCES", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "");
}

/** What fits into the address of a Unix socket; Node cuts off the rest, and takes the socket elsewhere. */
const ADDRESS_BYTES_MAX = 100;

/** The socket of a folder by a path that is short enough. */
class SocketPlace {
  readonly path: string;
  private readonly handle: FileHandle | undefined;

  private constructor(path: string, handle: FileHandle | undefined) {
    this.path = path;
    this.handle = handle;
  }

  static async open(folder: string): Promise<SocketPlace> {
    const path = `${folder}/${NAME}`;
    if (Buffer.byteLength(path) <= ADDRESS_BYTES_MAX || process.platform !== "linux")
      return new SocketPlace(path, undefined);
    const handle = await open(folder, "r");
    return new SocketPlace(`/proc/self/fd/${handle.fd}/${NAME}`, handle);
  }

  async close(): Promise<void> {
    await this.handle?.close();
  }
}
