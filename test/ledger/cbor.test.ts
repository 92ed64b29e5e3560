import * as cborg from "cborg";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeHex } from "../../ledger/bytes.ts";
import { decodeCbor, encodeCbor } from "../../ledger/cbor.ts";
import type { CborValue } from "../../ledger/cbor.ts";
import { Refusal } from "../../ledger/errors.ts";
import { hex } from "../support/small-log.ts";

const key = fc.oneof(fc.integer(), fc.string({ unit: "grapheme" }));
const { value } = fc.letrec<{ value: CborValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => (Object.is(x, -0) ? 0 : x)),
    fc.float({ noNaN: true, noDefaultInfinity: true }).map((x) => (Object.is(x, -0) ? 0 : x)),
    fc.string({ unit: "grapheme" }),
    fc.uint8Array({ maxLength: 40 }),
    fc.constantFrom(true, false, null),
    fc.array(tie("value"), { maxLength: 6 }),
    fc.array(fc.tuple(key, tie("value")), { maxLength: 6 }).map((pairs) => new Map(pairs)),
  ),
}));

/** What a general codec says: strict reading, and the same bytes again when written by RFC 8949's rules. */
function oracleAccepts(bytes: Uint8Array): boolean {
  try {
    const decoded: unknown = cborg.decode(bytes, {
      strict: true,
      useMaps: true,
      allowIndefinite: false,
      allowUndefined: false,
      allowInfinity: false,
      allowNaN: false,
      allowBigInt: false,
      rejectDuplicateMapKeys: true,
    });
    return encodeHex(cborg.encode(decoded, cborg.rfc8949EncodeOptions)) === encodeHex(bytes);
  } catch {
    return false;
  }
}

describe("deterministic CBOR", () => {
  test("what is encoded decodes to the same, and as a general codec encodes it", () => {
    fc.assert(
      fc.property(value, (each) => {
        const bytes = encodeCbor(each);
        expect(decodeCbor(bytes)).toEqual(each);
        expect(oracleAccepts(bytes)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test("what decodes encodes to the same bytes; mutated encodings mostly do not decode", () => {
    fc.assert(
      fc.property(value, fc.nat(), fc.nat(255), (each, at, byte) => {
        const bytes = encodeCbor(each).slice();
        bytes[at % bytes.length] = byte;
        const decoded = decodeCbor(bytes);
        if (decoded instanceof Refusal) expect(decoded.code).toBe("malformed");
        else {
          expect(encodeHex(encodeCbor(decoded))).toBe(encodeHex(bytes));
          expect(oracleAccepts(bytes)).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("no bytes at all make it throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const decoded = decodeCbor(bytes);
        if (!(decoded instanceof Refusal))
          expect(encodeHex(encodeCbor(decoded))).toBe(encodeHex(bytes));
      }),
      { numRuns: 5000 },
    );
  });

  test.each([
    ["the greatest integer", "1b001fffffffffffff", 2 ** 53 - 1],
    ["the least integer", "3b001ffffffffffffe", -(2 ** 53 - 1)],
    ["a half", "f93e00", 1.5],
    ["the least half", "f90001", 2 ** -24],
    ["a whole number too great for an integer", "fa5a000000", 2 ** 53],
    ["eight levels", "818181818181818101", [[[[[[[[1]]]]]]]]],
  ] as const)("%s", (_name, bytes, expected) => {
    expect(decodeCbor(hex(bytes))).toEqual(expected);
  });

  test.each([
    ["an integer of 2^53", "1b0020000000000000"],
    ["an integer of -2^53", "3b001fffffffffffff"],
    ["minus zero as a half", "f98000"],
    ["a whole number as a half", "f93c00"],
    ["a whole number as a float", "fa47c35080"],
    ["a double that a float holds", "fb3ff8000000000000"],
    ["a float that a half holds", "fa3fc00000"],
    ["infinity", "f97c00"],
    ["not a number", "f97e00"],
    ["a tag", "c000"],
    ["undefined", "f7"],
    ["a one-byte simple value", "f820"],
    ["a break alone", "ff"],
    ["an indefinite byte string", "5f4100ff"],
    ["a head longer than need be", "1817"],
    ["a length beyond the bytes", "5a7fffffff00"],
    ["an array of 2^53-1 items", "9b001fffffffffffff"],
    ["keys out of order", "a202000100"],
    ["a key twice", "a201000100"],
    ["a key of bytes", "a1410000"],
    ["a key that is a whole number written as a float", "a1fa5a00000000"],
    ["text that is not UTF-8", "62c328"],
    ["a surrogate in UTF-8", "63eda080"],
    ["nine levels", "81818181818181818101"],
    ["nothing", ""],
    ["a byte too many", "0000"],
  ])("refuses %s", (_name, bytes) => {
    expect(decodeCbor(hex(bytes))).toMatchObject({ code: "malformed" });
  });

  test.each([[NaN], [Infinity], [-0], ["\ud800"], [[[[[[[[[[1]]]]]]]]]]])(
    "our own %j is our own fault",
    (each) => {
      expect(() => encodeCbor(each as CborValue)).toThrow();
    },
  );
});
