/** The Plantower driver: what words mean, warming up, and its conversations with simulated boards. */
import { describe, expect, test } from "vitest";
import { decodeHex, encodeHex } from "../../../../ledger/bytes.ts";
import type { Driver, SensorEvent } from "../../../../edge/sensors/driver.ts";
import { plantower } from "../../../../edge/sensors/drivers/plantower.ts";
import { encodePlantowerCommand } from "../../../../edge/sensors/drivers/plantower-commands.ts";
import {
  encodePlantowerMeasurement,
  PlantowerBoard,
  type PlantowerModel,
} from "../../../../firmware-sim/boards/plantower.ts";
import { describeWithShared, sharedText } from "../../../support/shared-data.ts";

const SURROUNDINGS = { notBeforeMs: 0 };
const [PASSIVE, ACTIVE] = [encodePlantowerCommand(0xe1, 0), encodePlantowerCommand(0xe1, 1)];
const READ = encodePlantowerCommand(0xe2, 0);
const [SLEEP, WAKE] = [encodePlantowerCommand(0xe4, 0), encodePlantowerCommand(0xe4, 1)];

function driver(options: Record<string, unknown> = {}): Driver {
  return plantower.create(options, SURROUNDINGS);
}

function readingsOf(events: readonly SensorEvent[]): [string, unknown, boolean][] {
  return events.flatMap((event) =>
    event.kind === "readings"
      ? event.readings.map(({ quantity, value, fault }): [string, unknown, boolean] => [
          quantity,
          value,
          fault ?? false,
        ])
      : [],
  );
}

function writesOf(events: readonly SensorEvent[]): string[] {
  return events.flatMap((event) => (event.kind === "write" ? [encodeHex(event.bytes)] : []));
}

function frame(model: PlantowerModel, pm25 = 12): Uint8Array {
  return encodePlantowerMeasurement(model, {
    standard: [1, 2, 3],
    atmospheric: [8, pm25, 20],
    counts: [900, 300, 90, 9, 3, 1],
    hcho: 15,
    temp: -3.2,
    rh: 81.5,
  });
}

test("commands are those of the data sheet", () => {
  expect([PASSIVE, ACTIVE, READ, SLEEP, WAKE].map(encodeHex)).toEqual([
    "424de100000170",
    "424de100010171",
    "424de200000171",
    "424de400000173",
    "424de400010174",
  ]);
});

describe("reads", () => {
  const dust = [
    ["pm1", 8, false],
    ["pm25", 12, false],
    ["pm10", 20, false],
  ];
  const climate = [
    ["temp", -3.2, false],
    ["rh", 81.5, false],
  ];
  test.each([
    ["pms3003", "auto", dust],
    ["pms5003", "auto", dust],
    ["pms7003", "pms7003", dust],
    ["pms5003t", "pms5003t", [...dust, ...climate]],
    ["pms5003s", "pms5003s", [...dust, ["hcho", 15, false]]],
    ["pms5003st", "auto", [...dust, ["hcho", 15, false], ...climate]],
  ] as const)("a %s, called %s", (model, name, expected) => {
    expect(readingsOf(driver({ model: name }).push(frame(model), 0))).toEqual(expected);
  });
});

describe("flags and keeps", () => {
  test("dust in the half minute after waking, and not what needs no fan", () => {
    const sensor = driver({ model: "pms5003t" });
    sensor.opened(0);
    const faults = (atMs: number): boolean[] =>
      readingsOf(sensor.push(frame("pms5003t"), atMs)).map(([, , fault]) => fault);
    expect(faults(29_999)).toEqual([true, true, true, false, false]);
    expect(faults(30_000)).toEqual([false, false, false, false, false]);
  });

  test("a frame of nothing but zeros, and the half minute after it", () => {
    const sensor = driver({ commands: false });
    const empty = decodeHex("424d001c" + "00".repeat(26) + "00ab")!;
    const pm25 = (bytes: Uint8Array, atMs: number): unknown =>
      readingsOf(sensor.push(bytes, atMs))[1];
    expect(pm25(frame("pms5003"), 0)).toEqual(["pm25", 12, false]);
    expect(pm25(empty, 1000)).toEqual(["pm25", 0, true]);
    expect(pm25(frame("pms5003"), 30_999)).toEqual(["pm25", 12, true]);
    expect(pm25(frame("pms5003"), 31_000)).toEqual(["pm25", 12, false]);
  });

  test("everything under an error code, and what is beyond the range", () => {
    const words = frame("pms5003").slice(0, -2);
    words[29] = 0x02;
    const sum = words.reduce((total, byte) => total + byte, 0);
    const hurt = Uint8Array.from([...words, sum >> 8, sum & 0xff]);
    expect(readingsOf(driver().push(hurt, 0)).every(([, , fault]) => fault)).toBe(true);
    expect(readingsOf(driver().push(frame("pms5003", 1200), 0))[1]).toEqual(["pm25", 1200, true]);
  });
});

/** Lets driver and board talk, a turn a second; gives what was said when, and the readings by second. */
function talk(
  sensor: Driver,
  board: PlantowerBoard,
  seconds: number,
  hears: (second: number) => boolean = () => true,
): { said: string[]; readings: Map<number, [string, unknown, boolean][]> } {
  const said: string[] = [];
  const readings = new Map<number, [string, unknown, boolean][]>();
  const take = (events: readonly SensorEvent[], second: number): void => {
    const found = readingsOf(events);
    if (found.length > 0) readings.set(second, [...(readings.get(second) ?? []), ...found]);
    for (const event of events) {
      if (event.kind !== "write") continue;
      said.push(`${second} ${encodeHex(event.bytes).slice(4, 10)}`);
      if (!hears(second)) continue;
      for (const answer of board.receive(event.bytes))
        take(sensor.push(answer, second * 1000), second);
    }
  };
  take(sensor.opened(0), 0);
  for (let second = 1; second <= seconds; second++) {
    for (const bytes of board.measure({ pm25: second, pm10: second }))
      take(sensor.push(bytes, second * 1000), second);
    take(sensor.tick(second * 1000), second);
  }
  return { said, readings };
}

