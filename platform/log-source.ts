/**
 * Where a published log is read from: a folder on disk, or any web server.
 *
 * Both give raw files by their path in the log (`checkpoint`, `tile/0/000`); nothing that they say is believed here.
 */
import { join } from "node:path";
import type { LogSource } from "../ledger/log-source.ts";
import type { Files } from "./files.ts";
import type { HttpClient } from "./http-client.ts";

/** Paths of a log: names of letters, digits, dots and hyphens with slashes between. */
const LOG_PATH = /^(?!\.)[\w.-]+(\/(?!\.)[\w.-]+)*$/;

/** Reads a log from a folder. */
export function folderSource(files: Files, folder: string): LogSource {
  return {
    read: async (path) => files.read(join(folder, checked(path))),
    list: () => filesBelow(files, folder, "tile"),
  };
}

/** Lists the files below a folder of the log, by their paths in the log. */
async function* filesBelow(files: Files, folder: string, path: string): AsyncIterable<string> {
  for (const name of await files.list(join(folder, path))) {
    const inner = `${path}/${name}`;
    const facts = await files.facts(join(folder, inner));
    if (facts?.isFolder === true) yield* filesBelow(files, folder, inner);
    else if (facts !== undefined) yield inner;
  }
}

/** Reads a log from the web. `url` is the log's prefix, with or without a slash at its end. */
export function httpSource(url: string, client: HttpClient, signal?: AbortSignal): LogSource {
  const base = url.endsWith("/") ? url : `${url}/`;
  return {
    read: async (path) => {
      const address = new URL(checked(path), base).href;
      const reply = await client.get(address, signal === undefined ? {} : { signal });
      if (reply.status === 200) return reply.body;
      if (reply.status === 404 || reply.status === 410) return undefined;
      throw new Error(`${address} answered with status ${reply.status}`);
    },
  };
}

/** A path outside the log can only come from a fault of ours. */
function checked(path: string): string {
  if (!LOG_PATH.test(path)) throw new Error(`"${path}" is no path of a log`);
  return path;
}
