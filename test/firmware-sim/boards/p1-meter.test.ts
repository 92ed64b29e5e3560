/**
 * The simulated smart meter: recorded telegrams put together again, and what it prints itself.
 */
import { describe, expect, test } from "vitest";
import { decodeUtf8, encodeUtf8 } from "../../../ledger/bytes.ts";
import { formatP1Telegram, P1MeterBoard } from "../../../firmware-sim/boards/p1-meter.ts";
import { describeWithShared, sharedText } from "../../support/shared-data.ts";

const RECORDED = {
  fluvius_v171: "padded",
  fluvius_v171_alt: "padded",
  iskra_ie: "padded",
  sagemcom_t210_d_r: "padded",
  unpadded_crc: "unpadded",
  v2_2: "none",
  v3: "none",
  v4_2: "padded",
  v5: "padded",
  v5_eon_hu: "padded",
  v5_two_mbus: "padded",
} as const;
const path = (name: string): string => `data/dsmr-p1-energy/telegram_${name}.txt`;

describeWithShared("recorded telegrams", Object.keys(RECORDED).map(path), () => {
  test.each(Object.entries(RECORDED))(
    "%s comes out byte for byte from its lines",
    (name, checksum) => {
      const text = sharedText(path(name));
      const [identification = "", , ...lines] = text
        .slice(1, text.lastIndexOf("!") - 2)
        .split("\r\n");
      expect(formatP1Telegram(identification, lines, checksum)).toBe(text);
    },
  );
});

const NOON = Date.UTC(2026, 2, 3, 11, 7, 30);
const VALUES = {
  power: 244.4,
  energy: 6825.0004,
  gas: 0.107,
  "voltage-l1": 230.04,
  "voltage-l2": 229,
  "voltage-l3": 231.96,
};

function linesOf(board: P1MeterBoard, values: Record<string, number>, timeMs: number): string[] {
  return board
    .measure(values, timeMs)
    .flatMap((bytes) => decodeUtf8(bytes)?.split("\r\n") ?? [])
    .filter((line) => line !== "");
}

describe("a meter", () => {
  test("of version 5 prints these lines", () => {
    expect(linesOf(new P1MeterBoard("v5"), VALUES, NOON).slice(0, -1)).toEqual([
      "/KRB5\\SIMULATED-METER",
      "1-3:0.2.8(50)",
      "0-0:1.0.0(260303120730W)",
      "0-0:96.1.1(53494D554C41544544)",
      "1-0:1.8.1(002730.000*kWh)",
      "1-0:1.8.2(004095.000*kWh)",
      "1-0:2.8.1(000000.000*kWh)",
      "1-0:2.8.2(000000.000*kWh)",
      "0-0:96.14.0(0002)",
      "1-0:1.7.0(00.244*kW)",
      "1-0:2.7.0(00.000*kW)",
      "1-0:32.7.0(230.0*V)",
      "1-0:52.7.0(229.0*V)",
      "1-0:72.7.0(232.0*V)",
      "0-1:24.1.0(003)",
      "0-1:96.1.0(53494D554C41544544)",
      "0-1:24.2.1(260303120500W)(00000.107*m3)",
    ]);
  });

  test("of version 2 prints no checksum, and its gas on two lines", () => {
    const lines = linesOf(new P1MeterBoard("v2"), VALUES, NOON);
    expect(lines.slice(-5)).toEqual([
      "0-1:96.1.0(000000000000)",
      "0-1:24.3.0(260303120000)(00)(60)(1)(0-1:24.2.1)(m3)",
      "(00000.107)",
      "0-1:24.4.0(1)",
      "!",
    ]);
    expect(lines).toContain("1-0:1.7.0(0000.24*kW)");
  });

  test("hears of its gas meter each five minutes, in version 4 each hour", () => {
    const said = (["v5", "v4"] as const).map((version) => {
      const board = new P1MeterBoard(version);
      return [0, 60, 180, 3600].map((second) =>
        linesOf(board, { ...VALUES, gas: second }, NOON + second * 1000).at(-2)!,
      );
    });
    const values = said.map((lines) =>
      lines.map((line) => Number(/\((\d+\.\d+)\*/.exec(line)?.[1])),
    );
    expect(values).toEqual([
      [0, 0, 180, 3600],
      [0, 0, 0, 3600],
    ]);
  });

  test("prints nothing that its fields cannot hold, and nothing without values", () => {
    const lines = linesOf(new P1MeterBoard("v5"), { power: 1e9, energy: -5 }, NOON);
    expect(lines).toContain("1-0:1.7.0(99.999*kW)");
    expect(lines).toContain("1-0:1.8.1(000000.000*kWh)");
    expect(new P1MeterBoard("v5").measure({ energy: 1 }, NOON)).toEqual([]);
    expect(new P1MeterBoard("v5").receive()).toEqual([]);
  });
});

test("a checksum has as many digits as it is told", () => {
  const of = (checksum: "padded" | "unpadded" | "none", line: string): string =>
    formatP1Telegram("X", [line], checksum).split("!")[1]!;
  const short = [...Array(100).keys()].map(String).find((line) => of("unpadded", line).length < 6)!;
  expect(of("padded", short)).toBe(`0${of("unpadded", short)}`);
  expect(of("none", short)).toBe("\r\n");
  expect(encodeUtf8(of("padded", short))).toHaveLength(6);
});
