/** Frames of Plantower sensors: the general suite for each size, recorded frames, and frames broken on purpose. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes, decodeHex } from "../../../../ledger/bytes.ts";
import {
  type PlantowerFrame,
  plantowerFramer,
} from "../../../../edge/sensors/framers/plantower.ts";
import { describeWithShared, sharedJson, sharedText } from "../../../support/shared-data.ts";
import { describeFramer } from "./framer-suite.ts";

function bytesOf(hex: string): Uint8Array {
  const bytes = decodeHex(hex.toLowerCase());
  if (bytes === undefined) throw new Error(`not hexadecimal: ${hex}`);
  return bytes;
}

function framesOf(...pieces: Uint8Array[]): PlantowerFrame[] {
  const framer = plantowerFramer();
  return pieces.flatMap((piece) => framer.push(piece, 0)).map(({ frame }) => frame);
}

function frame(data: readonly number[]): Uint8Array {
  const body = [0x42, 0x4d, 0, data.length + 2, ...data];
  const sum = body.reduce((total, byte) => total + byte, 0);
  return Uint8Array.from([...body, sum >> 8, sum & 0xff]);
}

function frames(size: number, data: fc.Arbitrary<number>): fc.Arbitrary<Uint8Array> {
  const length = size - 6;
  return fc.array(data, { minLength: length, maxLength: length }).map(frame);
}

/** Data that look like heads and lengths more often than chance would have it. */
const tricky = fc.oneof(fc.nat(255), fc.constantFrom(0x42, 0x4d, 0, 28, 20, 36, 4));

describe.each([24, 32, 40])("%d bytes", (size) => {
  describeFramer("Plantower frames", {
    make: plantowerFramer,
    frames: frames(size, tricky),
    plainFrames: frames(size, fc.nat(255)).filter((bytes) => !bytes.subarray(1).includes(0x42)),
    bytesMax: 40,
  });
});

test("gives words, and answers to commands", () => {
  expect(framesOf(frame(Array.from({ length: 26 }, (_, at) => at)))).toEqual([
    {
      kind: "measurement",
      words: Array.from({ length: 13 }, (_, at) => at * 2 * 256 + at * 2 + 1),
    },
  ]);
  // The answer to "passive mode" and to "sleep", as the data sheet of the PMS7003 has them.
  expect(framesOf(bytesOf("424d0004e1000174" + "424d0004e4000177"))).toEqual([
    { kind: "answer", command: 0xe1, data: 0 },
    { kind: "answer", command: 0xe4, data: 0 },
  ]);
});

test.each([20, 30, 31])(
  "a frame that stops after %d bytes does not take the next with it",
  (cut) => {
    const [first, second] = [1, 2].map((value) => frame(Array<number>(26).fill(value)));
    const framer = plantowerFramer();
    const found = framer.push(concatBytes(first!.subarray(0, cut), second!), 0);
    expect(found).toMatchObject([{ frame: { words: Array<number>(13).fill(0x0202) } }]);
    expect(framer.counters()).toEqual({ framesGood: 1, framesBad: 1, bytesSkipped: cut });
  },
);

test("a length that no model has is no frame", () => {
  expect(framesOf(frame(Array<number>(20).fill(0)))).toEqual([]);
  expect(framesOf(frame(Array<number>(282).fill(0)))).toEqual([]);
});

describeWithShared("recorded Plantower frames", ["data/pypms-captures/captured_data"], () => {
  const captured = "data/pypms-captures/captured_data";

  test.each(["PMSx003", "PMS3003", "PMS5003T"])("%s, byte by byte", (sensor) => {
    const lines = sharedText(`${captured}/${sensor}.hexdump`).trim().split("\n");
    const stream = lines.map((line) => bytesOf(line.slice(10).split("  ")[0]!.replaceAll(" ", "")));
    const framer = plantowerFramer();
    const found = stream
      .flatMap((bytes) => Array.from(bytes, (byte) => Uint8Array.of(byte)))
      .flatMap((byte) => framer.push(byte, 0));
    expect(found).toHaveLength(10);
    expect(framer.counters()).toEqual({ framesGood: 10, framesBad: 0, bytesSkipped: 0 });
    const rows = sharedText(`${captured}/${sensor}.csv`).trim().split("\n").slice(1);
    const raw = rows.map((row) => row.split(",").slice(1, 4).map(Number));
    expect(
      found.map(({ frame: { kind, ...rest } }) =>
        "words" in rest ? rest.words.slice(0, 3) : kind,
      ),
    ).toEqual(raw);
  });

  test("all sensors of the recording on one line", () => {
    const rows = sharedText(`${captured}/data.csv`).trim().split("\n").slice(1);
    const [own, other] = [/^PMS/, /^(?!PMS)/].map((name) =>
      rows.map((row) => row.split(",")).filter(([, sensor]) => name.test(sensor!)),
    );
    const bytes = own!.map(([, , hex], at) =>
      concatBytes(bytesOf(hex!), bytesOf(other![at % other!.length]![2]!)),
    );
    expect(framesOf(concatBytes(...bytes))).toHaveLength(own!.length);
  });

  const cases = sharedJson<{ id: string; args: string[] }[]>(
    "data/pypms-captures/message_cases.json",
  ).filter(({ args }) => args[0] === "pmsx003" || args[0] === "pms3003");

  test.each(cases.map(({ id, args }) => [id, args[1]!]))("%s", (id, hex) => {
    // An empty frame is whole: what it means is for the driver.
    expect(framesOf(bytesOf(hex))).toHaveLength(id.includes("empty") ? 1 : 0);
  });
});
