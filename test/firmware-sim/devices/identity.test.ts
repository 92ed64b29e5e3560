/** Devices made of a seed: the same again, and packs that the ledger takes. */
import { describe, expect, test } from "vitest";
import {
  claimOf,
  makeIdentity,
  makeStolenName,
  nameOf,
} from "../../../firmware-sim/devices/identity.ts";
import { PackSource, READINGS_MAX } from "../../../firmware-sim/devices/pack-source.ts";
import { City } from "../../../firmware-sim/models/city.ts";
import { Refusal } from "../../../ledger/errors.ts";
import { isName } from "../../../ledger/name.ts";
import { QUANTITIES } from "../../../ledger/quantity.ts";
import { decodePack } from "../../../ledger/senml.ts";
import { parseEnrolmentRequest } from "../../../platform/enrolment-request.ts";

const city = new City({ seed: 7, timeZone: "UTC", roads: [] });

describe("a device of a seed", () => {
  test("has the same name, key and place each time, and others with another seed or name", () => {
    const one = makeIdentity(7, "load-00001");
    expect(makeIdentity(7, "load-00001")).toMatchObject({ kid: one.kid, place: one.place });
    expect(makeIdentity("7", "load-00001").kid).toBe(one.kid);
    const others = [
      makeIdentity(8, "load-00001"),
      makeIdentity(7, "load-00002"),
      makeStolenName(7, "load-00001"),
    ];
    expect(new Set([one, ...others].map(({ kid }) => kid)).size).toBe(4);
  });

  test("asks to be enrolled as any other device does", () => {
    const one = makeIdentity(7, nameOf("load", 12));
    expect(parseEnrolmentRequest(claimOf(one, "kerbstone.test/x", 60))).toMatchObject({
      origin: "kerbstone.test/x",
      name: "load-00012",
      visibility: "public",
      ...one.place,
    });
    expect(isName(nameOf("a".repeat(57), 28_000))).toBe(true);
  });
});

describe("packs", () => {
  test.each([1, 2, 6, 7, 64, READINGS_MAX])(
    "of %i readings are what the ledger takes",
    (readings) => {
      const identity = makeIdentity(7, "load-00001");
      const source = new PackSource(identity, city, readings);
      const nowMs = 1_800_000_000_123;
      const instants = new Set<string>();
      for (let i = 0; i < 5; i++) {
        const pack = decodePack(source.next(nowMs), identity.name, Math.floor(nowMs / 1000));
        if (pack instanceof Refusal) throw new Error(pack.text);
        expect(pack).toMatchObject(identity.place);
        expect(pack.readings.length).toBe(readings);
        for (const { quantity, unit, value, time } of pack.readings) {
          instants.add(`${quantity} ${time}`);
          const known = QUANTITIES.get(quantity);
          expect(known?.unit).toBe(unit);
          expect(value).toBeGreaterThanOrEqual(known!.min);
        }
      }
      // No two values of a series at one time, even of packs that are made in one millisecond.
      expect(instants.size).toBe(5 * readings);
    },
  );

  test("made faster than anything is measured still hold no reading from after their signing", () => {
    const identity = makeIdentity(7, "load-00001");
    const source = new PackSource(identity, city, READINGS_MAX);
    for (let i = 0; i < 100; i++) {
      const pack = decodePack(source.next(1_800_000_000_900), identity.name, 1_800_000_000);
      expect(pack).not.toBeInstanceOf(Refusal);
    }
  });
});
