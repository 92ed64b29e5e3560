import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { readCsv } from "../../../firmware-sim/replay/csv.ts";

function fields(text: string, delimiter?: string): unknown[] {
  return [...readCsv(text, delimiter)].map((record) =>
    "fault" in record ? record.fault : record.fields,
  );
}

describe("readCsv", () => {
  test.each([
    [
      "fields and lines",
      "a,b\r\nc,d\r\n",
      [
        ["a", "b"],
        ["c", "d"],
      ],
    ],
    [
      "LF, and no end of line at the end",
      "a,b\nc,",
      [
        ["a", "b"],
        ["c", ""],
      ],
    ],
    ["quotes", '"a,b","c""d","e\r\nf"\n', [["a,b", 'c"d', "e\r\nf"]]],
    ["blanks, which belong to fields", "a, b\n", [["a", " b"]]],
    ["empty lines, which are no records", "\n\r\na\n\n", [["a"]]],
    ["a byte order mark", "\uFEFFa\n", [["a"]]],
    ["nothing", "", []],
    ["an empty quoted field at the end", 'a,""', [["a", ""]]],
  ])("reads %s", (_name, text, records) => {
    expect(fields(text)).toEqual(records);
  });

  test("reads other delimiters", () => {
    expect(fields("a;b,c\n", ";")).toEqual([["a", "b,c"]]);
  });

  test.each([
    ["a quote inside a field without quotes", 'a"b\nc\n'],
    ["text after a closing quote", '"a"b,x\nc\n'],
    ["a carriage return without line feed", "a\rb\nc\n"],
  ])("goes on after %s", (fault, text) => {
    expect(fields(text)).toEqual([fault, ["c"]]);
  });

  test("finds a quote that is never closed", () => {
    expect(fields('a\n"b\nc')).toEqual([["a"], "a quote that is never closed", ["c"]]);
  });

  test("counts lines, also inside quotes", () => {
    expect([...readCsv('a\n"b\nc"\nd\n')].map((record) => record.line)).toEqual([1, 2, 4]);
  });

  test("gives back whatever was written by the rules", () => {
    const quote = (field: string): string => `"${field.replaceAll('"', '""')}"`;
    const record = fc.array(fc.string(), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(record), (records) => {
        const text = records.map((each) => `${each.map(quote).join(",")}\r\n`).join("");
        expect(fields(text)).toEqual(records);
      }),
    );
  });
});
