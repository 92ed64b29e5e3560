/**
 * Lines of the simulated home-made board, against the rules of docs/line-protocol.md read anew.
 */
import { describe, expect, test } from "vitest";
import { decodeUtf8, encodeUtf8 } from "../../../ledger/bytes.ts";
import { LineBoard } from "../../../firmware-sim/boards/line-board.ts";

function lines(board: LineBoard, values: Record<string, number>): string[] {
  return board.measure(values).map((bytes) => decodeUtf8(bytes) ?? "");
}

function checksum(body: string): number {
  return encodeUtf8(body).reduce((sum, byte) => sum ^ byte, 0);
}

describe("a line board", () => {
  test("prints its values with units and checksum", () => {
    expect(lines(new LineBoard(), { laeq: 61.23456, lamax: 70 })).toEqual([
      "laeq=61.235dB lamax=70dB*5A\r\n",
    ]);
  });

  test("prints what it is told to, in that order, as far as it is there", () => {
    const board = new LineBoard(["rh", "no2", "temp"]);
    expect(lines(board, { temp: -0.5, pm25: 3, rh: 80 })[0]).toMatch(/^rh=80%RH temp=-0\.5Cel\*/);
    expect(lines(board, { pm25: 3 })).toEqual([]);
  });

  test("gives no unit to a quantity that nobody knows, nor to one without", () => {
    expect(lines(new LineBoard(), { glow: 0.1 + 0.2, hdop: 1.5 })[0]).toMatch(
      /^glow=0\.3 hdop=1\.5\*/,
    );
  });

  test("prints several lines rather than one beyond 240 characters", () => {
    const values = Object.fromEntries(
      Array.from({ length: 60 }, (_, at) => [`quantity-${at}`, at]),
    );
    const printed = lines(new LineBoard(), values);
    expect(printed.length).toBeGreaterThan(1);
    for (const line of printed) {
      const match = /^([^*]+)\*([0-9A-F]{2})\r\n$/.exec(line);
      expect(line.length).toBeLessThanOrEqual(242);
      expect(checksum(match?.[1] ?? "")).toBe(Number.parseInt(match?.[2] ?? "", 16));
    }
    const items = printed.flatMap((line) => line.replace(/\*.*/s, "").split(" "));
    expect(items).toEqual(Object.entries(values).map((pair) => pair.join("=")));
  });
});
