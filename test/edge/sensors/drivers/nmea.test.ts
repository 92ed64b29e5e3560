/** The NMEA driver: what it believes and what not, and recordings against what gpsd made of them. */
import { describe, expect, test } from "vitest";
import { concatBytes, encodeUtf8 } from "../../../../ledger/bytes.ts";
import type { Driver, SensorEvent } from "../../../../edge/sensors/driver.ts";
import type { Fix, SensorReading } from "../../../../edge/sensors/reading.ts";
import { nmea } from "../../../../edge/sensors/drivers/nmea.ts";
import { formatNmea } from "../../../../firmware-sim/boards/nmea-gps.ts";
import { describeWithShared, sharedBytes, sharedText } from "../../../support/shared-data.ts";

const BUILT_MS = Date.UTC(1994, 0, 1);

function driverOf(options: unknown = {}, notBeforeMs: number = BUILT_MS): Driver {
  return nmea.create(options, { notBeforeMs });
}

function push(driver: Driver, text: string, atMs: number): SensorEvent[] {
  return driver.push(encodeUtf8(text), atMs);
}

function fixesOf(events: readonly SensorEvent[]): Fix[] {
  return events.flatMap((event) => (event.kind === "fix" ? [event.fix] : []));
}

function readingsOf(events: readonly SensorEvent[]): SensorReading[] {
  return events.flatMap((event) => (event.kind === "readings" ? event.readings : []));
}

interface Said {
  time?: string;
  date?: string;
  quality?: string;
  status?: string;
  mode?: string;
  lat?: string;
  talker?: string;
}

function gga({ time = "123519", quality = "1", lat = "4807.038,N", talker = "GP" }: Said): string {
  return formatNmea(`${talker}GGA,${time},${lat},01131.000,E,${quality},08,0.9,545.4,M,46.9,M,,`);
}

function rmc(said: Said): string {
  const { time = "123519", status = "A", lat = "4807.038,N", talker = "GP" } = said;
  const { date = "230394", mode = "A" } = said;
  return formatNmea(
    `${talker}RMC,${time},${status},${lat},01131.000,E,022.4,084.4,${date},003.1,W,${mode}`,
  );
}

/** The fixes of one GGA and RMC that say the same, but for what is changed. */
function fixesFrom(said: Said, notBeforeMs: number = BUILT_MS): Fix[] {
  return fixesOf(push(driverOf({}, notBeforeMs), gga(said) + rmc(said), 0));
}

test("GGA and RMC of one moment make a fix, with what the receiver says of itself", () => {
  const driver = driverOf({ quantities: ["satellites", "hdop", "altitude", "speed"] });
  expect(
    push(driver, "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47", 5),
  ).toEqual([]);
  const events = push(
    driver,
    "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n",
    9,
  );
  const timeMs = Date.UTC(1994, 2, 23, 12, 35, 19);
  expect(fixesOf(events)).toEqual([
    { lat: 48.1173, lon: 11.516666667, quality: 1, timeMs, atMs: 5 },
  ]);
  expect(readingsOf(events)).toEqual([
    { quantity: "satellites", unit: "count", value: 8, atMs: 5 },
    { quantity: "hdop", unit: "", value: 0.9, atMs: 5 },
    { quantity: "altitude", unit: "m", value: 545.4, atMs: 5 },
    { quantity: "speed", unit: "m/s", value: 11.5236, atMs: 5 },
  ]);
});

test("either sentence may come first, of whatever talker", () => {
  const driver = driverOf();
  expect(fixesOf(push(driver, rmc({ talker: "GN" }) + gga({ talker: "GL" }), 0))).toHaveLength(1);
});

test("a moment that several talkers tell is one fix", () => {
  const [gps, both] = [{ talker: "GP" }, { talker: "GN" }];
  const text = gga(gps) + rmc(gps) + gga(both) + rmc(both);
  expect(fixesOf(push(driverOf(), text, 0))).toHaveLength(1);
});

test("south and west are negative", () => {
  expect(fixesFrom({ lat: "4807.038,S" })[0]!.lat).toBe(-48.1173);
  expect(fixesFrom({ lat: "0000.000,S" })[0]!.lat).toBe(0);
});

