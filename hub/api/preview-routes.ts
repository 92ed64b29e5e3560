/**
 * Live pictures on the hub's HTTP port: `/preview/v1/…` (docs/preview.md).
 *
 * Requests for a WebSocket come to Node's server as `upgrade` and not to fastify. Those that are none of ours are handed
 * to it all the same: a server may pass over the wish to upgrade (RFC 9110, 7.8), and the hub did before.
 */

import type { Buffer } from "node:buffer";
import { ServerResponse, STATUS_CODES } from "node:http";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { FastifyInstance } from "fastify";
import { isName } from "../../ledger/name.ts";
import type { Logger } from "../../platform/log.ts";
import { REFUSAL_STATUSES } from "../preview/closing.ts";
import type { UpgradeRefusal } from "../preview/closing.ts";
import type { Door } from "../preview/figures.ts";
import type { Previews } from "../preview/previews.ts";
import { namesProtocol } from "../preview/request-head.ts";
import type { AskedCamera } from "../preview/viewer-door.ts";
import { PROTOCOL } from "../preview/words.ts";
import { Problem } from "./problem.ts";
import { sendProblem } from "./send-problem.ts";

const PREVIEW_PREFIX = "/preview/v1";

const EDGE_PATH = `${PREVIEW_PREFIX}/edge`;
const VIEWER_PATH = /^\/preview\/v1\/devices\/([^/]+)\/cameras\/([^/]+)$/;
const RETRY_SECONDS = 30;

/** What the upgrade of a request leads to. */
type Destination = "edge" | AskedCamera | "elsewhere";

/** Serves `/preview/v1/…` on the server of `app`. */
export function servePreviews(app: FastifyInstance, previews: Previews, logger: Logger): void {
  serveList(app, previews);
  app.server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Until the library takes over nobody else listens, and an error would end the process.
    socket.on("error", () => socket.destroy());
    const destination = destinationOf(request);
    if (destination === "elsewhere") return passOver(app, request, socket);
    upgrade(previews, destination, request, socket, head).catch((error: unknown) => {
      logger.error({ error }, "a connection for live pictures failed by a fault of the hub");
      socket.destroy();
    });
  });
}

/** The list of cameras, for whoever brings a viewer's token; and what those are told who ask without an upgrade. */
function serveList(app: FastifyInstance, previews: Previews): void {
  app.get(`${PREVIEW_PREFIX}/cameras`, (request, reply) => {
    const cameras = previews.camerasFor(request.raw);
    if (typeof cameras !== "string") {
      return reply.header("cache-control", "no-store").send({ cameras });
    }
    const isTooMany = cameras === "too-many-failures";
    if (!isTooMany) reply.header("www-authenticate", "Bearer");
    const wait = retryAfter(previews, "viewer", cameras, request.raw);
    const code = isTooMany ? "too-many" : "unauthorized";
    return sendProblem(reply, new Problem(code, REFUSAL_TEXTS[cameras], wait));
  });
  for (const path of [EDGE_PATH, `${PREVIEW_PREFIX}/devices/:device/cameras/:camera`]) {
    app.get(path, (_request, reply) =>
      sendProblem(reply, new Problem("bad-request", `a WebSocket of ${PROTOCOL} is served here`)),
    );
  }
}

async function upgrade(
  previews: Previews,
  destination: Exclude<Destination, "elsewhere">,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const door = destination === "edge" ? "edge" : "viewer";
  if (!namesProtocol(request)) {
    previews.figures.refuse(door, "no-protocol");
    return refuse(socket, "no-protocol", undefined);
  }
  const refusal =
    destination === "edge"
      ? await previews.upgradeEdge(request, socket, head)
      : previews.upgradeViewer(request, socket, head, destination);
  if (refusal !== undefined) refuse(socket, refusal, retryAfter(previews, door, refusal, request));
}

function destinationOf({ url = "", headers }: IncomingMessage): Destination {
  if (headers.upgrade?.toLowerCase() !== "websocket") return "elsewhere";
  const path = url.split("?")[0]!;
  if (path === EDGE_PATH) return "edge";
  const [, device, camera] = VIEWER_PATH.exec(path) ?? [];
  return isName(device) && isName(camera) ? { device, camera } : "elsewhere";
}

/** When it is worth trying again, where waiting helps. */
function retryAfter(
  previews: Previews,
  door: Door,
  refusal: UpgradeRefusal,
  request: IncomingMessage,
): number | undefined {
  if (refusal === "too-many-failures") return previews.retryAfterSeconds(door, request);
  return refusal === "full" ? RETRY_SECONDS : undefined;
}

/** Sentences for people; programs go by status and reason. */
const REFUSAL_TEXTS: Readonly<Record<UpgradeRefusal, string>> = {
  "no-protocol": `name the protocol that is spoken here: Sec-WebSocket-Protocol: ${PROTOCOL}`,
  "bad-origin": "this page is not the hub's own",
  "bad-token": "the token is not valid here",
  "too-many-failures": "too many logins from this address have failed",
  full: "there are as many connections as there may be",
};

/** Answers a request that is not upgraded, and ends its connection. */
function refuse(
  socket: Duplex,
  reason: UpgradeRefusal,
  retryAfterSeconds: number | undefined,
): void {
  const status = REFUSAL_STATUSES[reason];
  const body = `${reason}: ${REFUSAL_TEXTS[reason]}\n`;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "connection: close",
    "content-type: text/plain; charset=utf-8",
    `content-length: ${body.length}`,
    "cache-control: no-store",
    "x-content-type-options: nosniff",
    ...(reason === "bad-token" ? ["www-authenticate: Bearer"] : []),
    ...(retryAfterSeconds === undefined ? [] : [`retry-after: ${retryAfterSeconds}`]),
  ];
  // Servers of Node leave their half open when the client has closed its own.
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}

/** Answers a request as if it had not asked for an upgrade; the connection ends with that. */
function passOver(app: FastifyInstance, request: IncomingMessage, socket: Duplex): void {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket as Socket);
  response.once("finish", () => (socket as Socket).destroySoon());
  app.routing(request, response);
}
