/**
 * Smart meters with a P1 port: electricity, and the gas, water and heat meters that report to them.
 *
 * What a household does can be read off its meter to the minute: such devices belong under `visibility = "restricted"`,
 * and `everySeconds` should be as large as the purpose allows.
 */

import { z } from "zod";
import { type Driver, type DriverKind, driverKind, type SensorEvent } from "../driver.ts";
import { type ChecksumRule, dsmrFramer, type DsmrTelegram } from "../framers/dsmr.ts";
import type { Framed, Framer, FramerCounters } from "../framers/framer.ts";
import { knownReading } from "../reading.ts";
import { decodeAttached, decodeMeter } from "./dsmr-registers.ts";

/** Telegrams come at a steady pace, and arrive a little unsteadily. */
const EARLY_MS = 500;

interface Options {
  /** Meters send each second or each ten; telegrams in between are passed over. */
  readonly everySeconds: number;
  readonly checksum: ChecksumRule;
}

/** Smart meters, as the registry lists them. */
export const dsmr: DriverKind = driverKind<Options>({
  name: "dsmr",
  title: "Smart meter with a P1 port (DSMR)",
  baudRate: 115_200,
  options: z.strictObject({
    everySeconds: z.int().min(0).max(86_400).default(10),
    checksum: z.enum(["optional", "required"]).default("optional"),
  }),
  create: (options) => new DsmrDriver(options),
});

class DsmrDriver implements Driver {
  private readonly framer: Framer<DsmrTelegram>;
  private readonly everyMs: number;
  private lastMs = -Infinity;
  /** When the value was taken that was last passed on, by quantity of attached meters. */
  private readonly captures = new Map<string, string>();

  constructor({ checksum, everySeconds }: Options) {
    this.framer = dsmrFramer(checksum);
    this.everyMs = everySeconds * 1000;
  }

  opened(): SensorEvent[] {
    this.framer.reset();
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

  private eventsOf({ frame: { objects }, atMs }: Framed<DsmrTelegram>): SensorEvent[] {
    if (atMs - this.lastMs < this.everyMs - EARLY_MS) return [];
    // A telegram repeats what a gas meter said once an hour: it is one reading all the same.
    const attached = decodeAttached(objects).filter(
      ({ quantity, capture }) => this.captures.get(quantity) !== capture,
    );
    for (const { quantity, capture } of attached) this.captures.set(quantity, capture);
    const readings = [...decodeMeter(objects), ...attached].map(({ quantity, value }) =>
      knownReading(quantity, value, atMs),
    );
    if (readings.length === 0) return [];
    this.lastMs = atMs;
    return [{ kind: "readings", readings }];
  }
}
