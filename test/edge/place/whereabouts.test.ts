/** Where a device is, and whether it was carried off. */

import { expect, test } from "vitest";
import { Whereabouts } from "../../../edge/place/whereabouts.ts";

const HOME = { lat: 51.5, lon: -3 };
/** Some 1,112 m north. */
const AWAY = { lat: 51.51, lon: -3 };

function hearing(place: typeof HOME, times: number, whereabouts: Whereabouts): Whereabouts {
  for (let i = 0; i < times; i++) whereabouts.hearFix(place);
  return whereabouts;
}

test("one that moves is where the receiver last said, and is never away", () => {
  const whereabouts = new Whereabouts({ fixed: undefined, movedMetres: 150 });
  expect(whereabouts.place).toBeUndefined();
  hearing(HOME, 20, whereabouts);
  hearing(AWAY, 20, whereabouts);
  expect(whereabouts.place).toEqual(AWAY);
  expect(whereabouts.movedMetres).toBeUndefined();
});

test("one that stands says its place, wherever the receiver is, and how far away that is", () => {
  const whereabouts = new Whereabouts({ fixed: HOME, movedMetres: 150 });
  hearing(HOME, 20, whereabouts);
  expect(whereabouts.movedMetres).toBeUndefined();
  hearing(AWAY, 4, whereabouts);
  expect(whereabouts.movedMetres).toBeUndefined();
  hearing(AWAY, 1, whereabouts);
  expect(whereabouts.movedMetres).toBe(1_112);
  expect(whereabouts.place).toEqual(HOME);
  hearing(HOME, 5, whereabouts);
  expect(whereabouts.movedMetres).toBeUndefined();
});

test("a few fixes after a cold start say nothing yet", () => {
  const whereabouts = new Whereabouts({ fixed: HOME, movedMetres: 150 });
  expect(hearing(AWAY, 8, whereabouts).movedMetres).toBeUndefined();
  expect(hearing(AWAY, 1, whereabouts).movedMetres).toBe(1_112);
});

test.each([
  [1_111, 1_112],
  [1_112, undefined],
  [0, undefined],
])("with a bound of %d m", (movedMetres, expected) => {
  // 1,111.95 m
  const whereabouts = new Whereabouts({ fixed: HOME, movedMetres });
  expect(hearing(AWAY, 9, whereabouts).movedMetres).toBe(expected);
});
