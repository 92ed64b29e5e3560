/** The driver of home-made boards: which quantities and units it takes, and what its document promises. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../../../ledger/bytes.ts";
import type { SensorReading } from "../../../../edge/sensors/reading.ts";
import { lineProtocol } from "../../../../edge/sensors/drivers/line-protocol.ts";

function readingsOf(text: string, options: unknown = {}): SensorReading[] {
  const driver = lineProtocol.create(options, { notBeforeMs: 0 });
  const events = driver.push(encodeUtf8(text), 5);
  return events.flatMap((event) => (event.kind === "readings" ? event.readings : []));
}

test("known quantities have their units, said or not", () => {
  expect(readingsOf("pm25=12.3ug/m3 temp=-0.5 hdop=1.2\n")).toEqual([
    { quantity: "pm25", unit: "ug/m3", value: 12.3, atMs: 5 },
    { quantity: "temp", unit: "Cel", value: -0.5, atMs: 5 },
    { quantity: "hdop", unit: "", value: 1.2, atMs: 5 },
  ]);
});

test("quantities of the configuration have its units", () => {
  const options = { quantities: { soil: "%", door: "" } };
  expect(readingsOf("soil=31% door=false\nsoil=7!\n", options)).toEqual([
    { quantity: "soil", unit: "%", value: 31, atMs: 5 },
    { quantity: "door", unit: "", value: false, atMs: 5 },
    { quantity: "soil", unit: "%", value: 7, atMs: 5, fault: true },
  ]);
});

test("a value that the board disowns, or that cannot be, is flagged and kept", () => {
  expect(readingsOf("pm10=1999.9! rh=130 temp=21\n")).toMatchObject([
    { value: 1999.9, fault: true },
    { value: 130, fault: true },
    { value: 21 },
  ]);
});

describe("refuses a line with", () => {
  test.each([
    ["an unknown quantity", "m25=1\n"],
    ["another unit", "temp=294K\n"],
    ["a hexadecimal number", "temp=0x10\n"],
    ["a unit where there is none", "hdop=1m\n"],
    ["a truth value of a known quantity", "temp=true\n"],
    ["a position", "lat=48.1\n"],
    ["a fault mark as a quantity", "temp-fault=true\n"],
    ["what an agent says of itself", "dropped=0\n"],
  ])("%s", (_, text) => {
    expect(readingsOf(text)).toEqual([]);
  });
});

describe("options", () => {
  test.each([
    ["an unknown one", { checksums: true }],
    ["a known quantity with a meaning of its own", { quantities: { temp: "K" } }],
    ["a position", { quantities: { lat: "lat" } }],
    ["a fault mark", { quantities: { "x-fault": "" } }],
    ["a name that is none", { quantities: { "Soil 1": "%" } }],
    ["a unit that is none", { quantities: { soil: "per cent" } }],
    ["no silence at all", { silenceMs: 0 }],
  ])("%s is refused", (_, options) => {
    expect(lineProtocol.options.safeParse(options).success).toBe(false);
  });
});

test("the lines of the document mean what it says", () => {
  const text = readFileSync(new URL("../../../../docs/line-protocol.md", import.meta.url), "utf8");
  const [, table] = /## Examples\n+([^]*?)\n##/.exec(text) ?? [];
  const rows = Array.from(table!.matchAll(/^\| `(.+?)` +\| (\w+) +\|/gm));
  expect(rows.length).toBeGreaterThan(6);
  for (const [, line, verdict] of rows) {
    const isGood = readingsOf(`${line}\n`, { quantities: { door: "" } }).length > 0;
    expect([line, isGood]).toEqual([line, verdict === "good"]);
  }
});
