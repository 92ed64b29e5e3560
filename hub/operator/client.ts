/** The command line's end of the operator socket. */

import { createConnection } from "node:net";
import { resolve } from "node:path";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { networkWords } from "../../platform/network-words.ts";
import { UserError } from "../../platform/user-error.ts";
import { LineSplitter, socketPath } from "./protocol.ts";
import type { OperatorReply, OperatorRequest } from "./protocol.ts";

const REPLY_MS_MAX = 30_000;

/** Asks the hub that runs on a data folder. Throws `UserError` where none does, or the hub says no. */
export async function askHub(dataFolder: string, request: OperatorRequest): Promise<unknown> {
  const reply = await exchange(socketPath(dataFolder), dataFolder, request);
  if (reply.ok) return reply.result;
  throw new UserError(reply.code === undefined ? reply.text : `${reply.code}: ${reply.text}`, {
    exitCode: 1,
  });
}

/** Asks as `askHub` does; the folder is as a user gives it, `data` unless given. */
export function askOperatorOf(
  { cwd }: Pick<ProgramIo, "cwd">,
  dataFolder: string | undefined,
  request: OperatorRequest,
): Promise<unknown> {
  return askHub(resolve(cwd, dataFolder ?? "data"), request);
}

function exchange(
  path: string,
  dataFolder: string,
  request: OperatorRequest,
): Promise<OperatorReply> {
  return new Promise((resolve, reject) => {
    const lines = new LineSplitter();
    const socket = createConnection(path, () => socket.write(`${JSON.stringify(request)}\n`));
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(REPLY_MS_MAX, () => fail(new UserError("The hub does not answer.")));
    socket.on("error", (cause: NodeJS.ErrnoException) => fail(connectFault(cause, dataFolder)));
    socket.on("close", () => reject(new UserError("The hub has closed the connection.")));
    socket.on("data", (chunk) => {
      const [line] = lines.push(chunk);
      if (line === undefined) return;
      resolve(JSON.parse(line) as OperatorReply);
      socket.end();
    });
  });
}

function connectFault(cause: NodeJS.ErrnoException, dataFolder: string): UserError {
  switch (cause.code) {
    case "ENOENT":
    case "ECONNREFUSED":
      return new UserError(`No hub is running on ${dataFolder}.`, {
        hint: `Name the folder of the hub that runs with --data (of npm start: data/hub), or start one: kerbstone hub run --data ${dataFolder}`,
        cause,
      });
    case "EACCES":
      return new UserError(
        `You may not give orders to the hub on ${dataFolder}: the socket there is its owner's.`,
        { cause },
      );
    default:
      return new UserError(`The hub on ${dataFolder} cannot be reached: ${networkWords(cause)}.`, {
        cause,
      });
  }
}
