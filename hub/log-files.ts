/**
 * The published log over HTTP: checkpoint and tiles as static files (docs/formats.md, sections 8 and 12).
 *
 * Only names that a log can have are ever asked for, so no request reaches beyond the log's folder.
 */

import { Buffer } from "node:buffer";
import type { FastifyInstance, FastifyReply } from "fastify";
import { parseTilePath, TILE_WIDTH } from "../ledger/tile.ts";
import type { TileId } from "../ledger/tile.ts";

/** Where the files come from. */
export interface PublishedLog {
  /** The newest checkpoint for everyone, and the newest of all for those who are to cosign it. */
  checkpoint(): string | undefined;
  pending(): string | undefined;
  /** Reads a tile; `undefined` where there is none. */
  tile(tile: TileId): Promise<Uint8Array | undefined>;
}

const FOREVER = "public, max-age=31536000, immutable";

/** Adds the routes of one log. */
export function serveLogFiles(app: FastifyInstance, log: PublishedLog): void {
  const note = (text: string | undefined, reply: FastifyReply): FastifyReply => {
    reply.header("cache-control", "no-cache").header("access-control-allow-origin", "*");
    return text === undefined
      ? reply.code(404).type("text/plain; charset=utf-8").send("There is no checkpoint yet.\n")
      : reply.type("text/plain; charset=utf-8").send(text);
  };
  app.get("/checkpoint", (_request, reply) => note(log.checkpoint(), reply));
  app.get("/checkpoint/pending", (_request, reply) => note(log.pending(), reply));
  app.get<{ Params: { "*": string } }>("/tile/*", async (request, reply) => {
    const tile = parseTilePath(`tile/${request.params["*"]}`);
    const bytes = tile && (await log.tile(tile));
    reply.header("access-control-allow-origin", "*");
    if (bytes === undefined) {
      reply.header("cache-control", "no-cache");
      return reply.code(404).type("text/plain; charset=utf-8").send("There is no such tile.\n");
    }
    // A partial tile never changes either, but may be collected.
    reply.header("cache-control", tile?.width === TILE_WIDTH ? FOREVER : "public, max-age=3600");
    return reply
      .type("application/octet-stream")
      .send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  });
}