describe("is no fix", () => {
  test.each<[string, Said]>([
    ["quality 0", { quality: "0" }],
    ["an estimated position", { quality: "6" }],
    ["a position entered by hand", { quality: "7" }],
    ["a simulated position", { quality: "8" }],
    ["a quality that is none", { quality: "" }],
    ["a void RMC", { status: "V" }],
    ["an RMC without status", { status: "" }],
    ["mode not valid", { mode: "N" }],
    ["mode estimated", { mode: "E" }],
    ["mode simulated", { mode: "S" }],
    ["an empty position", { lat: "," }],
    ["sixty minutes of arc", { lat: "4860.000,N" }],
    ["a latitude beyond the pole", { lat: "9000.001,N" }],
    ["a latitude without a side", { lat: "4807.038," }],
    ["a latitude in the east", { lat: "4807.038,E" }],
    ["a signed latitude", { lat: "-807.038,N" }],
    ["hour 24", { time: "240000" }],
    ["no time", { time: "" }],
  ])("%s", (_, said) => {
    expect(fixesFrom(said)).toEqual([]);
  });

  test("a pair of two moments", () => {
    expect(fixesOf(push(driverOf(), gga({}) + rmc({ time: "123520" }), 0))).toEqual([]);
  });

  test("a pair with a day in between", () => {
    const driver = driverOf();
    push(driver, gga({}), 0);
    expect(push(driver, rmc({}), 86_400_000)).toEqual([]);
  });

  test("a GGA whose RMC was void, paired with a later one", () => {
    const driver = driverOf();
    expect(push(driver, rmc({}) + rmc({ status: "V" }) + gga({}), 0)).toEqual([]);
  });

  test("a half from before the line was opened again", () => {
    const driver = driverOf();
    push(driver, gga({}), 0);
    driver.opened(1);
    expect(push(driver, rmc({}), 2)).toEqual([]);
  });
});

test("time of day may have a fraction, written in any number of digits", () => {
  const text = gga({ time: "123519.5" }) + rmc({ time: "123519.500" });
  expect(fixesOf(push(driverOf(), text, 0))[0]!.timeMs).toBe(
    Date.UTC(1994, 2, 23, 12, 35, 19, 500),
  );
});

describe("keeps the position and loses the time of", () => {
  test.each<[string, Said, number]>([
    ["a date before the build date", { date: "220899" }, Date.UTC(2019, 3, 6)],
    ["a date 1,024 weeks ago", { date: "060805" }, Date.UTC(2025, 2, 1)],
    ["a missing date", { date: "" }, BUILT_MS],
    ["an impossible date", { date: "310294" }, BUILT_MS],
    ["day 0", { date: "000194" }, BUILT_MS],
    ["month 13", { date: "011394" }, BUILT_MS],
    ["a year with a sign in it", { date: "2208-1" }, BUILT_MS],
  ])("%s", (_, said, notBeforeMs) => {
    const fixes = fixesFrom(said, notBeforeMs);
    expect(fixes).toHaveLength(1);
    expect(fixes[0]!.timeMs).toBeUndefined();
  });
});

test("two-digit years are of the century nearest to the build date", () => {
  const yearFor = (year: string, built: number): number | undefined => {
    const [fix] = fixesFrom({ date: `0101${year}` }, Date.UTC(built, 0, 1));
    return fix!.timeMs === undefined ? undefined : new Date(fix!.timeMs).getUTCFullYear();
  };
  expect(yearFor("99", 1999)).toBe(1999);
  expect(yearFor("01", 1999)).toBe(2001);
  expect(yearFor("25", 2025)).toBe(2025);
  expect(yearFor("74", 2025)).toBe(2074);
  expect(yearFor("80", 2025)).toBeUndefined();
});

