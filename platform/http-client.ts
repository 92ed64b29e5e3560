/**
 * HTTP requests that end: each has a time limit, a byte limit and one policy for trying again.
 *
 * An answer of any status is a value. What keeps an answer from arriving is an `HttpFailure`.
 */
import { joinBytes } from "../ledger/bytes.ts";
import type { Clock } from "./clock.ts";
import { networkWords } from "./network-words.ts";
import type { Random } from "./random.ts";

/** Limits and ports of a client. */
export interface HttpClientOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** For one attempt, from the request to the last byte, 30 s unless given. */
  readonly timeoutMs?: number;
  /** Of an answer's body, 17 MiB unless given: the largest bundle of entries is a little above 16. */
  readonly bytesMax?: number;
  /** How often a request that may be repeated is tried at most, 4 unless given. */
  readonly attemptsMax?: number;
  /** The global one unless given. */
  readonly fetch?: typeof fetch;
}

/** One request. */
export interface HttpRequest {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  /** Ends the request and all waiting with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Whether sending it twice does no harm. GET may be repeated unless this says no, POST only if this says yes. */
  readonly repeatable?: boolean;
}

/** What the server answered. */
export interface HttpReply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** Why no answer came: `unreachable` covers name, connection and protocol errors, see `cause`. */
export type HttpFailureReason = "unreachable" | "timeout" | "too-large";

/** No answer came, in all attempts. */
export class HttpFailure extends Error {
  override readonly name: string = "HttpFailure";
  readonly reason: HttpFailureReason;
  readonly url: string;

  constructor(url: string, reason: HttpFailureReason, text: string, cause?: unknown) {
    super(`${url} ${text}`, cause === undefined ? undefined : { cause });
    this.url = url;
    this.reason = reason;
  }
}

/** Statuses that say "not now" rather than "no". */
const TRY_AGAIN = new Set([408, 425, 429, 502, 503, 504]);
const BODY_BYTES_MAX = 17 * 1024 * 1024;
const FIRST_WAIT_MS = 250;
const WAIT_MS_MAX = 30_000;

/** Makes requests within limits. Holds no state but its options: any number of requests may run at once. */
export class HttpClient {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #timeoutMs: number;
  readonly #bytesMax: number;
  readonly #attemptsMax: number;
  readonly #fetch: typeof fetch;

  constructor(options: HttpClientOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    this.#bytesMax = options.bytesMax ?? BODY_BYTES_MAX;
    this.#attemptsMax = options.attemptsMax ?? 4;
    this.#fetch = options.fetch ?? fetch;
  }

  /** Asks for a resource. */
  get(url: string, request: HttpRequest = {}): Promise<HttpReply> {
    return this.#insist("GET", url, { repeatable: true, ...request });
  }

  /** Sends a body. */
  post(url: string, request: HttpRequest = {}): Promise<HttpReply> {
    return this.#insist("POST", url, request);
  }

  /** Tries until an answer comes that is final, or the attempts are used up. */
  async #insist(method: string, url: string, request: HttpRequest): Promise<HttpReply> {
    const attemptsMax = request.repeatable === true ? this.#attemptsMax : 1;
    for (let attempt = 1; ; attempt++) {
      const isLast = attempt >= attemptsMax;
      let wantedWaitMs: number | undefined;
      try {
        const reply = await this.#attempt(method, url, request);
        if (isLast || !TRY_AGAIN.has(reply.status)) return reply;
        wantedWaitMs = retryAfterMs(reply.headers, this.#clock.nowMs());
        if (wantedWaitMs !== undefined && wantedWaitMs > WAIT_MS_MAX) return reply;
      } catch (error) {
        const isFinal = !(error instanceof HttpFailure) || error.reason === "too-large";
        if (isLast || isFinal) throw error;
      }
      // Full jitter keeps many clients of one server from coming back together.
      const ceilingMs = Math.min(WAIT_MS_MAX, FIRST_WAIT_MS * 2 ** attempt);
      const waitMs = Math.max(wantedWaitMs ?? 0, ceilingMs * this.#random.unit());
      await this.#clock.sleep(waitMs, request.signal);
    }
  }

  async #attempt(method: string, url: string, request: HttpRequest): Promise<HttpReply> {
    request.signal?.throwIfAborted();
    const limit = new AbortController();
    const cancelLimit = this.#clock.after(this.#timeoutMs, () => limit.abort());
    const signals = [limit.signal, ...(request.signal === undefined ? [] : [request.signal])];
    try {
      const response = await this.#fetch(url, {
        method,
        signal: AbortSignal.any(signals),
        ...(request.headers === undefined ? {} : { headers: request.headers }),
        ...(request.body === undefined ? {} : { body: request.body as RequestInit["body"] & {} }),
      });
      const body = await this.#readBody(url, response);
      return { status: response.status, headers: response.headers, body };
    } catch (error) {
      request.signal?.throwIfAborted();
      if (error instanceof HttpFailure) throw error;
      if (limit.signal.aborted) {
        const text = `did not answer within ${this.#timeoutMs} ms`;
        throw new HttpFailure(url, "timeout", text, error);
      }
      throw new HttpFailure(url, "unreachable", `cannot be reached: ${reasonOf(error)}`, error);
    } finally {
      cancelLimit();
    }
  }

  async #readBody(url: string, response: Response): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    if (response.body === null) return new Uint8Array(0);
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      length += value.length;
      if (length > this.#bytesMax) {
        await reader.cancel();
        throw new HttpFailure(url, "too-large", `answered with more than ${this.#bytesMax} bytes`);
      }
      chunks.push(value);
    }
    return joinBytes(chunks);
  }
}

/** Node hides the reason of a failed fetch in its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? networkWords(error.cause) : error.message;
}

/** Reads Retry-After (RFC 9110, 10.2.3): seconds, or a date; `undefined` for anything else. */
function retryAfterMs(headers: Headers, nowMs: number): number | undefined {
  const text = headers.get("retry-after");
  if (text === null) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}
