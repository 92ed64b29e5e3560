/**
 * The simulated receiver against sentences of real ones.
 */
import { describe, expect, test } from "vitest";
import { decodeUtf8 } from "../../../ledger/bytes.ts";
import {
  formatGga,
  formatNmea,
  formatRmc,
  NMEA_DIALECTS,
  type NmeaDialect,
  type NmeaFix,
  NmeaGpsBoard,
} from "../../../firmware-sim/boards/nmea-gps.ts";
import { describeWithShared, sharedBytes } from "../../support/shared-data.ts";

/** The sentences of a type with good checksum, among whatever else is in a log. */
function sentences(log: string, type: string): string[] {
  const text = new TextDecoder("latin1").decode(sharedBytes(`data/gpsd-nmea/${log}`));
  return [...text.matchAll(/\$([A-Z]{2}[A-Z]{3},[^*$\r\n]*)\*([0-9A-F]{2})\r\n/g)]
    .filter(([whole, body]) => body?.slice(2, 5) === type && formatNmea(body) === whole)
    .map(([whole]) => whole);
}

function degrees(text: string, side: string): number {
  const point = text.indexOf(".") - 2;
  const value = Number(text.slice(0, point)) + Number(text.slice(point)) / 60;
  return side === "S" || side === "W" ? -value : value;
}

function timeOf(time: string, date: string): number {
  const day =
    date === "" ? "2020-01-01" : `20${date.slice(4)}-${date.slice(2, 4)}-${date.slice(0, 2)}`;
  const seconds = time.slice(4).padEnd(6, "0");
  return Date.parse(`${day}T${time.slice(0, 2)}:${time.slice(2, 4)}:${seconds}Z`);
}

const STILL = { satellites: 0, hdop: 0, altitude: 0, separation: 0, speedKnots: 0 };

function decodeRmc(sentence: string): NmeaFix {
  const [, time = "", , lat = "", ns = "", lon = "", ew = "", knots, course, date = "", , , mode] =
    sentence.replace(/\*.*/s, "").split(",");
  return {
    ...STILL,
    timeMs: timeOf(time, date),
    lat: degrees(lat, ns),
    lon: degrees(lon, ew),
    quality: mode === "D" ? 2 : 1,
    speedKnots: Number(knots),
    ...(course === "" ? {} : { course: Number(course) }),
  };
}

function decodeGga(sentence: string): NmeaFix {
  const [
    ,
    time = "",
    lat = "",
    ns = "",
    lon = "",
    ew = "",
    quality,
    satellites,
    hdop,
    altitude,
    ,
    separation,
  ] = sentence.split(",");
  return {
    ...STILL,
    timeMs: timeOf(time, ""),
    lat: degrees(lat, ns),
    lon: degrees(lon, ew),
    quality: Number(quality),
    satellites: Number(satellites),
    hdop: Number(hdop),
    altitude: Number(altitude),
    separation: Number(separation),
  };
}

const RECEIVERS: [log: string, dialect: NmeaDialect, count: number][] = [
  ["neo-m8n.log", NMEA_DIALECTS.ublox, 20],
  ["ublox-8.log", NMEA_DIALECTS.ublox, 40],
  ["quectel-L70.log", NMEA_DIALECTS.quectel, 10],
];

describeWithShared("sentences of real receivers", ["data/gpsd-nmea"], () => {
  test.each(RECEIVERS)("come out byte for byte: %s", (log, dialect, count) => {
    const rmc = sentences(log, "RMC").filter((sentence) => sentence.includes(",A,"));
    const gga = sentences(log, "GGA");
    expect(rmc.length).toBeGreaterThanOrEqual(count);
    expect(gga.length).toBeGreaterThanOrEqual(count);
    for (const sentence of rmc) expect(formatRmc(decodeRmc(sentence), dialect)).toBe(sentence);
    for (const sentence of gga) expect(formatGga(decodeGga(sentence), dialect)).toBe(sentence);
  });
});

describe("sentences", () => {
  const fix = (lat: number, lon: number): NmeaFix => ({
    ...STILL,
    timeMs: 0,
    lat,
    lon,
    quality: 1,
  });

  test("carry the checksum of the standard's examples", () => {
    expect(formatNmea("GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,")).toMatch(
      /\*47\r\n$/,
    );
    expect(formatNmea("GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W")).toMatch(
      /\*6A\r\n$/,
    );
  });

  test("never read sixty minutes", () => {
    expect(formatRmc(fix(51.99999999999, -2.99999999999), NMEA_DIALECTS.ublox)).toContain(
      ",5200.00000,N,00300.00000,W,",
    );
  });

  test("name the southern and eastern sides", () => {
    expect(formatGga(fix(-0.5, 170.25), NMEA_DIALECTS.quectel)).toContain(
      ",0030.0000,S,17015.0000,E,",
    );
  });
});

describe("a receiver", () => {
  const receiver = new NmeaGpsBoard(NMEA_DIALECTS.ublox);
  const timeMs = Date.UTC(2026, 2, 3, 8, 15, 7);
  const send = (values: Record<string, number>): string[] =>
    receiver.measure(values, timeMs).map((bytes) => decodeUtf8(bytes) ?? "");

  test("sends position and time", () => {
    expect(
      send({ lat: 51.5877, lon: -2.9984, altitude: 12.34, hdop: 0.91, satellites: 9, knots: 0.02 }),
    ).toEqual([
      formatNmea("GNRMC,081507.00,A,5135.26200,N,00259.90400,W,0.020,,030326,,,A"),
      formatNmea("GNGGA,081507.00,5135.26200,N,00259.90400,W,1,09,0.91,12.3,M,0.0,M,,"),
    ]);
  });

  test("without a position says so, and keeps the time", () => {
    const [rmc, gga] = send({});
    expect(rmc).toBe(formatNmea("GNRMC,081507.00,V,,,,,,,030326,,,N"));
    expect(gga).toBe(formatNmea("GNGGA,081507.00,,,,,0,00,99.99,,,,,,"));
    expect(send({ lat: 1, lon: 1, quality: 0 })).toEqual([rmc, gga]);
  });

  test("keeps within the 82 characters of the standard", () => {
    const values = {
      lat: -89.999999,
      lon: -179.999999,
      altitude: 8848.8,
      hdop: 12.34,
      satellites: 12,
      course: 359.99,
    };
    for (const sentence of send(values)) expect(sentence.length).toBeLessThanOrEqual(82);
  });
});
