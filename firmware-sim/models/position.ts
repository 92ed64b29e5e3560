/**
 * A satellite receiver that stands still: its fixes walk around the true position by some metres.
 */
import type { Random } from "../../platform/random.ts";
import type { Model, Values } from "./model.ts";
import { Chance } from "./chance.ts";

/** Where the antenna is. Degrees WGS 84, metres above the sea. */
export interface PositionSettings {
  readonly lat: number;
  readonly lon: number;
  readonly altitude: number;
  /** Metres of typical error. */
  readonly spread: number;
}

const MINUTE_MS = 60_000;
const METRES_PER_DEGREE = 111_195;
const SALT = { north: 1, east: 2, up: 3, sky: 4, speed: 5, jitter: 10 };

/**
 * One fix: `lat`, `lon` (degrees), `altitude` (m), `hdop`, `satellites`, `knots`, `quality`.
 *
 * Quality is 1, a plain satellite fix, as a real receiver would say; the error stays within four times the spread.
 */
export class PositionModel implements Model {
  readonly #settings: PositionSettings;
  readonly #chance: Chance;

  constructor(settings: PositionSettings, random: Random) {
    this.#settings = settings;
    this.#chance = new Chance(random);
  }

  at(timeMs: number): Values {
    const { lat, lon, altitude, spread } = this.#settings;
    const shrink = Math.max(0.01, Math.cos((lat * Math.PI) / 180));
    const sky = (1 + this.#chance.wander(timeMs, 25 * MINUTE_MS, SALT.sky)) / 2;
    return {
      lat: lat + (spread * this.#walk(timeMs, SALT.north)) / METRES_PER_DEGREE,
      lon: lon + (spread * this.#walk(timeMs, SALT.east)) / (METRES_PER_DEGREE * shrink),
      altitude: altitude + 2 * spread * this.#walk(timeMs, SALT.up),
      hdop: 0.8 + 0.9 * (1 - sky),
      satellites: Math.round(6 + 6 * sky),
      knots: 0.12 * this.#chance.unit(Math.floor(timeMs / 1000), SALT.speed),
      quality: 1,
    };
  }

  #walk(timeMs: number, salt: number): number {
    const slow = this.#chance.wander(timeMs, 11 * MINUTE_MS, salt);
    const quick = this.#chance.wander(timeMs, MINUTE_MS / 3, salt + SALT.jitter);
    return 1.3 * slow + 0.5 * quick;
  }
}
