/** The SDS011 driver: faults, start-up, and its conversation with a simulated board. */
import { describe, expect, test } from "vitest";
import { encodeHex } from "../../../../ledger/bytes.ts";
import type { Driver, SensorEvent } from "../../../../edge/sensors/driver.ts";
import { sds011 } from "../../../../edge/sensors/drivers/sds011.ts";
import { encodeSds011Command } from "../../../../edge/sensors/drivers/sds011-commands.ts";
import {
  encodeSds011Answer,
  encodeSds011Measurement,
  Sds011Board,
} from "../../../../firmware-sim/boards/sds011.ts";
import { describeWithShared, sharedJson } from "../../../support/shared-data.ts";

const ID = 0xa160;
const SURROUNDINGS = { notBeforeMs: 0 };

function listener(): Driver {
  return sds011.create({ commands: false }, SURROUNDINGS);
}

function readingsOf(events: readonly SensorEvent[]): unknown[] {
  return events.flatMap((event) => (event.kind === "readings" ? event.readings : []));
}

function writesOf(events: readonly SensorEvent[]): Uint8Array[] {
  return events.flatMap((event) => (event.kind === "write" ? [event.bytes] : []));
}

/** What the driver gives for one measurement, as `[quantity, value, fault]`. */
function measured(driver: Driver, pm25: number, pm10: number, atMs: number): unknown[] {
  const events = driver.push(encodeSds011Measurement(pm25, pm10, ID), atMs);
  return events.flatMap((event) =>
    event.kind === "readings"
      ? event.readings.map(({ quantity, value, fault }) => [quantity, value, fault ?? false])
      : [],
  );
}

test("a measurement is two readings of one instant, with units", () => {
  expect(readingsOf(listener().push(encodeSds011Measurement(123.6, 261.8, ID), 17))).toEqual([
    { quantity: "pm25", unit: "ug/m3", value: 123.6, atMs: 17 },
    { quantity: "pm10", unit: "ug/m3", value: 261.8, atMs: 17 },
  ]);
});

describe("flags and keeps", () => {
  test.each([
    ["the code of a stuck fan", 999.9, 1999.9, true, true],
    ["the fine half of the code", 999.9, 1200, true, false],
    ["the coarse half of the code", 500, 1999.9, false, true],
  ])("%s", (_, pm25, pm10, fineFault, coarseFault) => {
    expect(measured(listener(), pm25, pm10, 0)).toEqual([
      ["pm25", pm25, fineFault],
      ["pm10", pm10, coarseFault],
    ]);
  });

  test("what is beyond the sensor's range", () => {
    const frame = Uint8Array.of(0xaa, 0xc0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0xfc, 0xab);
    expect(readingsOf(listener().push(frame, 0))).toMatchObject([
      { value: 6553.5, fault: true },
      { value: 6553.5, fault: true },
    ]);
  });

  test("nothing and nothing right after the start, until there is air", () => {
    const driver = listener();
    driver.opened(0);
    expect(measured(driver, 0, 0, 1000)).toEqual([
      ["pm25", 0, true],
      ["pm10", 0, true],
    ]);
    expect(measured(driver, 0, 0.3, 2000)).toEqual([
      ["pm25", 0, false],
      ["pm10", 0.3, false],
    ]);
    // Very clean air it may be, once the fan has run.
    expect(measured(driver, 0, 0, 3000)[0]).toEqual(["pm25", 0, false]);
    driver.opened(4000);
    expect(measured(driver, 0, 0, 5000)[0]).toEqual(["pm25", 0, true]);
    expect(measured(driver, 0, 0, 34_000)[0]).toEqual(["pm25", 0, false]);
  });
});

test("an answer is no reading", () => {
  const answer = encodeSds011Answer(8, [1, 5, 0], ID);
  const driver = listener();
  expect(driver.push(answer, 0)).toEqual([]);
  expect(driver.counters().framesGood).toBe(1);
});

