/**
 * How a running agent tells its status without wearing out the card: a Unix socket in its data folder.
 *
 * Whoever connects gets one JSON document. Where no agent answers there is status-file.ts.
 */

import { rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import type { Files } from "../../platform/files.ts";
import { parseStatus, readStatus } from "./status-file.ts";
import type { AgentStatus } from "./status.ts";

const NAME = "status.sock";
const CONNECTIONS_MAX = 16;
const ANSWER_LIMIT_MS = 2_000;
const STATUS_BYTES_MAX = 4_194_304;

/** A status, and whether the agent itself has just given it. */
export interface FoundStatus {
  readonly status: AgentStatus;
  readonly isLive: boolean;
}

/** Answers in `folder`, which the caller has locked, until closed. Rejects where the file system holds no sockets. */
export async function serveStatus(
  folder: string,
  status: () => AgentStatus,
): Promise<{ close(): Promise<void> }> {
  const path = `${folder}/${NAME}`;
  // The lock says that nobody listens there any more.
  await rm(path, { force: true });
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.setTimeout(ANSWER_LIMIT_MS, () => socket.destroy());
    socket.end(JSON.stringify(status()));
  });
  server.maxConnections = CONNECTIONS_MAX;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  server.unref();
  return { close: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** Finds how the agent of a data folder is: from itself, or else from its file; `undefined` where it has never run. */
export async function findStatus(files: Files, folder: string): Promise<FoundStatus | undefined> {
  const said = await ask(`${folder}/${NAME}`);
  if (said !== undefined) return { status: said, isLive: true };
  const written = await readStatus(files, folder);
  return written && { status: written, isLive: false };
}

/** Asks a running agent; `undefined` where none answers, for whatever reason. */
function ask(path: string): Promise<AgentStatus | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let text = "";
    socket.setEncoding("utf8");
    socket.setTimeout(ANSWER_LIMIT_MS, () => socket.destroy());
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (text.length > STATUS_BYTES_MAX) socket.destroy();
    });
    socket.on("error", () => resolve(undefined));
    socket.on("close", () => resolve(parseStatus(text)));
  });
}
