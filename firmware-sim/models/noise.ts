/**
 * Sound beside a road: A-weighted levels over the last interval.
 *
 * Levels add by energy: ten times the vehicles are ten decibels. Now and then a siren passes.
 */
import type { Random } from "../../platform/random.ts";
import type { Model, Values } from "./model.ts";
import { Chance } from "./chance.ts";
import type { Road } from "./traffic.ts";

/** The nature of a place. */
export interface NoiseSettings {
  /** Decibels with no vehicle near. */
  readonly floor: number;
}

/** Level of one vehicle an hour at the kerb, in dB: a thousand an hour make 70. */
const ONE_VEHICLE_DB = 40;
const MINUTE_MS = 60_000;
/** Share of the minutes in which a siren passes. */
const SIREN_SHARE = 1 / 240;
const SALT = { drift: 1, second: 2, siren: 3, peak: 4, calm: 5 };

/** Equivalent, greatest and least level in dB(A): `laeq`, `lamax`, `lamin`. */
export class NoiseModel implements Model {
  readonly #settings: NoiseSettings;
  readonly #road: Road;
  readonly #chance: Chance;

  constructor(settings: NoiseSettings, road: Road, random: Random) {
    this.#settings = settings;
    this.#road = road;
    this.#chance = new Chance(random);
  }

  at(timeMs: number): Values {
    const second = Math.floor(timeMs / 1000);
    const minute = Math.floor(timeMs / MINUTE_MS);
    const street = energy(this.#settings.floor) + this.#road.flow(timeMs) * energy(ONE_VEHICLE_DB);
    const siren = this.#chance.unit(minute, SALT.siren) < SIREN_SHARE ? energy(82) : 0;
    const laeq =
      level(street + siren) +
      1.2 * this.#chance.wander(timeMs, 12 * MINUTE_MS, SALT.drift) +
      0.7 * this.#chance.normal(second, SALT.second);
    return {
      laeq,
      lamax: laeq + 4 + 7 * this.#chance.unit(second, SALT.peak),
      lamin: Math.max(
        this.#settings.floor - 3,
        laeq - 3 - 5 * this.#chance.unit(second, SALT.calm),
      ),
    };
  }
}

function energy(decibels: number): number {
  return 10 ** (decibels / 10);
}

function level(energySum: number): number {
  return 10 * Math.log10(energySum);
}
