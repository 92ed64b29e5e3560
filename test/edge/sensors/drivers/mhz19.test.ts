/** The MH-Z19B driver: one question at a time, warming up, and what it does when there is no answer. */
import { describe, expect, test } from "vitest";
import { decodeHex, encodeHex } from "../../../../ledger/bytes.ts";
import type { Driver, SensorEvent } from "../../../../edge/sensors/driver.ts";
import { encodeMhz19Command, mhz19 } from "../../../../edge/sensors/drivers/mhz19.ts";
import { encodeMhz19Reading, Mhz19Board } from "../../../../firmware-sim/boards/mhz19.ts";
import { describeWithShared, sharedText } from "../../../support/shared-data.ts";

const READ = "ff0186000000000079";
const ABC_ON = "ff0179a000000000e6";
const ABC_OFF = "ff0179000000000086";

function driver(options: Record<string, unknown> = {}): Driver {
  return mhz19.create(options, { notBeforeMs: 0 });
}

function writesOf(events: readonly SensorEvent[]): string[] {
  return events.flatMap((event) => (event.kind === "write" ? [encodeHex(event.bytes)] : []));
}

function readingsOf(events: readonly SensorEvent[]): unknown[] {
  return events.flatMap((event) => (event.kind === "readings" ? event.readings : []));
}

test("commands are those of the manual", () => {
  expect(encodeHex(encodeMhz19Command(0x86, 0))).toBe(READ);
  expect(encodeHex(encodeMhz19Command(0x79, 0xa0))).toBe(ABC_ON);
  expect(encodeHex(encodeMhz19Command(0x79, 0))).toBe(ABC_OFF);
});

test("asks when the line opens and once a period, and gives what is answered", () => {
  const sensor = driver({ warmUpSeconds: 0 });
  expect(writesOf(sensor.opened(0))).toEqual([READ]);
  expect(readingsOf(sensor.push(encodeMhz19Reading(636, 26), 40))).toEqual([
    { quantity: "co2", unit: "ppm", value: 636, atMs: 40 },
  ]);
  const asked = [...Array(31).keys()].filter((second) => {
    const writes = writesOf(sensor.tick(second * 1000));
    if (writes.length > 0) sensor.push(encodeMhz19Reading(700, 26), second * 1000 + 40);
    return writes.length > 0;
  });
  expect(asked).toEqual([10, 20, 30]);
});

test("does not speak again before the answer, or a second without one", () => {
  const sensor = driver({ everySeconds: 2 });
  sensor.opened(0);
  expect(sensor.tick(999)).toEqual([]);
  expect(sensor.tick(1999)).toEqual([]);
  expect(writesOf(sensor.tick(2000))).toEqual([READ]);
});

test("believes no answer that it has not asked for, nor two", () => {
  const sensor = driver({ warmUpSeconds: 0 });
  const answer = encodeMhz19Reading(500, 20);
  expect(sensor.push(answer, 0)).toEqual([]);
  sensor.opened(0);
  expect(readingsOf(sensor.push(answer, 100))).toHaveLength(1);
  expect(sensor.push(answer, 200)).toEqual([]);
  sensor.tick(10_000);
  expect(sensor.tick(11_000)).toEqual([]);
  expect(sensor.push(answer, 11_500)).toEqual([]);
});

test("drops half an answer before it asks again", () => {
  const sensor = driver({ warmUpSeconds: 0, everySeconds: 2 });
  sensor.opened(0);
  sensor.push(encodeMhz19Reading(500, 20).subarray(0, 5), 1900);
  sensor.tick(2000);
  expect(readingsOf(sensor.push(encodeMhz19Reading(600, 20), 2100))).toMatchObject([
    { value: 600 },
  ]);
  expect(sensor.counters()).toEqual({ framesGood: 1, framesBad: 0, bytesSkipped: 0 });
});

