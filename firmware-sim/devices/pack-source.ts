/**
 * What a simulated device measures: packs of readings from the city's model of the air (docs/formats.md, section 5).
 */
import { encodePack } from "../../ledger/senml.ts";
import type { Reading } from "../../ledger/senml.ts";
import type { City } from "../models/city.ts";
import type { Model } from "../models/model.ts";
import type { Identity } from "./identity.ts";

/** What the model gives of the air, in the order in which a small pack takes it. */
const QUANTITIES = [
  ["pm25", "ug/m3"],
  ["pm10", "ug/m3"],
  ["no2", "ug/m3"],
  ["temp", "Cel"],
  ["rh", "%RH"],
  ["co2", "ppm"],
] as const;

/** Packs hold this many readings at most: the records that a pack may have, less the two of the position. */
export const READINGS_MAX = 254;

const DECIMALS = 100;
/** Between two instants of one device: no two values of a series share a millisecond. */
const INSTANT_MS = 1;
/** A reading lies at most a second after the signing of its pack, whole seconds of it. */
const AHEAD_MS_MAX = 900;

/** The packs of one device. */
export class PackSource {
  readonly #identity: Identity;
  readonly #city: City;
  readonly #readings: number;
  #model: Model | undefined;
  #lastMs = 0;

  /** Takes the number of readings in each pack, 1 to `READINGS_MAX`. */
  constructor(identity: Identity, city: City, readings: number) {
    this.#identity = identity;
    this.#city = city;
    this.#readings = readings;
  }

  /** Encodes the next pack, measured now or in the milliseconds before. `nowMs` is also when it is signed. */
  next(nowMs: number): Uint8Array {
    const { name, place } = this.#identity;
    const instants = Math.ceil(this.#readings / QUANTITIES.length);
    const endMs = this.#nextMs(nowMs, instants);
    const readings: Reading[] = [];
    for (let instant = instants - 1; instant >= 0; instant--)
      this.#measure(endMs - instant, readings);
    return encodePack(name, place, readings);
  }

  /** The last instant of the next pack: now, or just behind the pack before. */
  #nextMs(nowMs: number, instants: number): number {
    const nextMs = Math.max(nowMs, this.#lastMs + instants * INSTANT_MS);
    // Faster than one instant a millisecond nobody measures: then values meet, and the newer one counts.
    this.#lastMs = Math.min(nextMs, Math.floor(nowMs / 1000) * 1000 + AHEAD_MS_MAX);
    return this.#lastMs;
  }

  #measure(timeMs: number, readings: Reading[]): void {
    const { name, place } = this.#identity;
    this.#model ??= this.#city.model({
      name,
      model: "air",
      settings: {},
      intervalMs: 1000,
      ...place,
    });
    const values = this.#model.at(timeMs);
    for (const [quantity, unit] of QUANTITIES) {
      if (readings.length === this.#readings) return;
      const value = Math.round(values[quantity]! * DECIMALS) / DECIMALS;
      readings.push({ quantity, unit, value, time: timeMs / 1000 });
    }
  }
}