describe("set-up", () => {
  /** Lets driver and board talk, a turn a second; `isHeard` says whether a write reaches the board. */
  function talk(
    driver: Driver,
    board: Sds011Board,
    turns: number,
    isHeard: (write: number) => boolean = () => true,
  ): { written: Uint8Array[]; readings: unknown[] } {
    const written: Uint8Array[] = [];
    const readings: unknown[] = [];
    const take = (events: SensorEvent[], atMs: number): void => {
      readings.push(...readingsOf(events));
      for (const bytes of writesOf(events)) {
        written.push(bytes);
        const answers = isHeard(written.length) ? board.receive(bytes, atMs) : [];
        for (const answer of answers) take(driver.push(answer, atMs), atMs);
      }
    };
    take(driver.opened(0), 0);
    for (let turn = 1; turn <= turns; turn++) {
      const atMs = turn * 1000;
      for (const frame of board.measure({ pm25: 5, pm10: 9 }, atMs)) {
        take(driver.push(frame, atMs), atMs);
      }
      take(driver.tick(atMs), atMs);
    }
    return { written, readings };
  }

  const wake = encodeSds011Command(6, true, 1);
  const askMode = encodeSds011Command(2, false, 0);
  const askPeriod = encodeSds011Command(8, false, 0);

  test("asks a board that is as wanted, and sets nothing", () => {
    const board = new Sds011Board({ id: ID, firmware: [15, 7, 10] });
    const driver = sds011.create({}, SURROUNDINGS);
    const { written, readings } = talk(driver, board, 5);
    expect(written).toEqual([wake, askMode, askPeriod]);
    expect(readings).toHaveLength(10);
  });

  test("wakes a sleeping board in query mode with a period, and sets it up", () => {
    const board = new Sds011Board({ id: ID, firmware: [15, 7, 10] });
    board.receive(encodeSds011Command(2, true, 1), 0);
    board.receive(encodeSds011Command(8, true, 7), 0);
    board.receive(encodeSds011Command(6, true, 0), 0);
    const driver = sds011.create({}, SURROUNDINGS);
    const { written, readings } = talk(driver, board, 5);
    expect(written).toEqual([
      wake,
      askMode,
      encodeSds011Command(2, true, 0),
      askPeriod,
      encodeSds011Command(8, true, 0),
    ]);
    expect(readings.length).toBeGreaterThan(0);
  });

  test("sets the period that is wished for", () => {
    const board = new Sds011Board({ id: ID, firmware: [15, 7, 10] });
    const driver = sds011.create({ periodMinutes: 5 }, SURROUNDINGS);
    const { written, readings } = talk(driver, board, 330);
    expect(written.at(-1)).toEqual(encodeSds011Command(8, true, 5));
    expect(readings).toHaveLength(4);
  });

  test("repeats what is lost, each command five times at most", () => {
    const board = new Sds011Board({ id: ID, firmware: [15, 7, 10] });
    const driver = sds011.create({}, SURROUNDINGS);
    expect(talk(driver, board, 20, (write) => write % 3 === 0).written).toHaveLength(9);
    const deaf = sds011.create({}, SURROUNDINGS);
    const { written } = talk(deaf, board, 60, () => false);
    expect(written.map(encodeHex)).toEqual(
      [wake, askMode, askPeriod].flatMap((bytes) => Array<string>(5).fill(encodeHex(bytes))),
    );
  });

  test("begins again with a sensor that has fallen silent", () => {
    const driver = sds011.create({}, SURROUNDINGS);
    const board = new Sds011Board({ id: ID, firmware: [15, 7, 10] });
    talk(driver, board, 5);
    expect(driver.tick(64_000)).toEqual([]);
    expect(writesOf(driver.tick(66_000))).toEqual([wake]);
  });

  test("writes nothing where it may only listen", () => {
    const driver = listener();
    expect([...driver.opened(0), ...driver.tick(1000), ...driver.tick(100_000)]).toEqual([]);
  });
});

describe("options", () => {
  test.each([
    ["an unknown one", { speed: 1 }],
    ["a period beyond half an hour", { periodMinutes: 31 }],
    ["a broken period", { periodMinutes: 1.5 }],
  ])("%s is refused", (_, options) => {
    expect(() => sds011.create(options, SURROUNDINGS)).toThrow();
    expect(sds011.options.safeParse(options).success).toBe(false);
  });
});

describeWithShared("SDS011 data sheet", ["data/sds011-frames/datasheet_frames.json"], () => {
  test("commands are those of the data sheet, but for the address", () => {
    const sheet = sharedJson<{ hex: string; len: number }[]>(
      "data/sds011-frames/datasheet_frames.json",
    ).flatMap(({ hex, len }) => (len === 19 && /^aab40[268]/.test(hex) ? [hex.slice(0, 30)] : []));
    expect(sheet.length).toBeGreaterThanOrEqual(8);
    for (const hex of sheet) {
      const [code, isSet, value] = [4, 6, 8].map((at) => parseInt(hex.slice(at, at + 2), 16));
      const command = encodeSds011Command(code!, isSet === 1, value!);
      expect(encodeHex(command).slice(0, 30)).toBe(hex);
    }
    expect(encodeHex(encodeSds011Command(6, true, 1).subarray(15))).toBe("ffff06ab");
  });
});
