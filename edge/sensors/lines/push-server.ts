/**
 * Where boards push to: an HTTP server for all lines of a process that name its address, open while any of them is.
 *
 * It stands in the LAN and believes nobody: few connections, few of them from one host, all of them short; bodies of 16
 * KiB at most; only boards that a sensor of the settings names, each at its pace. What it says to a board is one
 * sentence; what a body means is the drivers' work.
 */

import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Clock } from "../../../platform/clock.ts";
import { formatListenAddress } from "../../../platform/listen-address.ts";
import type { Logger } from "../../../platform/log.ts";
import { concatBytes } from "../../../ledger/bytes.ts";
import type { PushAddress } from "./address.ts";
import type { PushAccess } from "./lan-access.ts";
import type { Connect, Connection, ConnectionEvents } from "./line.ts";
import { MessageQuota } from "./message-quota.ts";
import { BODY_BYTES_MAX, isLoggedIn, parsePush, PUSH_STATUSES } from "./push-request.ts";
import type { PushAnswer } from "./push-request.ts";

/** How often each answer was given, by its status. */
export type PushCounts = Readonly<Record<PushAnswer["status"], number>>;

/** What a server is made of. */
export interface PushServerParts {
  readonly access: PushAccess;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long a request may take. */
  readonly limits?: PushLimits;
}

/** How long boards may take, in milliseconds. */
export interface PushLimits {
  /** For the headers, and between two requests. */
  readonly headersMs: number;
  /** For all of a request. */
  readonly requestMs: number;
  /** How often a look is taken at those who exceed these. */
  readonly lookMs: number;
}

const CONNECTIONS_MAX = 64;
const CONNECTIONS_PER_HOST_MAX = 8;
/** Node itself would look each half a minute. */
const LIMITS: PushLimits = { headersMs: 5_000, requestMs: 10_000, lookMs: 1_000 };
const HEADERS_BYTES_MAX = 8_192;
/** A board sends one push a sensor, one after another, every few minutes. */
const QUOTA = { perSecond: 2, atOnce: 20 };
/** Boards that nobody knows, of which it is remembered that it was said. */
const STRANGERS_MAX = 64;

/** Gives counts at zero. */
export function noPushes(): Record<PushAnswer["status"], number> {
  return Object.fromEntries(PUSH_STATUSES.map((status) => [status, 0])) as Record<
    PushAnswer["status"],
    number
  >;
}

interface Listener {
  readonly board: string;
  readonly events: ConnectionEvents;
  readonly quota: MessageQuota;
}

/** See the head of the file. */
export class PushServer {
  private readonly parts: PushServerParts;
  private readonly listeners = new Set<Listener>();
  private readonly counts = noPushes();
  private readonly strangers = new Set<string>();
  private readonly connectionsOf = new Map<string, number>();
  /** Lines that wait for it to listen, or hear. */
  private users = 0;
  private listening: Promise<Server> | undefined;
  private closing: Promise<void> = Promise.resolve();

  constructor(parts: PushServerParts) {
    this.parts = parts;
  }

  /** What boards have to say by HTTP Basic. */
  get login(): PushAccess["login"] {
    return this.parts.access.login;
  }

  /** A copy of the counts. */
  counters(): PushCounts {
    return { ...this.counts };
  }

  /** Gives what opens the line to a board. */
  connectTo({ board }: PushAddress): Connect {
    return async (events, signal) => {
      this.users += 1;
      try {
        await this.listen();
        signal.throwIfAborted();
      } catch (error) {
        await this.leave();
        throw error;
      }
      return this.seat(board, events);
    };
  }

  private seat(board: string, events: ConnectionEvents): Connection {
    const quota = new MessageQuota(QUOTA, this.parts.clock.monotonicMs());
    const listener = { board, events, quota };
    this.listeners.add(listener);
    return {
      write: () => false,
      close: async () => {
        if (!this.listeners.delete(listener)) return;
        await this.leave();
        events.closed(undefined);
      },
    };
  }

  /** Gives a place up. The last one closes the server. */
  private async leave(): Promise<void> {
    this.users -= 1;
    if (this.users > 0) return;
    const { listening } = this;
    this.listening = undefined;
    this.closing = closed(listening);
    await this.closing;
  }

  /** Listens, once for all. */
  private listen(): Promise<Server> {
    // The address is free again only when the server before has closed.
    this.listening ??= this.closing.then(() => this.open());
    return this.listening;
  }

