/**
 * The simulated MH-Z19B against frames of a real one and the examples of its manual.
 */
import { describe, expect, test } from "vitest";
import { concatBytes, decodeHex, encodeHex } from "../../../ledger/bytes.ts";
import { encodeMhz19Reading, Mhz19Board } from "../../../firmware-sim/boards/mhz19.ts";
import { describeWithShared, sharedText } from "../../support/shared-data.ts";

function hex(text: string): Uint8Array {
  const bytes = decodeHex(text);
  if (bytes === undefined) throw new Error(`no hex: ${text}`);
  return bytes;
}

const READ = hex("ff0186000000000079");

describeWithShared("recorded frames", ["data/pypms-captures/captured_data"], () => {
  test("come out byte for byte", () => {
    const data = sharedText("data/pypms-captures/captured_data/data.csv");
    const recorded = Array.from(data.matchAll(/,MHZ19B,([0-9a-f]+)/g), ([, frame]) => frame!);
    expect(recorded).toHaveLength(10);
    for (const frame of recorded) {
      const view = new DataView(hex(frame).buffer);
      const reading = encodeMhz19Reading(view.getUint16(2), view.getUint8(4) - 40);
      expect(encodeHex(reading)).toBe(frame);
    }
  });
});

describe("a board", () => {
  test("says nothing unless it is asked, then what it measured last", () => {
    const board = new Mhz19Board();
    expect(board.measure({ co2: 636, temp: 26 })).toEqual([]);
    expect(board.receive(READ).map(encodeHex)).toEqual(["ff86027c42000000ba"]);
  });

  test("says zero before its first measurement, and stops at its range", () => {
    const board = new Mhz19Board();
    expect(board.receive(READ)[0]!.slice(2, 4)).toEqual(Uint8Array.of(0, 0));
    board.measure({ co2: 90_000 });
    expect(board.receive(READ)[0]!.slice(2, 4)).toEqual(Uint8Array.of(0x13, 0x88));
  });

  test("switches its self-calibration without an answer", () => {
    const board = new Mhz19Board();
    expect(board.receive(hex("ff0179000000000086"))).toEqual([]);
    expect(board.isSelfCalibrating).toBe(false);
    expect(board.receive(hex("ff0179a000000000e6"))).toEqual([]);
    expect(board.isSelfCalibrating).toBe(true);
  });

  test("obeys what sets range, zero and span, without an answer, and keeps it without power", () => {
    const board = new Mhz19Board();
    const read = (co2: number): number => {
      board.measure({ co2 });
      return new DataView(board.receive(READ)[0]!.buffer).getUint16(2);
    };
    const set = (text: string): void => expect(board.receive(hex(text))).toEqual([]);
    set("ff019900000007d08f");
    expect(read(3000)).toBe(2000);
    set("ff019900000027102f");
    expect(read(12_000)).toBe(10_000);
    // No range of its own: it stays as it is.
    set("ff01990000000001" + "65");
    expect(read(12_000)).toBe(10_000);
    read(520);
    set("ff01870000000000" + "78");
    expect(read(520)).toBe(400);
    expect(read(2080)).toBe(1960);
    set("ff018807d0000000" + "a0");
    expect(read(2080)).toBe(2000);
    board.restart();
    expect(read(2080)).toBe(2000);
    expect(read(12_000)).toBe(10_000);
  });

  test("finds commands cut at any byte, among noise and after broken ones", () => {
    const stream = concatBytes(hex("ffff01"), READ, READ.with(8, 0), READ, hex("ff"), READ);
    for (let cut = 0; cut <= stream.length; cut++) {
      const board = new Mhz19Board();
      const pieces = [stream.subarray(0, cut), stream.subarray(cut)];
      expect(pieces.flatMap((piece) => board.receive(piece))).toHaveLength(3);
    }
  });
});
