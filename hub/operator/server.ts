/**
 * The hub's end of the operator socket. What the commands do is commands.ts's matter.
 */

import { chmod, mkdir, unlink } from "node:fs/promises";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { Refusal } from "../../ledger/errors.ts";
import type { Logger } from "../../platform/log.ts";
import { UserError } from "../../platform/user-error.ts";
import { LineSplitter, operatorFolder, socketPath } from "./protocol.ts";
import type { OperatorReply, OperatorRequest } from "./protocol.ts";

/** Carries out one command. Gives its result or a refusal; throws `UserError` where the request itself is wrong. */
export type OperatorCommand = (request: OperatorRequest) => Promise<unknown>;

/** A socket that is open. */
export interface OperatorServer {
  close(): Promise<void>;
}

/** Operators are few; more connections than these are closed at once. */
const CONNECTIONS_MAX = 16;
const IDLE_MS_MAX = 60_000;

/**
 * Opens the socket, mode 0600, in a folder of mode 0700.
 *
 * The caller holds the data folder's lock, so a socket that is there already was left by a hub that is gone.
 */
export async function serveOperator(
  dataFolder: string,
  commands: Readonly<Record<string, OperatorCommand>>,
  logger: Logger,
): Promise<OperatorServer> {
  const folder = operatorFolder(dataFolder);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  const path = socketPath(dataFolder);
  await unlink(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    serve(socket, commands, logger);
  });
  server.maxConnections = CONNECTIONS_MAX;
  await listening(server, path);
  await chmod(path, 0o600);
  return {
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
}

function serve(
  socket: Socket,
  commands: Readonly<Record<string, OperatorCommand>>,
  logger: Logger,
): void {
  const lines = new LineSplitter();
  socket.setTimeout(IDLE_MS_MAX, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    try {
      for (const line of lines.push(chunk)) {
        void answer(line, commands, logger).then((reply) =>
          socket.write(`${JSON.stringify(reply)}\n`),
        );
      }
    } catch {
      socket.destroy();
    }
  });
}

/** Never rejects: whatever goes wrong becomes a reply. */
async function answer(
  line: string,
  commands: Readonly<Record<string, OperatorCommand>>,
  logger: Logger,
): Promise<OperatorReply> {
  try {
    const request = JSON.parse(line) as OperatorRequest;
    const { command } = request;
    if (!Object.hasOwn(commands, command)) {
      return { ok: false, text: `this hub knows no command ${command}` };
    }
    const result = await commands[command]!(request);
    logger.info({ command }, "carried out an operator's command");
    return result instanceof Refusal
      ? { ok: false, code: result.code, text: result.text }
      : { ok: true, result };
  } catch (error) {
    if (error instanceof UserError) return { ok: false, text: error.message };
    logger.error({ error }, "an operator's command failed");
    return { ok: false, text: error instanceof Error ? error.message : "the command failed" };
  }
}