describe("a sensor that reports by itself", () => {
  test("is woken and set once", () => {
    const { said, readings } = talk(driver(), new PlantowerBoard("pms5003"), 100);
    expect(said).toEqual(["0 e40001", "0 e10001"]);
    expect(readings.size).toBe(100);
  });

  test("is called again, and found when it hears", () => {
    const board = new PlantowerBoard("pms7003");
    board.receive(SLEEP);
    const { said, readings } = talk(driver(), board, 100, (second) => second > 12);
    expect(said.map((line) => line.split(" ")[0])).toEqual([
      "0",
      "0",
      "5",
      "5",
      "10",
      "10",
      "15",
      "15",
    ]);
    expect(Math.min(...readings.keys())).toBe(16);
  });

  test("is called five times, and then each minute", () => {
    const { said } = talk(driver(), new PlantowerBoard("pms3003"), 0);
    expect(said).toHaveLength(2);
    const deaf = driver();
    const calls = [...Array(200).keys()].filter(
      (second) => writesOf(second === 0 ? deaf.opened(0) : deaf.tick(second * 1000)).length > 0,
    );
    expect(calls).toEqual([0, 5, 10, 15, 20, 80, 85, 90, 95, 100, 160, 165, 170, 175, 180]);
  });

  test("is not spoken to where it may only be listened to", () => {
    const sensor = driver({ commands: false });
    expect([...sensor.opened(0), ...sensor.tick(100_000)]).toEqual([]);
  });
});

describe("a sensor that is asked", () => {
  test("answers once a period, and is quiet in between", () => {
    const { said, readings } = talk(
      driver({ everySeconds: 10 }),
      new PlantowerBoard("pms5003"),
      45,
    );
    expect([...readings.keys()]).toEqual([1, 10, 20, 30, 40]);
    expect(said.slice(0, 4)).toEqual(["0 e40001", "0 e10000", "1 e20000", "10 e20000"]);
  });

  test("sleeps in between, and is warm when it is asked", () => {
    const { said, readings } = talk(
      driver({ everySeconds: 120, sleeps: true }),
      new PlantowerBoard("pms5003"),
      300,
    );
    expect(said).toEqual([
      "0 e40001",
      "0 e10000",
      "30 e20000",
      "30 e40000",
      "120 e40001",
      "120 e10000",
      "150 e20000",
      "150 e40000",
      "240 e40001",
      "240 e10000",
      "270 e20000",
      "270 e40000",
    ]);
    expect([...readings.keys()]).toEqual([30, 150, 270]);
    expect([...readings.values()].flat().some(([, , fault]) => fault)).toBe(false);
  });

  test("is asked three times a round, then woken before the next", () => {
    const silent = driver({ everySeconds: 20 });
    const lines = [...Array(24).keys()].flatMap((second) =>
      writesOf(second === 0 ? silent.opened(0) : silent.tick(second * 1000)).map(
        (hex) => `${second} ${hex.slice(4, 10)}`,
      ),
    );
    expect(lines).toEqual([
      "0 e40001",
      "0 e10000",
      "1 e20000",
      "2 e20000",
      "3 e20000",
      "20 e40001",
      "20 e10000",
      "21 e20000",
      "22 e20000",
      "23 e20000",
    ]);
  });

  test("of a model that takes no commands is heard once a period all the same", () => {
    const { readings } = talk(driver({ everySeconds: 15 }), new PlantowerBoard("pms3003"), 60);
    expect([...readings.keys()]).toEqual([2, 16, 31, 46]);
  });
});

describe("options", () => {
  test.each([
    ["an unknown model", { model: "pms1" }],
    ["sleep without a period", { sleeps: true }],
    ["sleep with a short period", { sleeps: true, everySeconds: 30 }],
    ["questions of a driver that only listens", { commands: false, everySeconds: 10 }],
  ])("%s: refused", (_, options) => {
    expect(plantower.options.safeParse(options).success).toBe(false);
  });
});

describeWithShared("recorded Plantower frames", ["data/pypms-captures/captured_data"], () => {
  const captured = "data/pypms-captures/captured_data";

  test.each([
    ["PMSx003", "auto", ["pm01", "pm25", "pm10"]],
    ["PMS3003", "auto", ["pm01", "pm25", "pm10"]],
    ["PMS5003T", "pms5003t", ["pm01", "pm25", "pm10", "temp", "rhum"]],
  ])("%s gives what the recording's decoder gave", (sensor, model, columns) => {
    const [header = "", ...rows] = sharedText(`${captured}/${sensor}.csv`).trim().split("\n");
    const places = columns.map((name) =>
      header.split(",").findIndex((each) => each.trim() === name),
    );
    const expected = rows.map((row) => places.map((at) => Number(row.split(",")[at])));
    const name = new RegExp(`,${sensor},([0-9a-f]+)`, "g");
    const hex = Array.from(sharedText(`${captured}/data.csv`).matchAll(name), ([, each]) => each!);
    const listener = driver({ model, commands: false });
    const given = hex.map((each, at) =>
      readingsOf(listener.push(decodeHex(each)!, at * 10_000)).map(([, value, fault]) => {
        expect(fault).toBe(false);
        return value;
      }),
    );
    expect(given).toHaveLength(10);
    expect(given).toEqual(expected);
  });
});
