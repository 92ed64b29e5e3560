/** The smart meter driver: the recorded telegrams of thirteen makes, and what is said how often. */
import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../../../ledger/bytes.ts";
import type { Driver, SensorEvent } from "../../../../edge/sensors/driver.ts";
import { dsmr } from "../../../../edge/sensors/drivers/dsmr.ts";
import { formatP1Telegram } from "../../../../firmware-sim/boards/p1-meter.ts";
import { describeWithShared, sharedBytes } from "../../../support/shared-data.ts";

function driver(options: Record<string, unknown> = {}): Driver {
  return dsmr.create(options, { notBeforeMs: 0 });
}

function valuesOf(events: readonly SensorEvent[]): Record<string, unknown> {
  return Object.fromEntries(
    events.flatMap((event) =>
      event.kind === "readings"
        ? event.readings.map(({ quantity, value, fault }) => [
            quantity,
            fault === true ? `${value} at fault` : value,
          ])
        : [],
    ),
  );
}

function telegram(...lines: string[]): Uint8Array {
  return encodeUtf8(formatP1Telegram("KRB5\\TEST", lines, "padded"));
}

/** By hand from the texts: tariffs added up, kilowatts in watts, gigajoules in joules. */
const EXPECTED: Readonly<Record<string, Record<string, number>>> = {
  esy5q3da1004_v304: { power: 1688.21, energy: 32549.5061662 },
  esy5q3db1024_v304: { power: 2124.86, energy: 52185.7825309, "energy-out": 19949.3221493 },
  fluvius_v171: {
    power: 0,
    "power-out": 0,
    energy: 15.792,
    "energy-out": 0.011,
    "voltage-l1": 234.7,
    "voltage-l2": 234.7,
    "voltage-l3": 234.7,
    gas: 112.384,
    water: 872.234,
  },
  fluvius_v171_alt: {
    power: 338,
    "power-out": 0,
    energy: 571.562,
    "energy-out": 0.005,
    "voltage-l1": 232.9,
    "voltage-l2": 228.1,
    "voltage-l3": 228.1,
    gas: 92.287,
    water: 8.579,
  },
  iskra_ie: {
    power: 170,
    "power-out": 270,
    energy: 20.363,
    "energy-out": 20.563,
    "voltage-l1": 242.5,
    "voltage-l2": 241.7,
    "voltage-l3": 243.3,
  },
  sagemcom_t210_d_r: { power: 286, "power-out": 0, energy: 6545.766, "energy-out": 0.058 },
  unpadded_crc: { heat: 240_860_000_000 },
  v2_2: { power: 1010, "power-out": 0, energy: 2.002, "energy-out": 2.002, gas: 1.001 },
  v3: { power: 1190, "power-out": 0, energy: 24691.356, "energy-out": 24691.356, gas: 1.001 },
  v4_2: { power: 2027, "power-out": 0, energy: 3016.829, "energy-out": 0, gas: 981.443 },
  v5: {
    power: 244,
    "power-out": 0,
    energy: 6.825,
    "energy-out": 2.444,
    "voltage-l1": 230,
    "voltage-l2": 230,
    "voltage-l3": 229,
    gas: 0.107,
  },
  v5_eon_hu: {
    power: 0,
    "power-out": 2601,
    energy: 173.64,
    "energy-out": 627.177,
    "voltage-l1": 240.4,
    "voltage-l2": 239.1,
    "voltage-l3": 241.2,
  },
  v5_two_mbus: {
    power: 111,
    "power-out": 0,
    energy: 2375.582,
    "energy-out": 0,
    "voltage-l1": 229.9,
    "voltage-l2": 229.2,
    "voltage-l3": 222.9,
    gas: 246.138,
  },
};
const path = (name: string): string => `data/dsmr-p1-energy/telegram_${name}.txt`;

describeWithShared("recorded telegrams", Object.keys(EXPECTED).map(path), () => {
  test.each(Object.entries(EXPECTED))("%s", (name, expected) => {
    const events = driver().push(sharedBytes(path(name)), 5);
    expect(valuesOf(events)).toEqual(expected);
    expect(events).toHaveLength(1);
  });

  test("say nothing of who and what", () => {
    const said = Object.keys(EXPECTED).flatMap((name) => driver().push(sharedBytes(path(name)), 0));
    const texts = said.flatMap((event) =>
      event.kind === "readings" ? event.readings.map(({ value }) => typeof value) : ["other"],
    );
    expect(new Set(texts)).toEqual(new Set(["number"]));
  });
});

describe("telegrams each second", () => {
  const at = (second: number): Uint8Array => telegram(`1-0:1.7.0(0${second % 10}.000*kW)`);

  test("are passed over in between, whether they come a little early or late", () => {
    const meter = driver();
    const heard = [...Array(35).keys()].filter((second) => {
      const jitterMs = second % 2 === 0 ? 0 : 200;
      return (
        meter.push(at(second), second * 1000 - (second % 10 === 0 ? 200 : 0) + jitterMs).length > 0
      );
    });
    expect(heard).toEqual([0, 10, 20, 30]);
  });

  test("are all taken where that is wanted", () => {
    const meter = driver({ everySeconds: 0 });
    const heard = [...Array(5).keys()].filter(
      (second) => meter.push(at(second), second * 1000).length > 0,
    );
    expect(heard).toHaveLength(5);
  });
});

describe("a gas meter", () => {
  const gas = (channel: number, time: string, value: string): string[] => [
    `0-${channel}:24.1.0(003)`,
    `0-${channel}:24.2.1(${time})(${value}*m3)`,
  ];

  test("is read once for each value that it gave", () => {
    const meter = driver();
    const power = "1-0:1.7.0(01.000*kW)";
    const said = [
      gas(1, "260101000000W", "00001.000"),
      gas(1, "260101000000W", "00001.000"),
      gas(1, "260101000500W", "00001.000"),
      gas(1, "260101001000W", "00001.250"),
    ].map((lines, at) => valuesOf(meter.push(telegram(power, ...lines), at * 10_000)));
    expect(said.map((values) => values["gas"])).toEqual([1, undefined, 1, 1.25]);
    expect(said.every((values) => values["power"] === 1000)).toBe(true);
  });

  test("that was replaced does not speak for the new one", () => {
    const lines = [
      ...gas(1, "240101000000W", "09999.000"),
      ...gas(2, "260101000000W", "00001.000"),
    ];
    expect(valuesOf(driver().push(telegram(...lines), 0))).toEqual({ gas: 1 });
  });

  test.each([
    ["of another unit", "(00001.000*ft3)"],
    ["without unit", "(00001.000)"],
    ["that is empty", "()"],
  ])("with a value %s is passed over", (_, value) => {
    const text = telegram("0-1:24.1.0(003)", `0-1:24.2.1(260101000000W)${value}`);
    expect(driver().push(text, 0)).toEqual([]);
  });
});

test("values beyond their range are flagged and kept", () => {
  expect(
    valuesOf(driver().push(telegram("1-0:1.7.0(9999.000*kW)", "1-0:32.7.0(2300.0*V)"), 0)),
  ).toEqual({
    power: "9999000 at fault",
    "voltage-l1": "2300 at fault",
  });
});

test("a tariff that cannot be read makes no total of the others", () => {
  expect(driver().push(telegram("1-0:1.8.1(000001.000*kWh)", "1-0:1.8.2(-)"), 0)).toEqual([]);
});
