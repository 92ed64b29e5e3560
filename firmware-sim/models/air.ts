/**
 * Air beside a road: fine and coarse particles, nitrogen dioxide, carbon dioxide, temperature, humidity.
 *
 * A background that wanders over days, and the road's share on top, both thinned by the mixing of the weather: so
 * rush hours show, more on still evenings than on windy noons.
 */
import type { Random } from "../../platform/random.ts";
import type { Model, Values } from "./model.ts";
import { Chance } from "./chance.ts";
import type { Road } from "./traffic.ts";
import type { Sky } from "./weather.ts";

/** The nature of a place. */
export interface AirSettings {
  /** Micrograms of PM2.5 in a cubic metre far from any road, on an average day. */
  readonly background: number;
}

const HOUR_MS = 3_600_000;
/** Traffic reaches the nose as an average of the last while. */
const LAGS_MS = [0, 10 * 60_000, 20 * 60_000, 30 * 60_000];
/** Parts per million of carbon dioxide in air that no engine has used. */
const CO2_BACKGROUND = 425;
const SALT = { background: 1, dust: 2, flutter: 3, gas: 4 };

/** Micrograms a cubic metre, parts per million of carbon dioxide, degrees Celsius, percent. */
export class AirModel implements Model {
  readonly #settings: AirSettings;
  readonly #road: Road;
  readonly #sky: Sky;
  readonly #chance: Chance;

  constructor(settings: AirSettings, road: Road, sky: Sky, random: Random) {
    this.#settings = settings;
    this.#road = road;
    this.#sky = sky;
    this.#chance = new Chance(random);
  }

  at(timeMs: number): Values {
    const { temperature, humidity, mixing } = this.#sky.at(timeMs);
    const wander = this.#chance.wander(timeMs, 30 * HOUR_MS, SALT.background);
    const background = (this.#settings.background * (1 + 0.6 * wander) * 2.2) / (1 + mixing);
    const traffic = mean(LAGS_MS.map((lag) => this.#road.flow(timeMs - lag))) / mixing;
    const flutter = 1 + 0.08 * this.#chance.normal(Math.floor(timeMs / 1000), SALT.flutter);
    const pm25 = (background + 0.014 * traffic) * flutter;
    const dust = 1.5 + 0.3 * this.#chance.wander(timeMs, 3 * HOUR_MS, SALT.dust);
    const gas = 1 + 0.1 * this.#chance.wander(timeMs, 15 * 60_000, SALT.gas);
    return {
      pm25: Math.max(0, pm25),
      pm10: Math.max(0, pm25 * dust + 0.006 * traffic),
      no2: (8 + 0.05 * traffic) * gas,
      co2: CO2_BACKGROUND + 0.04 * traffic * gas,
      temp: temperature,
      rh: humidity,
    };
  }
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
