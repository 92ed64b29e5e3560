/** How a sensor is, over time: each state begins and ends when it should. */

import { expect, test } from "vitest";
import { knownReading } from "../../../edge/sensors/reading.ts";
import { SensorHealth } from "../../../edge/sensors/sensor-state.ts";

const HOUR_MS = 3_600_000;

function health(stuckMs = 6 * HOUR_MS): SensorHealth {
  const made = new SensorHealth({ silentMs: 60_000, stuckMs });
  made.opened(0);
  return made;
}

/** Lets a quantity say one value once a minute; gives whether the last reading came out flagged. */
function repeat(
  sensor: SensorHealth,
  quantity: string,
  value: number,
  fromMs: number,
  toMs: number,
): boolean {
  let isFlagged = false;
  for (let atMs = fromMs; atMs <= toMs; atMs += 60_000) {
    sensor.heard(atMs);
    const [reading] = sensor.take([knownReading(quantity, value, atMs)]);
    isFlagged = reading!.fault === true;
  }
  return isFlagged;
}

test("a line that was never opened, or is lost, is offline; opened again it has its time to speak", () => {
  const sensor = new SensorHealth({ silentMs: 60_000, stuckMs: 0 });
  expect(sensor.condition(0).state).toBe("offline");
  sensor.opened(1_000);
  expect(sensor.condition(60_999).state).toBe("ok");
  expect(sensor.condition(61_000).state).toBe("silent");
  sensor.closed();
  expect(sensor.condition(62_000).state).toBe("offline");
  sensor.opened(63_000);
  expect(sensor.condition(64_000).state).toBe("ok");
});

test("a frame ends the silence, even if it holds no reading", () => {
  const sensor = health();
  expect(sensor.condition(60_000).state).toBe("silent");
  sensor.heard(61_000);
  expect(sensor.condition(120_999).state).toBe("ok");
  expect(sensor.condition(121_000).state).toBe("silent");
});

test("a frame that is still worked off after the line was lost makes no sensor of it", () => {
  const sensor = health();
  sensor.closed();
  sensor.heard(5_000);
  expect(sensor.condition(5_000).state).toBe("offline");
});

test("one value for six hours is stuck and flagged from then on, until another comes", () => {
  const sensor = health();
  expect(repeat(sensor, "pm25", 12.3, 0, 6 * HOUR_MS - 60_000)).toBe(false);
  expect(sensor.condition(6 * HOUR_MS - 60_000).state).toBe("ok");
  expect(repeat(sensor, "pm25", 12.3, 6 * HOUR_MS, 6 * HOUR_MS)).toBe(true);
  expect(sensor.condition(6 * HOUR_MS)).toEqual({ state: "stuck", quantities: ["pm25"] });
  const [next] = sensor.take([knownReading("pm25", 12.4, 7 * HOUR_MS)]);
  expect(next!.fault).toBeUndefined();
  sensor.heard(7 * HOUR_MS);
  expect(sensor.condition(7 * HOUR_MS).state).toBe("ok");
});

test("a loose plug does not hide a stuck value", () => {
  const sensor = health();
  repeat(sensor, "pm25", 12.3, 0, 3 * HOUR_MS);
  sensor.closed();
  sensor.opened(3 * HOUR_MS + 30_000);
  expect(repeat(sensor, "pm25", 12.3, 3 * HOUR_MS + 60_000, 6 * HOUR_MS)).toBe(true);
});

test.each([
  ["spaces", 41, "a car park at night"],
  ["vehicles", 3, "a street at night"],
  ["satellites", 9, "a receiver"],
  ["energy", 123.4, "a meter of an empty house"],
  ["pm25", 0, "rain-washed air"],
  ["rh", 100, "fog"],
])("%s = %d stands still by nature: %s", (quantity, value) => {
  const sensor = health();
  expect(repeat(sensor, quantity, value, 0, 24 * HOUR_MS)).toBe(false);
  expect(sensor.condition(24 * HOUR_MS).state).toBe("ok");
});

test("a few readings far apart prove nothing; 0 means never", () => {
  const sensor = health();
  for (let day = 0; day < 9; day++) {
    const [reading] = sensor.take([knownReading("temp", 4, day * 24 * HOUR_MS)]);
    expect(reading!.fault).toBeUndefined();
  }
  expect(repeat(health(0), "temp", 4, 0, 48 * HOUR_MS)).toBe(false);
});

test("out of range and the sensor's own mark are told apart, and end with the next good value", () => {
  const sensor = health();
  sensor.take([knownReading("temp", 900, 1_000), knownReading("rh", 50, 1_000, true)]);
  expect(sensor.condition(1_000)).toEqual({ state: "out-of-range", quantities: ["temp"] });
  sensor.take([knownReading("temp", 9, 2_000)]);
  expect(sensor.condition(2_000)).toEqual({ state: "faulty", quantities: ["rh"] });
  sensor.take([knownReading("rh", 51, 3_000)]);
  expect(sensor.condition(3_000).state).toBe("ok");
  expect(sensor.lastSampleMs).toBe(3_000);
});

test("a value out of range that also repeats stays out of range", () => {
  const sensor = health();
  expect(repeat(sensor, "temp", 900, 0, 8 * HOUR_MS)).toBe(true);
  expect(sensor.condition(8 * HOUR_MS).state).toBe("out-of-range");
});

test("a board that invents names without end is not followed without end", () => {
  const sensor = health();
  for (let at = 0; at < 1_000; at++) {
    sensor.take([{ quantity: `q${at}`, unit: "", value: 1, atMs: at, fault: true }]);
  }
  expect(sensor.condition(1_000).quantities).toHaveLength(256);
});
