import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseIntelHex } from "../../../firmware-sim/avr/intel-hex.ts";
import { equalBytes } from "../../../ledger/bytes.ts";
import { HEX_END, hexRecord } from "./assemble.ts";

const FLASH = 32_768;
const DATA = ":0400000001020304F2";

describe("a file of Intel HEX", () => {
  test("is memory with erased flash around it", () => {
    const image = parseIntelHex(`${DATA}\n${HEX_END}\n`, FLASH);
    if (typeof image === "string") throw new Error(image);
    expect(image.used).toBe(4);
    expect(image.bytes.slice(0, 6)).toEqual(Uint8Array.of(1, 2, 3, 4, 0xff, 0xff));
    expect(image.bytes).toHaveLength(FLASH);
  });

  test("may have any ends of lines, small letters, blank lines and records of where to start", () => {
    const lines = [
      "",
      DATA.toLowerCase(),
      "  ",
      hexRecord(3, 0, [0, 0, 0, 0]),
      hexRecord(5, 0, [0, 0, 0, 0]),
      HEX_END,
      "",
    ];
    for (const end of ["\n", "\r\n", "\r"])
      expect(parseIntelHex(lines.join(end), FLASH)).toMatchObject({ used: 4 });
  });

  test("may shift its addresses, by paragraphs and by 64 KiB", () => {
    const shifted = [
      hexRecord(2, 0, [0x01, 0x00]),
      DATA,
      hexRecord(4, 0, [0, 0]),
      hexRecord(0, 8, [9]),
      HEX_END,
    ];
    const image = parseIntelHex(shifted.join("\n"), FLASH);
    expect(
      typeof image === "string" ? image : [...image.bytes.slice(0x1000, 0x1004), image.bytes[8]],
    ).toEqual([1, 2, 3, 4, 9]);
  });

  test("that holds any bytes anywhere is read back to them", () => {
    const pieces = fc.uniqueArray(fc.nat(FLASH / 64 - 1), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(pieces, fc.uint8Array({ minLength: 1, maxLength: 64 }), (places, data) => {
        const records = places.map((place) => hexRecord(0, place * 64, [...data]));
        const image = parseIntelHex([...records, HEX_END].join("\n"), FLASH);
        if (typeof image === "string") throw new Error(image);
        const expected = new Uint8Array(FLASH).fill(0xff);
        for (const place of places) expected.set(data, place * 64);
        expect(image.used).toBe(places.length * data.length);
        expect(equalBytes(image.bytes, expected)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  test.each([
    ["a wrong checksum", ":0400000001020304F3", "line 2: the checksum is F3, and should be F2"],
    ["a damaged byte", ":0400000001020305F2", "line 2: the checksum is F2, and should be F1"],
    [
      "a line cut short",
      ":04000000010203",
      "line 2: the record says that it holds 4 bytes, and holds 2",
    ],
    ["a line too long", `${DATA}00`, "line 2: the record says that it holds 4 bytes, and holds 5"],
    ["half a byte", ":0400000001020304F", "line 2: expected a record of Intel HEX"],
    ["no colon", DATA.slice(1), "line 2: expected a record of Intel HEX"],
    [
      "another text",
      "S1130000285F245F2212226A000424290008237C2A",
      'such as ":0400000001020304F2"; not "S1130000',
    ],
    ["no such type", hexRecord(6, 0, []), "line 2: there is no record type 06"],
    [
      "a shift of one byte",
      hexRecord(4, 0, [0]),
      "line 2: a record of type 04 has 2 bytes; this one has 1",
    ],
    [
      "an end with data",
      hexRecord(1, 0, [0]),
      "line 2: a record of type 01 has 0 bytes; this one has 1",
    ],
    ["the same place twice", DATA, "line 2: address 0x0000 has been written before"],
    [
      "a place beyond the flash",
      hexRecord(0, 0x7fff, [1, 2]),
      "line 2: address 0x8000 is beyond the 32768 bytes",
    ],
  ])("is refused for %s", (_what, line, fault) => {
    const text = [DATA, line, HEX_END].join("\n");
    expect(parseIntelHex(text, FLASH)).toContain(fault);
  });

  test.each([
    [
      "EEPROM in the file of the flash",
      [hexRecord(4, 0, [0, 0x81]), DATA, HEX_END],
      "line 2: address 0x810000 is beyond",
    ],
    [
      "something after its end",
      [DATA, HEX_END, DATA],
      "line 3: there is more after the end record",
    ],
    ["no end", [DATA], "there is no end record (:00000001FF); the file is cut off"],
    ["nothing in it", [HEX_END], "there is no program in it"],
    ["no line", [""], "there is no end record"],
  ])("is refused for %s", (_what, lines, fault) => {
    expect(parseIntelHex(lines.join("\n"), FLASH)).toContain(fault);
  });
});
