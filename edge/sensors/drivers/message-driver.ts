/**
 * What drivers of messages share: from the values that a message holds to readings, and who is there.
 *
 * What a kind of board says where is its own file's. Here: values that are no numbers are counted and never become
 * readings; of a quantity that two sources give, neither is taken, since nobody could tell them apart in the ledger;
 * messages that the broker had kept say who is there, and nothing of what was measured when.
 */

import { QUANTITIES } from "../../../ledger/quantity.ts";
import type { Driver, PartStatus, PassedOver, SensorEvent } from "../driver.ts";
import type { Framed, Framer, FramerCounters } from "../framers/framer.ts";
import { type Message, messageFramer } from "../framers/message.ts";
import { knownReading, type SensorReading } from "../reading.ts";
import { type FoundValue, ValueFinder, type ValueOptions } from "./message-values.ts";

/** What a message comes to. */
export type MessageContent =
  /** Measured values; none where there should be some. */
  | { readonly kind: "values"; readonly values: readonly FoundValue[] }
  /** Whether a board is there; without a board, whether what they all hang on is. */
  | { readonly kind: "presence"; readonly board: string | undefined; readonly isOnline: boolean }
  /** Something that the board says besides. */
  | { readonly kind: "other" };

/** What a kind of board says in a message. Pure; must not throw, whatever the payload. */
export type ReadMessage = (message: Message) => MessageContent;

/** See the head of the file. */
export class MessageDriver implements Driver {
  private readonly framer: Framer<Message> = messageFramer();
  private readonly read: ReadMessage;
  private readonly finder: ValueFinder;
  private readonly sources = new Map<string, QuantitySource>();
  private readonly boards = new Map<string, boolean>();
  private isBridgeGone = false;
  private counts: Record<keyof PassedOver, number> = {
    retained: 0,
    unknown: 0,
    unusable: 0,
    contested: 0,
  };
  private understood = 0;

  /** `values` of the configuration win over what `read` finds of the same quantity. */
  constructor(read: ReadMessage, values: readonly ValueOptions[]) {
    this.read = read;
    this.finder = new ValueFinder(values);
  }

  opened(): SensorEvent[] {
    this.framer.reset();
    // Who is there is said anew to whoever subscribes.
    this.boards.clear();
    this.isBridgeGone = false;
    return [];
  }

  push(chunk: Uint8Array, atMs: number): SensorEvent[] {
    return this.framer.push(chunk, atMs).flatMap((framed) => this.take(framed));
  }

  tick(atMs: number): SensorEvent[] {
    return this.framer.silence(atMs).flatMap((framed) => this.take(framed));
  }

  /** Good are messages that came to something; bad also those in which the driver knows nothing. */
  counters(): FramerCounters {
    const { framesBad, bytesSkipped } = this.framer.counters();
    return {
      framesGood: this.understood,
      framesBad: framesBad + this.counts.unknown,
      bytesSkipped,
    };
  }

  parts(): readonly PartStatus[] {
    return [...this.sources].flatMap(([quantity, { refused, others }]) =>
      others.length < 2
        ? []
        : [
            {
              name: `${quantity} of ${others.join(" and ")}`,
              state: "failing" as const,
              failures: refused,
            },
          ],
    );
  }

  isOffline(): boolean {
    const boards = [...this.boards.values()];
    return this.isBridgeGone || (boards.length > 0 && !boards.includes(true));
  }

  passedOver(): PassedOver {
    return { ...this.counts };
  }

  private take({ frame: message, atMs }: Framed<Message>): SensorEvent[] {
    const content = this.read(message);
    const mapped = this.finder.find(message);
    if (content.kind === "presence" && mapped.length === 0) {
      this.note(content);
      return [];
    }
    const own = content.kind === "values" ? content.values : [];
    const values = [
      ...mapped,
      ...own.filter(({ quantity }) => !this.finder.quantities.has(quantity)),
    ];
    if (values.length === 0 && content.kind === "other") return [];
    if (message.isRetained) {
      this.counts.retained += 1;
      return [];
    }
    const readings = this.readingsOf(values, atMs);
    if (readings.length === 0) {
      if (values.length === 0) this.counts.unknown += 1;
      return [];
    }
    this.understood += 1;
    this.isBridgeGone = false;
    for (const board of this.boards.keys())
      if (isBoardOf(message.topic, board)) this.boards.set(board, true);
    return [{ kind: "readings", readings }];
  }

  private note({ board, isOnline }: MessageContent & { kind: "presence" }): void {
    this.understood += 1;
    if (board === undefined) this.isBridgeGone = !isOnline;
    else if (this.boards.has(board) || this.boards.size < BOARDS_MAX)
      this.boards.set(board, isOnline);
  }

  private readingsOf(values: readonly FoundValue[], atMs: number): SensorReading[] {
    // All of a message first: two sources in one message are known before either is taken.
    for (const { quantity, source } of values) this.noteSource(quantity, source);
    return values.flatMap((found) => {
      const sources = this.sources.get(found.quantity);
      if (sources === undefined || sources.others.length > 1) {
        this.counts.contested += 1;
        if (sources) sources.refused += 1;
        return [];
      }
      const reading = readingOf(found, atMs);
      if (reading === undefined) this.counts.unusable += 1;
      return reading ?? [];
    });
  }

  private noteSource(quantity: string, source: string): void {
    const sources = this.sources.get(quantity);
    if (sources === undefined) this.sources.set(quantity, { others: [source], refused: 0 });
    // That there are two is all that has to be known; their names are for people.
    else if (sources.others.length < 2 && !sources.others.includes(source))
      sources.others.push(source);
  }
}

interface QuantitySource {
  /** The first two that were heard. */
  readonly others: string[];
  refused: number;
}

/** Boards behind one topic filter whose coming and going is followed. */
const BOARDS_MAX = 256;

function isBoardOf(topic: string, board: string): boolean {
  return topic === board || topic.startsWith(`${board}/`);
}

/** Makes a reading; `undefined` where the value is none. */
function readingOf(found: FoundValue, atMs: number): SensorReading | undefined {
  const { quantity, value, unit = "", scale = 1, offset = 0, faultValues = [], decimals } = found;
  const isKnown = QUANTITIES.has(quantity);
  if (typeof value === "boolean") return isKnown ? undefined : { quantity, unit: "", value, atMs };
  const number = numberOf(value);
  if (number === undefined) return undefined;
  const scaled =
    scale === 1 && offset === 0 ? number + 0 : round(number * scale + offset, decimals);
  if (!Number.isFinite(scaled)) return undefined;
  const isFaulty = faultValues.includes(number);
  if (isKnown) return knownReading(quantity, scaled, atMs, isFaulty);
  return { quantity, unit, value: scaled, atMs, ...(isFaulty ? { fault: true } : {}) };
}

const DECIMAL = /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/;

/** A number, or a text that is nothing but one; `undefined` for all else, such as null, "nan" or "unavailable". */
function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : undefined;
  if (typeof value !== "string" || value.length > 64 || !DECIMAL.test(value.trim()))
    return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** Takes away what arithmetic with decimal fractions has added. */
function round(value: number, decimals: number | undefined): number {
  return Number(decimals === undefined ? value.toPrecision(14) : value.toFixed(decimals));
}
