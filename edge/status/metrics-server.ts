/**
 * `/metrics` over HTTP, for whoever scrapes this machine. Off unless a setting asks for it, and loopback unless it says
 * otherwise: there is no login, and addresses of sensors are shown.
 */

import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Clock } from "../../platform/clock.ts";
import type { Logger } from "../../platform/log.ts";
import { UserError } from "../../platform/user-error.ts";
import { METRICS_TYPE } from "./exposition.ts";
import { formatListenAddress } from "../../platform/listen-address.ts";
import type { ListenAddress } from "../../platform/listen-address.ts";
import { networkWords } from "../../platform/network-words.ts";

const CONNECTIONS_MAX = 16;
const REQUEST_LIMIT_MS = 10_000;
const CHECK_MS = 2_000;
/** How long a client may take nothing of its answer. */
const IDLE_LIMIT_MS = 10_000;
const RETRY_MS = 15_000;

/** A server that is listening. */
export interface MetricsServer {
  /** Where it really listens. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Starts a server that answers with what `render` gives. Rejects with `UserError` where it cannot listen.
 *
 * `idleMs` is how long a client may take nothing, ten seconds unless given.
 */
export async function serveMetrics(
  address: ListenAddress,
  render: () => string,
  limits: { readonly idleMs?: number } = {},
): Promise<MetricsServer> {
  // By itself Node looks twice a minute whether a request takes too long, and slow clients would hold all places.
  const checking = { connectionsCheckingInterval: CHECK_MS };
  const server = createServer(checking, (request, response) => answer(request, response, render));
  server.maxConnections = CONNECTIONS_MAX;
  server.requestTimeout = REQUEST_LIMIT_MS;
  server.headersTimeout = REQUEST_LIMIT_MS;
  server.timeout = limits.idleMs ?? IDLE_LIMIT_MS;
  await listen(server, address);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${formatListenAddress({ host: address.host, port })}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** What keeps serving needs. */
export interface ServingParts {
  readonly address: ListenAddress;
  readonly render: () => string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told where it listens. */
  readonly listens: (url: string) => void;
}

/**
 * Serves until the signal, from when the address is free and there. Never rejects.
 *
 * Readings do not wait for figures: another program may have the port, and at boot a network may not be up yet.
 */
export async function keepServing(parts: ServingParts, signal: AbortSignal): Promise<void> {
  const { address, render, clock, logger, listens } = parts;
  let hasFailed = false;
  while (!signal.aborted) {
    try {
      const server = await serveMetrics(address, render);
      listens(server.url);
      await aborted(signal);
      await server.close();
    } catch (error) {
      if (!hasFailed) logger.error({ reason: (error as Error).message }, "no metrics, tried again");
      hasFailed = true;
      await clock.sleep(RETRY_MS, signal).catch(() => undefined);
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function listen(server: Server, address: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => {
      const where = formatListenAddress(address);
      reject(
        new UserError(`Metrics cannot be served at ${where}: ${networkWords(cause)}.`, { cause }),
      );
    });
    server.listen(address.port, address.host, resolve);
  });
}

function answer(request: IncomingMessage, response: ServerResponse, render: () => string): void {
  const isRead = request.method === "GET" || request.method === "HEAD";
  if (!isRead || request.url?.split("?")[0] !== "/metrics") {
    response.writeHead(isRead ? 404 : 405, { "content-type": "text/plain" });
    response.end(isRead ? "There is only /metrics.\n" : "Only GET and HEAD are answered.\n");
    return;
  }
  response.writeHead(200, { "content-type": METRICS_TYPE, "cache-control": "no-store" });
  response.end(request.method === "HEAD" ? undefined : render());
}
