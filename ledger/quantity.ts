/**
 * The quantities that Kerbstone's own drivers, pages and mirrors know, with unit and plausible range.
 *
 * Admission does not read this table: a log stays verifiable when quantities are added. Programs that make readings
 * do, so that one thing has one name and one unit everywhere. docs/quantities.md says the same to people.
 */

/** What the readings of a quantity mean. */
export interface Quantity {
  /** SenML unit (RFC 8428, RFC 8798); empty where the name says it all. */
  readonly unit: string;
  /** The theme under which pages show it. */
  readonly measurement: Measurement;
  /** What people read. */
  readonly title: string;
  /** Values outside [min, max] are beyond what such a sensor can measure, and are flagged. */
  readonly min: number;
  readonly max: number;
}

export type Measurement = "air" | "noise" | "traffic" | "water" | "parking" | "gps" | "energy";

/** All known quantities by name. */
export const QUANTITIES: ReadonlyMap<string, Quantity> = new Map<string, Quantity>([
  ["pm1", quantity("ug/m3", "air", "PM1", 0, 1000)],
  ["pm25", quantity("ug/m3", "air", "PM2.5", 0, 999.9)],
  ["pm10", quantity("ug/m3", "air", "PM10", 0, 1999.9)],
  ["no2", quantity("ug/m3", "air", "Nitrogen dioxide", 0, 2000)],
  ["o3", quantity("ug/m3", "air", "Ozone", 0, 1000)],
  ["co2", quantity("ppm", "air", "Carbon dioxide", 0, 10_000)],
  ["hcho", quantity("ug/m3", "air", "Formaldehyde", 0, 10_000)],
  ["temp", quantity("Cel", "air", "Temperature", -60, 85)],
  ["rh", quantity("%RH", "air", "Relative humidity", 0, 100)],
  ["pressure", quantity("hPa", "air", "Air pressure", 300, 1100)],
  ["laeq", quantity("dB", "noise", "Sound level LAeq", 20, 140)],
  ["lamax", quantity("dB", "noise", "Greatest sound level LAmax", 20, 140)],
  ["lamin", quantity("dB", "noise", "Least sound level LAmin", 20, 140)],
  ["vehicles", quantity("count", "traffic", "Vehicles", 0, 100_000)],
  ["bikes", quantity("count", "traffic", "Bicycles", 0, 100_000)],
  ["pedestrians", quantity("count", "traffic", "Pedestrians", 0, 100_000)],
  ["speed", quantity("m/s", "traffic", "Speed", 0, 150)],
  ["occupancy", quantity("%", "traffic", "Road occupancy", 0, 100)],
  ["level", quantity("m", "water", "Water level", -20, 100)],
  ["depth", quantity("m", "water", "Depth of water", 0, 12_000)],
  ["flow", quantity("l/s", "water", "Flow", 0, 10_000_000)],
  ["spaces", quantity("count", "parking", "Free spaces", 0, 100_000)],
  ["occupied", quantity("count", "parking", "Occupied spaces", 0, 100_000)],
  ["altitude", quantity("m", "gps", "Altitude", -500, 20_000)],
  ["satellites", quantity("count", "gps", "Satellites in use", 0, 128)],
  ["hdop", quantity("", "gps", "Horizontal dilution of precision", 0, 100)],
  ["power", quantity("W", "energy", "Power", -1_000_000, 1_000_000)],
  ["energy", quantity("kWh", "energy", "Energy", 0, 1_000_000_000)],
  ["power-out", quantity("W", "energy", "Power fed in", 0, 1_000_000)],
  ["energy-out", quantity("kWh", "energy", "Energy fed in", 0, 1_000_000_000)],
  ["voltage", quantity("V", "energy", "Voltage", 0, 100_000)],
  ["voltage-l1", quantity("V", "energy", "Voltage of phase L1", 0, 1000)],
  ["voltage-l2", quantity("V", "energy", "Voltage of phase L2", 0, 1000)],
  ["voltage-l3", quantity("V", "energy", "Voltage of phase L3", 0, 1000)],
  ["current", quantity("A", "energy", "Current", -100_000, 100_000)],
  ["frequency", quantity("Hz", "energy", "Mains frequency", 0, 100)],
  ["gas", quantity("m3", "energy", "Gas taken", 0, 1_000_000_000)],
  ["water", quantity("m3", "energy", "Water taken", 0, 1_000_000_000)],
  ["heat", quantity("J", "energy", "Heat taken", 0, 1_000_000_000_000_000)],
]);

function quantity(
  unit: string,
  measurement: Measurement,
  title: string,
  min: number,
  max: number,
): Quantity {
  return { unit, measurement, title, min, max };
}

/** What the records of a note mean. */
export interface Note {
  /** SenML unit; empty for texts. */
  readonly unit: string;
  /** What people read. */
  readonly title: string;
}

/** The name of a note. */
export type NoteName = "clock" | "clock-step" | "clock-apart" | "moved" | "dropped" | "via";

/** What agents say of a pack in the pack itself, by name: records beside the readings, no measurements. */
export const NOTES: ReadonlyMap<string, Note> = new Map<NoteName, Note>([
  ["clock", { unit: "", title: "Who vouched for the time" }],
  ["clock-step", { unit: "s", title: "How far the clock was moved before this pack" }],
  ["clock-apart", { unit: "s", title: "How far the clock that was not believed is ahead" }],
  ["moved", { unit: "m", title: "How far the receiver is from where the device should stand" }],
  ["dropped", { unit: "count", title: "Readings dropped before this pack" }],
  ["via", { unit: "", title: "The board that measured, which signs nothing itself" }],
]);

const FAULT_SUFFIX = "-fault";

/** The name of the boolean record that marks a quantity's values of the same instant as faulty. */
export function faultName(quantityName: string): string {
  return quantityName + FAULT_SUFFIX;
}

/** The quantity that a fault record speaks of; `undefined` for other records. */
export function faultOf(name: string): string | undefined {
  return name.endsWith(FAULT_SUFFIX) ? name.slice(0, -FAULT_SUFFIX.length) : undefined;
}
