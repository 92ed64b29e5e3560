/** Sensors by theme: grouping, order, search. */
import { describe, expect, test } from "vitest";
import { countThemes, groupSensors, themeOf } from "../../dashboards/web/city/theme.ts";
import type { SensorView } from "../../dashboards/web/city/theme.ts";
import { exampleCity } from "./support/scripted-city.ts";

const NOW_SECONDS = 1_800_000_000;
const NOW_MS = NOW_SECONDS * 1000;
const VIEW: SensorView = { order: "trouble", search: "", theme: undefined };
const devices = exampleCity("theme.example/log", NOW_SECONDS).devices();

function names(view: Partial<SensorView>): string[][] {
  return groupSensors(devices, { ...VIEW, ...view }, NOW_MS).map(({ rows }) =>
    rows.map(({ device }) => device.name),
  );
}

test.each([
  ["air", "temp", "air"],
  ["water", "temp", "water"],
  ["air-2", "no2", "air"],
  ["kitchen", "co2", "air"],
  ["kitchen", "wonder", "other"],
  ["kitchen", undefined, "other"],
])("stream %s with %s belongs to %s", (stream, quantity, theme) => {
  expect(themeOf(stream, quantity)).toBe(theme);
});

describe("order", () => {
  test("trouble first", () => {
    expect(names({})).toEqual([
      ["school-air", "bridge-air"],
      ["station-noise", "market-noise"],
      ["ring-traffic"],
      ["mill-water", "quay-water"],
      ["kingsway-parking"],
      ["bus-7-gps"],
    ]);
  });

  test("by name", () => {
    expect(names({ order: "name", theme: "air" })).toEqual([["bridge-air", "school-air"]]);
  });

  test("by name, with numbers as numbers", () => {
    const numbered = [10, 2, 1].map((n) => ({ ...devices[0]!, name: `air-${n}` }));
    const [group] = groupSensors(numbered, { ...VIEW, order: "name" }, NOW_MS);
    expect(group?.rows.map(({ device }) => device.name)).toEqual(["air-1", "air-2", "air-10"]);
  });

  test("newest first, devices without values last", () => {
    const silent = { ...devices[0]!, name: "a-silent", latest: [] };
    const [group] = groupSensors(
      [silent, ...devices],
      { ...VIEW, order: "newest", theme: "air" },
      NOW_MS,
    );
    const order = group?.rows.map(({ device }) => device.name);
    expect(order).toEqual(["school-air", "bridge-air", "a-silent"]);
  });

  test("quantities stand in the order of their table", () => {
    const [group] = groupSensors(devices, { ...VIEW, search: "bridge" }, NOW_MS);
    expect(group?.rows[0]?.values.map(({ quantity }) => quantity)).toEqual([
      "pm25",
      "pm10",
      "temp",
      "rh",
    ]);
  });
});

test.each([
  ["BRIDGE", [["bridge-air"]]],
  ["nitrogen", [["school-air"]]],
  ["noise station", [["station-noise"]]],
  ["newport-council", [["bridge-air"]]],
  ["no such thing", []],
])("search for %s", (search, expected) => {
  expect(names({ search })).toEqual(expected);
});

test("counts are of devices, not of values", () => {
  expect(Object.fromEntries(countThemes(devices))).toEqual({
    air: 2,
    noise: 2,
    traffic: 1,
    water: 2,
    parking: 1,
    gps: 1,
  });
});
