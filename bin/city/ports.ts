/** Which ports the city listens on: those asked for or none, and free ones in place of the usual. */

import { createServer } from "node:net";
import { UserError } from "../../platform/user-error.ts";

const HOST = "127.0.0.1";

/** A port, and whether it is another than the usual one. */
export interface ChosenPort {
  readonly port: number;
  readonly isSubstitute: boolean;
}

/** Takes the port that was asked for, or the usual one, or any. Rejects with a `UserError` if one asked for is taken. */
export async function choosePort(
  flag: string,
  asked: string | undefined,
  usual: number,
): Promise<ChosenPort> {
  if (asked === undefined) {
    const isFree = (await tryListen(usual)) === usual;
    return isFree
      ? { port: usual, isSubstitute: false }
      : { port: await anyPort(), isSubstitute: true };
  }
  const port = Number(asked);
  if (!/^\d+$/.test(asked) || port > 65_535) {
    throw new UserError(`${flag} needs a port from 0 to 65535, not "${asked}".`);
  }
  if (port === 0) return { port: await anyPort(), isSubstitute: false };
  if ((await tryListen(port)) === undefined) {
    throw new UserError(`Port ${port}, asked for with ${flag}, is taken or not allowed.`, {
      hint: `Give another, or leave ${flag} away: then a free one is found.`,
    });
  }
  return { port, isSubstitute: false };
}

async function anyPort(): Promise<number> {
  const port = await tryListen(0);
  if (port === undefined) throw new UserError("No port of 127.0.0.1 is free.");
  return port;
}

/** Listens for a moment. Gives the port, or `undefined` where that is not possible. */
function tryListen(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(port, HOST, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" ? address?.port : undefined));
    });
  });
}
