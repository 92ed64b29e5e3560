/**
 * The simulated SDS011 against frames of real ones and of the maker's datasheet.
 */
import { describe, expect, test } from "vitest";
import { concatBytes, decodeHex, encodeHex } from "../../../ledger/bytes.ts";
import {
  encodeSds011Answer,
  encodeSds011Measurement,
  Sds011Board,
} from "../../../firmware-sim/boards/sds011.ts";
import { describeWithShared, sharedJson, sharedText } from "../../support/shared-data.ts";

const ID = 0xa160;
const AIR = { pm25: 123.6, pm10: 261.8 };
const AIR_FRAME = "aac0d4043a0aa1601dab";

function hex(text: string): Uint8Array {
  const bytes = decodeHex(text);
  if (bytes === undefined) throw new Error(`no hex: ${text}`);
  return bytes;
}

/** A command frame for a board, with its checksum. */
function command(
  data: readonly number[],
  id = 0xffff,
  last: readonly [number, number] = [0, 0],
): Uint8Array {
  const body = [...data, ...Array<number>(11 - data.length).fill(0), ...last, id >> 8, id & 0xff];
  return Uint8Array.from([
    0xaa,
    0xb4,
    ...body,
    body.reduce((sum, byte) => sum + byte, 0) & 0xff,
    0xab,
  ]);
}

function board(): Sds011Board {
  return new Sds011Board({ id: ID, firmware: [15, 7, 10] });
}

function ask(sensor: Sds011Board, frame: Uint8Array | string, timeMs = 0): string[] {
  return sensor.receive(typeof frame === "string" ? hex(frame) : frame, timeMs).map(encodeHex);
}

describe("measurement frames", () => {
  test("are those of the datasheet", () => {
    expect(encodeHex(encodeSds011Measurement(123.6, 261.8, ID))).toBe(AIR_FRAME);
  });

  test("stop at the range of the sensor", () => {
    expect(encodeSds011Measurement(5000, 5000, ID)).toEqual(
      encodeSds011Measurement(999.9, 1999.9, ID),
    );
    expect(encodeSds011Measurement(-1, -1, ID)).toEqual(encodeSds011Measurement(0, 0, ID));
  });
});

describeWithShared("recorded frames", ["data/pypms-captures/captured_data"], () => {
  test("come out byte for byte from the values that were decoded of them", () => {
    const csv = sharedText("data/pypms-captures/captured_data/SDS01x.csv")
      .trim()
      .split("\n")
      .slice(1);
    const dump = sharedText("data/pypms-captures/captured_data/SDS01x.hexdump").trim().split("\n");
    expect(csv).toHaveLength(10);
    const frames = csv.map((line) => {
      const [, pm25, pm10] = line.split(",").map(Number);
      return encodeHex(encodeSds011Measurement(pm25 ?? 0, pm10 ?? 0, 0x58d9));
    });
    expect(frames).toEqual(dump.map((line) => line.slice(10, 39).replaceAll(" ", "")));
  });
});

interface DatasheetFrame {
  call: string;
  hex: string;
  len: number;
  datasheet_commented_out: boolean;
}

describeWithShared("the datasheet's commands", ["data/sds011-frames/datasheet_frames.json"], () => {
  const frames = sharedJson<DatasheetFrame[]>("data/sds011-frames/datasheet_frames.json");

  test("answers are encoded to the same bytes", () => {
    const answers = frames.filter((frame) => frame.hex.startsWith("aac5"));
    expect(answers.length).toBeGreaterThan(8);
    for (const { hex: text } of answers) {
      const [, , code = 0, a = 0, b = 0, c = 0, high = 0, low = 0] = hex(text);
      expect(encodeHex(encodeSds011Answer(code, [a, b, c], (high << 8) | low))).toBe(text);
    }
  });

  test("are answered as the datasheet answers them", () => {
    const byCall = new Map(frames.map((frame) => [frame.call, frame.hex]));
    const exchanges: [string, string][] = [
      ["SetQueryMode(0xA160, true, true)", "SetQueryModeReply(0xA160, true, true)"],
      ["QueryData(0xA160)", "DataReply(0xA160, 1236, 2618)"],
      ["QueryData(0xFFFF)", "DataReply(0xA160, 1236, 2618)"],
      ["SetPeriod(0xA160, true, 1)", "SetPeriodReply(0xA160, true, 1)"],
      ["SetPeriod(0xA160, true, 0)", "SetPeriodReply(0xA160, true, 0)"],
      ["QueryVersion(0xA160)", "QueryVersionReply(0xA160, 15, 7, 10)"],
      ["SetWorkMode(0xA160, true, false)", "SetWorkModeReply(0xA160, true, false)"],
      ["SetWorkMode(0xA160, true, true)", "SetWorkModeReply(0xA160, true, true)"],
      ["SetId(0xA160, 0xA001)", "SetIdReply(0xA160)"],
    ];
    const sensor = board();
    sensor.measure(AIR, 0);
    for (const [call, reply] of exchanges) {
      const sent = byCall.get(call);
      expect(sent, call).toBeDefined();
      expect(ask(sensor, sent ?? ""), call).toEqual([byCall.get(reply)]);
    }
  });
});

