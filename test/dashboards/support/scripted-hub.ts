/**
 * A hub for the page's tests: serves the built page and the query API over a scripted city, and lies on demand.
 *
 * It listens on a free port of loopback. `away` makes it hang up on everybody, without giving up its port.
 */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import type { Scope } from "../../support/scope.ts";
import type { ScriptedCity } from "./scripted-city.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".map": "application/json",
};

/** The policy that the real hub sends with its page: nothing inline, nothing from elsewhere. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/** What an enemy changes in an answer, by path; the text in, another text out. */
export type Lie = (path: string, body: string) => string;

/** A running hub. */
export class ScriptedHub {
  city: ScriptedCity;
  /** Hangs up on every request while set. */
  away = false;
  /** Keeps streams open and says nothing on them while set. */
  isStreamDeaf = false;
  lie: Lie = (_, body) => body;
  forks: object[] = [];
  refusals: object[] = [];
  /** Streams that were opened since the hub was started. */
  streamsOpened = 0;
  readonly #folder: string;
  readonly #streams = new Set<ServerResponse>();
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  constructor(city: ScriptedCity, folder: string) {
    this.city = city;
    this.#folder = folder;
  }

  /** Starts listening; the scope ends it. Gives the address without a slash at the end. */
  async start(scope: Scope): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    scope.defer(async () => {
      this.#server.closeAllConnections();
      this.#server.close();
      await once(this.#server, "close");
    });
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Hangs up on everybody, now and later. */
  leave(): void {
    this.away = true;
    this.#server.closeAllConnections();
  }

  comeBack(): void {
    this.away = false;
  }

  /** Tells an event to all who listen. */
  tell(name: string, data: object): void {
    if (this.isStreamDeaf) return;
    for (const stream of this.#streams) {
      stream.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.away) return void request.socket.destroy();
    const path = new URL(request.url ?? "/", "http://hub").pathname;
    if (path === "/api/v1/events") return this.#stream(request, response);
    const [status, type, body] = await this.#body(path);
    response.writeHead(status, {
      "content-type": type,
      "content-security-policy": POLICY,
      "cache-control": "no-store",
      ...(status === 409 && { "retry-after": "5" }),
    });
    response.end(status === 200 && typeof body === "string" ? this.lie(path, body) : body);
  }

  #stream(request: IncomingMessage, response: ServerResponse): void {
    this.streamsOpened += 1;
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    response.flushHeaders();
    this.#streams.add(response);
    request.once("close", () => this.#streams.delete(response));
  }

  async #body(path: string): Promise<[number, string, string | Buffer]> {
    const entry = /^\/api\/v1\/entries\/(\d+)\/(evidence|proof)$/.exec(path);
    if (entry !== null) return this.#proofOf(Number(entry[1]), entry[2] === "proof");
    const { city } = this;
    switch (path) {
      case "/api/v1/log":
        return json(city.logAnswer());
      case "/api/v1/devices":
        return json({ devices: city.devices() });
      case "/api/v1/blocks":
        return json({ blocks: city.blocks().slice(0, 20), next: null });
      case "/api/v1/peers":
        return json({ ...city.peers(), forks: this.forks });
      case "/api/v1/quarantine":
        return json({ items: this.refusals, total: this.refusals.length });
      case "/checkpoint":
        return [200, "text/plain", city.checkpoint];
      default:
        return this.#file(path);
    }
  }

  async #proofOf(entry: number, isProof: boolean): Promise<[number, string, string]> {
    const { city } = this;
    if (entry >= city.log.entries.length) return problem(404, "no such entry");
    if (entry >= city.sealedSize) return problem(409, "not sealed yet");
    const body = isProof ? await city.proof(entry) : await city.evidence(entry);
    return [200, "text/plain; charset=utf-8", body];
  }

  async #file(path: string): Promise<[number, string, string | Buffer]> {
    const name = path === "/" ? "/index.html" : normalize(path);
    try {
      const bytes = await readFile(join(this.#folder, name));
      return [200, TYPES[extname(name)] ?? "application/octet-stream", bytes];
    } catch {
      return problem(404, "no such file");
    }
  }
}

function json(value: object): [number, string, string] {
  return [200, "application/json", JSON.stringify(value)];
}

function problem(status: number, title: string): [number, string, string] {
  return [status, "application/problem+json", JSON.stringify({ title, status })];
}
