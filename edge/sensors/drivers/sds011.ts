/**
 * Nova SDS011: fine dust, PM2.5 and PM10.
 *
 * Its laser lasts about 8,000 hours; with a period it sleeps in between, which for most uses is enough. Beyond 70 % of
 * relative humidity it reads too much: that is for those who use the values, and nothing is corrected here.
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
import { type Sds011Frame, sds011Framer } from "../framers/sds011.ts";
import { knownReading } from "../reading.ts";
import { SDS011_COMMAND, Sds011Setup } from "./sds011-commands.ts";

/** The ends of its range, in ug/m3, which it also sends when the fan is stuck or the inlet blocked. */
export const SDS011_FAULTS: Readonly<Record<string, readonly number[]>> = {
  pm25: [999.9],
  pm10: [1999.9],
};
/** One that reports each second, and has not for so long, was without power or asleep. */
const PAUSE_MS = 10_000;
/** A sensor that has said nothing for its period and this long is set up again. */
const LATE_MS = 60_000;

interface Options {
  /** Whether the sensor is woken and set up; without, the driver only listens. */
  readonly commands: boolean;
  readonly periodMinutes: number;
  /** The maker asks for half a minute of fan and laser before values are believed. */
  readonly warmUpSeconds: number;
}

/** The SDS011, as the registry lists it. */
export const sds011: DriverKind = driverKind<Options>({
  name: "sds011",
  title: "Nova SDS011 particle sensor",
  baudRate: 9600,
  options: z.strictObject({
    commands: z.boolean().default(true),
    periodMinutes: z.int().min(0).max(30).default(0),
    warmUpSeconds: z.int().min(0).max(600).default(30),
  }),
  create: (options) => new Sds011Driver(options),
});

class Sds011Driver implements Driver {
  readonly silentMs: number;
  private readonly framer: Framer<Sds011Frame> = sds011Framer();
  private readonly setup: Sds011Setup | undefined;
  private readonly lateMs: number;
  private readonly warmUpMs: number;
  /** Whether pauses tell of a start: a sensor with a period wakes by itself, and warms up before it reports. */
  private readonly isContinuous: boolean;
  private startMs: number | undefined;
  private heardMs = 0;

  constructor(options: Options) {
    this.setup = options.commands ? new Sds011Setup(options.periodMinutes) : undefined;
    this.silentMs = silentAfterTurns(options.periodMinutes * 60_000);
    this.lateMs = options.periodMinutes * 60_000 + LATE_MS;
    this.warmUpMs = options.warmUpSeconds * 1000;
    this.isContinuous = options.commands && options.periodMinutes === 0;
  }

  opened(atMs: number): SensorEvent[] {
    this.framer.reset();
    this.heardMs = atMs;
    this.startMs = atMs;
    return written(this.setup?.start(atMs));
  }

  push(chunk: Uint8Array, atMs: number): SensorEvent[] {
    this.startMs ??= atMs;
    return this.framer.push(chunk, atMs).flatMap((framed) => this.eventsOf(framed));
  }

  tick(atMs: number): SensorEvent[] {
    const events = this.framer.silence(atMs).flatMap((framed) => this.eventsOf(framed));
    if (this.setup?.isDone === false) return [...events, ...written(this.setup.tick(atMs))];
    if (atMs - this.heardMs < this.lateMs) return events;
    this.heardMs = atMs;
    return [...events, ...written(this.setup?.start(atMs))];
  }

  counters(): FramerCounters {
    return this.framer.counters();
  }

  warmUpLeftMs(atMs: number): number {
    return Math.max(0, (this.startMs ?? atMs) + this.warmUpMs - atMs);
  }

  private eventsOf({ frame, atMs }: Framed<Sds011Frame>): SensorEvent[] {
    if (this.isContinuous && atMs - this.heardMs >= PAUSE_MS) this.startMs = atMs;
    this.heardMs = atMs;
    if (frame.kind === "measurement") return [this.readingsOf(frame.pm25, frame.pm10, atMs)];
    const [isSet, value] = frame.data;
    // Waking starts the fan: what is in the chamber is not air of the street yet.
    if (frame.command === SDS011_COMMAND.work && isSet === 1 && value === 1) this.startMs = atMs;
    return written(this.setup?.hear(frame.command, isSet === 1, value, atMs));
  }

  private readingsOf(pm25: number, pm10: number, atMs: number): SensorEvent {
    const isWarmingUp = this.warmUpLeftMs(atMs) > 0;
    return {
      kind: "readings",
      readings: [
        knownReading("pm25", pm25, atMs, isWarmingUp || isFault("pm25", pm25)),
        knownReading("pm10", pm10, atMs, isWarmingUp || isFault("pm10", pm10)),
      ],
    };
  }
}

function isFault(quantity: string, value: number): boolean {
  return SDS011_FAULTS[quantity]?.includes(value) === true;
}

function written(bytes: Uint8Array | undefined): SensorEvent[] {
  return bytes === undefined ? [] : [{ kind: "write", bytes }];
}
