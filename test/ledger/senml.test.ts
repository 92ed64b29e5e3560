import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeCbor } from "../../ledger/cbor.ts";
import type { CborKey, CborValue } from "../../ledger/cbor.ts";
import { Refusal } from "../../ledger/errors.ts";
import { decodePack, encodePack } from "../../ledger/senml.ts";
import type { Reading } from "../../ledger/senml.ts";

const IAT = 1_767_225_730;
const HERE = { lat: 51.5877, lon: -2.9984 };

const reading: fc.Arbitrary<Reading> = fc
  .record({
    quantity: fc.constantFrom("pm25", "pm10", "laeq", "temp", "pm25-fault"),
    value: fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.string({ maxLength: 50 }),
    ),
    time: fc
      .integer({ min: IAT - 86_400_000, max: IAT * 1000 })
      .map((ms) => Math.min(ms / 1000 + 1_700_000_000, IAT)),
    unit: fc.option(fc.constantFrom("ug/m3", "dB"), { nil: undefined }),
  })
  .map(({ unit, ...rest }) => (unit === undefined ? rest : { ...rest, unit }));

describe("packs", () => {
  test("readings come back: names, units and values as they were, times to the microsecond", () => {
    fc.assert(
      fc.property(fc.array(reading, { minLength: 1, maxLength: 60 }), (readings) => {
        const pack = decodePack(encodePack("air-1", HERE, readings), "air-1", IAT);
        if (pack instanceof Refusal) throw new Error(`${pack.code}: ${pack.text}`);
        expect(pack).toMatchObject(HERE);
        expect(pack.readings.map(({ time: _time, ...rest }) => rest)).toEqual(
          readings.map(({ time: _time, value, ...rest }) => ({
            ...rest,
            value: Object.is(value, -0) ? 0 : value,
          })),
        );
        for (const [i, each] of pack.readings.entries()) {
          expect(Math.abs(each.time - readings[i]!.time)).toBeLessThan(1e-6);
        }
      }),
    );
  });

  test("times in milliseconds come back exactly", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1_600_000_000_000, max: IAT * 1000 }), {
          minLength: 1,
          maxLength: 20,
        }),
        (times) => {
          const readings = times.map((ms) => ({ quantity: "pm25", value: 1, time: ms / 1000 }));
          const pack = decodePack(encodePack("air-1", HERE, readings), "air-1", IAT);
          if (pack instanceof Refusal) throw new Error(pack.text);
          expect(pack.readings.map(({ time }) => time)).toEqual(times.map((ms) => ms / 1000));
        },
      ),
      { numRuns: 300 },
    );
  });

  type Fields = Record<number, CborValue>;
  const first: Fields = { "-1": 26, "-2": "air-1/", "-3": IAT - 10, 0: "lat", 1: "lat", 2: 51.5 };
  const second: Fields = { 0: "lon", 1: "lon", 2: -3 };
  const third: Fields = { 0: "pm25", 1: "ug/m3", 2: 12.3 };
  const packOf = (...records: (Fields | CborValue)[]): Uint8Array =>
    encodeCbor(
      records.map((record) =>
        typeof record === "object" && record !== null && !Array.isArray(record)
          ? new Map<CborKey, CborValue>(
              Object.entries(record as Fields).map(([label, value]) => [Number(label), value]),
            )
          : (record as CborValue),
      ),
    );

  test("the plain pack that the cases below change", () => {
    expect(decodePack(packOf(first, second, third), "air-1", IAT)).toEqual({
      lat: 51.5,
      lon: -3,
      readings: [{ quantity: "pm25", unit: "ug/m3", value: 12.3, time: IAT - 10 }],
    });
  });

  test("base name, base time and base unit hold until they are replaced", () => {
    const pack = packOf(
      first,
      second,
      { ...third, "-3": IAT - 5, "-4": "ug/m3" },
      { 0: "pm10", 2: 1, 6: 2 },
    );
    expect(decodePack(pack, "air-1", IAT)).toMatchObject({
      readings: [
        { quantity: "pm25", time: IAT - 5 },
        { quantity: "pm10", unit: "ug/m3", time: IAT - 3 },
      ],
    });
  });

  test.each<[string, Uint8Array, string]>([
    ["no array", encodeCbor(1), "malformed"],
    ["a record that is no map", packOf(first, second, 1), "malformed"],
    ["an unknown label", packOf(first, second, { ...third, 5: 1 }), "malformed"],
    ["another bver later", packOf(first, second, { ...third, "-1": 10 }), "malformed"],
    ["a name of another type", packOf(first, second, { ...third, 0: 1 }), "malformed"],
    ["a time of another type", packOf(first, second, { ...third, 6: "1" }), "malformed"],
    ["two values", packOf(first, second, { ...third, 4: true }), "malformed"],
    ["no value", packOf(first, second, { 0: "pm25", 1: "ug/m3" }), "malformed"],
    ["a text as number", packOf(first, second, { ...third, 2: "12" }), "malformed"],
    [
      "a text of 257 bytes",
      packOf(first, second, { 0: "x", 3: "é".repeat(128) + "x" }),
      "malformed",
    ],
    ["a base unit of another type", packOf(first, second, { ...third, "-4": 1 }), "malformed"],
    ["a name without quantity", packOf(first, second, { ...third, 0: "" }), "wrong-name"],
    ["a quantity in capitals", packOf(first, second, { ...third, 0: "PM25" }), "wrong-name"],
    ["another base name", packOf(first, second, { ...third, "-2": "air-2/" }), "wrong-name"],
    ["a time before 1978", packOf(first, second, { ...third, "-3": 0 }), "relative-time"],
    ["a time 2 s after signing", packOf(first, second, { ...third, 6: 12 }), "future"],
    ["longitude of 181", packOf(first, { ...second, 2: 181 }, third), "malformed"],
    ["latitude without unit", packOf({ ...first, 1: "m" }, second, third), "malformed"],
    ["latitude alone", packOf(first, third), "no-position"],
    ["no position, but a bad value comes first", packOf(first, { ...third, 2: "x" }), "malformed"],
  ])("%s: %s", (_name, pack, code) => {
    expect(decodePack(pack, "air-1", IAT)).toMatchObject({ code });
  });

  test("a reading one second ahead is welcome", () => {
    const pack = packOf(first, second, { ...third, 6: 11 });
    expect(decodePack(pack, "air-1", IAT)).not.toBeInstanceOf(Refusal);
  });
});
