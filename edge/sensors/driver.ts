/**
 * What turns the bytes of one sensor into readings, and what it wants to say to the sensor.
 *
 * Drivers do no I/O and have no clock: the agent hands them bytes and times, and does what their events ask for. A kind
 * of sensor is a framer (`framers/`), a driver (`drivers/`) and a line in `drivers/drivers.ts`.
 */

import type { z } from "zod";
import type { Framed, Framer, FramerCounters } from "./framers/framer.ts";
import type { LineKind } from "./lines/address.ts";
import type { Fix, SensorReading } from "./reading.ts";

/** What a driver gives: readings of one instant, a fix, or bytes for the sensor. */
export type SensorEvent =
  | {
      readonly kind: "readings";
      readonly readings: readonly SensorReading[];
      /** Where they do not belong to the sensor's own stream. */
      readonly stream?: string;
    }
  | { readonly kind: "fix"; readonly fix: Fix }
  | {
      readonly kind: "write";
      readonly bytes: Uint8Array;
      /** The line has to be left alone for so long before; at once where it is not said. */
      readonly afterMs?: number;
    };

/** How a part of what hangs on the line is, where several do. */
export interface PartStatus {
  /** Such as `unit 17`, with what is known of its trouble behind it. */
  readonly name: string;
  /** `quarantined`: it has failed so often that it is only asked now and then. */
  readonly state: "ok" | "failing" | "quarantined";
  /** Questions in a row without an answer. */
  readonly failures: number;
}

/** Why something in a message was passed over: a closed list, which is also a label of the metrics. */
export const PASSED_OVER = [
  /** A message that the broker had kept: when it was measured, nobody knows. */
  "retained",
  /** A message in which the driver knows nothing. */
  "unknown",
  /** A value that is no number, or in a unit that is not understood. */
  "unusable",
  /** A value of a quantity that two sources give. */
  "contested",
] as const;

/** How often each, since the driver was made. */
export type PassedOver = Readonly<Record<(typeof PASSED_OVER)[number], number>>;

/**
 * The driver of one sensor on one line. No method throws for anything that a sensor may send.
 *
 * All times are monotonic milliseconds and never decrease from call to call.
 */
export interface Driver {
  /** How long the sensor may say nothing by the driver's own options; absent where these ask for no pauses. */
  readonly silentMs?: number;

  /** To be called each time the line has opened: half a frame of before is forgotten, and the sensor is set up. */
  opened(atMs: number): SensorEvent[];

  /** Takes bytes in the order in which they arrived, in pieces of any size; does not keep `chunk`. */
  push(chunk: Uint8Array, atMs: number): SensorEvent[];

  /** To be called about once a second while the line is open, so that unanswered commands are repeated. */
  tick(atMs: number): SensorEvent[];

  /** Counts since the driver was made, over all openings of the line. */
  counters(): FramerCounters;

  /** How the parts are, for drivers of lines with several. */
  parts?(): readonly PartStatus[];

  /** For how long values are still flagged because the sensor was switched on or woken a moment ago; 0 where they are not. */
  warmUpLeftMs?(atMs: number): number;

  /** Whether the board is gone by what is said of it, though the line is open. */
  isOffline?(): boolean;

  /** What was passed over, for drivers of messages. */
  passedOver?(): PassedOver;
}

/** What a driver may have to know of its surroundings. */
export interface Surroundings {
  /** A sensor that tells the time is not believed before this, milliseconds since 1970: when the program was built. */
  readonly notBeforeMs: number;
}

/** A kind of driver, as the registry lists it. */
export interface DriverKind {
  /** The name that a configuration gives. */
  readonly name: string;
  /** What people read. */
  readonly title: string;
  /** Speed of the serial line where the address does not say. */
  readonly baudRate: number;
  /** The kinds of lines that it can hang on; serial ports and TCP unless given. */
  readonly lines?: readonly LineKind[];
  /** How long its sensors may say nothing by design, where the configuration does not say; a minute unless given. */
  readonly silentMs?: number;
  /** What else has to be subscribed to, to hear whether the boards behind a topic filter are there. */
  readonly besides?: (filter: string) => readonly string[];
  /** What a configuration may set besides. */
  readonly options: z.ZodType;
  /** Makes a driver. Throws a `ZodError` for options that do not fit the schema: check them before. */
  create(options: unknown, surroundings: Surroundings): Driver;
}

/** Two turns and some seconds: a sensor that has missed one of its turns need not be silent yet. */
export function silentAfterTurns(everyMs: number): number {
  return 2 * everyMs + TURN_LATE_MS;
}

const TURN_LATE_MS = 40_000;

const WIRES: readonly LineKind[] = ["serial", "tcp"];

/** The kinds of lines that sensors of a kind can hang on. */
export function linesOf({ lines = WIRES }: Pick<DriverKind, "lines">): readonly LineKind[] {
  return lines;
}

/** Ties a schema to the constructor that takes what it gives. */
export function driverKind<Options>(
  kind: Omit<DriverKind, "options" | "create"> & {
    readonly options: z.ZodType<Options>;
    readonly create: (options: Options, surroundings: Surroundings) => Driver;
  },
): DriverKind {
  return {
    ...kind,
    create: (options, surroundings) => kind.create(kind.options.parse(options), surroundings),
  };
}

/** Makes a driver of a framer and of what its frames mean, for sensors that only talk. */
export function listeningDriver<F>(
  framer: Framer<F>,
  eventsOf: (framed: Framed<F>) => SensorEvent[],
): Driver {
  return {
    opened: () => {
      framer.reset();
      return [];
    },
    push: (chunk, atMs) => framer.push(chunk, atMs).flatMap(eventsOf),
    tick: (atMs) => framer.silence(atMs).flatMap(eventsOf),
    counters: () => framer.counters(),
  };
}
