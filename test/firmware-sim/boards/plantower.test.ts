/**
 * The simulated Plantower sensors against frames of real ones and the commands of the data sheets.
 */
import { describe, expect, test } from "vitest";
import { concatBytes, decodeHex, encodeHex } from "../../../ledger/bytes.ts";
import {
  encodePlantowerMeasurement,
  PLANTOWER_MODELS,
  PlantowerBoard,
  type PlantowerModel,
} from "../../../firmware-sim/boards/plantower.ts";
import { describeWithShared, sharedText } from "../../support/shared-data.ts";

function hex(text: string): Uint8Array {
  const bytes = decodeHex(text);
  if (bytes === undefined) throw new Error(`no hex: ${text}`);
  return bytes;
}

const [PASSIVE, ACTIVE, READ] = ["424de100000170", "424de100010171", "424de200000171"].map(hex);
const [SLEEP, WAKE] = ["424de400000173", "424de400010174"].map(hex);
const AIR = { pm25: 12, pm10: 20 };

function ask(board: PlantowerBoard, bytes: Uint8Array | undefined): string[] {
  return board.receive(bytes!).map(encodeHex);
}

describeWithShared("recorded frames", ["data/pypms-captures/captured_data"], () => {
  const captured = "data/pypms-captures/captured_data";

  test.each([
    ["PMSx003", "pms5003"],
    ["PMS3003", "pms3003"],
    ["PMS5003T", "pms5003t"],
  ] as const)(
    "of a %s come out byte for byte from the values that were decoded of them",
    (sensor, model) => {
      const [header = "", ...rows] = sharedText(`${captured}/${sensor}.csv`).trim().split("\n");
      const names = header.split(",").map((name) => name.trim());
      const frames = rows.map((row) => {
        const values = new Map(row.split(",").map((text, at) => [names[at]!, Number(text)]));
        const of = (name: string): number => values.get(name) ?? 0;
        return encodeHex(
          encodePlantowerMeasurement(model, {
            standard: [of("raw01"), of("raw25"), of("raw10")],
            atmospheric: [of("pm01"), of("pm25"), of("pm10")],
            counts: ["n0_3", "n0_5", "n1_0", "n2_5", "n5_0", "n10_0"].map((name) => of(name) * 100),
            temp: of("temp"),
            rh: of("rhum"),
          }),
        );
      });
      const name = new RegExp(`,${sensor},([0-9a-f]+)`, "g");
      const recorded = Array.from(
        sharedText(`${captured}/data.csv`).matchAll(name),
        ([, each]) => each,
      );
      expect(recorded).toHaveLength(10);
      expect(frames).toEqual(recorded);
    },
  );
});

describe("a board", () => {
  test.each(Object.entries({ pms3003: 24, pms5003: 32, pms7003: 32, pms5003t: 32, pms5003st: 40 }))(
    "of model %s sends %d bytes",
    (model, length) => {
      const [frame] = new PlantowerBoard(model as PlantowerModel).measure(AIR);
      expect(frame).toHaveLength(length);
      expect(Object.keys(PLANTOWER_MODELS)).toContain(model);
    },
  );

  test("fresh from the factory reports each measurement, and nothing without dust", () => {
    const board = new PlantowerBoard("pms5003");
    expect(board.measure(AIR)).toHaveLength(1);
    expect(board.measure({ temp: 20 })).toEqual([]);
  });

  test("is quiet in passive mode until it is asked", () => {
    const board = new PlantowerBoard("pms7003");
    expect(ask(board, PASSIVE)).toEqual(["424d0004e1000174"]);
    expect(board.measure(AIR)).toEqual([]);
    expect(ask(board, READ)[0]).toMatch(/^424d001c/);
    expect(ask(board, ACTIVE)).toEqual(["424d0004e1010175"]);
    expect(board.measure(AIR)).toHaveLength(1);
  });

  test("asleep obeys nothing but the call to wake, and has measured nothing then", () => {
    const board = new PlantowerBoard("pms5003");
    board.measure(AIR);
    expect(ask(board, SLEEP)).toEqual(["424d0004e4000177"]);
    expect([...board.measure(AIR), ...ask(board, READ), ...ask(board, PASSIVE)]).toEqual([]);
    expect(ask(board, WAKE)).toEqual([]);
    expect(ask(board, READ)).toEqual(["424d001c" + "00".repeat(26) + "00ab"]);
    expect(board.measure(AIR)).toHaveLength(1);
  });

  test("of the first model knows no commands", () => {
    const board = new PlantowerBoard("pms3003");
    expect([PASSIVE, READ, SLEEP].flatMap((bytes) => ask(board, bytes))).toEqual([]);
    expect(board.measure(AIR)).toHaveLength(1);
  });

  test("finds commands cut at any byte, among noise and after broken ones", () => {
    const stream = concatBytes(
      hex("42424d"),
      PASSIVE!,
      READ!.with(6, 0),
      hex("42"),
      READ!,
      hex("424de2"),
      READ!,
    );
    for (let cut = 0; cut <= stream.length; cut++) {
      const board = new PlantowerBoard("pms5003");
      const answers = [
        ...board.receive(stream.subarray(0, cut)),
        ...board.receive(stream.subarray(cut)),
      ];
      expect(answers).toHaveLength(3);
    }
  });
});
