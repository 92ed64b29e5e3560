/**
 * The hub over HTTP: the published log, SCRAPI, cosignatures, the query API, events, metrics and the page
 * (docs/formats.md, section 12).
 *
 * Puts the parts on one port and sees to what all answers share: limits, security headers, problems, conditional
 * requests, figures.
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import fastify from "fastify";
import type { FastifyError, FastifyInstance, FastifyRequest } from "fastify";
import { decodeUtf8 } from "../../ledger/bytes.ts";
import { Refusal } from "../../ledger/errors.ts";
import { PAIR_BYTES_MAX } from "../../ledger/limits.ts";
import type { Logger } from "../../platform/log.ts";
import type { AdmissionPipeline } from "../admission/pipeline.ts";
import { serveLogFiles } from "../log-files.ts";
import type { PublishedLog } from "../log-files.ts";
import type { HubMetrics } from "../metrics.ts";
import { servePreviews } from "./preview-routes.ts";
import type { Previews } from "../preview/previews.ts";
import { clipRoutes } from "./clip-routes.ts";
import { deviceRoutes } from "./device-routes.ts";
import { entryRoutes } from "./entry-routes.ts";
import type { EventStream } from "./event-stream.ts";
import { logRoutes } from "./log-routes.ts";
import { API_PREFIX, openApiDocument } from "./openapi.ts";
import { servePage } from "./page-files.ts";
import type { PageFiles } from "./page-files.ts";
import { Problem } from "./problem.ts";
import type { QueryParts } from "./query-parts.ts";
import type { ApiRoute } from "./route.ts";
import { sendRefusal, serveScrapi } from "./scrapi.ts";
import { sendProblem } from "./send-problem.ts";

/** What is served. */
export interface ServerParts extends QueryParts {
  readonly published: PublishedLog;
  readonly pipeline: Pick<AdmissionPipeline, "submit" | "isBusy">;
  readonly stream: EventStream;
  readonly previews: Previews;
  readonly metrics: HubMetrics;
  readonly page: PageFiles;
  readonly logger: Logger;
  /** Whether the hub can do its work. */
  readonly isReady: () => boolean;
  readonly limits?: ServerLimits | undefined;
}

/** Bounds on what strangers can make the server hold. */
export interface ServerLimits {
  /** Above this, connections are closed as they come. */
  readonly connectionsMax: number;
  /** From the opening of a connection, or the first byte of a request, to the end of its head. */
  readonly headMsMax: number;
  /** From the first byte of a request to the last of its body. */
  readonly requestMsMax: number;
  /** How late the two may strike. */
  readonly checkEveryMs: number;
}

export const SERVER_LIMITS: ServerLimits = {
  connectionsMax: 2048,
  headMsMax: 10_000,
  requestMsMax: 30_000,
  checkEveryMs: 2000,
};

const TEXT = "text/plain; charset=utf-8";
const JSON_TYPE = "application/json; charset=utf-8";

/** The page and everything that it loads come from here; nobody may frame it. */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
    "connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; " +
    "frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
};

/** What other people's pages may read, since anybody may check the log. */
const PUBLIC_PREFIXES = [`${API_PREFIX}/`, "/checkpoint", "/tile/", "/entries/", "/.well-known/"];

const IDLE_MS_MAX = 10_000;
const URL_PART_LENGTH_MAX = 256;

/** Builds the server; the caller listens and closes. */
export function hubServer(parts: ServerParts): FastifyInstance {
  const limits = parts.limits ?? SERVER_LIMITS;
  const app = fastify({
    bodyLimit: PAIR_BYTES_MAX,
    forceCloseConnections: true,
    requestTimeout: limits.requestMsMax,
    keepAliveTimeout: IDLE_MS_MAX,
    http: {
      headersTimeout: limits.headMsMax,
      requestTimeout: limits.requestMsMax,
      connectionsCheckingInterval: limits.checkEveryMs,
    },
    routerOptions: { maxParamLength: URL_PART_LENGTH_MAX },
    // No hook runs for a URL that cannot be read.
    frameworkErrors: (error, _request, reply) => {
      reply.headers(SECURITY_HEADERS);
      void sendProblem(reply, new Problem("bad-request", error.message));
    },
  });
  app.server.maxConnections = limits.connectionsMax;
  takeBytes(app);
  addCommonHeaders(app);
  answerConditions(app);
  answerProblems(app, parts.logger);
  countRequests(app, parts.metrics);
  serveLogFiles(app, parts.published);
  serveScrapi(app, parts);
  serveCosigning(app, parts);
  serveQueries(app, parts);
  serveState(app, parts);
  servePreviews(app, parts.previews, parts.logger);
  servePage(app, parts.page);
  return app;
}

/** Whatever a client calls its body: it is bytes, and whoever takes it knows what to do with it. */
function takeBytes(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
}

function addCommonHeaders(app: FastifyInstance): void {
  app.addHook("onRequest", async (request, reply) => {
    reply.headers(SECURITY_HEADERS);
    if (!PUBLIC_PREFIXES.some((prefix) => request.url.startsWith(prefix))) return;
    reply.header("access-control-allow-origin", "*");
    reply.header("access-control-expose-headers", "etag, location, retry-after");
    reply.header("cross-origin-resource-policy", "cross-origin");
  });
  app.options("*", (_request, reply) =>
    reply.code(204).header("access-control-allow-methods", "GET, HEAD").send(),
  );
}

