/**
 * A building's mains: power over the day, the energy that it adds up to, and gas.
 *
 * Power is a mean with two waves a day and one a year on it, and energy is its exact integral: whoever divides the
 * difference of two readings by their time gets the power between them.
 */
import type { Random } from "../../platform/random.ts";
import type { Model, Values } from "./model.ts";
import { Chance } from "./chance.ts";

/** The nature of a building. */
export interface EnergySettings {
  /** Watts taken on average. */
  readonly meanPower: number;
  /** Cubic metres of gas a day, on average; 0 for a building without. */
  readonly gasPerDay: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const YEAR_MS = 365.2425 * DAY_MS;
/** Meters begin at zero at the start of 2020. */
const ORIGIN_MS = Date.UTC(2020, 0, 1);
/** Waves on the mean: share, period, and when in it they are highest. Together they leave some of the mean. */
const WAVES = [
  { share: 0.4, periodMs: DAY_MS, peakMs: 18 * HOUR_MS },
  { share: 0.2, periodMs: DAY_MS / 2, peakMs: 7 * HOUR_MS },
  { share: 0.3, periodMs: YEAR_MS, peakMs: 15 * DAY_MS },
] as const;
const VOLTAGE = 230;
const SALT = { voltage: 1 };

/** Watts, kilowatt-hours, cubic metres, volts. */
export class EnergyModel implements Model {
  readonly #settings: EnergySettings;
  readonly #chance: Chance;

  constructor(settings: EnergySettings, random: Random) {
    this.#settings = settings;
    this.#chance = new Chance(random);
  }

  at(timeMs: number): Values {
    const { meanPower, gasPerDay } = this.#settings;
    const hours = this.#integral(timeMs) / HOUR_MS;
    return {
      power: meanPower * this.#wave(timeMs),
      energy: (meanPower * hours) / 1000,
      gas: (gasPerDay * hours) / 24,
      "voltage-l1": this.#voltage(timeMs, 0),
      "voltage-l2": this.#voltage(timeMs, 1),
      "voltage-l3": this.#voltage(timeMs, 2),
    };
  }

  /** How many times the mean is taken at this moment. */
  #wave(timeMs: number): number {
    return WAVES.reduce(
      (sum, { share, periodMs, peakMs }) => sum + share * Math.cos(turns(timeMs, periodMs, peakMs)),
      1,
    );
  }

  /** Milliseconds of the mean taken since the origin. */
  #integral(timeMs: number): number {
    const upTo = (ms: number): number =>
      WAVES.reduce(
        (sum, { share, periodMs, peakMs }) =>
          sum + ((share * periodMs) / (2 * Math.PI)) * Math.sin(turns(ms, periodMs, peakMs)),
        ms,
      );
    return Math.max(0, upTo(timeMs) - upTo(ORIGIN_MS));
  }

  #voltage(timeMs: number, phase: number): number {
    return VOLTAGE + 4 * this.#chance.wander(timeMs, 600_000, SALT.voltage + phase);
  }
}

function turns(timeMs: number, periodMs: number, peakMs: number): number {
  return (2 * Math.PI * (timeMs - peakMs)) / periodMs;
}
