/**
 * A satellite receiver that speaks NMEA 0183: one RMC and one GGA sentence a measurement.
 *
 * Receivers differ in digits, not in meaning; a dialect says which receiver's digits are written. The sentences that
 * only describe satellites (GSA, GSV and others) are left out, as many installers configure it.
 */
import { encodeUtf8 } from "../../ledger/bytes.ts";
import type { Board } from "./board.ts";
import type { Values } from "../models/model.ts";

/** How a make of receivers writes its fields: numbers of digits after the point, and digits of the satellite count. */
export interface NmeaDialect {
  readonly talker: string;
  readonly timeDigits: number;
  readonly minuteDigits: number;
  readonly speedDigits: number;
  readonly satelliteDigits: number;
  /** Sentences with which it starts, without their frames. */
  readonly greeting: readonly string[];
}

/** The name of a dialect. */
export type NmeaDialectName = "ublox" | "quectel";

/** Dialects by the name that scenarios use. */
export const NMEA_DIALECTS: Readonly<Record<NmeaDialectName, NmeaDialect>> = {
  ublox: {
    talker: "GN",
    timeDigits: 2,
    minuteDigits: 5,
    speedDigits: 3,
    satelliteDigits: 2,
    greeting: ["GNTXT,01,01,02,u-blox AG - www.u-blox.com", "GNTXT,01,01,02,ANTSTATUS=OK"],
  },
  quectel: {
    talker: "GP",
    timeDigits: 3,
    minuteDigits: 4,
    speedDigits: 2,
    satelliteDigits: 1,
    greeting: ["PMTK011,MTKGPS", "PMTK010,001"],
  },
};

/** What a receiver knows. Degrees WGS 84, metres, knots; `course` in degrees is left out when standing still. */
export interface NmeaFix {
  readonly timeMs: number;
  readonly lat: number;
  readonly lon: number;
  /** 0 no fix, 1 satellites, 2 differential, 4 and 5 RTK, 6 estimated. */
  readonly quality: number;
  readonly satellites: number;
  readonly hdop: number;
  readonly altitude: number;
  /** Height of the geoid over the ellipsoid. */
  readonly separation: number;
  readonly speedKnots: number;
  readonly course?: number;
}

const MODE_BY_QUALITY = ["N", "A", "D", "A", "R", "F", "E"];

/** Closes a sentence: `$`, the body, `*`, two upper-case digits of its checksum, CR LF. */
export function formatNmea(body: string): string {
  let sum = 0;
  for (let i = 0; i < body.length; i++) sum ^= body.charCodeAt(i);
  return `$${body}*${sum.toString(16).toUpperCase().padStart(2, "0")}\r\n`;
}

/** Formats a Recommended Minimum sentence with mode indicator (NMEA 2.3); void and without position for quality 0. */
export function formatRmc(fix: NmeaFix, dialect: NmeaDialect): string {
  const valid = fix.quality > 0;
  return formatNmea(
    [
      `${dialect.talker}RMC`,
      formatTime(fix.timeMs, dialect.timeDigits),
      valid ? "A" : "V",
      ...(valid ? formatPosition(fix, dialect.minuteDigits) : ["", "", "", ""]),
      valid ? fix.speedKnots.toFixed(dialect.speedDigits) : "",
      valid && fix.course !== undefined ? fix.course.toFixed(2) : "",
      formatDate(fix.timeMs),
      "",
      "",
      MODE_BY_QUALITY[fix.quality] ?? "A",
    ].join(","),
  );
}

/** Formats a Global Positioning System Fix sentence; without position for quality 0. */
export function formatGga(fix: NmeaFix, dialect: NmeaDialect): string {
  const valid = fix.quality > 0;
  const satellites = valid ? fix.satellites : 0;
  return formatNmea(
    [
      `${dialect.talker}GGA`,
      formatTime(fix.timeMs, dialect.timeDigits),
      ...(valid ? formatPosition(fix, dialect.minuteDigits) : ["", "", "", ""]),
      String(fix.quality),
      String(satellites).padStart(dialect.satelliteDigits, "0"),
      valid ? fix.hdop.toFixed(2) : "99.99",
      ...(valid
        ? [fix.altitude.toFixed(1), "M", fix.separation.toFixed(1), "M"]
        : ["", "", "", ""]),
      "",
      "",
    ].join(","),
  );
}

/** How long a receiver looks for satellites that it has forgotten, with a good view of the sky. */
const COLD_START_MS = 26_000;

/** A receiver that reports the measured position with the time of the measurement. It obeys no commands. */
export class NmeaGpsBoard implements Board {
  readonly bootMs = 1000;
  readonly #dialect: NmeaDialect;
  #startedMs = -Infinity;

  constructor(dialect: NmeaDialect) {
    this.#dialect = dialect;
  }

  measure(values: Values, timeMs: number): Uint8Array[] {
    const isSearching = timeMs >= this.#startedMs && timeMs < this.#startedMs + COLD_START_MS;
    const fix = fixOf(isSearching ? {} : values, timeMs);
    return [formatRmc(fix, this.#dialect), formatGga(fix, this.#dialect)].map(encodeUtf8);
  }

  receive(): Uint8Array[] {
    return [];
  }

  /** Its clock has a battery of its own; the satellites it has to find again. */
  restart(timeMs: number): Uint8Array[] {
    this.#startedMs = timeMs;
    return this.#dialect.greeting.map((body) => encodeUtf8(formatNmea(body)));
  }
}

/** Without a position there is no fix, whatever else was measured. */
function fixOf(values: Values, timeMs: number): NmeaFix {
  const { lat, lon, quality, course } = values;
  return {
    timeMs,
    lat: lat ?? 0,
    lon: lon ?? 0,
    quality: lat === undefined || lon === undefined ? 0 : (quality ?? 1),
    satellites: values["satellites"] ?? 8,
    hdop: values["hdop"] ?? 1,
    altitude: values["altitude"] ?? 0,
    separation: values["separation"] ?? 0,
    speedKnots: values["knots"] ?? 0,
    ...(course === undefined ? {} : { course }),
  };
}

function formatPosition(fix: NmeaFix, digits: number): string[] {
  return [
    formatAngle(fix.lat, 2, digits),
    fix.lat < 0 ? "S" : "N",
    formatAngle(fix.lon, 3, digits),
    fix.lon < 0 ? "W" : "E",
  ];
}

/** Degrees and minutes run together. Rounded as a whole, so that minutes never read 60. */
function formatAngle(degrees: number, degreeDigits: number, minuteDigits: number): string {
  const perMinute = 10 ** minuteDigits;
  const units = Math.round(Math.abs(degrees) * 60 * perMinute);
  const whole = Math.floor(units / (60 * perMinute));
  const minutes = (units - whole * 60 * perMinute) / perMinute;
  const minuteText = minutes.toFixed(minuteDigits).padStart(minuteDigits + 3, "0");
  return String(whole).padStart(degreeDigits, "0") + minuteText;
}

function formatTime(timeMs: number, digits: number): string {
  const iso = new Date(timeMs).toISOString();
  return `${iso.slice(11, 19).replaceAll(":", "")}.${iso.slice(20, 20 + digits)}`;
}

function formatDate(timeMs: number): string {
  const iso = new Date(timeMs).toISOString();
  return iso.slice(8, 10) + iso.slice(5, 7) + iso.slice(2, 4);
}
