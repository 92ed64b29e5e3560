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

/** Listens only, to a sensor that has run for long. */
function listener(): Driver {
  return sds011.create({ commands: false, warmUpSeconds: 0 }, SURROUNDINGS);
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

  test("whatever it says in the half minute after the line has opened", () => {
    const driver = sds011.create({ commands: false }, SURROUNDINGS);
    driver.opened(1_000);
    const flags = (pm25: number, pm10: number, atMs: number): unknown =>
      measured(driver, pm25, pm10, atMs);
    const both = (pm25: number, pm10: number, fault: boolean): unknown => [
      ["pm25", pm25, fault],
      ["pm10", pm10, fault],
    ];
    expect(flags(0, 0, 2_000)).toEqual(both(0, 0, true));
    expect(flags(7.1, 9.5, 3_000)).toEqual(both(7.1, 9.5, true));
    expect(flags(7.1, 9.5, 30_999)).toEqual(both(7.1, 9.5, true));
    expect(flags(7.1, 9.5, 31_000)).toEqual(both(7.1, 9.5, false));
    // Very clean air it may be, once the fan has run.
    expect(flags(0, 0, 32_000)).toEqual(both(0, 0, false));
    // A sensor that only is listened to may have a period of its own, after which it has warmed up.
    expect(flags(5, 6, 332_000)).toEqual(both(5, 6, false));
    driver.opened(400_000);
    expect(flags(5, 6, 401_000)).toEqual(both(5, 6, true));
  });

  test.each([
    [0, 9_999, false],
    [0, 10_000, true],
    [5, 300_000, false],
  ])("with a period of %d min, after a pause of %d ms: %s", (periodMinutes, pauseMs, isFlagged) => {
    const driver = sds011.create({ periodMinutes }, SURROUNDINGS);
    driver.opened(0);
    for (let atMs = 0; atMs <= 60_000; atMs += 1_000) measured(driver, 5, 6, atMs);
    const backMs = 60_000 + pauseMs;
    expect(measured(driver, 5, 6, backMs)[0]).toEqual(["pm25", 5, isFlagged]);
    expect(measured(driver, 5, 6, backMs + 9_000)[0]).toEqual(["pm25", 5, isFlagged]);
    expect(measured(driver, 5, 6, backMs + 18_000)[0]).toEqual(["pm25", 5, isFlagged]);
    expect(measured(driver, 5, 6, backMs + 27_000)[0]).toEqual(["pm25", 5, isFlagged]);
    expect(measured(driver, 5, 6, backMs + 30_000)[0]).toEqual(["pm25", 5, false]);
  });

  test("what follows a waking that the driver itself has asked for", () => {
    const driver = sds011.create({}, SURROUNDINGS);
    driver.opened(0);
    for (let atMs = 0; atMs <= 40_000; atMs += 1_000) measured(driver, 5, 6, atMs);
    expect(measured(driver, 5, 6, 41_000)[0]).toEqual(["pm25", 5, false]);
    driver.push(encodeSds011Answer(6, [1, 1, 0], ID), 45_000);
    expect(measured(driver, 5, 6, 50_000)[0]).toEqual(["pm25", 5, true]);
    expect(measured(driver, 5, 6, 59_000)[0]).toEqual(["pm25", 5, true]);
    for (let atMs = 60_000; atMs < 75_000; atMs += 5_000) measured(driver, 5, 6, atMs);
    expect(measured(driver, 5, 6, 75_000)[0]).toEqual(["pm25", 5, false]);
    // Being told that it is awake is no waking, nor is another setting.
    driver.push(encodeSds011Answer(6, [0, 1, 0], ID), 76_000);
    driver.push(encodeSds011Answer(8, [1, 1, 0], ID), 76_000);
    expect(measured(driver, 5, 6, 77_000)[0]).toEqual(["pm25", 5, false]);
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
    ["a warm-up without end", { warmUpSeconds: 601 }],
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
