/**
 * A road: vehicles an hour by the time of day, and what a counter beside it reports.
 *
 * Air and noise ask the same road for its flow, so that a district's pollution and sound follow its traffic.
 */
import type { Random } from "../../platform/random.ts";
import type { Model, Values } from "./model.ts";
import { Chance } from "./chance.ts";
import { roadActivity, type TimeZone } from "./day.ts";

/** The nature of a road. */
export interface RoadSettings {
  /** Vehicles an hour at the busiest time, both directions. */
  readonly vehiclesPerHour: number;
  /** Metres a second when the road is empty. */
  readonly freeSpeed: number;
}

const HOUR_MS = 3_600_000;
/** Metres of road that a vehicle covers over a loop: its own length and the loop's. */
const EFFECTIVE_LENGTH = 6.5;
const LANES = 2;
const SALT = { demand: 1, count: 2, speed: 3 };

/** A stretch of road with its traffic. */
export class Road {
  readonly settings: RoadSettings;
  readonly #zone: TimeZone;
  readonly #chance: Chance;

  constructor(settings: RoadSettings, zone: TimeZone, random: Random) {
    this.settings = settings;
    this.#zone = zone;
    this.#chance = new Chance(random);
  }

  /** Gives the flow in vehicles an hour at a time; days differ by up to a tenth or so. */
  flow(timeMs: number): number {
    const demand = 1 + 0.12 * this.#chance.wander(timeMs, 5 * HOUR_MS, SALT.demand);
    return this.settings.vehiclesPerHour * roadActivity(this.#zone.local(timeMs)) * demand;
  }

  /** Gives the mean speed in m/s: that of the empty road, less as the flow comes near its greatest. */
  speed(timeMs: number): number {
    const load = Math.min(1.1, this.flow(timeMs) / this.settings.vehiclesPerHour);
    const jitter = 1 + 0.06 * this.#chance.wander(timeMs, 4 * 60_000, SALT.speed);
    return this.settings.freeSpeed * (1 - 0.45 * load ** 3) * jitter;
  }

  /** Gives the vehicles counted in the `intervalMs` before a time; one count for each whole interval. */
  counted(timeMs: number, intervalMs: number): number {
    const slot = Math.floor(timeMs / intervalMs);
    const mean = (this.flow((slot - 0.5) * intervalMs) * intervalMs) / HOUR_MS;
    return this.#chance.count(mean, slot, SALT.count);
  }
}

/** What a loop or radar counter reports of a road every `intervalMs`: vehicles, mean speed in m/s, occupancy of the loop in percent. */
export class TrafficModel implements Model {
  readonly #road: Road;
  readonly #intervalMs: number;

  constructor(road: Road, intervalMs: number) {
    this.#road = road;
    this.#intervalMs = intervalMs;
  }

  at(timeMs: number): Values {
    const speed = this.#road.speed(timeMs);
    const coveredPerSecond = (this.#road.flow(timeMs) / 3600 / LANES) * EFFECTIVE_LENGTH;
    return {
      vehicles: this.#road.counted(timeMs, this.#intervalMs),
      speed,
      occupancy: Math.min(100, (100 * coveredPerSecond) / speed),
    };
  }
}
