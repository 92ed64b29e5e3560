/**
 * What the fields of NMEA 0183 sentences say: GGA and RMC of satellite receivers, DBT and DPT of echo sounders.
 *
 * A sentence that the receiver does not vouch for (no fix, void, estimated, simulated) gives nothing, however plausible
 * its fields; neither does one with a field out of shape.
 */

/** Time of day and place, as both GGA and RMC have them. */
export interface NmeaPoint {
  /** Milliseconds since midnight, UTC. */
  readonly dayMs: number;
  /** WGS 84 degrees. */
  readonly lat: number;
  readonly lon: number;
}

/** A GGA sentence with a fix of quality 1 to 5. */
export interface Gga extends NmeaPoint {
  readonly quality: number;
  readonly satellites: number | undefined;
  readonly hdop: number | undefined;
  /** Metres above mean sea level. */
  readonly altitude: number | undefined;
}

/** A valid RMC sentence. */
export interface Rmc extends NmeaPoint {
  /** Midnight of its day; absent where the receiver gives no date, or an impossible one. */
  readonly dateMs: number | undefined;
  /** Metres per second. */
  readonly speed: number | undefined;
}

const KNOT = 1852 / 3600;
const QUALITY_MAX = 5;
/** Autonomous, differential, precise, and the two kinds of real-time kinematic. */
const MODES_BELIEVED = ["A", "D", "P", "R", "F"];

/** Decodes the fields of GGA; `undefined` without a fix. */
export function decodeGga(fields: readonly string[]): Gga | undefined {
  const [time, lat, north, lon, east, quality, satellites, hdop, altitude, unit] = fields;
  const point = decodePoint(time, [lat, north], [lon, east]);
  const fixQuality = decodeNumber(quality);
  if (point === undefined || !Number.isInteger(fixQuality)) return undefined;
  if (fixQuality === undefined || fixQuality < 1 || fixQuality > QUALITY_MAX) return undefined;
  return {
    ...point,
    quality: fixQuality,
    satellites: decodeNumber(satellites),
    hdop: decodeNumber(hdop),
    altitude: unit === "M" ? decodeNumber(altitude) : undefined,
  };
}

/** Decodes the fields of RMC; `undefined` where void. Two-digit years are of the century nearest to `nearMs`. */
export function decodeRmc(fields: readonly string[], nearMs: number): Rmc | undefined {
  const [time, status, lat, north, lon, east, speed, , date, , , mode] = fields;
  const point = decodePoint(time, [lat, north], [lon, east]);
  // Receivers before NMEA 2.3 have no mode.
  const isBelieved = mode === undefined || mode === "" || MODES_BELIEVED.includes(mode);
  if (point === undefined || status !== "A" || !isBelieved) return undefined;
  const knots = decodeNumber(speed);
  return {
    ...point,
    dateMs: decodeDate(date, nearMs),
    speed: knots === undefined ? undefined : Math.round(knots * KNOT * 1e4) / 1e4,
  };
}

/** The depth of water below the transducer in metres, of DBT (`7.7,f,2.3,M,1.3,F`) or DPT (`2.3,0.5,…`). */
export function decodeDepth(type: "DBT" | "DPT", fields: readonly string[]): number | undefined {
  if (type === "DPT") return decodeNumber(fields[0]);
  return fields[3] === "M" ? decodeNumber(fields[2]) : undefined;
}

type Half = readonly [angle: string | undefined, side: string | undefined];

function decodePoint(time: string | undefined, north: Half, east: Half): NmeaPoint | undefined {
  const dayMs = decodeTime(time);
  const lat = decodeAngle(north, 2, "NS");
  const lon = decodeAngle(east, 3, "EW");
  if (dayMs === undefined || lat === undefined || lon === undefined) return undefined;
  return Math.abs(lat) > 90 || Math.abs(lon) > 180 ? undefined : { dayMs, lat, lon };
}

function decodeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^-?\d{1,9}(\.\d{0,9})?$/.test(text) ? Number(text) : undefined;
}

function decodeTime(text: string | undefined): number | undefined {
  const [, hours, minutes, seconds] = /^(\d\d)(\d\d)(\d\d(?:\.\d{1,6})?)$/.exec(text ?? "") ?? [];
  const [h, m, s] = [Number(hours), Number(minutes), Number(seconds)];
  // A leap second is second 60.
  return h < 24 && m < 60 && s < 61 ? Math.round((h * 60 + m) * 60_000 + s * 1000) : undefined;
}

/** Degrees and minutes run together, `ddmm.mmmm` or `dddmm.mmmm`, to the ninth digit of a degree. */
function decodeAngle([text = "", side]: Half, digits: 2 | 3, sides: string): number | undefined {
  if (side?.length !== 1 || !sides.includes(side)) return undefined;
  if (!(digits === 2 ? /^\d{4}(\.\d*)?$/ : /^\d{5}(\.\d*)?$/).test(text)) return undefined;
  const minutes = Number(text.slice(digits));
  if (minutes >= 60) return undefined;
  const degrees = Math.round((Number(text.slice(0, digits)) + minutes / 60) * 1e9) / 1e9;
  return side === sides[1] && degrees !== 0 ? -degrees : degrees;
}

/** `ddmmyy` as midnight UTC. */
function decodeDate(text: string | undefined, nearMs: number): number | undefined {
  const [, d, m, y] = /^(\d\d)(\d\d)(\d\d)$/.exec(text ?? "") ?? [];
  const [day, month, yearOfCentury] = [Number(d), Number(m), Number(y)];
  const nearYear = new Date(nearMs).getUTCFullYear();
  const year = yearOfCentury + Math.round((nearYear - yearOfCentury) / 100) * 100;
  const date = new Date(Date.UTC(year, month - 1, day));
  const isReal = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return isReal ? date.getTime() : undefined;
}
