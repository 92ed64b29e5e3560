/** What an agent says of a pack. */

import { expect, test } from "vitest";
import { NOTES_MAX, noteReadings } from "../../../edge/packs/pack-notes.ts";
import { isName } from "../../../ledger/name.ts";
import { NOTES, QUANTITIES } from "../../../ledger/quantity.ts";

const said = (notes: Parameters<typeof noteReadings>[0]): unknown[] =>
  noteReadings(notes, 1.8e9).map(({ quantity, unit, value }) => [quantity, unit, value]);

test("who vouched for the time is said in every pack, the rest when there is something to say", () => {
  expect(said({ clock: "gps", clockStepMs: 0, dropped: 0 })).toEqual([["clock", undefined, "gps"]]);
  const all = said({
    clock: "ntp",
    clockStepMs: -1_500,
    clockApartMs: 3_600_250,
    movedMetres: 1_112,
    dropped: 7,
    via: "airrohr:esp8266-1",
  });
  expect(all).toEqual([
    ["clock", undefined, "ntp"],
    ["clock-step", "s", -1.5],
    ["clock-apart", "s", 3_600.25],
    ["moved", "m", 1_112],
    ["dropped", "count", 7],
    ["via", undefined, "airrohr:esp8266-1"],
  ]);
  expect(all).toHaveLength(NOTES_MAX);
});

test.each([
  [999, []],
  [-999, []],
  [1_000, [["clock-step", "s", 1]]],
  [-1_000, [["clock-step", "s", -1]]],
])("a clock moved by %d ms", (clockStepMs, expected) => {
  expect(said({ clock: "ntp", clockStepMs, dropped: 0 }).slice(1)).toEqual(expected);
});

test("notes have names of their own", () => {
  for (const name of NOTES.keys()) {
    expect(isName(name)).toBe(true);
    expect(QUANTITIES.has(name)).toBe(false);
  }
});
