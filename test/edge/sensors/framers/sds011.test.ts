/** Frames of the SDS011: the general suite, recorded frames, and those of its data sheet. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeHex } from "../../../../ledger/bytes.ts";
import { type Sds011Frame, sds011Framer } from "../../../../edge/sensors/framers/sds011.ts";
import { describeWithShared, sharedJson, sharedText } from "../../../support/shared-data.ts";
import { describeFramer } from "./framer-suite.ts";

function bytesOf(hex: string): Uint8Array {
  const bytes = decodeHex(hex.toLowerCase());
  if (bytes === undefined) throw new Error(`not hexadecimal: ${hex}`);
  return bytes;
}

function framesOf(bytes: Uint8Array): Sds011Frame[] {
  return sds011Framer()
    .push(bytes, 0)
    .map(({ frame }) => frame);
}

function frameArbitrary(data: fc.Arbitrary<number>): fc.Arbitrary<Uint8Array> {
  const six = fc.array(data, { minLength: 6, maxLength: 6 });
  return fc.tuple(fc.constantFrom(0xc0, 0xc5), six).map(([type, bytes]) => {
    const sum = bytes.reduce((total, byte) => total + byte, 0) & 0xff;
    return Uint8Array.of(0xaa, type, ...bytes, sum, 0xab);
  });
}

/** Any frame, with data that look like heads and tails more often than chance would have it. */
const anyFrame = frameArbitrary(fc.oneof(fc.nat(255), fc.constantFrom(0xaa, 0xab, 0xc0, 0xc5)));
/** A frame with its only head in front and its only tail at the end. */
const plainFrame = frameArbitrary(fc.nat(255)).filter((bytes) =>
  bytes.subarray(1, -1).every((byte) => byte !== 0xaa && byte !== 0xab),
);

describeFramer("SDS011 frames", {
  make: sds011Framer,
  frames: anyFrame,
  plainFrames: plainFrame,
  bytesMax: 10,
});

test("decodes the example of the data sheet", () => {
  expect(framesOf(bytesOf("aac0d4043a0aa1601dab"))).toEqual([
    { kind: "measurement", pm25: 123.6, pm10: 261.8, sensorId: 0xa160 },
  ]);
});

test("finds a frame behind what looks like the beginning of one", () => {
  const framer = sds011Framer();
  expect(framer.push(bytesOf("aac0" + "aac0d4043a0aa1601dab"), 0)).toHaveLength(1);
  expect(framer.counters()).toEqual({ framesGood: 1, framesBad: 1, bytesSkipped: 2 });
});

describeWithShared("recorded SDS011 frames", ["data/pypms-captures/message_cases.json"], () => {
  const captured = "data/pypms-captures/captured_data";

  test("give what the recording's decoder gave", () => {
    const rows = sharedText(`${captured}/SDS01x.csv`).trim().split("\n").slice(1);
    const expected = rows.map((row) => row.split(",").slice(1).map(Number));
    const hex = sharedText(`${captured}/data.csv`).matchAll(/,SDS01x,([0-9a-f]+)/g);
    const stream = bytesOf(Array.from(hex, ([, frame]) => frame).join(""));
    const given = framesOf(stream).map((frame) =>
      frame.kind === "measurement" ? [frame.pm25, frame.pm10] : [],
    );
    expect(given).toHaveLength(10);
    expect(given).toEqual(expected);
  });

  const cases = sharedJson<{ id: string; args: string[] }[]>(
    "data/pypms-captures/message_cases.json",
  ).filter(({ args }) => args[0] === "sds01x");

  test.each(cases.map(({ id, args }) => [id, args[1]!]))("%s", (id, hex) => {
    // An empty frame is whole: what it means is for the driver.
    expect(framesOf(bytesOf(hex))).toHaveLength(id.includes("empty") ? 1 : 0);
  });
});

describeWithShared("SDS011 data sheet", ["data/sds011-frames/datasheet_frames.json"], () => {
  const sheet = sharedJson<{ call: string; hex: string; len: number }[]>(
    "data/sds011-frames/datasheet_frames.json",
  );

  test.each(sheet.map(({ call, hex, len }) => [call, hex, len] as const))("%s", (_, hex, len) => {
    const bytes = bytesOf(hex);
    const frames = framesOf(bytes);
    // Commands are for the sensor; seen on the line, they are noise.
    expect(frames).toHaveLength(len === 10 ? 1 : 0);
    const [frame] = frames;
    if (frame?.kind === "answer") {
      expect(frame.command).toBe(bytes[2]);
      expect(frame.data).toEqual([...bytes.subarray(3, 6)]);
      expect([0xa160, 0xa001]).toContain(frame.sensorId);
    }
  });
});
