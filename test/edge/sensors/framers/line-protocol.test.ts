/** Lines of home-made boards: the general suite, and lines with what they must mean. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../../../ledger/bytes.ts";
import {
  LINE_LENGTH_MAX,
  type LineItem,
  lineProtocolFramer,
  type LineRules,
} from "../../../../edge/sensors/framers/line-protocol.ts";
import { formatNmea } from "../../../../firmware-sim/boards/nmea-gps.ts";
import { describeFramer } from "./framer-suite.ts";

const rules: LineRules = { checksum: "optional", silenceMs: 500, isWelcome: () => true };

function itemsOf(text: string, changed: Partial<LineRules> = {}): (readonly LineItem[])[] {
  return lineProtocolFramer({ ...rules, ...changed })
    .push(encodeUtf8(text), 0)
    .map(({ frame }) => frame);
}

const LINE_END = encodeUtf8("\r\n");

/** A line with its checksum, which is that of NMEA without the dollar. */
function withChecksum(body: string): string {
  return formatNmea(body).slice(1);
}

const item = fc
  .tuple(
    fc.constantFrom("pm25", "temp", "x", "rh"),
    fc.oneof(
      fc.integer({ min: -1000, max: 1000 }).map((tenths) => `${tenths / 10}`),
      fc.constantFrom("true", "1e3ug/m3", "20%!", ".5"),
    ),
  )
  .map(([name, value]) => `${name}=${value}`);
const anyLine = fc
  .uniqueArray(item, { minLength: 1, maxLength: 4, selector: (text) => text.split("=")[0] })
  .map((items) => encodeUtf8(withChecksum(items.join(" "))));

describeFramer("lines with checksums", {
  make: () => lineProtocolFramer({ ...rules, checksum: "required" }),
  frames: anyLine,
  framesApart: LINE_END,
  bytesMax: LINE_LENGTH_MAX + 1,
});

test("a line means what it says", () => {
  expect(itemsOf("pm25=12.3ug/m3 pm10=20 door=true temp=-4.5e-1Cel rh=101%RH!\n")).toEqual([
    [
      { quantity: "pm25", value: 12.3, unit: "ug/m3", fault: false },
      { quantity: "pm10", value: 20, fault: false },
      { quantity: "door", value: true, fault: false },
      { quantity: "temp", value: -0.45, unit: "Cel", fault: false },
      { quantity: "rh", value: 101, unit: "%RH", fault: true },
    ],
  ]);
});

describe("takes", () => {
  test.each([
    ["a line that CR ends", "pm25=1\r"],
    ["a line that CR and LF end", "pm25=1\r\n"],
    ["spaces and tabs around and between", " pm25=1 \t pm10=2 \n"],
    ["a right checksum", withChecksum("pm25=1")],
    ["a right checksum in lower case", withChecksum("pm25=12.8").toLowerCase()],
    ["a sign", "temp=+1\n"],
    ["an unfinished fraction", "temp=1.\n"],
    ["a unit that begins like an exponent", "energy=1eV\n"],
  ])("%s", (_, text) => {
    expect(itemsOf(text)).toHaveLength(1);
  });
});

describe("passes over", () => {
  test.each([
    ["an empty line", "\r\n\r\n"],
    ["spaces", "   \n"],
    ["a comment", "# booting, Grüße\n"],
  ])("%s", (_, text) => {
    const framer = lineProtocolFramer(rules);
    expect(framer.push(encodeUtf8(text), 0)).toEqual([]);
    expect(framer.counters()).toEqual({ framesGood: 0, framesBad: 0, bytesSkipped: 0 });
  });
});

describe("drops whole", () => {
  test.each([
    ["a line without an item", "hello\n"],
    ["a bad item behind a good one", "pm25=1 pm10\n"],
    ["a missing value", "pm25=\n"],
    ["a missing name", "=1\n"],
    ["a capital in a name", "PM25=1\n"],
    ["a hyphen at the front of a name", "-pm25=1\n"],
    ["a name too long", `${"a".repeat(64)}=1\n`],
    ["two signs", "temp=--1\n"],
    ["two points", "temp=1.2.3\n"],
    ["a bare point", "temp=.\n"],
    ["no number", "temp=nan\n"],
    ["a number beyond all bounds", "temp=1e999\n"],
    ["a decimal comma", "temp=1,5\n"],
    ["a space before the unit", "temp=1 Cel\n"],
    ["one quantity twice", "temp=1 temp=1\n"],
    ["a fault mark in the middle", "temp=1!Cel\n"],
    ["a wrong checksum", withChecksum("pm25=1").replace("=1", "=2")],
    ["half a checksum", "pm25=1*2\n"],
    ["something behind the checksum", `${withChecksum("pm25=1").trim()} \n`],
    ["an empty body with a right checksum", "*00\n"],
    ["a byte beyond ASCII", "temp=1°C\n"],
    ["a control character", "temp=1\0\n"],
    ["a line longer than the bound", `temp=1 ${" ".repeat(LINE_LENGTH_MAX)} pm10=3\n`],
  ])("%s", (_, text) => {
    const framer = lineProtocolFramer(rules);
    expect(framer.push(encodeUtf8(text), 0)).toEqual([]);
    expect(framer.counters()).toMatchObject({ framesGood: 0, framesBad: 1 });
    expect(framer.push(encodeUtf8("pm25=1\n"), 0)).toHaveLength(1);
  });

  test("a line without a checksum where one is required", () => {
    expect(itemsOf("pm25=1\n", { checksum: "required" })).toEqual([]);
    expect(itemsOf(withChecksum("pm25=1"), { checksum: "required" })).toHaveLength(1);
  });

  test("a line with an item that is not welcome", () => {
    const isWelcome = ({ quantity }: LineItem): boolean => quantity !== "m25";
    expect(itemsOf("m25=1 temp=2\n", { isWelcome })).toEqual([]);
  });
});

test("a line typed by hand may take its time, where the rules say so", () => {
  const framer = lineProtocolFramer({ ...rules, silenceMs: 60_000 });
  const keys = Array.from("pm25=1\r", (key, at) => framer.push(encodeUtf8(key), at * 3000));
  expect(keys.flat()).toHaveLength(1);
});
