/**
 * Holds the city of a page and tells its listeners when it has changed.
 *
 * Events are folded in together, a few times a second, however many come.
 */

import type { LogAnswer, PeersAnswer } from "../api/answer.ts";
import type { HubEvent } from "../api/event.ts";
import type { NoAnswer, Snapshot } from "../api/hub-client.ts";
import type { Link } from "../connection/link.ts";
import { INITIAL_LINK } from "../connection/link.ts";
import type { Timers } from "../connection/timers.ts";
import { withEvents, withLog, withPeers, withSnapshot } from "./city.ts";
import type { City } from "./city.ts";

const FOLD_EVERY_MS = 250;

/** Events waiting to be folded in; beyond it they are folded at once. */
const WAITING_MAX = 500;

/** What components show. */
export interface Shown {
  /** Absent until the hub has answered once. */
  readonly city: City | undefined;
  readonly link: Link;
  /** Why the last question was not answered; absent where it was. */
  readonly noAnswer: NoAnswer | undefined;
}

/** The one owner of what a page knows. */
export class CityStore {
  readonly #timers: Timers;
  readonly #listeners = new Set<() => void>();
  #shown: Shown = { city: undefined, link: INITIAL_LINK, noAnswer: undefined };
  #waiting: HubEvent[] = [];

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  get shown(): Shown {
    return this.#shown;
  }

  /** Adds a listener; the answer removes it. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  takeLink(link: Link): void {
    this.#show({ ...this.#shown, link });
  }

  takeSnapshot(snapshot: Snapshot): void {
    this.#fold();
    const city = withSnapshot(this.#shown.city, snapshot, this.#timers.nowMs());
    this.#show({ ...this.#shown, city, noAnswer: undefined });
  }

  takeNoAnswer(noAnswer: NoAnswer): void {
    this.#show({ ...this.#shown, noAnswer });
  }

  takeLog(log: LogAnswer): void {
    this.#shown = { ...this.#shown, noAnswer: undefined };
    this.#change((city) => withLog(city, log, this.#timers.nowMs()));
  }

  takePeers(peers: PeersAnswer): void {
    this.#change((city) => withPeers(city, peers));
  }

  takeEvent(event: HubEvent): void {
    this.#waiting.push(event);
    if (this.#waiting.length === 1) this.#timers.after(FOLD_EVERY_MS, () => this.#fold());
    if (this.#waiting.length >= WAITING_MAX) this.#fold();
  }

  /** Events before the first snapshot are dropped: the snapshot that follows holds what they said. */
  #fold(): void {
    if (this.#waiting.length === 0) return;
    const events = this.#waiting;
    this.#waiting = [];
    this.#change((city) => withEvents(city, events));
  }

  #change(change: (city: City) => City): void {
    const { city } = this.#shown;
    if (city !== undefined) this.#show({ ...this.#shown, city: change(city) });
  }

  #show(shown: Shown): void {
    this.#shown = shown;
    for (const listener of this.#listeners) listener();
  }
}
