/** Answers on a Modbus line: the general suite, exceptions, echoes, and recorded conversations. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes, decodeHex } from "../../../../ledger/bytes.ts";
import {
  closeModbusFrame,
  type ModbusAnswer,
  modbusFramer,
  type ModbusQuestion,
} from "../../../../edge/sensors/framers/modbus.ts";
import { describeWithShared, sharedText } from "../../../support/shared-data.ts";
import { describeFramer } from "./framer-suite.ts";

function bytesOf(hex: string): Uint8Array {
  const bytes = decodeHex(hex);
  if (bytes === undefined) throw new Error(`not hexadecimal: ${hex}`);
  return bytes;
}

const UNIT = 0x11;
const QUESTION: ModbusQuestion = { unit: UNIT, functionCode: 3, dataBytes: 8 };

function framesOf(question: ModbusQuestion | undefined, bytes: Uint8Array): ModbusAnswer[] {
  return modbusFramer(() => question)
    .push(bytes, 0)
    .map(({ frame }) => frame);
}

const eight = (data: fc.Arbitrary<number>): fc.Arbitrary<Uint8Array> =>
  fc
    .array(data, { minLength: 8, maxLength: 8 })
    .map((bytes) => closeModbusFrame([UNIT, 3, 8, ...bytes]));

describeFramer("Modbus answers", {
  make: () => modbusFramer(() => QUESTION),
  frames: eight(fc.oneof(fc.nat(255), fc.constantFrom(UNIT, 3, 8))),
  plainFrames: eight(fc.nat(255)).filter((bytes) => !bytes.subarray(1).includes(UNIT)),
  bytesMax: 256,
});

test("gives data, and exceptions in their place", () => {
  const data = [1, 2, 3, 4, 5, 6, 7, 8];
  expect(framesOf(QUESTION, closeModbusFrame([UNIT, 3, 8, ...data]))).toEqual([
    { kind: "data", unit: UNIT, functionCode: 3, data },
  ]);
  expect(framesOf(QUESTION, closeModbusFrame([UNIT, 0x83, 2]))).toEqual([
    { kind: "exception", unit: UNIT, functionCode: 3, code: 2 },
  ]);
});

describe("is deaf to", () => {
  const answer = [UNIT, 3, 8, ...Array<number>(8).fill(0)];
  test.each([
    ["an answer of another unit", closeModbusFrame([UNIT + 1, ...answer.slice(1)])],
    ["an answer to another function", closeModbusFrame([UNIT, 4, ...answer.slice(2)])],
    ["an answer of another length", closeModbusFrame([UNIT, 3, 4, 0, 0, 0, 0])],
    ["an exception of another function", closeModbusFrame([UNIT, 0x84, 2])],
    ["its own question, as some adapters echo it", closeModbusFrame([UNIT, 3, 0, 0, 0, 4])],
    ["an echo that begins like the answer", closeModbusFrame([UNIT, 3, 8, 0, 0, 4])],
    ["a wrong check", closeModbusFrame(answer).with(-1, 0)],
    ["an exception with a wrong check", closeModbusFrame([UNIT, 0x83, 2]).with(-1, 0)],
  ])("%s, and hears the answer behind it", (_, bytes) => {
    expect(framesOf(QUESTION, bytes)).toEqual([]);
    expect(framesOf(QUESTION, concatBytes(bytes, closeModbusFrame(answer)))).toHaveLength(1);
  });

  test("everything, while nothing is asked", () => {
    expect(framesOf(undefined, closeModbusFrame(answer))).toEqual([]);
  });
});

test("the check is that of the standard, low byte first", () => {
  expect(closeModbusFrame([1, 3, 0, 0, 0, 2]).slice(-2)).toEqual(Uint8Array.of(0xc4, 0x0b));
});

const RECORDINGS = [
  "brainchild-io-16do",
  "flowmeter_graph_tool",
  "flowmeter_target_0liter_per_min",
].map((name) => `data/modbus-rtu-frames/${name}.jsonl`);

/** What must come back, by the request. */
function questionOf(request: Uint8Array): ModbusQuestion {
  const view = new DataView(request.buffer, request.byteOffset, request.length);
  const [unit, functionCode, count] = [view.getUint8(0), view.getUint8(1), view.getUint16(4)];
  const dataBytes = functionCode <= 2 ? Math.ceil(count / 8) : functionCode <= 4 ? count * 2 : 4;
  return { unit, functionCode, dataBytes };
}

describeWithShared("recorded conversations", RECORDINGS, () => {
  const frames = RECORDINGS.flatMap((file) =>
    sharedText(file)
      .trim()
      .split("\n")
      .map((line) => bytesOf((JSON.parse(line) as { hex: string }).hex)),
  );
  const pairs = frames.flatMap((request, at) =>
    at % 2 === 0 ? [[request, frames[at + 1]!] as const] : [],
  );

  test("every answer is found, split at every byte, and the request before it is not taken for it", () => {
    expect(frames).toHaveLength(160);
    for (const [request, answer] of pairs) {
      const question = questionOf(request);
      // Writes are answered by what they began with, so that their echo cannot be told from it.
      const stream = question.functionCode < 5 ? concatBytes(request, answer) : answer;
      for (let at = 0; at <= stream.length; at++) {
        const framer = modbusFramer(() => question);
        const found = [stream.subarray(0, at), stream.subarray(at)].flatMap((piece) =>
          framer.push(piece, 0),
        );
        const dataAt = question.functionCode < 5 ? 3 : 2;
        expect(found.map(({ frame }) => frame)).toEqual([
          {
            kind: "data",
            unit: question.unit,
            functionCode: question.functionCode,
            data: [...answer.subarray(dataAt, -2)],
          },
        ]);
      }
    }
  });

  test("requests and answers carry the check that is computed here", () => {
    for (const bytes of frames) expect(closeModbusFrame([...bytes.subarray(0, -2)])).toEqual(bytes);
  });
});
