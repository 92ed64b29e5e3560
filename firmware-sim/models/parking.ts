/**
 * A car park: spaces taken and free over the day.
 */
import type { Random } from "../../platform/random.ts";
import type { Model, Values } from "./model.ts";
import { Chance } from "./chance.ts";
import { parkingActivity, type TimeZone } from "./day.ts";

/** The nature of a car park. */
export interface ParkingSettings {
  /** Number of spaces. */
  readonly capacity: number;
}

const HOUR_MS = 3_600_000;
const SALT = { demand: 1, coming: 2 };

/** Whole spaces: `occupied` and free `spaces`, together always the capacity. */
export class ParkingModel implements Model {
  readonly #settings: ParkingSettings;
  readonly #zone: TimeZone;
  readonly #chance: Chance;

  constructor(settings: ParkingSettings, zone: TimeZone, random: Random) {
    this.#settings = settings;
    this.#zone = zone;
    this.#chance = new Chance(random);
  }

  at(timeMs: number): Values {
    const { capacity } = this.#settings;
    const demand = 1 + 0.1 * this.#chance.wander(timeMs, 7 * HOUR_MS, SALT.demand);
    const coming = 0.01 * this.#chance.wander(timeMs, 3 * 60_000, SALT.coming);
    const share = parkingActivity(this.#zone.local(timeMs)) * demand + coming;
    const occupied = Math.round(capacity * Math.min(1, Math.max(0, share)));
    return { occupied, spaces: capacity - occupied };
  }
}
