/**
 * The weather that all boards of a city share: temperature, humidity, wind, and how well the air is mixed.
 *
 * A plausible mild maritime climate, not a forecast: seasons and days as cosines, with slow wandering on top.
 */
import type { Random } from "../../platform/random.ts";
import { Chance } from "./chance.ts";
import type { TimeZone } from "./day.ts";

/** Degrees Celsius, percent, metres a second; `mixing` is 1 in still night air and larger the more air dilutes. */
export interface Weather {
  readonly temperature: number;
  readonly humidity: number;
  readonly wind: number;
  readonly mixing: number;
}

const HOUR_MS = 3_600_000;
const YEAR_MS = 365.2425 * 24 * HOUR_MS;
const SALT = { front: 1, wind: 2, damp: 3 };

/** The sky over a city; the same seed and time give the same weather. */
export class Sky {
  readonly #zone: TimeZone;
  readonly #chance: Chance;

  constructor(zone: TimeZone, random: Random) {
    this.#zone = zone;
    this.#chance = new Chance(random);
  }

  /** Gives the weather at a time (Unix milliseconds). */
  at(timeMs: number): Weather {
    const { hour } = this.#zone.local(timeMs);
    const season = -Math.cos((2 * Math.PI * (timeMs - 15 * 24 * HOUR_MS)) / YEAR_MS);
    const sun = -Math.cos((2 * Math.PI * (hour - 3)) / 24);
    const front = this.#chance.wander(timeMs, 60 * HOUR_MS, SALT.front);
    const wind = 3.5 + 2.5 * this.#chance.wander(timeMs, 9 * HOUR_MS, SALT.wind) + 0.8 * sun;
    const temperature = 10.5 + 6 * season + (2.2 + season) * sun + 3 * front;
    const damp = this.#chance.wander(timeMs, 14 * HOUR_MS, SALT.damp);
    return {
      temperature,
      humidity: clamp(79 - 9 * sun + 12 * damp - 3 * season, 25, 100),
      wind: Math.max(0.2, wind),
      mixing: 1 + 0.35 * Math.max(0, wind - 1) + 0.8 * Math.max(0, sun),
    };
  }
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}
