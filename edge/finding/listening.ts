/**
 * Listens at a port, speed after speed, until a sensor is recognised; then asks those that do not speak by themselves.
 *
 * Nothing is written to a line on which something was heard: it might be a sensor that does not take kindly to another's
 * commands.
 */

import type { Clock } from "../../platform/clock.ts";
import type { DriverKind, Surroundings } from "../sensors/driver.ts";
import type { Connect, Connection } from "../sensors/lines/line.ts";
import { Ear, needsNoOptions } from "./recognition.ts";
import type { Recognised } from "./recognition.ts";

/** What listening needs. */
export interface ListeningParts {
  /** Opens the port at a speed. */
  readonly connectAt: (baudRate: number) => Connect;
  /** The only speed, where the port has none of its own or the user knows it. */
  readonly baudRate?: number | undefined;
  readonly kinds: readonly DriverKind[];
  readonly surroundings: Surroundings;
  /** Whether sensors that are silent may be asked. */
  readonly mayAsk: boolean;
  /** Fixes that a receiver is listened to for, as long as there is time, after it was recognised; none unless given. */
  readonly fixesWanted?: number | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Told before each attempt; `asked` is the kind that is being asked. */
  readonly begins: (baudRate: number, asked: DriverKind | undefined) => void;
}

/** What came at one speed. */
export interface Heard {
  readonly baudRate: number;
  readonly bytes: number;
  /** The first 256 of them. */
  readonly sample: Uint8Array;
}

/** What came of listening. */
export interface Listened {
  readonly recognised: (Recognised & { readonly baudRate: number }) | undefined;
  readonly heard: readonly Heard[];
  /** Names of the kinds that were asked. */
  readonly asked: readonly string[];
}

/** Speeds that no driver has by itself, and that boards and receivers are set to. */
const OTHER_BAUD_RATES = [115_200, 4_800, 38_400, 57_600, 19_200];
/** A meter's telegram comes every ten seconds. */
const USUAL_MS = 11_000;
const OTHER_MS = 3_000;
const ASKING_MS = 6_000;
const OPENING_LIMIT_MS = 15_000;
const TICK_MS = 250;

/** Listens. Rejects with the system's error where the port cannot be opened, with the signal's reason when aborted. */
export async function listen(parts: ListeningParts): Promise<Listened> {
  const heard: Heard[] = [];
  const usual = usualSpeeds(parts.kinds);
  const speeds =
    parts.baudRate === undefined ? [...new Set([...usual, ...OTHER_BAUD_RATES])] : [parts.baudRate];
  for (const baudRate of speeds) {
    parts.begins(baudRate, undefined);
    const ear = new Ear(parts.kinds, parts.surroundings);
    const isUsual = speeds.length === 1 || usual.includes(baudRate);
    const found = await listenAt(parts, baudRate, ear, isUsual ? USUAL_MS : OTHER_MS, false);
    heard.push({ baudRate, bytes: ear.bytes, sample: ear.sample });
    if (found) return { recognised: { ...found, baudRate }, heard, asked: [] };
  }
  const isSilent = heard.every(({ bytes }) => bytes === 0);
  return isSilent && parts.mayAsk ? ask(parts, heard) : { recognised: undefined, heard, asked: [] };
}

/** The speeds of the drivers, that of the most of them first. */
function usualSpeeds(kinds: readonly DriverKind[]): number[] {
  const count = (speed: number): number =>
    kinds.filter(({ baudRate }) => baudRate === speed).length;
  const speeds = new Set(kinds.map(({ baudRate }) => baudRate));
  return [...speeds].toSorted((a, b) => count(b) - count(a) || a - b);
}

/** Lets one driver after another say what it has to say to its sensor. */
async function ask(parts: ListeningParts, heard: readonly Heard[]): Promise<Listened> {
  const asked: string[] = [];
  for (const kind of parts.kinds) {
    if (!needsNoOptions(kind) || !hasWords(kind, parts.surroundings)) continue;
    const baudRate = parts.baudRate ?? kind.baudRate;
    parts.begins(baudRate, kind);
    asked.push(kind.name);
    const ear = new Ear([kind], parts.surroundings);
    const found = await listenAt(parts, baudRate, ear, ASKING_MS, true);
    if (found) return { recognised: { ...found, baudRate }, heard, asked };
  }
  return { recognised: undefined, heard, asked };
}

/** Whether a driver says anything when a line opens, or soon after. */
function hasWords(kind: DriverKind, surroundings: Surroundings): boolean {
  const ear = new Ear([kind], surroundings);
  return ear.opened(0).length + ear.tick(TICK_MS).length + ear.tick(ASKING_MS / 2).length > 0;
}

/** Listens at one speed until a sensor is recognised, the time is over, or the line is lost. */
async function listenAt(
  parts: ListeningParts,
  baudRate: number,
  ear: Ear,
  forMs: number,
  isAsking: boolean,
): Promise<Recognised | undefined> {
  const { clock, signal } = parts;
  let isLost = false;
  const held: { connection?: Connection } = {};
  const say = (words: readonly Uint8Array[]): undefined => {
    if (isAsking) for (const bytes of words) held.connection?.write(bytes);
  };
  const events = {
    bytes: (chunk: Uint8Array): undefined => say(ear.push(chunk, clock.monotonicMs())),
    closed: () => {
      isLost = true;
    },
  };
  const connection = await open(parts.connectAt(baudRate), events, clock, signal);
  held.connection = connection;
  try {
    const endMs = clock.monotonicMs() + forMs;
    say(ear.opened(clock.monotonicMs()));
    while (clock.monotonicMs() < endMs && !isLost) {
      await clock.sleep(TICK_MS, signal);
      say(ear.tick(clock.monotonicMs()));
      const found = ear.recognised();
      if (found && hasFixes(found, parts.fixesWanted)) return found;
    }
    return ear.recognised(true);
  } finally {
    await connection.close();
  }
}

function hasFixes({ kind, places }: Recognised, wanted = 0): boolean {
  return kind.name !== "nmea" || places.length >= wanted;
}

async function open(
  connect: Connect,
  events: Parameters<Connect>[0],
  clock: Clock,
  signal: AbortSignal,
): Promise<Connection> {
  const limit = new AbortController();
  const cancel = clock.after(OPENING_LIMIT_MS, () => {
    limit.abort(new Error(`did not open within ${OPENING_LIMIT_MS} ms`));
  });
  try {
    return await connect(events, AbortSignal.any([signal, limit.signal]));
  } finally {
    cancel();
  }
}
