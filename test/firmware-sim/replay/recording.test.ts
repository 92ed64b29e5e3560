/**
 * Recorded files as series of measurements, made up ones and all real ones that are at hand.
 */
import { describe, expect, test } from "vitest";
import { buildMapping } from "../../../firmware-sim/replay/column-mapping.ts";
import { type RecordedRow, Recording } from "../../../firmware-sim/replay/recording.ts";
import { describeWithShared, sharedText } from "../../support/shared-data.ts";

const HOUR_MS = 3_600_000;

interface Reading {
  columns: Record<string, string>;
  where?: Record<string, string>;
  stepMs?: number;
  required?: string[];
}

function open(
  text: string,
  { columns, where = {}, stepMs = 1000, required = [] }: Reading,
): Recording {
  const mapping = buildMapping(Object.entries(columns), Object.entries(where));
  if (Array.isArray(mapping)) throw new Error(mapping.join());
  const recording = Recording.open(text, {
    mapping,
    delimiter: ",",
    stepMs,
    gapMs: 6 * HOUR_MS,
    required,
  });
  if (Array.isArray(recording)) throw new Error(recording.join());
  return recording;
}

function rows(recording: Recording): RecordedRow[] {
  return [...recording.rows()];
}

const NOTHING = {
  played: 0,
  incomplete: 0,
  emptyCells: 0,
  bad: 0,
  excluded: 0,
  gaps: 0,
  stepsBack: 0,
};

describe("a recording", () => {
  const columns = { time: "0", pm25: "1" };

  test("gives values with the time between them", () => {
    const recording = open("t,v\n2025-01-01 00:00,1\n2025-01-01 00:05,2\n", { columns });
    expect(rows(recording)).toEqual([
      { timeMs: Date.UTC(2025, 0, 1), values: { pm25: 1 }, waitMs: 0 },
      { timeMs: Date.UTC(2025, 0, 1, 0, 5), values: { pm25: 2 }, waitMs: 300_000 },
    ]);
    expect(recording.counts).toEqual({ ...NOTHING, played: 2 });
  });

  test("passes over holes, and counts them", () => {
    const text =
      "2025-01-01 00:00,1\n2025-01-01 01:00,\nwhen,3\n2025-01-01 02:00,4\n2025-01-02 02:00,5\n2025-01-02 01:00,6\n";
    const recording = open(text, { columns });
    expect(rows(recording).map(({ values, waitMs }) => [values["pm25"], waitMs])).toEqual([
      [1, 0],
      [4, 2 * HOUR_MS],
      [5, 2 * HOUR_MS],
      [6, 2 * HOUR_MS],
    ]);
    expect(recording.counts).toEqual({
      ...NOTHING,
      played: 4,
      incomplete: 1,
      emptyCells: 1,
      bad: 1,
      gaps: 1,
      stepsBack: 1,
    });
  });

  test("leaves out rows that lack what the board needs", () => {
    const recording = open("1,\n2,3\n", {
      columns: { pm25: "0", pm10: "1" },
      required: ["pm25", "pm10"],
    });
    expect(rows(recording)).toHaveLength(1);
    expect(recording.counts).toMatchObject({ incomplete: 1, emptyCells: 1 });
  });

  test("without times has equal steps", () => {
    expect(
      rows(open("1\n2\n3\n", { columns: { rh: "0" }, stepMs: 5000 })).map((row) => row.waitMs),
    ).toEqual([0, 5000, 5000]);
  });

  test("that cannot be read says why", () => {
    const mapping = buildMapping([["pm25", "pm25"]], []);
    if (Array.isArray(mapping)) throw new Error(mapping.join());
    const settings = { mapping, delimiter: ",", stepMs: 1, gapMs: 1, required: [] };
    expect(Recording.open("", settings)).toEqual(["the recording is empty"]);
    expect(Recording.open('a"b\n', settings)).toEqual([
      "line 1: a quote inside a field without quotes",
    ]);
    expect(Recording.open("a\n1\n", settings)).toEqual(['no column "pm25" in "a"']);
  });
});

/** Every recorded CSV file of measurements, and what is known of it. */
const REAL: [file: string, reading: Reading, counts: Partial<Recording["counts"]>][] = [
  [
    "fremont-bridge-bikes/Fremont_Bridge.csv",
    { columns: { time: "Date", bikes: "Fremont Bridge West Sidewalk" } },
    { played: 40_097, incomplete: 7, emptyCells: 7, bad: 0 },
  ],
  [
    "nab-traffic/speed_6005.csv",
    { columns: { time: "0", speed: "1*0.44704" } },
    { played: 2500, bad: 0 },
  ],
  [
    "nab-traffic/speed_7578.csv",
    { columns: { time: "0", speed: "1*0.44704" } },
    { played: 1127, bad: 0 },
  ],
  [
    "nab-traffic/speed_t4013.csv",
    { columns: { time: "0", speed: "1*0.44704" } },
    { played: 2495, bad: 0 },
  ],
  [
    "nab-traffic/occupancy_6005.csv",
    { columns: { time: "0", occupancy: "1" } },
    { played: 2380, bad: 0 },
  ],
  [
    "nab-traffic/occupancy_t4013.csv",
    { columns: { time: "0", occupancy: "1" } },
    { played: 2500, bad: 0 },
  ],
  [
    "nab-traffic/TravelTime_387.csv",
    { columns: { time: "0", "travel-time": "value" } },
    { played: 2500, bad: 0 },
  ],
  [
    "nab-traffic/TravelTime_451.csv",
    { columns: { time: "0", "travel-time": "value" } },
    { played: 2162, bad: 0 },
  ],
  [
    "noise-laeq/test_data_laeq1m.csv",
    { columns: { time: "0", laeq: "1" } },
    { played: 16_470, bad: 0, stepsBack: 0 },
  ],
  [
    "openaq-no2-3cities/air_quality_no2.csv",
    { columns: { time: "datetime", no2: "station_london" } },
    { bad: 0 },
  ],
  [
    "parking-birmingham/birmingham_parking.csv",
    { columns: { time: "3", occupied: "2" }, where: { "0": "BHMBCCMKT01" } },
    { bad: 0, stepsBack: 0 },
  ],
  [
    "wsn-multihop-telosb/data.csv",
    { columns: { temp: "temperature", rh: "humidity" }, where: { mote_id: "3" }, stepMs: 5000 },
    { played: 4690, bad: 0, excluded: 3 * 4690, gaps: 0 },
  ],
  [
    "pypms-captures/captured_data/SDS01x.csv",
    { columns: { time: "0", pm25: "1", pm10: "pm10" } },
    { played: 10, bad: 0 },
  ],
];

describeWithShared(
  "real recordings",
  REAL.map(([file]) => `data/${file}`),
  () => {
    test.each(REAL)("%s", (file, reading, counts) => {
      const text = sharedText(`data/${file}`);
      const recording = open(text, reading);
      const played = rows(recording);
      const lines = text.trimEnd().split("\n").length;
      const { counts: found } = recording;
      expect(found).toMatchObject(counts);
      expect(played).toHaveLength(found.played);
      // Each line is played or counted, but for a header.
      const header = lines - found.played - found.incomplete - found.bad - found.excluded;
      expect([0, 1]).toContain(header);
      for (const { values, waitMs } of played) {
        expect(Object.values(values).every(Number.isFinite)).toBe(true);
        expect(waitMs).toBeGreaterThanOrEqual(0);
        expect(waitMs).toBeLessThanOrEqual(6 * HOUR_MS);
      }
      const again = rows(open(text, reading));
      expect(again).toEqual(played);
    });
  },
);
