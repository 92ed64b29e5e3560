/**
 * What boards keep when they lose their power, and what they say when it is back.
 */
import { describe, expect, test } from "vitest";
import { concatBytes, decodeHex, decodeUtf8, encodeHex } from "../../../ledger/bytes.ts";
import type { Board } from "../../../firmware-sim/boards/board.ts";
import { encodeModbusFrame, ModbusBus } from "../../../firmware-sim/boards/modbus-bus.ts";
import { Mhz19Board } from "../../../firmware-sim/boards/mhz19.ts";
import { Sds011Board } from "../../../firmware-sim/boards/sds011.ts";
import { type BoardDetails, makeBoard } from "../../../firmware-sim/boards/workshop.ts";
import { seededRandom } from "../../../platform/random.ts";

const AIR = { pm25: 12, pm10: 20 };
const SLEEP = "aab406010000000000000000000000ffff05ab";
const ON_QUERY = "aab402010100000000000000000000ffff02ab";
const QUERY = "aab404000000000000000000000000ffff02ab";
const PERIOD_QUERY = "aab408000000000000000000000000ffff06ab";
const PERIOD_2 = "aab408010200000000000000000000ffff09ab";

function ask(board: Board, hex: string): string {
  return encodeHex(concatBytes(...board.receive(decodeHex(hex) ?? new Uint8Array(0), 0)));
}

function text(chunks: Uint8Array[]): string {
  return chunks.map((chunk) => decodeUtf8(chunk) ?? "").join("");
}

function make(name: Parameters<typeof makeBoard>[0], details: BoardDetails = {}): Board {
  return makeBoard(name, details, seededRandom(1));
}

describe("an SDS011", () => {
  test("keeps its settings, and is awake", () => {
    const board = new Sds011Board({ id: 0xa160, firmware: [15, 7, 10] });
    for (const command of [ON_QUERY, PERIOD_2, SLEEP]) ask(board, command);
    expect(board.restart(0)).toEqual([]);
    expect(board.measure(AIR, 0)).toEqual([]);
    expect(ask(board, QUERY)).toContain("aac078");
    expect(ask(board, PERIOD_QUERY)).toContain("aac5080002");
  });

  test("has no air in its chamber yet, and forgets half a command", () => {
    const board = new Sds011Board({ id: 0xa160, firmware: [15, 7, 10] });
    board.measure(AIR, 0);
    ask(board, QUERY.slice(0, 20));
    board.restart(0);
    expect(ask(board, QUERY.slice(20))).toBe("");
    expect(ask(board, QUERY)).toBe("aac000000000a16001ab");
  });
});

test("a Plantower forgets that it was to be quiet or to sleep", () => {
  const board = make("plantower");
  for (const command of ["424de100000170", "424de400000173"]) ask(board, command);
  expect(board.measure(AIR, 0)).toEqual([]);
  board.restart(0);
  expect(ask(board, "424de200000171")).toMatch(/^424d001c(00)+ab$/);
  expect(board.measure(AIR, 0)).toHaveLength(1);
});

test("an MH-Z19B calibrates itself again, and has measured nothing", () => {
  const board = new Mhz19Board();
  board.measure({ co2: 600 });
  ask(board, "ff01790000000000" + "86");
  expect(board.isSelfCalibrating).toBe(false);
  board.restart();
  expect(board.isSelfCalibrating).toBe(true);
  expect(ask(board, "ff018600000000" + "0079")).toMatch(/^ff860000/);
});

describe("a receiver", () => {
  test.each([
    ["ublox", "$GNTXT,01,01,02,u-blox AG - www.u-blox.com*"],
    ["quectel", "$PMTK011,MTKGPS*08\r\n$PMTK010,001*2E\r\n"],
  ] as const)("introduces itself: %s", (dialect, greeting) => {
    expect(text(make("nmea-gps", { dialect }).restart(0))).toContain(greeting);
  });

  test("knows the time, and looks for its satellites", () => {
    const board = make("nmea-gps");
    const place = { lat: 51.5, lon: -3 };
    board.restart(100_000);
    expect(text(board.measure(place, 125_000))).toMatch(/RMC,000205\.00,V,.*GGA,[^,]*,,,,,0,/s);
    expect(text(board.measure(place, 126_000))).toContain("RMC,000206.00,A,5130.00000,N");
  });

  test("is not left without a fix by a clock that jumps meanwhile", () => {
    const board = make("nmea-gps");
    board.restart(1e12);
    expect(text(board.measure({ lat: 51.5, lon: -3 }, 1e11))).toContain(",A,");
  });
});

test("a meter forgets nothing", () => {
  const board = make("p1-meter");
  const values = { power: 400, energy: 1234.5, gas: 99.25 };
  const [before] = board.measure(values, 0);
  expect(board.restart(0)).toEqual([]);
  expect(board.measure(values, 0)).toEqual([before]);
});

test("Modbus units keep what was written, and have to measure anew", () => {
  const board = new ModbusBus([{ id: 1, registers: [{ register: 0, quantity: "level" }] }]);
  board.memories.get(1)?.holding.set(40, 0);
  board.measure({ level: 4 });
  board.receive(encodeModbusFrame([1, 6, 0, 40, 0, 7]), 0);
  const question = encodeModbusFrame([1, 3, 0, 0, 0, 1]);
  board.receive(question.subarray(0, 7), 0);
  board.restart();
  expect(board.receive(question.subarray(7), 0)).toEqual([]);
  const read = (register: number): string =>
    encodeHex(concatBytes(...board.receive(encodeModbusFrame([1, 3, 0, register, 0, 1]), 0)));
  expect(read(0)).toMatch(/^0103020000/);
  expect(read(40)).toMatch(/^0103020007/);
});

test("a home-made board says what its boot loader says, and ends that with an empty line", () => {
  const said = text(make("line-board").restart(0));
  expect(said).toMatch(/^ets /);
  expect(said.endsWith("\r\n\r\n")).toBe(true);
  expect(said).not.toMatch(/=\d/);
});
