/**
 * Plantower PMS3003, PMS5003, PMS7003 and their kin: fine dust, and what some of them measure besides.
 *
 * The values are those "under atmospheric environment", as is usual outdoors, not those for the factory's particles.
 */

import { z } from "zod";
import {
  type Driver,
  type DriverKind,
  driverKind,
  type SensorEvent,
  silentAfterTurns,
} from "../driver.ts";
import type { Framed, Framer, FramerCounters } from "../framers/framer.ts";
import { type PlantowerFrame, plantowerFramer } from "../framers/plantower.ts";
import { knownReading, type SensorReading } from "../reading.ts";
import {
  ActiveRhythm,
  PassiveRhythm,
  PLANTOWER_WARM_UP_MS,
  type PlantowerRhythm,
} from "./plantower-commands.ts";

/** Where a frame has what not every frame has: numbers of words, counted from 0. */
interface Layout {
  readonly hcho?: number;
  readonly temp?: number;
  readonly rh?: number;
  /** Its low byte is the sensor's error code. */
  readonly status?: number;
}

const PM_WORDS = { pm1: 3, pm25: 4, pm10: 5 } as const;
const WORDS_OF_3003 = 9;
const WORDS_OF_5003ST = 17;
const LAYOUT_5003ST: Layout = { hcho: 12, temp: 13, rh: 14, status: 16 };
const MODEL_NAMES = [
  "auto",
  "pms3003",
  "pms5003",
  "pms5003s",
  "pms5003st",
  "pms5003t",
  "pms7003",
] as const;
type ModelName = (typeof MODEL_NAMES)[number];
/** Waking, warming up and settling take this long at least. */
const SLEEP_PERIOD_SECONDS_MIN = 60;
/** One that reports by itself does so every few seconds: after such a pause it may have been without power. */
const PAUSE_MS = 10_000;

interface Options {
  /** Has to be said of a PMS5003S and PMS5003T: their frames look like those of a PMS5003. */
  readonly model: ModelName;
  /** Whether the sensor is woken and set up; without, the driver only listens. */
  readonly commands: boolean;
  /** How often it is asked; 0: it reports by itself. */
  readonly everySeconds: number;
  readonly sleeps: boolean;
}

/** Plantower's sensors, as the registry lists them. */
export const plantower: DriverKind = driverKind<Options>({
  name: "plantower",
  title: "Plantower PMS particle sensor",
  baudRate: 9600,
  options: z
    .strictObject({
      model: z.enum(MODEL_NAMES).default("auto"),
      commands: z.boolean().default(true),
      everySeconds: z.int().min(0).max(86_400).default(0),
      sleeps: z.boolean().default(false),
    })
    .refine(({ commands, everySeconds }) => commands || everySeconds === 0, {
      path: ["everySeconds"],
      error: "a sensor that is asked needs commands = true",
    })
    .refine(({ sleeps, everySeconds }) => !sleeps || everySeconds >= SLEEP_PERIOD_SECONDS_MIN, {
      path: ["sleeps"],
      error: `sleeping in between needs everySeconds of ${SLEEP_PERIOD_SECONDS_MIN} or more`,
    }),
  create: (options) => new PlantowerDriver(options),
});

class PlantowerDriver implements Driver {
  readonly silentMs: number;
  private readonly framer: Framer<PlantowerFrame> = plantowerFramer();
  private readonly layout: Layout;
  private readonly rhythm: PlantowerRhythm | undefined;
  private readonly reportsByItself: boolean;
  private startMs: number | undefined;
  private heardMs = Infinity;

  constructor({ model, commands, everySeconds, sleeps }: Options) {
    this.silentMs = silentAfterTurns(everySeconds * 1000);
    this.layout = layoutOf(model);
    this.reportsByItself = commands && everySeconds === 0;
    if (commands)
      this.rhythm =
        everySeconds === 0 ? new ActiveRhythm() : new PassiveRhythm(everySeconds * 1000, sleeps);
  }

  opened(atMs: number): SensorEvent[] {
    this.framer.reset();
    this.startMs = atMs;
    return writes(this.rhythm?.start(atMs));
  }

  push(chunk: Uint8Array, atMs: number): SensorEvent[] {
    return this.framer.push(chunk, atMs).flatMap((framed) => this.eventsOf(framed));
  }

  tick(atMs: number): SensorEvent[] {
    const events = this.framer.silence(atMs).flatMap((framed) => this.eventsOf(framed));
    return this.startMs === undefined ? events : [...events, ...writes(this.rhythm?.tick(atMs))];
  }

  counters(): FramerCounters {
    return this.framer.counters();
  }

  private eventsOf({ frame, atMs }: Framed<PlantowerFrame>): SensorEvent[] {
    if (frame.kind === "answer") return [];
    // Nothing but zeros, version and all: it has only just been switched on.
    const isEmpty = frame.words.every((word) => word === 0);
    const isBack = this.reportsByItself && atMs - this.heardMs >= PAUSE_MS;
    this.heardMs = atMs;
    if (isEmpty || isBack) this.startMs = atMs;
    const heard = this.startMs === undefined ? undefined : this.rhythm?.hear(atMs);
    const commands = writes(heard?.commands);
    if (heard?.isWanted === false) return commands;
    return [
      { kind: "readings", readings: this.readingsOf(frame.words, isEmpty, atMs) },
      ...commands,
    ];
  }

  private readingsOf(words: readonly number[], isEmpty: boolean, atMs: number): SensorReading[] {
    const layout = words.length === WORDS_OF_5003ST ? LAYOUT_5003ST : this.layout;
    const { hcho, temp, rh, status } = words.length === WORDS_OF_3003 ? {} : layout;
    const hasError = status !== undefined && (words[status]! & 0xff) !== 0;
    const isFaulty = hasError || isEmpty;
    const isUnsettled = isFaulty || this.isWarmingUp(atMs);
    const readings = Object.entries(PM_WORDS).map(([quantity, at]) =>
      knownReading(quantity, words[at]!, atMs, isUnsettled),
    );
    if (hcho !== undefined) readings.push(knownReading("hcho", words[hcho]!, atMs, isUnsettled));
    if (temp !== undefined)
      readings.push(knownReading("temp", signed(words[temp]!) / 10, atMs, isFaulty));
    if (rh !== undefined) readings.push(knownReading("rh", words[rh]! / 10, atMs, isFaulty));
    return readings;
  }

  private isWarmingUp(atMs: number): boolean {
    const startMs = Math.max(this.startMs ?? -Infinity, this.rhythm?.wokenMs ?? -Infinity);
    return atMs - startMs < PLANTOWER_WARM_UP_MS;
  }
}

function layoutOf(model: ModelName): Layout {
  if (model === "pms5003t") return { temp: 10, rh: 11, status: 12 };
  return model === "pms5003s" ? { hcho: 12 } : { status: 12 };
}

function signed(word: number): number {
  return (word << 16) >> 16;
}

function writes(commands: readonly Uint8Array[] = []): SensorEvent[] {
  return commands.map((bytes) => ({ kind: "write", bytes }));
}
