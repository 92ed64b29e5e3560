/**
 * Server-sent events (HTML Living Standard, 9.2): what happens in the hub, to everyone who watches.
 *
 * Each reader has a bounded queue; who reads too slowly is disconnected, and comes back by itself. Nothing is kept for
 * those who were away: they ask the query API for what they missed.
 */

import type { ServerResponse } from "node:http";
import type { Clock } from "../../platform/clock.ts";
import type { HubEvent, HubEvents } from "../events.ts";
import type { HubLog } from "../log.ts";
import type { Cosigning } from "../cosigning.ts";
import { levelOf } from "../level.ts";
import { blockView, cosignersOf, forkView } from "./block-view.ts";
import { refusedView } from "./refused-view.ts";
import type {
  BlockView,
  CosignedEvent,
  ForkView,
  PresenceEvent,
  ReadingEvent,
  RefusedView,
} from "./schemas.ts";

/** Bounds of readers. */
export interface EventStreamLimits {
  readonly readersMax: number;
  /** Unsent bytes of one reader. */
  readonly queueBytesMax: number;
  /** A comment goes out when nothing else did for so long, so that nobody in between cuts the line. */
  readonly idleMs: number;
}

export const EVENT_STREAM_LIMITS: EventStreamLimits = {
  readersMax: 500,
  queueBytesMax: 262_144,
  idleMs: 15_000,
};

/** What an event stream works with. */
export interface EventStreamParts {
  readonly events: HubEvents;
  readonly log: Pick<HubLog, "sealedSize" | "heightOf">;
  readonly cosigning: Pick<Cosigning, "cosigners"> | undefined;
  readonly clock: Clock;
}

type Message =
  | { event: "reading"; data: ReadingEvent }
  | { event: "block"; data: BlockView }
  | { event: "cosigned"; data: CosignedEvent }
  | { event: "presence"; data: PresenceEvent }
  | { event: "refused"; data: RefusedView }
  | { event: "fork"; data: ForkView };

/** The readers of one hub. */
export class EventStream {
  readonly #parts: EventStreamParts;
  readonly #limits: EventStreamLimits;
  readonly #readers = new Set<ServerResponse>();
  readonly #stop: () => void;
  #dropped = 0;
  #cancelIdle: (() => void) | undefined;

  constructor(parts: EventStreamParts, limits: EventStreamLimits = EVENT_STREAM_LIMITS) {
    this.#parts = parts;
    this.#limits = limits;
    this.#stop = parts.events.on((event) => this.#publish(event));
    this.#watchIdle();
  }

  /** How many read now. */
  get readers(): number {
    return this.#readers.size;
  }

  /** How many were disconnected since the start because they read too slowly. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Whether nobody more is let in. */
  get isFull(): boolean {
    return this.#readers.size >= this.#limits.readersMax;
  }

  /** Sends events on a response whose head is set and not sent, until either side ends it. */
  serve(response: ServerResponse): void {
    response.on("error", () => response.destroy());
    response.on("close", () => this.#readers.delete(response));
    response.flushHeaders();
    response.write("retry: 3000\n\n");
    this.#readers.add(response);
  }

  /** Ends all. */
  close(): void {
    this.#stop();
    this.#cancelIdle?.();
    for (const reader of this.#readers) reader.end();
    this.#readers.clear();
  }

  #publish(event: HubEvent): void {
    if (this.#readers.size === 0) return;
    const message = this.#messageOf(event);
    if (message === undefined) return;
    this.#send(`event: ${message.event}\ndata: ${JSON.stringify(message.data)}\n\n`);
    this.#watchIdle();
  }

  #send(text: string): void {
    for (const reader of this.#readers) {
      if (reader.writableLength + text.length <= this.#limits.queueBytesMax) {
        reader.write(text);
        continue;
      }
      this.#dropped += 1;
      this.#readers.delete(reader);
      reader.destroy();
    }
  }

  #watchIdle(): void {
    this.#cancelIdle?.();
    this.#cancelIdle = this.#parts.clock.after(this.#limits.idleMs, () => {
      this.#send(": \n\n");
      this.#watchIdle();
    });
  }

  #messageOf(event: HubEvent): Message | undefined {
    const { log, cosigning } = this.#parts;
    switch (event.kind) {
      case "entry":
        return this.#readingOf(event);
      case "block":
        return { event: "block", data: blockView(event.block, cosigning?.cosigners() ?? []) };
      case "cosigned": {
        const { size } = event;
        const height = log.heightOf(size - 1) ?? null;
        const by = cosignersOf(size, cosigning?.cosigners() ?? []);
        return { event: "cosigned", data: { size, height, by } };
      }
      case "presence":
        return { event: "presence", data: event.change };
      case "refused":
        return { event: "refused", data: refusedView(event.item) };
      case "fork":
        return { event: "fork", data: forkView(event.found) };
    }
  }

  #readingOf({ entry }: Extract<HubEvent, { kind: "entry" }>): Message | undefined {
    const { index, statement, measured } = entry;
    if (measured === undefined) return undefined;
    const values = measured.values.map(({ quantity, unit, value, timeMs, isFault }) => ({
      quantity,
      unit: unit ?? null,
      value,
      timeMs,
      fault: isFault,
    }));
    const { issuer: device, stream } = statement;
    // Fresh entries are not cosigned yet; in a very small block they may be sealed.
    const level = levelOf(index, this.#parts.log, undefined);
    return { event: "reading", data: { device, stream, entry: index, level, values } };
  }
}
