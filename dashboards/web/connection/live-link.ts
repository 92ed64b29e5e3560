/**
 * Keeps a page connected to its hub, as link.ts says, and hands on what the hub tells.
 *
 * Never more than one stream, and one question of each sort, is under way.
 */

import type { HubEvent } from "../api/event.ts";
import { NoAnswer } from "../api/hub-client.ts";
import type { HubClient } from "../api/hub-client.ts";
import type { CityStore } from "../city/city-store.ts";
import { advance, ASK_EVERY_MS, INITIAL_LINK, OPEN_LIMIT_MS } from "./link.ts";
import type { Link, LinkEvent, LinkOrder } from "./link.ts";
import type { Timers } from "./timers.ts";

/** Cosignatures come some moments after a block; one question serves them all. */
const PEERS_AFTER_MS = 1_500;

/** How often everything is asked for although the stream tells of changes. */
const SNAPSHOT_EVERY_MS = 120_000;

/** What a stream tells. After `broken` it tells nothing more. */
export interface StreamListener {
  opened(): void;
  /** Something came; `undefined` where it could not be read. */
  told(event: HubEvent | undefined): void;
  broken(): void;
}

/** Opens a stream of events; the answer closes it. */
export type OpenStream = (listener: StreamListener) => () => void;

export interface LiveLinkParts {
  readonly client: HubClient;
  readonly openStream: OpenStream;
  readonly timers: Timers;
  readonly store: CityStore;
  /** Is given each checkpoint note that the hub publishes. */
  readonly takeCheckpoint: (note: string) => void;
}

/** A page's connection. Runs from `start` until the page is closed. */
export class LiveLink {
  readonly #parts: LiveLinkParts;
  #link: Link = INITIAL_LINK;
  #closeStream: () => void = () => undefined;
  #cancelOpening: () => void = () => undefined;
  #cancelAsking: () => void = () => undefined;
  #isAsking = false;
  #askAgain = false;
  /** When everything must be asked for, whatever the stream has told. */
  #snapshotDueMs = 0;
  #isPeersDue = false;

  constructor(parts: LiveLinkParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#open();
    void this.#ask();
  }

  /** Asks at once: the network is back, or the page is looked at again. */
  nudge(): void {
    this.#snapshotDueMs = 0;
    void this.#ask();
  }

  #take(event: LinkEvent): void {
    const { link, orders } = advance(this.#link, event);
    this.#link = link;
    this.#parts.store.takeLink(link);
    for (const order of orders) this.#obey(order);
  }

  #obey(order: LinkOrder): void {
    switch (order.kind) {
      case "close":
        this.#closeStream();
        break;
      case "open": {
        const { timers } = this.#parts;
        const delayMs = order.afterMs + order.jitterMs * timers.chance();
        this.#cancelOpening();
        this.#cancelOpening = timers.after(delayMs, () => this.#open());
        break;
      }
      case "ask":
        this.#snapshotDueMs = 0;
        void this.#ask();
        break;
    }
  }

  #open(): void {
    const { openStream, timers } = this.#parts;
    let isOver = false;
    const giveUp = timers.after(OPEN_LIMIT_MS, () => listener.broken());
    const listener: StreamListener = {
      opened: () => {
        giveUp();
        if (!isOver) this.#take({ kind: "opened", atMs: timers.nowMs() });
      },
      told: (event) => {
        if (!isOver) this.#told(event);
      },
      broken: () => {
        if (!isOver) this.#take({ kind: "broken" });
      },
    };
    const close = openStream(listener);
    this.#closeStream = () => {
      isOver = true;
      giveUp();
      close();
    };
  }

  #told(event: HubEvent | undefined): void {
    this.#take({ kind: "told", atMs: this.#parts.timers.nowMs() });
    if (event === undefined) return;
    this.#parts.store.takeEvent(event);
    if (event.kind === "block" || event.kind === "cosigned" || event.kind === "fork") {
      this.#askPeersSoon();
    }
  }

  /** Asks the hub, and again after a while; a question asked meanwhile is asked once more at its end. */
  async #ask(): Promise<void> {
    this.#askAgain = this.#isAsking;
    if (this.#isAsking) return;
    this.#isAsking = true;
    this.#cancelAsking();
    await (this.#needsSnapshot() ? this.#askSnapshot() : this.#askLog());
    this.#isAsking = false;
    if (this.#askAgain) void this.#ask();
    else this.#cancelAsking = this.#parts.timers.after(ASK_EVERY_MS, () => void this.#ask());
  }

  /** A stream that has told something lately makes the long question needless. */
  #needsSnapshot(): boolean {
    const { store, timers } = this.#parts;
    const { city } = store.shown;
    const isDue = timers.nowMs() >= this.#snapshotDueMs;
    return isDue || city === undefined || city.hasStrangers || !this.#link.hasStreamTold;
  }

  async #askSnapshot(): Promise<void> {
    const { client, store, timers } = this.#parts;
    // Set before asking: what breaks meanwhile makes it due again.
    this.#snapshotDueMs = timers.nowMs() + SNAPSHOT_EVERY_MS;
    const snapshot = await client.snapshot();
    if (snapshot instanceof NoAnswer) {
      this.#snapshotDueMs = 0;
      return this.#takeNoAnswer(snapshot);
    }
    store.takeSnapshot(snapshot);
    this.#take({ kind: "answered", atMs: timers.nowMs(), size: snapshot.log.size });
    await this.#askCheckpoint();
  }

  async #askLog(): Promise<void> {
    const { client, store, timers } = this.#parts;
    const log = await client.log();
    if (log instanceof NoAnswer) return this.#takeNoAnswer(log);
    store.takeLog(log);
    this.#take({ kind: "answered", atMs: timers.nowMs(), size: log.size });
  }

  #takeNoAnswer(noAnswer: NoAnswer): void {
    this.#parts.store.takeNoAnswer(noAnswer);
    this.#take({ kind: "unanswered" });
  }

  async #askCheckpoint(): Promise<void> {
    const note = await this.#parts.client.checkpoint();
    if (!(note instanceof NoAnswer)) this.#parts.takeCheckpoint(note);
  }

  #askPeersSoon(): void {
    if (this.#isPeersDue) return;
    this.#isPeersDue = true;
    this.#parts.timers.after(PEERS_AFTER_MS, () => {
      this.#isPeersDue = false;
      void this.#askPeers();
    });
  }

  async #askPeers(): Promise<void> {
    const { client, store } = this.#parts;
    const [peers] = await Promise.all([client.peers(), this.#askCheckpoint()]);
    if (!(peers instanceof NoAnswer)) store.takePeers(peers);
  }
}