  private async open(): Promise<Server> {
    const { access, logger, limits = LIMITS } = this.parts;
    const server = createServer(
      {
        connectionsCheckingInterval: limits.lookMs,
        headersTimeout: limits.headersMs,
        requestTimeout: limits.requestMs,
        keepAliveTimeout: limits.headersMs,
        maxHeaderSize: HEADERS_BYTES_MAX,
      },
      (request, response) => void this.answer(request, response),
    );
    server.maxConnections = CONNECTIONS_MAX;
    server.on("connection", (socket) => this.admit(socket));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(access.listen.port, access.listen.host, () => {
        server.off("error", reject);
        resolve();
      });
    });
    server.on("error", (error) => this.fail(error));
    const { port } = server.address() as AddressInfo;
    const at = formatListenAddress({ host: access.listen.host, port });
    logger.info({ url: `http://${at}/` }, "boards may push");
    return server;
  }

  private fail(error: Error): void {
    const lost = [...this.listeners];
    this.listeners.clear();
    for (const { events } of lost) {
      void this.leave();
      events.closed(error);
    }
  }

  /** Lets in only so many of one host: none may keep the boards out by itself. */
  private admit(socket: Socket): void {
    const host = socket.remoteAddress ?? "";
    const count = (this.connectionsOf.get(host) ?? 0) + 1;
    this.connectionsOf.set(host, count);
    socket.once("close", () => {
      const left = (this.connectionsOf.get(host) ?? 1) - 1;
      if (left > 0) this.connectionsOf.set(host, left);
      else this.connectionsOf.delete(host);
    });
    if (count > CONNECTIONS_PER_HOST_MAX) socket.destroy();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = await this.judge(request).catch(
      // The board went away, or was too slow.
      (): PushAnswer => ({ status: 408, text: "the body did not come" }),
    );
    this.counts[answer.status] += 1;
    if (response.destroyed) return;
    const isWhole = request.complete;
    response.writeHead(answer.status, {
      "content-type": "text/plain; charset=utf-8",
      ...(answer.status === 401 ? { "www-authenticate": 'Basic realm="kerbstone"' } : {}),
      ...(answer.status === 405 ? { allow: "POST" } : {}),
      // What is still to come of a request that was refused is not waited for.
      ...(isWhole ? {} : { connection: "close" }),
    });
    response.end(`${answer.text}\n`);
  }

  private async judge(request: IncomingMessage): Promise<PushAnswer> {
    const { login } = this.parts.access;
    if (request.method !== "POST")
      return { status: 405, text: "boards POST here, and there is nothing to see" };
    if (login !== undefined && !isLoggedIn(request.headers, login))
      return { status: 401, text: "user name or password is wrong, or missing" };
    const body = await bodyOf(request);
    if (body === undefined)
      return { status: 413, text: `the body is longer than ${BODY_BYTES_MAX} bytes` };
    const push = parsePush(request.headers, body);
    return "status" in push ? push : this.deliver(push.board, push.line);
  }

  private deliver(board: string, line: Uint8Array): PushAnswer {
    const listeners = [...this.listeners].filter((listener) => listener.board === board);
    if (listeners.length === 0) {
      this.noteStranger(board);
      return { status: 403, text: `no sensor of the settings is called push:${board}` };
    }
    const nowMs = this.parts.clock.monotonicMs();
    const welcome = listeners.filter(({ quota }) => quota.take(nowMs));
    if (welcome.length === 0) {
      for (const { events } of listeners) events.refused?.(line.length);
      return { status: 429, text: "too many pushes: slower" };
    }
    const readings = welcome.map(({ events }) => events.bytes(line) ?? 0);
    if (readings.some((count) => count > 0)) return { status: 200, text: "ok" };
    return { status: 422, text: "no value in it that the sensor's driver takes" };
  }

  private noteStranger(board: string): void {
    if (this.strangers.has(board) || this.strangers.size >= STRANGERS_MAX) return;
    this.strangers.add(board);
    this.parts.logger.warn({ board }, "a board pushes that no sensor of the settings names");
  }
}

/** Reads a body; `undefined` where it is too long. Rejects where it does not come. */
async function bodyOf(request: IncomingMessage): Promise<Uint8Array | undefined> {
  if (Number(request.headers["content-length"] ?? 0) > BODY_BYTES_MAX) return undefined;
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > BODY_BYTES_MAX) return undefined;
    chunks.push(chunk);
  }
  return concatBytes(...chunks);
}

async function closed(listening: Promise<Server> | undefined): Promise<void> {
  const server = await listening?.catch(() => undefined);
  if (server === undefined || !server.listening) return;
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
