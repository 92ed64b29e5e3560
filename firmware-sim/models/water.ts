/**
 * Water of a tidal river: two tides a day that grow and shrink over a fortnight.
 *
 * The two greatest constituents, M2 (moon) and S2 (sun), with the periods of the tide tables; amplitudes and phases
 * are settings. Surge and ripples wander on top. A model for demonstrations, not a prediction for any harbour.
 */
import type { Random } from "../../platform/random.ts";
import type { Model, Values } from "./model.ts";
import { Chance } from "./chance.ts";
import type { Sky } from "./weather.ts";

/** The nature of a gauge; metres, and degrees of phase at Unix time 0. */
export interface WaterSettings {
  /** Mean level above the gauge's zero. */
  readonly meanLevel: number;
  readonly m2Amplitude: number;
  readonly m2Phase: number;
  readonly s2Amplitude: number;
  readonly s2Phase: number;
}

const HOUR_MS = 3_600_000;
/** Period of the principal lunar semidiurnal tide. */
export const M2_PERIOD_MS: number = 12.4206012 * HOUR_MS;
/** Period of the principal solar semidiurnal tide. */
export const S2_PERIOD_MS: number = 12 * HOUR_MS;
const SALT = { surge: 1, ripple: 2 };

/** Level above the gauge's zero in metres, and the water's temperature in degrees Celsius: `level`, `temp`. */
export class WaterModel implements Model {
  readonly #settings: WaterSettings;
  readonly #sky: Sky;
  readonly #chance: Chance;

  constructor(settings: WaterSettings, sky: Sky, random: Random) {
    this.#settings = settings;
    this.#sky = sky;
    this.#chance = new Chance(random);
  }

  at(timeMs: number): Values {
    const { meanLevel, m2Amplitude, m2Phase, s2Amplitude, s2Phase } = this.#settings;
    const tide =
      m2Amplitude * cosine(timeMs / M2_PERIOD_MS - m2Phase / 360) +
      s2Amplitude * cosine(timeMs / S2_PERIOD_MS - s2Phase / 360);
    const surge = 0.15 * this.#chance.wander(timeMs, 20 * HOUR_MS, SALT.surge);
    const ripple = 0.01 * this.#chance.normal(Math.floor(timeMs / 1000), SALT.ripple);
    // Water follows the air of the last days; half a day's mean with the yearly mean will do.
    const air =
      (this.#sky.at(timeMs).temperature + this.#sky.at(timeMs - 12 * HOUR_MS).temperature) / 2;
    return {
      level: Math.max(0, meanLevel + tide + surge + ripple),
      temp: Math.max(0.5, (10.5 + air) / 2),
    };
  }
}

function cosine(turns: number): number {
  return Math.cos(2 * Math.PI * turns);
}
