/**
 * A simulated board: measured values and commands in, the bytes of its serial line or its messages out.
 *
 * Boards are pure. Time is an argument, outlets (outlet/) carry the bytes, and stations (stations/) bring both together.
 */
import type { Values } from "../models/model.ts";

/** One board; it owns its state (mode, sleep, identity). Times are the city's, in Unix milliseconds. */
export interface Board {
  /** How long it takes from power to its first word. */
  readonly bootMs: number;

  /**
   * Takes a measurement and gives what the board sends because of it, one chunk a frame.
   *
   * Nothing comes out while the board sleeps, waits to be asked, or lacks a value that its frame needs.
   */
  measure(values: Values, timeMs: number): Uint8Array[];

  /** Takes bytes that arrived on its line, cut anywhere, and gives its answers. Never throws. */
  receive(chunk: Uint8Array, timeMs: number): Uint8Array[];

  /**
   * Has lost its power and got it back: forgets all that the real one does not keep, and gives what it prints at its
   * start, one chunk a line.
   */
  restart(timeMs: number): Uint8Array[];
}

/** Where a message goes: to a topic of the broker, or by HTTP with these headers. */
export type Destination =
  | { readonly kind: "publish"; readonly topic: string; readonly isRetained: boolean }
  | { readonly kind: "post"; readonly headers: Readonly<Record<string, string>> };

/** A message of a board. */
export interface BoardMessage {
  readonly bytes: Uint8Array;
  readonly to: Destination;
}

/** What tells others whether a board is there. */
export interface Presence {
  /** Published each time that the board has connected. */
  readonly online: readonly BoardMessage[];
  /** What the broker publishes when the board has gone without a word, and the board itself when it leaves. */
  readonly offline: BoardMessage;
}

/** A board that speaks over the network, in messages, and listens to nobody. */
export interface MessageBoard {
  /** As the edge names its line: `mqtt:…` or `push:…`. */
  readonly address: string;
  readonly presence?: Presence;

  /** Takes a measurement and gives what the board sends because of it; nothing where it lacks what it needs. */
  report(values: Values, timeMs: number): BoardMessage[];
}