/** Gives whole answers an entity tag, and leaves out the body where the asker has it (RFC 9110, 13). */
function answerConditions(app: FastifyInstance): void {
  app.addHook("onSend", async (request, reply, payload) => {
    const isRead = request.method === "GET" || request.method === "HEAD";
    const isWhole = typeof payload === "string" || payload instanceof Uint8Array;
    if (!isRead || !isWhole || reply.statusCode !== 200) return payload;
    if (!reply.hasHeader("cache-control")) reply.header("cache-control", "no-cache");
    if (reply.getHeader("cache-control") === "no-store") return payload;
    const tag = `"${createHash("sha256").update(payload).digest("base64url").slice(0, 22)}"`;
    reply.header("etag", tag);
    if (!namesTag(request.headers["if-none-match"], tag)) return payload;
    reply.code(304).removeHeader("content-type").removeHeader("content-length");
    return null;
  });
}

function namesTag(condition: string | undefined, tag: string): boolean {
  if (condition === undefined) return false;
  const tags = condition.split(",").map((each) => each.trim().replace(/^W\//, ""));
  return tags.includes(tag) || tags.includes("*");
}

function answerProblems(app: FastifyInstance, logger: Logger): void {
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, new Problem("not-found", `nothing is served at ${pathOf(request)}`)),
  );
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const { statusCode = 500 } = error;
    if (statusCode === 413 && pathOf(request) === "/entries") {
      return sendRefusal(
        reply,
        new Refusal("too-large", `at most ${PAIR_BYTES_MAX} bytes are taken`),
      );
    }
    if (statusCode === 413) return sendProblem(reply, new Problem("too-large", error.message));
    if (statusCode < 500) return sendProblem(reply, new Problem("bad-request", error.message));
    logger.error({ error, route: routeOf(request) }, "a request failed");
    return sendProblem(reply, new Problem("failed", "the hub could not answer; its log says why"));
  });
}

function pathOf(request: FastifyRequest): string {
  return request.url.split("?")[0]!;
}

function routeOf(request: FastifyRequest): string {
  const { url = "none" } = request.routeOptions;
  // Of the page's many files one figure is enough.
  return url.startsWith("/assets/") ? "/assets" : url;
}

function countRequests(app: FastifyInstance, metrics: HubMetrics): void {
  app.addHook("onResponse", async (request, reply) => {
    const { method } = request;
    const seconds = reply.elapsedTime / 1000;
    metrics.observeRequest({ method, route: routeOf(request), status: reply.statusCode, seconds });
  });
}

function serveCosigning(app: FastifyInstance, { cosigning }: ServerParts): void {
  app.post("/cosignatures", async (request, reply) => {
    if (cosigning === undefined) {
      return reply.code(403).type(TEXT).send("This hub has no policy, and so no cosigners.\n");
    }
    const note = request.body instanceof Uint8Array ? decodeUtf8(request.body) : undefined;
    if (note === undefined) return reply.code(400).type(TEXT).send("A note is UTF-8.\n");
    const { status, text } = await cosigning.receive(note);
    return reply
      .code(status)
      .type(TEXT)
      .send(text === "" ? "" : `${text}\n`);
  });
}

function serveQueries(app: FastifyInstance, parts: ServerParts): void {
  const routes = [
    ...logRoutes(parts),
    ...deviceRoutes(parts),
    ...entryRoutes(parts),
    ...clipRoutes(parts),
  ];
  for (const route of routes) serveRoute(app, route);
  const document = JSON.stringify(openApiDocument(routes));
  app.get(`${API_PREFIX}/openapi.json`, (_request, reply) => reply.type(JSON_TYPE).send(document));
  app.get(`${API_PREFIX}/events`, { exposeHeadRoute: false }, (_request, reply) => {
    if (parts.stream.isFull) {
      return sendProblem(reply, new Problem("busy", "too many readers of events", 30));
    }
    reply.header("cache-control", "no-store").type("text/event-stream");
    const headers = reply.getHeaders() as Record<string, string>;
    reply.hijack();
    reply.raw.writeHead(200, headers);
    parts.stream.serve(reply.raw);
    return reply;
  });
}

function serveRoute(app: FastifyInstance, route: ApiRoute): void {
  const path = API_PREFIX + route.path.replaceAll(/\{(\w+)\}/g, ":$1");
  app.get<{ Params: Record<string, string>; Querystring: Record<string, unknown> }>(
    path,
    async (request, reply) => {
      const answer = await route.answer(request.params, request.query);
      if (answer instanceof Problem) return sendProblem(reply, answer);
      if (route.reply.kind === "json") return reply.type(JSON_TYPE).send(JSON.stringify(answer));
      reply.type(route.reply.contentType);
      return reply.send(answer instanceof Uint8Array ? Buffer.from(answer) : answer);
    },
  );
}

function serveState(app: FastifyInstance, { metrics, isReady }: ServerParts): void {
  app.get("/metrics", async (_request, reply) => {
    const text = await metrics.text();
    return reply.header("cache-control", "no-store").type(metrics.contentType).send(text);
  });
  app.get("/healthz", (_request, reply) =>
    reply.header("cache-control", "no-store").type(TEXT).send("ok\n"),
  );
  app.get("/readyz", (_request, reply) =>
    reply
      .code(isReady() ? 200 : 503)
      .header("cache-control", "no-store")
      .type(TEXT)
      .send(isReady() ? "ready\n" : "not ready\n"),
  );
}
