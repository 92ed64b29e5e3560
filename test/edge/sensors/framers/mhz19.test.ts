/** Answers of the MH-Z19B: the general suite, the manual's example, and recorded frames. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeHex } from "../../../../ledger/bytes.ts";
import { type Mhz19Frame, mhz19Framer } from "../../../../edge/sensors/framers/mhz19.ts";
import { describeWithShared, sharedJson, sharedText } from "../../../support/shared-data.ts";
import { describeFramer } from "./framer-suite.ts";

function bytesOf(hex: string): Uint8Array {
  const bytes = decodeHex(hex.toLowerCase());
  if (bytes === undefined) throw new Error(`not hexadecimal: ${hex}`);
  return bytes;
}

function framesOf(bytes: Uint8Array): Mhz19Frame[] {
  return mhz19Framer()
    .push(bytes, 0)
    .map(({ frame }) => frame);
}

function isCommand(byte: number | undefined): boolean {
  return byte === 0x79 || byte === 0x86 || byte === 0x99;
}

function frames(data: fc.Arbitrary<number>): fc.Arbitrary<Uint8Array> {
  const six = fc.array(data, { minLength: 6, maxLength: 6 });
  return fc.tuple(fc.constantFrom(0x86, 0x79, 0x99), six).map(([command, bytes]) => {
    const sum = bytes.reduce((total, byte) => total + byte, command);
    return Uint8Array.of(0xff, command, ...bytes, (0x100 - (sum & 0xff)) & 0xff);
  });
}

describeFramer("MH-Z19B answers", {
  make: mhz19Framer,
  frames: frames(fc.oneof(fc.nat(255), fc.constantFrom(0xff, 0x01))).filter(
    (bytes) =>
      bytes.findIndex((byte, at) => at > 0 && byte === 0xff && isCommand(bytes[at + 1])) < 0,
  ),
  plainFrames: frames(fc.nat(254)).filter((bytes) => !bytes.subarray(1).includes(0xff)),
  bytesMax: 9,
});

test("decodes the example of the manual", () => {
  expect(framesOf(bytesOf("ff8602200000000058"))).toEqual([
    { command: 0x86, data: [0x02, 0x20, 0, 0, 0, 0] },
  ]);
});

test("a frame that was cut is not completed by the beginning of the next", () => {
  // The first two of the second frame make a checksum that fits.
  const [cut, good] = [bytesOf("ff79deec004500"), bytesOf("ff7967abaf4e000078")];
  const framer = mhz19Framer();
  expect(framer.push(Uint8Array.from([...cut, ...good]), 0)).toHaveLength(1);
});

test("the question, coming back, is no answer", () => {
  expect(framesOf(bytesOf("ff0186000000000079"))).toEqual([]);
});

describeWithShared("recorded MH-Z19B frames", ["data/pypms-captures/captured_data"], () => {
  const captured = "data/pypms-captures/captured_data";

  test("give what the recording's decoder gave", () => {
    const lines = sharedText(`${captured}/MHZ19B.hexdump`).trim().split("\n");
    const hex = lines.map((line) => line.slice(10).split("  ")[0]!.replaceAll(" ", "")).join("");
    const rows = sharedText(`${captured}/MHZ19B.csv`).trim().split("\n").slice(1);
    const given = framesOf(bytesOf(hex)).map(({ data: [high = 0, low = 0] }) => high * 256 + low);
    expect(given).toHaveLength(10);
    expect(given).toEqual(rows.map((row) => Number(row.split(",")[1])));
  });

  const cases = sharedJson<{ id: string; args: string[] }[]>(
    "data/pypms-captures/message_cases.json",
  ).filter(({ args }) => args[0] === "mhz19b");

  test.each(cases.map(({ id, args }) => [id, ...args.slice(1)]))("%s: %s", (_, hex, fault) => {
    expect(framesOf(bytesOf(hex))).toHaveLength(fault.includes("empty") ? 1 : 0);
  });
});