describe("a board", () => {
  test("fresh from the factory reports each measurement", () => {
    const sensor = board();
    expect(sensor.measure(AIR, 0).map(encodeHex)).toEqual([AIR_FRAME]);
    expect(sensor.measure({ pm25: 1 }, 1000)).toEqual([]);
  });

  test("in query mode waits to be asked", () => {
    const sensor = board();
    expect(ask(sensor, command([2, 1, 1]))).toEqual(["aac502010100a16005ab"]);
    expect(sensor.measure(AIR, 0)).toEqual([]);
    expect(ask(sensor, command([4]))).toEqual([AIR_FRAME]);
    expect(ask(sensor, command([2, 0, 0]))).toEqual(["aac502000100a16004ab"]);
    ask(sensor, command([2, 1, 0]));
    expect(sensor.measure(AIR, 1000).map(encodeHex)).toEqual([AIR_FRAME]);
  });

  test("asleep obeys nothing but the call to work, and starts from zero", () => {
    const sensor = board();
    sensor.measure(AIR, 0);
    ask(sensor, command([6, 1, 0]));
    expect(sensor.measure(AIR, 1000)).toEqual([]);
    expect(ask(sensor, command([4]))).toEqual([]);
    expect(ask(sensor, command([6, 0, 0]))).toEqual([]);
    expect(ask(sensor, command([6, 1, 1]))).toEqual(["aac506010100a16009ab"]);
    expect(ask(sensor, command([4]))).toEqual([encodeHex(encodeSds011Measurement(0, 0, ID))]);
    expect(sensor.measure(AIR, 2000).map(encodeHex)).toEqual([AIR_FRAME]);
  });

  test("with a period reports once a period, half a minute after its beginning", () => {
    const sensor = board();
    ask(sensor, command([8, 1, 2]), 5000);
    const reports: number[] = [];
    for (let second = 5; second < 305; second++) {
      if (sensor.measure(AIR, second * 1000).length > 0) reports.push(second);
    }
    expect(reports).toEqual([35, 155, 275]);
  });

  test("keeps its period when a longer one than thirty minutes is asked for", () => {
    const sensor = board();
    ask(sensor, command([8, 1, 3]));
    expect(ask(sensor, command([8, 1, 31]))).toEqual(ask(sensor, command([8, 1, 3])));
  });

  test("answers to a new id only, once it has one", () => {
    const sensor = board();
    ask(sensor, command([5], ID, [0xa0, 0x01]));
    expect(ask(sensor, command([7], ID))).toEqual([]);
    expect(ask(sensor, command([7], 0xa001))).toHaveLength(1);
  });

  test("finds commands cut at any byte, among noise and after broken ones", () => {
    const good = command([7]);
    const broken = good.with(17, 0);
    const stream = concatBytes(hex("00aaaab4ff"), good, broken, hex("aa"), good, hex("aab4"), good);
    for (let cut = 0; cut <= stream.length; cut++) {
      const sensor = board();
      const answers = [
        ...sensor.receive(stream.subarray(0, cut), 0),
        ...sensor.receive(stream.subarray(cut), 0),
      ];
      expect(answers).toHaveLength(3);
    }
  });

  test("says nothing to commands that it does not know", () => {
    expect(ask(board(), command([9]))).toEqual([]);
    expect(ask(board(), command([7], 0x1234))).toEqual([]);
  });
});
