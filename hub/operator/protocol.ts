/**
 * How operator commands reach the running hub: a Unix socket in its data folder, one JSON line each way.
 *
 * Whoever may open the socket may do everything; its mode is the only lock. Nothing here goes over a network.
 */

import { join, relative } from "node:path";
import { encodeUtf8 } from "../../ledger/bytes.ts";
import { UserError } from "../../platform/user-error.ts";

/** A request: a command, and whatever that command takes. */
export interface OperatorRequest {
  readonly command: string;
  readonly [parameter: string]: unknown;
}

/** The answer: a result, or one sentence that says why there is none. `code` is that of a refusal by admission. */
export type OperatorReply =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly code?: string; readonly text: string };

/** Bound of one line in either direction. */
export const LINE_BYTES_MAX = 1_048_576;

/** The longest path that a Unix socket's address holds on Linux, less the closing zero. */
const SOCKET_PATH_BYTES_MAX = 107;

/** The folder that shields the socket: nobody else may enter it, so there is no moment at which the socket is open. */
export function operatorFolder(dataFolder: string): string {
  return join(dataFolder, "operator");
}

/** The socket's path, relative to the process where that is shorter: addresses of Unix sockets have little room. */
export function socketPath(dataFolder: string): string {
  const path = join(operatorFolder(dataFolder), "socket");
  const short = relative(process.cwd(), path);
  const chosen = short.length < path.length ? short : path;
  if (encodeUtf8(chosen).length > SOCKET_PATH_BYTES_MAX) {
    throw new UserError(
      `The path of the data folder is too long for a Unix socket: ${dataFolder}`,
      {
        hint: "Give the data a folder with a shorter path.",
      },
    );
  }
  return chosen;
}

/** Splits a stream of bytes into lines. Throws `RangeError` when one exceeds the bound. */
export class LineSplitter {
  #rest = "";
  readonly #decoder = new TextDecoder();

  /** Takes a chunk; gives the lines that are complete. */
  push(chunk: Uint8Array): string[] {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split("\n");
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > LINE_BYTES_MAX) throw new RangeError("a line is too long");
    return lines;
  }
}
