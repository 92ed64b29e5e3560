/**
 * A simulated city: one sky, its roads, and the models of the places where boards stand.
 *
 * Everything is drawn from one seed and from names, so adding a board changes nothing for the others.
 */
import { type Random, seededRandom } from "../../platform/random.ts";
import type { Model } from "./model.ts";
import { AirModel, type AirSettings } from "./air.ts";
import { TimeZone } from "./day.ts";
import { EnergyModel, type EnergySettings } from "./energy.ts";
import { NoiseModel, type NoiseSettings } from "./noise.ts";
import { ParkingModel, type ParkingSettings } from "./parking.ts";
import { PositionModel, type PositionSettings } from "./position.ts";
import { Road, type RoadSettings, TrafficModel } from "./traffic.ts";
import { WaterModel, type WaterSettings } from "./water.ts";
import { Sky } from "./weather.ts";

/** What can be set of each model. */
interface ModelSettings {
  readonly air: AirSettings;
  readonly noise: NoiseSettings;
  readonly traffic: Readonly<Record<never, number>>;
  readonly water: WaterSettings;
  readonly parking: ParkingSettings;
  readonly position: Omit<PositionSettings, "lat" | "lon">;
  readonly energy: EnergySettings;
}

/** The name of a model. */
export type ModelName = keyof ModelSettings;

/** The models by name, with what can be set of each and what it is when nothing is said. */
export const MODEL_SETTINGS: ModelSettings = {
  air: { background: 7 },
  noise: { floor: 38 },
  traffic: {},
  water: { meanLevel: 6.5, m2Amplitude: 4, m2Phase: 200, s2Amplitude: 1.4, s2Phase: 250 },
  parking: { capacity: 400 },
  position: { altitude: 15, spread: 2 },
  energy: { meanPower: 450, gasPerDay: 3 },
};

/** What each model measures. */
export const MODEL_QUANTITIES: Readonly<Record<ModelName, readonly string[]>> = {
  air: ["pm25", "pm10", "no2", "co2", "temp", "rh"],
  noise: ["laeq", "lamax", "lamin"],
  traffic: ["vehicles", "speed", "occupancy"],
  water: ["level", "temp"],
  parking: ["occupied", "spaces"],
  position: ["lat", "lon", "altitude", "hdop", "satellites", "knots", "quality"],
  energy: ["power", "energy", "gas", "voltage-l1", "voltage-l2", "voltage-l3"],
};

/** The names of all models. */
export const MODEL_NAMES: readonly ModelName[] = Object.keys(MODEL_SETTINGS) as ModelName[];

/** A road that nobody described. */
export const ORDINARY_ROAD: RoadSettings = { vehiclesPerHour: 900, freeSpeed: 13 };

/** What a city is made from. */
export interface CityPlan {
  readonly seed: number | string;
  readonly timeZone: string;
  readonly roads: readonly (RoadSettings & { readonly name: string })[];
}

/** One place in the city and what is measured there. */
export interface Place {
  /** The board's name; its chance belongs to it. */
  readonly name: string;
  readonly model: ModelName;
  /** Settings of the model; what is missing is taken from `MODEL_SETTINGS`. */
  readonly settings: Readonly<Record<string, number>>;
  /** The road it stands at; one of its own without. */
  readonly road?: string;
  readonly lat: number;
  readonly lon: number;
  /** How long the board counts before it reports. */
  readonly intervalMs: number;
}

/** A city that gives the same models for the same plan. */
export class City {
  readonly #plan: CityPlan;
  readonly #zone: TimeZone;
  readonly #sky: Sky;

  /** Throws `RangeError` for an unknown time zone. */
  constructor(plan: CityPlan) {
    this.#plan = plan;
    this.#zone = new TimeZone(plan.timeZone);
    this.#sky = new Sky(this.#zone, this.random("sky"));
  }

  /** Gives a generator of its own for each purpose. */
  random(purpose: string): Random {
    return seededRandom(`${this.#plan.seed}/${purpose}`);
  }

  /** Builds the model of a place. */
  model(place: Place): Model {
    const random = this.random(`model/${place.name}`);
    switch (place.model) {
      case "air":
        return new AirModel(settled("air", place), this.#road(place), this.#sky, random);
      case "noise":
        return new NoiseModel(settled("noise", place), this.#road(place), random);
      case "traffic":
        return new TrafficModel(this.#road(place), place.intervalMs);
      case "water":
        return new WaterModel(settled("water", place), this.#sky, random);
      case "parking":
        return new ParkingModel(settled("parking", place), this.#zone, random);
      case "position":
        return new PositionModel(
          { ...settled("position", place), lat: place.lat, lon: place.lon },
          random,
        );
      case "energy":
        return new EnergyModel(settled("energy", place), random);
    }
  }

  #road(place: Place): Road {
    const name = place.road ?? place.name;
    const settings = this.#plan.roads.find((road) => road.name === name) ?? ORDINARY_ROAD;
    return new Road(settings, this.#zone, this.random(`road/${name}`));
  }
}

/** The settings of a place's model, completed. Names that the model does not know are passed over. */
function settled<Name extends ModelName>(model: Name, place: Place): ModelSettings[Name] {
  const entries = Object.entries<number>({ ...MODEL_SETTINGS[model] }).map(([name, usual]) => [
    name,
    place.settings[name] ?? usual,
  ]);
  return Object.fromEntries(entries) as ModelSettings[Name];
}