describe("time running backwards", () => {
  const at = (second: number): Said => ({ time: `12${String(second).padStart(2, "0")}00` });
  const timesOf = (seconds: readonly number[]): boolean[] => {
    const driver = driverOf();
    return seconds.flatMap((second, step) =>
      fixesOf(push(driver, gga(at(second)) + rmc(at(second)), step * 10_000)).map(
        ({ timeMs }) => timeMs !== undefined,
      ),
    );
  };

  test("is not believed", () => {
    expect(timesOf([30, 31, 5, 32, 33])).toEqual([true, true, false, true, true]);
  });

  test("nor is time standing still", () => {
    expect(timesOf([30, 30, 31])).toEqual([true, false, true]);
  });

  test("is believed when ten fixes in a row say so", () => {
    const times = timesOf([50, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(times).toEqual([true, ...Array<boolean>(9).fill(false), true, true]);
  });

  test("is not believed when they do not agree", () => {
    expect(timesOf([50, 1, 2, 3, 4, 5, 6, 2, 3, 4, 5, 6]).slice(1)).not.toContain(true);
  });
});

test("a receiver that is heard once a minute is taken each minute, though a fix may come a little early", () => {
  const driver = driverOf({ everySeconds: 60 });
  const taken = Array.from({ length: 10 }, (_, minute) => {
    const time = `12${String(minute).padStart(2, "0")}00`;
    const atMs = minute * 60_000 - (minute % 2) * 300;
    return readingsOf(push(driver, gga({ time }) + rmc({ time }), atMs)).length > 0;
  });
  expect(taken).toEqual(Array(10).fill(true));
});

test("what a receiver says of itself is spaced out, fixes are not", () => {
  const driver = driverOf({ everySeconds: 3 });
  const events = [0, 1, 2, 3, 4, 5, 6].map((second) => {
    const said = { time: `12351${second}` };
    return push(driver, gga(said) + rmc(said), second * 1000);
  });
  expect(events.map((given) => fixesOf(given).length)).toEqual([1, 1, 1, 1, 1, 1, 1]);
  expect(events.map((given) => readingsOf(given).length)).toEqual([3, 0, 0, 3, 0, 0, 3]);
});

describe("depth", () => {
  const dbt = formatNmea("SDDBT,7.7,f,2.3,M,1.3,F");
  const dpt = formatNmea("SDDPT,2.4,0.5");

  test.each([
    ["DBT", dbt, 2.3],
    ["DPT", dpt, 2.4],
  ])("of %s is in metres", (_, text, value) => {
    expect(readingsOf(push(driverOf(), text, 3))).toEqual([
      { quantity: "depth", unit: "m", value, atMs: 3 },
    ]);
  });

  test("is given once where a sounder sends both sentences", () => {
    const driver = driverOf();
    const given = [0, 1000, 2000].flatMap((atMs) => readingsOf(push(driver, dpt + dbt, atMs)));
    expect(given.map(({ value }) => value)).toEqual([2.4, 2.4, 2.4]);
    expect(readingsOf(push(driver, dbt, 12_000))).toMatchObject([{ value: 2.3 }]);
  });

  test.each([
    ["no bottom", "SDDBT,,f,,M,,F"],
    ["only feet", "SDDBT,7.7,f,,,,"],
    ["no number", "SDDPT,-,0.5"],
  ])("is not there with %s", (_, body) => {
    expect(push(driverOf(), formatNmea(body), 0)).toEqual([]);
  });

  test("is not read where it is not asked for", () => {
    expect(push(driverOf({ quantities: [] }), dbt, 0)).toEqual([]);
  });
});

/** A report of gpsd. */
interface Report {
  class: string;
  time?: string;
  lat?: number;
  lon?: number;
  altMSL?: number;
  uSat?: number;
  hdop?: number;
  speed?: number;
}

function recording(name: string): Uint8Array {
  return sharedBytes(`data/gpsd-nmea/${name}.log`);
}

/** What gpsd made of a recording, with the sentences between left out. */
function reportsOf(name: string): Report[] {
  const lines = sharedText(`data/gpsd-nmea/${name}.log.chk`).split("\n");
  return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Report);
}

/** Feeds a recording piece by piece, as lines of 9,600 baud would bring it: a byte a millisecond. */
function replay(driver: Driver, bytes: Uint8Array, pieceLength: number): SensorEvent[] {
  const events: SensorEvent[] = [];
  for (let at = 0; at < bytes.length; at += pieceLength) {
    events.push(...driver.push(bytes.subarray(at, at + pieceLength), at + pieceLength));
  }
  return events;
}

const RECORDINGS_MS = Date.UTC(1999, 0, 1);
/** gpsd moves dates by this according to its own build date. */
const ROLLOVER_MS = 1024 * 7 * 86_400_000;

describeWithShared("recordings", ["data/gpsd-nmea/neo-m8n.log"], () => {
  const all = { quantities: ["satellites", "hdop", "altitude", "speed", "depth"], everySeconds: 0 };

  describe.each([
    ["gp-320fw-2019-04-06-overflow", 20],
    ["isync", 12],
    ["neo-m8n", 23],
    ["quectel-L70", 16],
  ])("%s", (name, pairs) => {
    const events = replay(driverOf(all, RECORDINGS_MS), recording(name), 1);
    const fixes = fixesOf(events);

    test("gives a fix for each pair of sentences", () => {
      // The last sentences of a recording, and a few within, are cut or have lost bytes.
      expect(fixes.length).toBeGreaterThanOrEqual(pairs - 2);
      expect(fixes.every(({ timeMs }) => timeMs !== undefined)).toBe(true);
    });

    // gpsd tells of a moment only once it has seen the next, and not of the last one.
    const told = new Map(
      reportsOf(name).flatMap((report) =>
        report.class === "TPV" && report.lat !== undefined && report.time !== undefined
          ? [[Date.parse(report.time) % ROLLOVER_MS, report]]
          : [],
      ),
    );

    test("gives the places and times that gpsd gives", () => {
      const common = fixes.filter(({ timeMs }) => told.has(timeMs! % ROLLOVER_MS));
      expect(common.length).toBeGreaterThanOrEqual(pairs - 3);
      for (const { lat, lon, timeMs } of common) {
        const report = told.get(timeMs! % ROLLOVER_MS)!;
        expect([report.lat, report.lon]).toEqual([lat, lon]);
      }
    });

    test("gives the altitudes, satellites and dilutions that gpsd gives", () => {
      const reports = reportsOf(name);
      const given = readingsOf(events);
      const valuesOf = (quantity: string): unknown[] =>
        given.filter((reading) => reading.quantity === quantity).map(({ value }) => value);
      const sky = new Set(reports.map(({ uSat, hdop }) => `${uSat} ${hdop}`));
      const hdops = valuesOf("hdop");
      for (const [at, satellites] of valuesOf("satellites").entries()) {
        expect(sky).toContain(`${String(satellites)} ${String(hdops[at])}`);
      }
      const altitudes = valuesOf("altitude");
      const common = fixes.filter(({ timeMs }, at) => {
        const altitude = told.get(timeMs! % ROLLOVER_MS)?.altMSL;
        if (altitude !== undefined) expect(altitudes[at]).toBe(altitude);
        return altitude !== undefined;
      });
      expect(common.length).toBeGreaterThanOrEqual(pairs - 3);
    });

    test("gives the same in pieces of any length", () => {
      for (const length of [7, 64, 400]) {
        const again = replay(driverOf(all, RECORDINGS_MS), recording(name), length);
        const undated = (fix: Fix): unknown => ({ ...fix, atMs: 0 });
        expect(fixesOf(again).map(undated)).toEqual(fixes.map(undated));
      }
    });

    test("gives no time to a program that was built later", () => {
      const later = fixesOf(replay(driverOf(all, Date.UTC(2025, 0, 1)), recording(name), 64));
      expect(later).toHaveLength(fixes.length);
      expect(later.some(({ timeMs }) => timeMs !== undefined)).toBe(false);
    });
  });

  test.each(["bu303-nofix", "eXplorist110", "april6_2019"])("%s holds no fix", (name) => {
    const events = replay(driverOf(all, RECORDINGS_MS), recording(name), 1);
    expect(events).toEqual([]);
  });

  test("april6_2019 with the missing GGA: the rolled-over date is a matter of the build date", () => {
    const pair = concatBytes(
      encodeUtf8(formatNmea("GPGGA,000231.42,4829.0005,N,00022.0016,E,1,05,1.0,100.0,M,46.9,M,,")),
      recording("april6_2019"),
    );
    const report = reportsOf("april6_2019").at(-1)!;
    const [then] = fixesOf(driverOf({}, RECORDINGS_MS).push(pair, 0));
    expect(then).toMatchObject({ lat: report.lat, lon: report.lon });
    expect(new Date(then!.timeMs!).toISOString()).toBe(report.time);
    const [now] = fixesOf(driverOf({}, Date.UTC(2019, 3, 6)).push(pair, 0));
    expect(now).toMatchObject({ lat: report.lat, lon: report.lon });
    expect(now).not.toHaveProperty("timeMs");
  });

  test("tcp-torture: a sentence in five packets", () => {
    const driver = driverOf(all, RECORDINGS_MS);
    const packets = new TextDecoder().decode(recording("tcp-torture")).split("|");
    expect(packets).toHaveLength(5);
    const events = packets.flatMap((packet, at) => push(driver, packet, at));
    const [fix] = fixesOf(events);
    const report = reportsOf("tcp-torture").find(({ lat }) => lat !== undefined)!;
    expect(fix).toMatchObject({ lat: report.lat, lon: report.lon, quality: 1 });
    // gpsd corrects the rollover by its own build date; the receiver's word is taken here.
    expect(fix!.timeMs).toBe(Date.UTC(2007, 11, 23, 19, 32, 21));
    expect(readingsOf(events)).toMatchObject([
      { quantity: "satellites", value: 4 },
      { quantity: "hdop", value: 1.7 },
      { quantity: "altitude", value: report.altMSL },
      { quantity: "speed" },
    ]);
    expect(driver.counters().framesGood).toBe(7);
  });

  test("sounder: a depth for each sentence, and no fix without GGA", () => {
    const text = sharedText("data/gpsd-nmea/sounder.log");
    const expected = Array.from(text.matchAll(/^\$SDDBT,[^,]*,f,([^,]*),M/gm), ([, depth]) =>
      Number(depth),
    );
    const events = replay(driverOf({}, RECORDINGS_MS), encodeUtf8(text), 3);
    expect(fixesOf(events)).toEqual([]);
    expect(readingsOf(events).map(({ value }) => value)).toEqual(expected);
    expect(expected).toHaveLength(122);
    expect(readingsOf(events).every(({ quantity }) => quantity === "depth")).toBe(true);
  });
});
