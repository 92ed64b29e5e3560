/** The registry of drivers, and what every kind of driver must bear. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { QUANTITIES } from "../../../../ledger/quantity.ts";
import { DRIVERS } from "../../../../edge/sensors/drivers/drivers.ts";
import { driverKind, listeningDriver } from "../../../../edge/sensors/driver.ts";
import { nmeaFramer } from "../../../../edge/sensors/framers/nmea.ts";
import { knownReading } from "../../../../edge/sensors/reading.ts";
import { z } from "zod";

test("kinds are listed by their names, in order", () => {
  const names = [...DRIVERS.keys()];
  expect(names).toEqual([
    "airrohr",
    "dsmr",
    "esphome",
    "json",
    "line-protocol",
    "mhz19",
    "modbus",
    "nmea",
    "plantower",
    "sds011",
    "tasmota",
    "zigbee2mqtt",
  ]);
  for (const [name, kind] of DRIVERS) expect(kind.name).toBe(name);
});

/** What kinds need that cannot do without options. */
const NEEDED: Readonly<Record<string, object>> = {
  json: { values: [{ quantity: "temp", path: "/temperature" }] },
  modbus: { units: [{ id: 1, registers: [{ register: 0, quantity: "level" }] }] },
};

describe.each([...DRIVERS.values()])("$name", (kind) => {
  const needed = NEEDED[kind.name] ?? {};

  test("needs no other options, and refuses unknown ones", () => {
    expect(kind.options.safeParse(needed).success).toBe(true);
    expect(kind.options.safeParse({ ...needed, noSuchOption: 1 }).success).toBe(false);
    expect(kind.options.safeParse("").success).toBe(false);
  });

  test("bears any bytes at any time", () => {
    const step = fc.record({
      bytes: fc.uint8Array({ maxLength: 300 }),
      waitMs: fc.nat(100_000),
      call: fc.constantFrom("push", "tick", "opened"),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const driver = kind.create(needed, { notBeforeMs: 0 });
        let atMs = 0;
        for (const { bytes, waitMs, call } of steps) {
          atMs += waitMs;
          if (call === "push") driver.push(bytes, atMs);
          else if (call === "tick") driver.tick(atMs);
          else driver.opened(atMs);
        }
        const { framesGood, framesBad, bytesSkipped } = driver.counters();
        expect(framesGood + framesBad + bytesSkipped).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

test("a kind gives its constructor what its schema made of the options", () => {
  const seen: unknown[] = [];
  const kind = driverKind({
    name: "x",
    title: "X",
    baudRate: 9600,
    options: z.strictObject({ n: z.int().default(3) }),
    create: (options, surroundings) => {
      seen.push(options, surroundings);
      return listeningDriver(nmeaFramer(), () => []);
    },
  });
  kind.create({}, { notBeforeMs: 5 });
  expect(seen).toEqual([{ n: 3 }, { notBeforeMs: 5 }]);
});

test("a reading has the unit of its quantity, and is flagged beyond its range", () => {
  for (const [name, { unit, min, max }] of QUANTITIES) {
    // No air is without carbon dioxide.
    const value = name === "co2" ? min + 1 : min;
    expect(knownReading(name, value, 0)).toEqual({ quantity: name, unit, value, atMs: 0 });
    expect(knownReading(name, max, 0).fault).toBeUndefined();
    expect(knownReading(name, min - 1, 0).fault).toBe(true);
    expect(knownReading(name, NaN, 0).fault).toBe(true);
    expect(knownReading(name, max, 0, true).fault).toBe(true);
  }
  expect(knownReading("co2", 0, 0).fault).toBe(true);
  expect(() => knownReading("no-such-quantity", 1, 0)).toThrow(RangeError);
});
