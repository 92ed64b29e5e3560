import { describe, expect, test } from "vitest";
import {
  buildMapping,
  parsePairs,
  RecordReader,
} from "../../../firmware-sim/replay/column-mapping.ts";

function reader(
  columns: [string, string][],
  first: string[],
  where: [string, string][] = [],
): RecordReader | string[] {
  const mapping = buildMapping(columns, where);
  if (Array.isArray(mapping)) return mapping;
  return RecordReader.create(mapping, { line: 1, fields: first });
}

function read(columns: [string, string][], first: string[], fields: string[]): unknown {
  const created = reader(columns, first);
  if (Array.isArray(created)) throw new Error(created.join());
  return created.read({ line: 2, fields });
}

describe("columns", () => {
  test("are found by number and by name, with blanks around", () => {
    const values = { kind: "values", timeMs: Date.UTC(2025, 0, 1), values: { pm25: 3 }, empty: 0 };
    expect(
      read(
        [
          ["time", "0"],
          ["pm25", "1"],
        ],
        ["t", "x"],
        ["2025-01-01", " 3"],
      ),
    ).toEqual(values);
    expect(
      read(
        [
          ["time", "t"],
          ["pm25", "PM 2.5"],
        ],
        ["t", " PM 2.5"],
        ["2025-01-01", "3"],
      ),
    ).toEqual(values);
  });

  test("are turned into the quantity's unit by a factor", () => {
    expect(read([["speed", "1*0.44704"]], ["t", "v"], ["", "100"])).toMatchObject({
      values: { speed: 44.704 },
    });
  });

  test("that are not there are named, all of them", () => {
    expect(
      reader(
        [
          ["time", "when"],
          ["pm25", "7"],
        ],
        ["a", "b"],
      ),
    ).toEqual(['no column "when" in "a,b"', 'no column 7 in "a,b"']);
  });

  test("need a quantity, and good names", () => {
    expect(reader([["time", "0"]], ["a"])).toEqual([
      "no column is mapped to a quantity, such as pm25=3",
    ]);
    expect(reader([["PM 2.5", "0"]], ["a"])).toEqual([
      '"PM 2.5" is no name of a quantity, such as pm25',
    ]);
  });
});

describe("records", () => {
  const columns: [string, string][] = [
    ["time", "0"],
    ["pm25", "1"],
    ["pm10", "2"],
  ];
  const first = ["2025-01-01", "1", "2"];

  test("may have empty cells", () => {
    expect(read(columns, first, ["2025-01-01", "", "2"])).toMatchObject({
      values: { pm10: 2 },
      empty: 1,
    });
  });

  test.each([
    ["a time that is none", ["soon", "1", "2"]],
    ["a value that is none", ["2025-01-01", "1", "n/a"]],
    ["an infinite value", ["2025-01-01", "1", "Infinity"]],
    ["too few cells", ["2025-01-01", "1"]],
  ])("with %s are bad", (_name, fields) => {
    expect(read(columns, first, fields)).toEqual({ kind: "bad" });
  });

  test("of other sensors are excluded", () => {
    const created = reader([["spaces", "1"]], ["site", "free"], [["site", "A"]]);
    if (Array.isArray(created)) throw new Error(created.join());
    expect(created.read({ line: 2, fields: ["B", "3"] })).toEqual({ kind: "excluded" });
    expect(created.read({ line: 3, fields: ["A", "3"] })).toMatchObject({ values: { spaces: 3 } });
  });

  test("begin after a header line, which shows by holding no values", () => {
    expect(reader(columns, first)).toMatchObject({ hasHeader: false });
    expect(reader(columns, ["time", "pm25", "pm10"])).toMatchObject({ hasHeader: true });
  });
});

test("pairs have two sides", () => {
  expect(parsePairs("time=0, pm25 = PM 2.5,x=a=b")).toEqual([
    ["time", "0"],
    ["pm25", "PM 2.5"],
    ["x", "a=b"],
  ]);
  for (const text of ["", "time", "time=", "=0", "time=0,"])
    expect(parsePairs(text)).toBeUndefined();
});
