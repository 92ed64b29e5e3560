/**
 * What Home Assistant is told of each quantity: its device class, its unit and how it adds up.
 *
 * Device classes, their units and state classes are those of Home Assistant's sensor integration. A quantity of which
 * it has no class is shown with its own unit.
 */

import { QUANTITIES } from "../../ledger/quantity.ts";

/** How a quantity is shown. */
export interface EntityKind {
  readonly name: string;
  readonly deviceClass?: string;
  /** Empty for none. */
  readonly unit: string;
  readonly stateClass: "measurement" | "total_increasing";
}

/** SenML units that Home Assistant writes otherwise. */
const UNITS: Readonly<Record<string, string>> = {
  "ug/m3": "µg/m³",
  Cel: "°C",
  "%RH": "%",
  count: "",
  m3: "m³",
  "l/s": "L/s",
};

const CLASSES: Readonly<Record<string, string>> = {
  pm1: "pm1",
  pm25: "pm25",
  pm10: "pm10",
  no2: "nitrogen_dioxide",
  o3: "ozone",
  co2: "carbon_dioxide",
  temp: "temperature",
  rh: "humidity",
  pressure: "atmospheric_pressure",
  laeq: "sound_pressure",
  lamax: "sound_pressure",
  lamin: "sound_pressure",
  speed: "speed",
  level: "distance",
  depth: "distance",
  altitude: "distance",
  flow: "volume_flow_rate",
  power: "power",
  "power-out": "power",
  energy: "energy",
  "energy-out": "energy",
  voltage: "voltage",
  "voltage-l1": "voltage",
  "voltage-l2": "voltage",
  "voltage-l3": "voltage",
  current: "current",
  frequency: "frequency",
  gas: "gas",
  water: "water",
  heat: "energy",
};

/** Meters that only count upwards; counts of vehicles are those of an interval, and are none. */
const TOTALS: ReadonlySet<string> = new Set(["energy", "energy-out", "gas", "water", "heat"]);

/** How a quantity with a SenML unit is shown. */
export function entityKind(quantity: string, unit: string): EntityKind {
  const deviceClass = CLASSES[quantity];
  return {
    name: QUANTITIES.get(quantity)?.title ?? quantity,
    ...(deviceClass === undefined ? {} : { deviceClass }),
    unit: deviceClass === "sound_pressure" ? "dBA" : (UNITS[unit] ?? unit),
    stateClass: TOTALS.has(quantity) ? "total_increasing" : "measurement",
  };
}
