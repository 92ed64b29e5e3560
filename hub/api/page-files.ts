/**
 * The page that the hub serves at `/`: the files of the built dashboards, held in memory.
 *
 * A request can only name a file that was there at the start, so none reaches beyond the folder.
 */

import { Buffer } from "node:buffer";
import { join } from "node:path";
import type { FastifyInstance, FastifyReply } from "fastify";
import type { Files } from "../../platform/files.ts";

/** Of all files together; the page is meant to be a small part of this. */
const PAGE_BYTES_MAX = 33_554_432;
const DEPTH_MAX = 6;

const TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  ico: "image/x-icon",
  js: "text/javascript; charset=utf-8",
  json: "application/json; charset=utf-8",
  map: "application/json; charset=utf-8",
  md: "text/markdown; charset=utf-8",
  png: "image/png",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
  webmanifest: "application/manifest+json",
  woff2: "font/woff2",
};

const NOT_BUILT = `This hub runs without its page, which has not been built.

Build it with:  npm run build
The query API:  /api/v1/openapi.json
The log:        /checkpoint
`;

interface PageFile {
  readonly type: string;
  readonly bytes: Buffer;
  /** Whether its name changes with its content, as the bundler sees to. */
  readonly isHashed: boolean;
}

/** The files by their path, `/index.html` and so on; empty where the page was not built. */
export type PageFiles = ReadonlyMap<string, PageFile>;

/** Reads the built page. Throws `RangeError` where the folder holds far more than a page. */
export async function readPageFiles(files: Files, folder: string): Promise<PageFiles> {
  const page = new Map<string, PageFile>();
  let total = 0;
  const read = async (path: string, depth: number): Promise<void> => {
    for (const name of await files.list(join(folder, path))) {
      const own = `${path}/${name}`;
      const facts = await files.facts(join(folder, own));
      total += facts?.isFolder === false ? facts.size : 0;
      if (total > PAGE_BYTES_MAX || depth > DEPTH_MAX) {
        throw new RangeError(`${folder} holds more than a page`);
      }
      if (facts?.isFolder === true) await read(own, depth + 1);
      else page.set(own, pageFile(own, (await files.read(join(folder, own))) ?? new Uint8Array(0)));
    }
  };
  await read("", 0);
  return page;
}

function pageFile(path: string, bytes: Uint8Array): PageFile {
  const type = TYPES[path.slice(path.lastIndexOf(".") + 1)] ?? "application/octet-stream";
  return { type, bytes: Buffer.from(bytes), isHashed: path.startsWith("/assets/") };
}

/** Adds the page's routes, or a plain answer at `/` where there is none. */
export function servePage(app: FastifyInstance, page: PageFiles): void {
  const index = page.get("/index.html");
  if (index === undefined) {
    app.get("/", (_request, reply) => reply.type("text/plain; charset=utf-8").send(NOT_BUILT));
    return;
  }
  app.get("/", (_request, reply) => send(reply, index));
  for (const [path, file] of page) app.get(path, (_request, reply) => send(reply, file));
}

function send(reply: FastifyReply, file: PageFile): FastifyReply {
  const caching = file.isHashed ? "public, max-age=31536000, immutable" : "no-cache";
  return reply.header("cache-control", caching).type(file.type).send(file.bytes);
}
