/** Boards that say JSON, by a mapping; and what all drivers of messages share. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../../../ledger/bytes.ts";
import { DRIVERS } from "../../../../edge/sensors/drivers/drivers.ts";
import { linesOf } from "../../../../edge/sensors/driver.ts";
import { hear, openDriver, said } from "./message-line.ts";

const TEMP = { quantity: "temp", path: "/air/0/t" };

function faultsOf(values: unknown): string[] {
  const result = DRIVERS.get("json")!.options.safeParse({ values });
  return result.success ? [] : result.error.issues.map(({ message }) => message);
}

describe("a mapping", () => {
  test("finds values by path, scales them, and marks those that stand for none", () => {
    const driver = openDriver("json", {
      values: [
        { quantity: "temp", path: "/air/0/t", scale: 0.1, offset: -40, faultValues: [65535] },
        { quantity: "sludge", path: "/s", unit: "%" },
        { quantity: "door", path: "/d", unit: "" },
        { quantity: "pm25", path: "/missing" },
      ],
    });
    const readings = hear(driver, "x", { air: [{ t: 615 }], s: 3.25, d: true });
    expect(readings).toEqual([
      { quantity: "temp", unit: "Cel", value: 21.5 },
      { quantity: "sludge", unit: "%", value: 3.25 },
      { quantity: "door", unit: "", value: true },
    ]);
    expect(said(hear(driver, "x", { air: [{ t: 65535 }] }))).toEqual(["temp 6513.5 Cel!"]);
    expect(driver.counters()).toEqual({ framesGood: 2, framesBad: 0, bytesSkipped: 0 });
  });

  test("without arithmetic leaves every digit as it came", () => {
    const driver = openDriver("json", { values: [TEMP] });
    const value = 21.5 + 2 ** -48;
    expect(hear(driver, "x", { air: [{ t: value }] })).toMatchObject([{ value }]);
    expect(hear(driver, "x", '{"air":[{"t":-0.0}]}')[0]!.value).toBe(0);
  });

  test("can be kept to topics", () => {
    const driver = openDriver("json", {
      values: [
        { quantity: "temp", path: "", topic: "garden/+/temp" },
        { quantity: "rh", path: "", topic: "garden/+/hum" },
      ],
    });
    expect(said(hear(driver, "garden/a/temp", "21.5"))).toEqual(["temp 21.5 Cel"]);
    expect(said(hear(driver, "garden/a/hum", "48"))).toEqual(["rh 48 %RH"]);
    expect(hear(driver, "garden/a/x", "48")).toEqual([]);
    expect(driver.passedOver!()).toMatchObject({ unknown: 1 });
  });

  test("reads lines that a board prints on a wire", () => {
    const driver = openDriver("json", { values: [TEMP] });
    const events = driver.push(encodeUtf8('{"air":[{"t":"7.50"}]}\r\n'), 9);
    expect(events).toEqual([
      { kind: "readings", readings: [{ quantity: "temp", unit: "Cel", value: 7.5, atMs: 9 }] },
    ]);
  });

  test.each([
    ["no list", undefined, /a list, such as/],
    ["nothing", [], /one value at least/],
    ["a path that is none", [{ quantity: "temp", path: "t" }], /a JSON Pointer/],
    ["a bad name", [{ quantity: "Temp", path: "" }], /a name of a-z/],
    ["a note", [{ quantity: "via", path: "", unit: "" }], /not for sensors to say/],
    ["a fault mark", [{ quantity: "temp-fault", path: "", unit: "" }], /not for sensors to say/],
    ["an unknown quantity without unit", [{ quantity: "sludge", path: "" }], /say its unit/],
    ["another unit", [{ quantity: "temp", path: "", unit: "K" }], /the unit of temp is Cel/],
    ["a filter that is none", [{ ...TEMP, topic: "a/#/b" }], /topic filter/],
    ["scale 0", [{ ...TEMP, scale: 0 }], /scale other than 0/],
    ["a quantity twice", [TEMP, { ...TEMP, path: "/b" }], /each quantity once/],
  ])("is refused with a sentence: %s", (_, values, expected) => {
    expect(faultsOf(values).join("\n")).toMatch(expected);
  });
});

describe("values", () => {
  test.each([
    null,
    "",
    " ",
    "nan",
    "NaN",
    "unavailable",
    "1,5",
    "0x10",
    "Infinity",
    {},
    [],
    [1],
    true,
  ])("%j is no number: counted, and no reading", (value) => {
    const driver = openDriver("json", { values: [TEMP] });
    expect(hear(driver, "x", { air: [{ t: value }] })).toEqual([]);
    expect(driver.passedOver!()).toEqual({ retained: 0, unknown: 0, unusable: 1, contested: 0 });
    expect(driver.counters().framesGood).toBe(0);
  });

  test.each([
    ["12.30", 12.3],
    ["-.5", -0.5],
    ["+1e1", 10],
    [" 7 ", 7],
  ])("%j is a number", (text, value) => {
    const driver = openDriver("json", { values: [TEMP] });
    expect(hear(driver, "x", { air: [{ t: text }] })).toMatchObject([{ value }]);
  });

  test("beyond the quantity's range are kept, and flagged", () => {
    const driver = openDriver("json", { values: [TEMP] });
    expect(said(hear(driver, "x", { air: [{ t: 850 }] }))).toEqual(["temp 850 Cel!"]);
  });

  test("of messages that the broker had kept are passed over, and counted", () => {
    const driver = openDriver("json", { values: [TEMP] });
    expect(hear(driver, "x", { air: [{ t: 1 }] }, true)).toEqual([]);
    expect(driver.passedOver!()).toMatchObject({ retained: 1 });
    expect(driver.counters().framesGood).toBe(0);
    expect(hear(driver, "x", { air: [{ t: 1 }] })).toHaveLength(1);
  });

  test("of one quantity from two topics are taken from neither, from the second one on", () => {
    const driver = openDriver("json", { values: [TEMP, { quantity: "rh", path: "/h" }] });
    expect(hear(driver, "a", { air: [{ t: 1 }] })).toHaveLength(1);
    expect(said(hear(driver, "b", { air: [{ t: 2 }], h: 40 }))).toEqual(["rh 40 %RH"]);
    expect(hear(driver, "a", { air: [{ t: 1 }] })).toEqual([]);
    expect(driver.passedOver!()).toMatchObject({ contested: 2 });
    expect(driver.parts!()).toEqual([
      { name: "temp of a#/air/0/t and b#/air/0/t", state: "failing", failures: 2 },
    ]);
  });
});

const MESSAGE_KINDS = [...DRIVERS.values()].filter((kind) =>
  linesOf(kind).some((line) => line === "mqtt" || line === "push"),
);

describe.each(MESSAGE_KINDS)("$name", (kind) => {
  const options = kind.name === "json" ? { values: [TEMP] } : {};
  const topic = fc.oneof(
    fc.string(),
    fc.constantFrom(
      "zigbee2mqtt/kitchen",
      "zigbee2mqtt/kitchen/availability",
      "zigbee2mqtt/bridge/state",
      "tele/kitchen/SENSOR",
      "tele/kitchen/LWT",
      "kitchen/sensor/temperature/state",
      "kitchen/status",
      "esp8266-1/pin/1",
    ),
  );
  const key = fc.constantFrom(
    "temperature",
    "BME280",
    "Temperature",
    "TempUnit",
    "PressureUnit",
    "ENERGY",
    "voltage",
    "power",
    "sensordatavalues",
    "value_type",
    "value",
    "state",
    "SDS_P1",
    "toString",
    "__proto__",
    "constructor",
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4, depthSize: "small" },
      fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null), key, fc.integer()),
      fc.array(tie("tree"), { maxLength: 4 }),
      fc.dictionary(fc.oneof(key, fc.string()), tie("tree"), { maxKeys: 5 }),
    ),
  }));

  test("bears any payload at any topic, and gives numbers of known quantities only", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(topic, tree, fc.boolean()), { maxLength: 8 }), (messages) => {
        const driver = kind.create(options, { notBeforeMs: 0 });
        for (const [place, payload, isRetained] of messages) {
          const line = encodeUtf8(
            `${JSON.stringify({ topic: place, payload: payload ?? null, ...(isRetained ? { retained: true } : {}) })}\n`,
          );
          for (const event of driver.push(line, 1))
            if (event.kind === "readings") {
              expect(isRetained).toBe(false);
              for (const { value } of event.readings) expect(Number.isFinite(value)).toBe(true);
            }
          expect(typeof driver.isOffline!()).toBe("boolean");
        }
      }),
      { numRuns: 500 },
    );
  });
});
