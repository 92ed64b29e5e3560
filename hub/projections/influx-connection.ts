/**
 * The connection of one operation on InfluxDB: bounds on what the server may send, and errors that hold no secret.
 *
 * The `influx` client collects answers of any length, waits for ever for the end of one that breaks off, and hangs the
 * whole request on its errors, with the login in its headers. It lets the caller choose the agent, so the bounds stand
 * at the agent's sockets. An operation has an agent of its own; with the operation all its sockets end.
 */

import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { Duplex } from "node:stream";
import type { Clock } from "../../platform/clock.ts";

/** Bounds of one operation. */
export interface ConnectionLimits {
  /** Of all that the server sends, heads included. */
  readonly bytesMax: number;
  readonly timeoutMs: number;
}

/** What became of an operation that failed: text and status alone, fit for a log. */
export class InfluxFault extends Error {
  override readonly name = "InfluxFault";
  /** The HTTP status, where there was an answer with one. */
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

/** A server's text goes into logs up to this length. */
const TEXT_LENGTH_MAX = 500;

/** Runs an operation whose requests go through `agent`. Rejects with `InfluxFault`, whatever the reason. */
export async function withConnection<T>(
  isTls: boolean,
  { bytesMax, timeoutMs }: ConnectionLimits,
  clock: Clock,
  run: (agent: HttpAgent) => Promise<T>,
): Promise<T> {
  let cut = (_text: string): void => undefined;
  const whenCut = new Promise<never>((_resolve, reject) => {
    cut = (text) => reject(new InfluxFault(text));
  });
  const agent = isTls ? new HttpsAgent({ keepAlive: false }) : new HttpAgent({ keepAlive: false });
  boundSockets(agent, bytesMax, () => cut(`InfluxDB answered with more than ${bytesMax} bytes`));
  const cancel = clock.after(timeoutMs, () =>
    cut(`InfluxDB did not answer within ${timeoutMs} ms`),
  );
  try {
    return await Promise.race([run(agent), whenCut]);
  } catch (error) {
    throw plainFault(error);
  } finally {
    cancel();
    agent.destroy();
  }
}

/** Ends each socket of the agent that receives too much. */
function boundSockets(agent: HttpAgent, bytesMax: number, onTooMuch: () => void): void {
  const create = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback): Duplex | null | undefined => {
    const socket = create(options, callback);
    let bytes = 0;
    socket?.on("data", (chunk: Uint8Array) => {
      bytes += chunk.length;
      if (bytes <= bytesMax) return;
      onTooMuch();
      socket.destroy();
    });
    return socket;
  };
}

/** Takes over what may be read by others, and leaves request, response and raw bytes behind. */
function plainFault(error: unknown): InfluxFault {
  if (error instanceof InfluxFault) return error;
  if (!(error instanceof Error)) return new InfluxFault("InfluxDB failed");
  const { res, code } = error as { res?: { statusCode?: number }; code?: unknown };
  const text = error.message.slice(0, TEXT_LENGTH_MAX);
  const fallback = typeof code === "string" ? code : "InfluxDB failed";
  return new InfluxFault(text === "" ? fallback : text, res?.statusCode);
}
