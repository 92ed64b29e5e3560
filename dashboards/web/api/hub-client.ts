/**
 * Asks the hub by HTTP: the query API and the static files of the log (docs/formats.md, section 12).
 *
 * Every question has a time limit. What goes wrong is a value: pages go on showing what they have.
 */

import { listNamed, readBlock, readDevice, readLog, readPeers, readQuarantine } from "./answer.ts";
import type { Block, Device, LogAnswer, PeersAnswer, QuarantineAnswer } from "./answer.ts";
import { isObject, parseJson, text } from "./shape.ts";
import type { Reader } from "./shape.ts";

const ANSWER_LIMIT_MS = 8_000;
const BLOCKS_SHOWN = 20;
const REFUSALS_SHOWN = 10;

/** Why there is no answer to show. */
export class NoAnswer {
  readonly kind: "unreachable" | "refused" | "strange";
  /** What the hub said, or what was wrong with it; for people. */
  readonly text: string;
  /** HTTP status, where the hub answered at all. */
  readonly status: number | undefined;
  /** After how long the hub wants to be asked again, if it said so. */
  readonly retryAfterMs: number | undefined;

  constructor(
    kind: NoAnswer["kind"],
    words: string,
    rest: { readonly status?: number; readonly retryAfterMs?: number | undefined } = {},
  ) {
    this.kind = kind;
    this.text = words;
    this.status = rest.status;
    this.retryAfterMs = rest.retryAfterMs;
  }
}

/** What of `fetch` is used. */
export type Fetch = (path: string, options: { readonly signal: AbortSignal }) => Promise<Response>;

/** Everything that the overview shows, asked for at one time. */
export interface Snapshot {
  readonly log: LogAnswer;
  readonly devices: readonly Device[];
  readonly blocks: readonly Block[];
  readonly peers: PeersAnswer;
  readonly quarantine: QuarantineAnswer;
}

/** The hub, as a page may ask it. Addresses are relative to the page's own. */
export class HubClient {
  readonly #fetch: Fetch;

  constructor(fetch: Fetch) {
    this.#fetch = fetch;
  }

  log(): Promise<LogAnswer | NoAnswer> {
    return this.#json("/api/v1/log", readLog);
  }

  peers(): Promise<PeersAnswer | NoAnswer> {
    return this.#json("/api/v1/peers", readPeers);
  }

  /** Asks for all that the overview shows; one missing part is a missing snapshot. */
  async snapshot(): Promise<Snapshot | NoAnswer> {
    const [log, devices, blocks, peers, quarantine] = await Promise.all([
      this.log(),
      this.#json("/api/v1/devices", listNamed("devices", readDevice)),
      this.#json(`/api/v1/blocks?limit=${BLOCKS_SHOWN}`, listNamed("blocks", readBlock)),
      this.peers(),
      this.#json(`/api/v1/quarantine?limit=${REFUSALS_SHOWN}`, readQuarantine),
    ]);
    if (log instanceof NoAnswer) return log;
    if (devices instanceof NoAnswer) return devices;
    if (blocks instanceof NoAnswer) return blocks;
    if (peers instanceof NoAnswer) return peers;
    if (quarantine instanceof NoAnswer) return quarantine;
    return { log, devices, blocks, peers, quarantine };
  }

  /** The note of the newest published checkpoint. */
  checkpoint(): Promise<string | NoAnswer> {
    return this.#text("/checkpoint");
  }

  /** The evidence file of an entry. A 404 says that there is no such entry; `retryAfterMs`, that it is not sealed yet. */
  evidence(entry: number): Promise<string | NoAnswer> {
    return this.#text(`/api/v1/entries/${entry}/evidence`);
  }

  /** The proof of an entry, as `.tlog-proof`. */
  proof(entry: number): Promise<string | NoAnswer> {
    return this.#text(`/api/v1/entries/${entry}/proof`);
  }

  async #json<T>(path: string, reader: Reader<T>): Promise<T | NoAnswer> {
    const answer = await this.#text(path);
    if (answer instanceof NoAnswer) return answer;
    return (
      reader(parseJson(answer)) ??
      new NoAnswer("strange", `the answer to ${path} does not have the documented form`)
    );
  }

  async #text(path: string): Promise<string | NoAnswer> {
    try {
      const response = await this.#fetch(path, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
      const body = await response.text();
      return response.ok ? body : refusalOf(response, body);
    } catch (error) {
      return new NoAnswer("unreachable", error instanceof Error ? error.message : "no answer");
    }
  }
}

/** Reads problem details (RFC 9457), as far as they are there. */
function refusalOf(response: Response, body: string): NoAnswer {
  const problem = parseJson(body);
  const { title, detail } = isObject(problem) ? problem : {};
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  return new NoAnswer("refused", text(detail) ?? text(title) ?? `HTTP status ${response.status}`, {
    status: response.status,
    retryAfterMs: Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined,
  });
}
