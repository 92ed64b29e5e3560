/**
 * Where the messages of a board go: by HTTP to whoever takes pushes, one after another, each on a connection of its own.
 *
 * As with a real board, nothing is sent again: what is refused, or finds nobody, is lost and counted.
 */
import { type ClientRequest, request } from "node:http";
import type { Clock } from "../../platform/clock.ts";
import type { Destination } from "../boards/board.ts";
import { CLOSE_LIMIT_MS, type Outlet, ReadyQueue, WAITING_BYTES_MAX } from "./outlet.ts";

/** Where to: `http://host:port/path`. */
export interface PushPlace {
  readonly url: string;
}

/** The firmware's own limit. */
const ANSWER_LIMIT_MS = 20_000;

/** Opens an outlet. Nothing is connected before there is something to send. */
export function openPushOutlet(place: PushPlace, clock: Clock): Promise<Outlet> {
  return Promise.resolve(new PushOutlet(place, clock));
}

class PushOutlet implements Outlet {
  readonly address: string;
  readonly ended: Promise<Error | undefined>;
  readonly #clock: Clock;
  readonly #queue: ReadyQueue;
  readonly #waiting: { readonly bytes: Uint8Array; readonly headers: Record<string, string> }[] =
    [];
  #end: () => void = () => undefined;
  #sending: Promise<void> | undefined;
  #request: ClientRequest | undefined;
  #isClosed = false;
  #isAway = false;
  #bytesLost = 0;

  constructor(place: PushPlace, clock: Clock) {
    this.address = place.url;
    this.#clock = clock;
    this.#queue = new ReadyQueue(() => this.#takesBytes());
    this.ended = new Promise((resolve) => {
      this.#end = () => resolve(undefined);
    });
  }

  get bytesLost(): number {
    return this.#bytesLost;
  }

  write(bytes: Uint8Array, to?: Destination): void {
    if (to?.kind !== "post") throw new Error("a push has no headers");
    if (!this.#takesBytes()) {
      this.#bytesLost += bytes.length;
      return;
    }
    this.#waiting.push({ bytes, headers: to.headers });
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
  }

  ready(signal: AbortSignal): Promise<void> {
    return this.#queue.wait(signal);
  }

  unplug(): Promise<void> {
    this.#isAway = true;
    this.#request?.destroy(new Error("the board is gone"));
    return Promise.resolve();
  }

  plug(): Promise<void> {
    this.#isAway = false;
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const cancel = this.#clock.after(CLOSE_LIMIT_MS, () => {
      for (const { bytes } of this.#waiting.splice(0)) this.#bytesLost += bytes.length;
      this.#request?.destroy(new Error("the board is gone"));
    });
    await this.#sending;
    cancel();
    this.#end();
  }

  async #sendAll(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const { bytes, headers } = next;
      const isTaken = await this.#post(bytes, headers).catch(() => false);
      if (!isTaken) this.#bytesLost += bytes.length;
      this.#queue.check();
    }
  }

  /** Sends one; whether it was taken. */
  #post(bytes: Uint8Array, headers: Record<string, string>): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const sent = request(this.address, {
        method: "POST",
        headers: { ...headers, "Content-Length": bytes.length },
        agent: false,
      });
      this.#request = sent;
      const cancel = this.#clock.after(ANSWER_LIMIT_MS, () => {
        sent.destroy(new Error("no answer"));
      });
      sent.once("response", (response) => {
        response.resume();
        response.once("close", () => resolve((response.statusCode ?? 0) < 300));
      });
      sent.once("error", reject);
      sent.once("close", cancel);
      sent.end(bytes);
    });
  }

  #takesBytes(): boolean {
    const bytes = this.#waiting.reduce((sum, { bytes: { length } }) => sum + length, 0);
    return !this.#isClosed && !this.#isAway && bytes < WAITING_BYTES_MAX;
  }
}
