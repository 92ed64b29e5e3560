/**
 * Winsen MH-Z19B: carbon dioxide. It speaks only when it is asked, one question at a time.
 *
 * Its calibration of zero and span cannot be reached from here: done in the wrong air they spoil the sensor for years.
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
import { type Mhz19Frame, mhz19Checksum, mhz19Framer } from "../framers/mhz19.ts";
import { knownReading } from "../reading.ts";

const COMMAND = { read: 0x86, selfCalibration: 0x79 } as const;
const HEAD = 0xff;
const SENSOR = 0x01;
const ON = 0xa0;
const OFF = 0x00;
const ANSWER_LIMIT_MS = 1_000;
/** A sensor that answers again after so many unanswered questions may have been without power, and is warming up. */
const LOST_AFTER = 2;
/** A dip in its supply may pass unseen and leave self-calibration as the maker set it, which acts once a day. */
const ABC_AGAIN_MS = 6 * 3_600_000;
/** One unanswered question may be such a dip, or noise: the setting is said again, and no more often than this. */
const ABC_SOON_MS = 600_000;

interface Options {
  readonly everySeconds: number;
  /** The maker asks for three minutes before readings are believed. */
  readonly warmUpSeconds: number;
  /** The sensor's taking the least of each day for 400 ppm: `off` where there is never fresh air. */
  readonly abc: "keep" | "on" | "off";
}

/** The MH-Z19B, as the registry lists it. */
export const mhz19: DriverKind = driverKind<Options>({
  name: "mhz19",
  title: "Winsen MH-Z19B carbon dioxide sensor",
  baudRate: 9600,
  options: z.strictObject({
    everySeconds: z.int().min(2).max(86_400).default(10),
    warmUpSeconds: z.int().min(0).max(600).default(180),
    abc: z.enum(["keep", "on", "off"]).default("keep"),
  }),
  create: (options) => new Mhz19Driver(options),
});

/** Encodes a command of nine bytes; `value` is the first byte of its data. */
export function encodeMhz19Command(code: number, value: number): Uint8Array {
  const body = [SENSOR, code, value, 0, 0, 0, 0];
  return Uint8Array.from([HEAD, ...body, mhz19Checksum(body)]);
}

class Mhz19Driver implements Driver {
  readonly silentMs: number;
  private readonly framer: Framer<Mhz19Frame> = mhz19Framer();
  private readonly options: Options;
  private startMs: number | undefined;
  private nextMs = 0;
  /** Until then an answer to what was said last may come. */
  private busyUntilMs = 0;
  private isAsked = false;
  private unanswered = 0;
  private hasMeasured = false;
  /** When self-calibration is to be set. */
  private abcMs = Infinity;
  private abcSaidMs = 0;

  constructor(options: Options) {
    this.options = options;
    this.silentMs = silentAfterTurns(options.everySeconds * 1000);
  }

  opened(atMs: number): SensorEvent[] {
    this.isAsked = false;
    this.busyUntilMs = atMs;
    this.nextMs = atMs;
    this.unanswered = 0;
    this.start(atMs);
    return this.speak(atMs);
  }

  push(chunk: Uint8Array, atMs: number): SensorEvent[] {
    return this.framer.push(chunk, atMs).flatMap((framed) => this.eventsOf(framed));
  }

  tick(atMs: number): SensorEvent[] {
    const events = this.framer.silence(atMs).flatMap((framed) => this.eventsOf(framed));
    if (this.startMs === undefined || atMs < this.busyUntilMs) return events;
    if (this.isAsked) {
      this.isAsked = false;
      this.unanswered += 1;
    }
    return [...events, ...this.speak(atMs)];
  }

  warmUpLeftMs(atMs: number): number {
    return Math.max(0, (this.startMs ?? atMs) + this.options.warmUpSeconds * 1000 - atMs);
  }

  counters(): FramerCounters {
    return this.framer.counters();
  }

  private start(atMs: number): void {
    this.startMs = atMs;
    this.hasMeasured = false;
    if (this.options.abc !== "keep") this.abcMs = atMs;
  }

  /** Says what there is to say. What is left of earlier answers is dropped before. */
  private speak(atMs: number): SensorEvent[] {
    const isAbcDue = atMs >= this.abcMs;
    if (!isAbcDue && atMs < this.nextMs) return [];
    this.framer.reset();
    this.busyUntilMs = atMs + ANSWER_LIMIT_MS;
    if (isAbcDue) {
      this.abcSaidMs = atMs;
      this.abcMs = atMs + ABC_AGAIN_MS;
      const value = this.options.abc === "on" ? ON : OFF;
      return [{ kind: "write", bytes: encodeMhz19Command(COMMAND.selfCalibration, value) }];
    }
    this.isAsked = true;
    this.nextMs = Math.max(this.nextMs + this.options.everySeconds * 1000, atMs);
    return [{ kind: "write", bytes: encodeMhz19Command(COMMAND.read, 0) }];
  }

  private eventsOf({ frame, atMs }: Framed<Mhz19Frame>): SensorEvent[] {
    if (frame.command !== COMMAND.read || !this.isAsked) return [];
    this.isAsked = false;
    this.busyUntilMs = atMs;
    const [high = 0, low = 0] = frame.data;
    const co2 = high * 256 + low;
    // It says 0 before it has measured: after a value, that is a start of its own, however short it was without power.
    if (this.unanswered >= LOST_AFTER || (co2 === 0 && this.hasMeasured)) this.start(atMs);
    else if (this.unanswered > 0) this.abcMs = Math.min(this.abcMs, this.abcSaidMs + ABC_SOON_MS);
    this.unanswered = 0;
    if (co2 > 0) this.hasMeasured = true;
    const isWarmingUp = this.warmUpLeftMs(atMs) > 0;
    return [
      { kind: "readings", readings: [knownReading("co2", co2, atMs, isWarmingUp || co2 === 0)] },
    ];
  }
}
