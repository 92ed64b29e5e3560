/**
 * NMEA 0183: satellite receivers of any make (GGA and RMC), and echo sounders over a river bed (DBT, DPT).
 */

import { z } from "zod";
import { type Driver, type DriverKind, driverKind, type SensorEvent } from "../driver.ts";
import type { Framed, Framer, FramerCounters } from "../framers/framer.ts";
import { type NmeaSentence, nmeaFramer } from "../framers/nmea.ts";
import { knownReading, type SensorReading } from "../reading.ts";
import { NmeaFixes, type PairedFix } from "./nmea-fixes.ts";
import { decodeDepth, decodeGga, decodeRmc } from "./nmea-sentence.ts";

/** A sounder that sends both kinds of depth sentence is heard in that kind which came first, until it is silent. */
const DEPTH_SILENT_MS = 10_000;

/** Fixes come at a steady pace, and arrive a little unsteadily: one that is due may be this early. */
const EARLY_MS = 500;

const QUANTITY_NAMES = ["depth", "satellites", "hdop", "altitude", "speed"] as const;

interface Options {
  /** What becomes readings; `speed` is for vehicles. */
  readonly quantities: readonly (typeof QUANTITY_NAMES)[number][];
  /** How often what a receiver says of itself becomes readings. Fixes and depths are given as they come. */
  readonly everySeconds: number;
}

/** NMEA 0183, as the registry lists it. */
export const nmea: DriverKind = driverKind<Options>({
  name: "nmea",
  title: "Satellite receiver or echo sounder (NMEA 0183)",
  baudRate: 9600,
  options: z.strictObject({
    quantities: z
      .array(z.enum(QUANTITY_NAMES))
      .default(["depth", "satellites", "hdop", "altitude"]),
    everySeconds: z.int().min(0).max(86_400).default(60),
  }),
  create: (options, { notBeforeMs }) => new NmeaDriver(options, notBeforeMs),
});

class NmeaDriver implements Driver {
  private readonly framer: Framer<NmeaSentence> = nmeaFramer();
  private readonly quantities: ReadonlySet<string>;
  private readonly everyMs: number;
  private readonly notBeforeMs: number;
  private readonly fixes: NmeaFixes;
  private lastReadingsMs = -Infinity;
  private depth: { readonly type: string; readonly atMs: number } | undefined;

  constructor(options: Options, notBeforeMs: number) {
    this.quantities = new Set(options.quantities);
    this.everyMs = options.everySeconds * 1000;
    this.notBeforeMs = notBeforeMs;
    this.fixes = new NmeaFixes(notBeforeMs);
  }

  opened(): SensorEvent[] {
    this.framer.reset();
    this.fixes.reset();
    return [];
  }

  push(chunk: Uint8Array, atMs: number): SensorEvent[] {
    return this.framer.push(chunk, atMs).flatMap((framed) => this.eventsOf(framed));
  }

  tick(atMs: number): SensorEvent[] {
    return this.framer.silence(atMs).flatMap((framed) => this.eventsOf(framed));
  }

  counters(): FramerCounters {
    return this.framer.counters();
  }

  private eventsOf({ frame: { type, fields }, atMs }: Framed<NmeaSentence>): SensorEvent[] {
    switch (type) {
      case "GGA":
        return this.fixEvents(this.fixes.hearGga(decodeGga(fields), atMs));
      case "RMC":
        return this.fixEvents(this.fixes.hearRmc(decodeRmc(fields, this.notBeforeMs), atMs));
      case "DBT":
      case "DPT":
        return this.depthEvents(type, decodeDepth(type, fields), atMs);
      default:
        return [];
    }
  }

  private fixEvents(paired: PairedFix | undefined): SensorEvent[] {
    if (paired === undefined) return [];
    const { fix, gga, rmc } = paired;
    const events: SensorEvent[] = [{ kind: "fix", fix }];
    if (fix.atMs - this.lastReadingsMs < this.everyMs - EARLY_MS) return events;
    const { satellites, hdop, altitude } = gga;
    const values = Object.entries({ satellites, hdop, altitude, speed: rmc.speed });
    const readings = values.flatMap(([quantity, value]) => this.read(quantity, value, fix.atMs));
    if (readings.length === 0) return events;
    this.lastReadingsMs = fix.atMs;
    return [...events, { kind: "readings", readings }];
  }

  private depthEvents(type: string, depth: number | undefined, atMs: number): SensorEvent[] {
    const readings = this.read("depth", depth, atMs);
    const isOtherKind = this.depth !== undefined && this.depth.type !== type;
    if (readings.length === 0) return [];
    if (isOtherKind && atMs - this.depth!.atMs < DEPTH_SILENT_MS) return [];
    this.depth = { type, atMs };
    return [{ kind: "readings", readings }];
  }

  private read(quantity: string, value: number | undefined, atMs: number): SensorReading[] {
    if (value === undefined || !this.quantities.has(quantity)) return [];
    return [knownReading(quantity, value, atMs)];
  }
}
