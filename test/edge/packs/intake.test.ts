/** The waiting room: what it keeps of a pack, what it drops at its bound, and that it never forgets to count. */

import { expect, test } from "vitest";
import { newCounters } from "../../../edge/counters.ts";
import type { Counters } from "../../../edge/counters.ts";
import { Intake } from "../../../edge/packs/intake.ts";
import type { SensorReading } from "../../../edge/sensors/reading.ts";
import type { Position } from "../../../ledger/senml.ts";

let position: Position | undefined;

function intake(waitingReadingsMax = 10): { intake: Intake; counters: Counters } {
  const counters = newCounters();
  const pack = { seconds: 10, readingsMax: 2 };
  const parts = { pack, waitingReadingsMax, position: () => position, counters };
  return { intake: new Intake(parts), counters };
}

function reading(atMs: number, value = 1): SensorReading {
  return { quantity: "pm25", unit: "ug/m3", value, atMs };
}

test("a pack was taken where the device stood when it was closed, wherever it is signed", () => {
  const { intake: room } = intake();
  const places = [
    { lat: 51, lon: -3 },
    { lat: 52, lon: -2 },
  ];
  for (const [at, place] of places.entries()) {
    position = place;
    room.push("air", [reading(at * 100), reading(at * 100 + 1)]);
    room.close(at * 100 + 50);
  }
  position = { lat: 0, lon: 0 };
  for (const place of places) {
    expect(room.first()?.position).toEqual(place);
    room.shift();
  }
  position = undefined;
  room.push("air", [reading(300), reading(301)]);
  room.close(400);
  expect(room.first()).not.toHaveProperty("position");
});

test("at the bound the newest are dropped, counted by stream, and still shown", () => {
  const { intake: room, counters } = intake(4);
  for (let at = 0; at < 7; at++) room.push(at % 2 === 0 ? "air" : "roof", [reading(at, at)]);
  expect(room.size).toBe(4);
  expect(counters).toMatchObject({ readings: 7, readingsDropped: 3 });
  expect([room.dropped("air"), room.dropped("roof")]).toEqual([2, 1]);
  expect(room.latest.map(({ value }) => value)).toEqual([6, 5]);
  // Without another pack all of it would be missing.
  expect(Object.fromEntries(room.owed())).toEqual({ air: 4, roof: 3 });
  // What was dropped meanwhile is still owed.
  room.ownUp("air", 1);
  expect(room.dropped("air")).toBe(1);
  room.ownUp("air", 1);
  expect(room.dropped("air")).toBe(0);
});

test("what fits no pack, because one instant has too much, is counted as dropped", () => {
  const { intake: room, counters } = intake(1_000);
  const many = Array.from({ length: 300 }, (_, at) => ({ ...reading(0), quantity: `q${at}` }));
  room.push("air", many);
  expect(room.size).toBeLessThan(256);
  expect(room.size + room.dropped("air")).toBe(300);
  expect(counters.readingsDropped).toBe(room.dropped("air"));
});

test("what is no number is dropped and counted, the rest of its frame is not", () => {
  const { intake: room, counters } = intake();
  room.push("air", [reading(0, NaN), { ...reading(0, 5), quantity: "pm10" }, reading(1, Infinity)]);
  expect(room.size).toBe(1);
  expect(counters.readingsDropped).toBe(2);
  expect(room.dropped("air")).toBe(2);
});