describe("flags and keeps", () => {
  function value(sensor: Driver, co2: number, atMs: number): unknown {
    sensor.tick(atMs);
    return readingsOf(sensor.push(encodeMhz19Reading(co2, 20), atMs))[0];
  }

  test("what comes in the three minutes after the line opened", () => {
    const sensor = driver();
    sensor.opened(0);
    expect(value(sensor, 410, 0)).toMatchObject({ value: 410, fault: true });
    expect(value(sensor, 410, 179_999)).toMatchObject({ value: 410, fault: true });
    expect(value(sensor, 410, 190_000)).not.toHaveProperty("fault");
  });

  test("nothing at all, whenever it comes", () => {
    const sensor = driver({ warmUpSeconds: 0 });
    sensor.opened(0);
    expect(value(sensor, 0, 0)).toMatchObject({ value: 0, fault: true });
  });

  test("what comes after a long silence: it may have been without power", () => {
    const sensor = driver({ everySeconds: 2, abc: "off" });
    sensor.opened(0);
    for (let second = 1; second < 1000; second++) sensor.tick(second * 1000);
    expect(value(sensor, 500, 1_000_000)).toMatchObject({ fault: true });
    expect(writesOf(sensor.tick(1_000_001))).toEqual([ABC_OFF]);
    expect(value(sensor, 500, 1_002_000)).toMatchObject({ fault: true });
    expect(value(sensor, 500, 1_180_000)).not.toHaveProperty("fault");
  });

  test("what comes after a value of 0: it was without power, however short", () => {
    const sensor = driver({ abc: "off" });
    sensor.opened(0);
    expect(value(sensor, 500, 200_000)).not.toHaveProperty("fault");
    expect(value(sensor, 0, 210_000)).toMatchObject({ fault: true });
    expect(writesOf(sensor.tick(211_000))).toEqual([ABC_OFF]);
    // Said once, however often it is 0.
    expect(value(sensor, 0, 220_000)).toMatchObject({ fault: true });
    expect(writesOf(sensor.tick(221_000))).not.toContain(ABC_OFF);
    expect(value(sensor, 410, 380_000)).toMatchObject({ value: 410, fault: true });
    expect(value(sensor, 410, 390_000)).not.toHaveProperty("fault");
  });
});

test("says the setting again after one unanswered question, and not with each", () => {
  const sensor = driver({ everySeconds: 10, abc: "off" });
  sensor.opened(0);
  const saidAt: number[] = [];
  for (let second = 1; second <= 3000; second++)
    for (const hex of writesOf(sensor.tick(second * 1000))) {
      // Each third question is lost.
      if (hex === READ && second % 30 >= 10)
        sensor.push(encodeMhz19Reading(500, 20), second * 1000);
      if (hex === ABC_OFF) saidAt.push(second);
    }
  expect(saidAt.length).toBeGreaterThanOrEqual(3);
  expect(saidAt.length).toBeLessThanOrEqual(5);
});

test("switches self-calibration off each six hours anew: a dip of power may pass unseen", () => {
  const sensor = driver({ everySeconds: 60, abc: "off" });
  const said: [second: number, hex: string][] = [];
  for (const hex of writesOf(sensor.opened(0))) said.push([0, hex]);
  for (let second = 1; second <= 50_000; second++)
    for (const hex of writesOf(sensor.tick(second * 1000))) {
      if (hex === READ) sensor.push(encodeMhz19Reading(500, 20), second * 1000);
      said.push([second, hex]);
    }
  const settings = said.filter(([, hex]) => hex !== READ);
  expect(settings.map(([second]) => second)).toEqual([0, 21_600, 43_200]);
  expect(said.length - settings.length).toBeGreaterThan(800);
});

test.each([
  ["keep", [READ], true],
  ["off", [ABC_OFF, READ], false],
  ["on", [ABC_ON, READ], true],
])("abc = %s", (abc, expected, isSelfCalibrating) => {
  const board = new Mhz19Board();
  const sensor = driver({ abc });
  const written = [...writesOf(sensor.opened(0)), ...writesOf(sensor.tick(1000))];
  expect(written).toEqual(expected);
  for (const hex of written) board.receive(decodeHex(hex)!);
  expect(board.isSelfCalibrating).toBe(isSelfCalibrating);
});

describe("options", () => {
  test.each([
    ["a period shorter than answers take", { everySeconds: 1 }],
    ["another calibration", { abc: "zero" }],
  ])("%s: refused", (_, options) => {
    expect(mhz19.options.safeParse(options).success).toBe(false);
  });
});

describeWithShared("recorded MH-Z19B answers", ["data/pypms-captures/captured_data"], () => {
  test("give what the recording's decoder gave", () => {
    const captured = "data/pypms-captures/captured_data";
    const rows = sharedText(`${captured}/MHZ19B.csv`).trim().split("\n").slice(1);
    const hex = sharedText(`${captured}/data.csv`).matchAll(/,MHZ19B,([0-9a-f]+)/g);
    const sensor = driver({ warmUpSeconds: 0 });
    sensor.opened(0);
    const given = Array.from(hex, ([, frame], at) => {
      sensor.tick(at * 10_000);
      return readingsOf(sensor.push(decodeHex(frame!)!, at * 10_000 + 50))[0];
    });
    expect(given).toHaveLength(10);
    expect(given).toMatchObject(rows.map((row) => ({ value: Number(row.split(",")[1]) })));
  });
});
