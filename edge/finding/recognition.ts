/**
 * Which sensor it is that speaks: all drivers listen to the same bytes, and the one that finds frames has it.
 *
 * Frames have heads, lengths and checksums, so that noise or another sensor's frames pass for none of them. Pure:
 * opening ports, and asking sensors that do not speak by themselves, is listening.ts's.
 */

import { QUANTITIES } from "../../ledger/quantity.ts";
import type { Place } from "../place/place.ts";
import type { Driver, DriverKind, SensorEvent, Surroundings } from "../sensors/driver.ts";

interface Listener {
  readonly kind: DriverKind;
  readonly driver: Driver;
  readonly quantities: Set<string>;
  places: readonly Place[];
}

/** A sensor that was recognised. */
export interface Recognised {
  readonly kind: DriverKind;
  readonly framesGood: number;
  /** What it measures, in order of name; empty where no frame has said so yet. */
  readonly quantities: readonly string[];
  /** Where it said that it is, if it is a receiver that knows: its newest fixes, at most 60. */
  readonly places: readonly Place[];
}

/** So many frames in a row are no accident. */
const FRAMES_SURE = 2;
const SAMPLE_BYTES_MAX = 256;
const PLACES_MAX = 60;

/** Drivers that listen to one line together. All times are monotonic milliseconds. */
export class Ear {
  private readonly listeners: readonly Listener[];
  private readonly heard: number[] = [];
  private count = 0;

  /** Kinds that cannot be made without options are left out. */
  constructor(kinds: readonly DriverKind[], surroundings: Surroundings) {
    this.listeners = kinds
      .filter((kind) => needsNoOptions(kind))
      .map((kind) => ({
        kind,
        driver: kind.create({}, surroundings),
        quantities: new Set<string>(),
        places: [],
      }));
  }

  /** Bytes that came. */
  get bytes(): number {
    return this.count;
  }

  /** The first of them. */
  get sample(): Uint8Array {
    return Uint8Array.from(this.heard);
  }

  /** Says that the line has opened; gives what the drivers would say to their sensors. */
  opened(atMs: number): Uint8Array[] {
    return this.listeners.flatMap((one) => this.take(one, one.driver.opened(atMs)));
  }

  /** Takes bytes; gives what the drivers would answer. */
  push(chunk: Uint8Array, atMs: number): Uint8Array[] {
    this.count += chunk.length;
    this.heard.push(...chunk.subarray(0, SAMPLE_BYTES_MAX - this.heard.length));
    return this.listeners.flatMap((one) => this.take(one, one.driver.push(chunk, atMs)));
  }

  /** To be called about once a second; gives what the drivers would say. */
  tick(atMs: number): Uint8Array[] {
    return this.listeners.flatMap((one) => this.take(one, one.driver.tick(atMs)));
  }

  /** Who it is, as soon as there is no doubt; at the end of the listening one frame among little else is enough. */
  recognised(isEnd = false): Recognised | undefined {
    const found = this.listeners
      .map((listener) => ({ listener, ...listener.driver.counters() }))
      .filter(({ framesGood, framesBad, bytesSkipped }) =>
        framesGood >= FRAMES_SURE
          ? framesGood >= framesBad
          : isEnd && framesGood > 0 && 2 * bytesSkipped < this.count,
      )
      .toSorted((a, b) => a.bytesSkipped - b.bytesSkipped)[0];
    if (found === undefined) return undefined;
    const { kind, quantities, places } = found.listener;
    return { kind, framesGood: found.framesGood, quantities: [...quantities].toSorted(), places };
  }

  private take(listener: Listener, events: readonly SensorEvent[]): Uint8Array[] {
    return events.flatMap((event) => {
      if (event.kind === "write") return [event.bytes];
      if (event.kind === "fix")
        listener.places = [...listener.places, event.fix].slice(-PLACES_MAX);
      if (event.kind === "readings")
        for (const { quantity } of event.readings) listener.quantities.add(quantity);
      return [];
    });
  }
}

/** Whether a driver can be tried without settings; one for a bus, say, cannot. */
export function needsNoOptions(kind: DriverKind): boolean {
  return kind.options.safeParse({}).success;
}

/** The stream that a sensor's readings would usually go to. */
export function usualStream({ kind, quantities }: Pick<Recognised, "kind" | "quantities">): string {
  if (kind.name === "nmea") return quantities.includes("depth") ? "water" : "gps";
  for (const quantity of quantities) {
    const measurement = QUANTITIES.get(quantity)?.measurement;
    if (measurement !== undefined) return measurement;
  }
  return "air";
}

/** Whether bytes are text, as far as one can tell. */
export function looksLikeText(bytes: Uint8Array): boolean {
  const printable = bytes.filter(
    (byte) => (byte >= 0x20 && byte < 0x7f) || [0x09, 0x0a, 0x0d].includes(byte),
  );
  return bytes.length > 0 && printable.length >= 0.95 * bytes.length;
}
