/** What an agent says of its packs, as the page shows it. */

import { expect, test } from "vitest";
import type { Latest } from "../../dashboards/web/api/answer.ts";
import { noteWords, warningWords } from "../../dashboards/web/city/pack-notes.ts";

function latest(quantity: string, value: Latest["value"], timeMs: number, stream = "air"): Latest {
  return { stream, quantity, unit: null, value, timeMs, fault: false, entry: 1, level: "sealed" };
}

test.each([
  ["gps", "time by satellite"],
  ["ntp", "time by NTP"],
  ["system", "time by a clock that nobody is known to keep"],
  ["hub", "time by the hub, for want of a clock"],
  ["sundial", "time by sundial"],
])("who vouched for the time: %s", (value, words) => {
  expect(noteWords({ latest: [latest("clock", value, 1)] })).toEqual([words]);
});

test("the newest of several streams counts, and each board is named once", () => {
  const words = noteWords({
    latest: [
      latest("clock", "system", 2),
      latest("clock", "ntp", 3, "noise"),
      latest("via", "airrohr:esp8266-1", 2),
      latest("via", "airrohr:esp8266-1", 3, "weather"),
      latest("pm25", 7, 3),
    ],
  });
  expect(words).toEqual(["time by NTP", "signed for airrohr:esp8266-1"]);
});

test.each([
  ["ntp", 3_600.25, "a satellite receiver contradicts its clock, 3600 s ahead"],
  ["gps", -4, "its system’s clock contradicts it, 4 s behind"],
])(
  "a warning that %s was contradicted by %d s, until a pack says it no more",
  (by, apart, said) => {
    const disputed = [latest("clock", by, 2), latest("clock-apart", apart, 2)];
    expect(warningWords({ latest: disputed })).toEqual([said]);
    expect(noteWords({ latest: disputed })).toHaveLength(1);
    expect(warningWords({ latest: [latest("clock", by, 3), disputed[1]!] })).toEqual([]);
  },
);

test.each([
  [212, "its receiver is 212 m from where it should stand"],
  [1_890, "its receiver is 1.9 km from where it should stand"],
])("a warning that it was carried off by %d m, until a pack says it no more", (metres, said) => {
  const moved = [latest("clock", "gps", 2), latest("moved", metres, 2)];
  expect(warningWords({ latest: moved })).toEqual([said]);
  expect(warningWords({ latest: [latest("clock", "gps", 3), moved[1]!] })).toEqual([]);
});

test("a device that says nothing of itself has no words", () => {
  expect(noteWords({ latest: [latest("pm25", 7, 3)] })).toEqual([]);
  expect(warningWords({ latest: [latest("pm25", 7, 3)] })).toEqual([]);
});
