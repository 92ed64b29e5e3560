import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import { concatBytes } from "../../../ledger/bytes.ts";
import { pacedCapture, pacedDump, parseHexDump } from "../../../firmware-sim/replay/capture.ts";
import { describeWithShared, sharedBytes, sharedText } from "../../support/shared-data.ts";

describe("a plain capture", () => {
  test("goes out at the pace of its line, unchanged", () => {
    const bytes = Uint8Array.from({ length: 250 }, (_, at) => at);
    const chunks = [...pacedCapture(bytes, 9600)];
    expect(chunks.map((chunk) => chunk.bytes.length)).toEqual([96, 96, 58]);
    expect(chunks[0]?.lastsMs).toBe(100);
    expect(concatBytes(...chunks.map((chunk) => chunk.bytes))).toEqual(bytes);
  });

  test("goes out byte by byte on the slowest line", () => {
    expect([...pacedCapture(Uint8Array.of(1, 2), 100)]).toEqual([
      { bytes: Uint8Array.of(1), lastsMs: 100 },
      { bytes: Uint8Array.of(2), lastsMs: 100 },
    ]);
  });
});

describe("a hex dump", () => {
  test("is read with and without characters beside it", () => {
    expect(parseHexDump("00000000: aa c0  ..\n00000002: 0d0a\n")).toEqual([
      Uint8Array.of(0xaa, 0xc0),
      Uint8Array.of(0x0d, 0x0a),
    ]);
  });

  test.each([
    ["", "the hex dump is empty"],
    ["hello", "line 1 is no line of a hex dump"],
    ["00000000: aa c\n", "line 1 is no line of a hex dump"],
    ["00000000: aa\nbb\n", "line 2 is no line of a hex dump"],
  ])("that is none says so: %j", (text, fault) => {
    expect(parseHexDump(text)).toBe(fault);
  });

  test("goes out line by line", () => {
    expect([...pacedDump([Uint8Array.of(1), Uint8Array.of(2)], 1000)]).toEqual([
      { bytes: Uint8Array.of(1), lastsMs: 1000 },
      { bytes: Uint8Array.of(2), lastsMs: 1000 },
    ]);
  });
});

const DUMPS = [
  "SDS01x",
  "SDS198",
  "PMSx003",
  "PMS3003",
  "PMS5003T",
  "MHZ19B",
  "MCU680",
  "SPS30",
  "HPMA115C0",
];

describeWithShared(
  "recorded captures",
  ["data/pypms-captures/captured_data", "data/gpsd-nmea"],
  () => {
    const frames = sharedText("data/pypms-captures/captured_data/data.csv")
      .trim()
      .split("\n")
      .slice(1);

    test.each(DUMPS)("%s holds the frames that were recorded with their times", (name) => {
      const lines = parseHexDump(sharedText(`data/pypms-captures/captured_data/${name}.hexdump`));
      if (typeof lines === "string") throw new Error(lines);
      const recorded = frames
        .filter((line) => line.split(",")[1] === name)
        .map((line) => line.split(",")[2]);
      expect(Buffer.concat(lines).toString("hex")).toBe(recorded.join(""));
    });

    test.each(["neo-m8n.log", "bu303-nofix.log", "tcp-torture.log"])(
      "%s goes out unchanged",
      (name) => {
        const log = sharedBytes(`data/gpsd-nmea/${name}`);
        expect(concatBytes(...[...pacedCapture(log, 4800)].map((chunk) => chunk.bytes))).toEqual(
          log,
        );
      },
    );
  },
);
