/** Distances and middles on the globe. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { medianPlace, metresBetween } from "../../../edge/place/place.ts";

const place = fc.record({
  lat: fc.double({ min: -90, max: 90, noNaN: true }),
  lon: fc.double({ min: -180, max: 180, noNaN: true }),
});

test.each([
  // A degree of a great circle is 111.195 km on this sphere, wherever it lies.
  ["a degree north", { lat: 51, lon: -3 }, { lat: 52, lon: -3 }, 111_195],
  ["a degree east at the equator", { lat: 0, lon: 10 }, { lat: 0, lon: 11 }, 111_195],
  ["a degree east at 60° north: half of it", { lat: 60, lon: 10 }, { lat: 60, lon: 11 }, 55_597],
  ["over 180°", { lat: 0, lon: 179.5 }, { lat: 0, lon: -179.5 }, 111_195],
  ["over the pole", { lat: 89.5, lon: 0 }, { lat: 89.5, lon: 180 }, 111_195],
  ["to the other side", { lat: 0, lon: 0 }, { lat: 0, lon: 180 }, 20_015_115],
  ["eleven centimetres", { lat: 51.5, lon: -3 }, { lat: 51.500001, lon: -3 }, 0.1112],
])("%s", (_, a, b, metres) => {
  expect(metresBetween(a, b) / metres).toBeCloseTo(1, 4);
  expect(metresBetween(b, a)).toBeCloseTo(metresBetween(a, b), 6);
});

test("no place is away from itself, and none farther than half around", () => {
  fc.assert(
    fc.property(place, place, (a, b) => {
      expect(metresBetween(a, a)).toBe(0);
      expect(metresBetween(a, b)).toBeLessThanOrEqual(20_015_116);
    }),
  );
});

test("the middle of places: of odd and even numbers, on both sides of 180°, and not carried away by few", () => {
  const [a, b, c] = [
    { lat: 1, lon: 10 },
    { lat: 3, lon: 30 },
    { lat: 2, lon: 20 },
  ];
  expect(medianPlace([a])).toEqual(a);
  expect(medianPlace([a, b])).toEqual(c);
  expect(medianPlace([a, b, c])).toEqual(c);
  expect(medianPlace([c, c, c, { lat: -80, lon: 170 }, { lat: 80, lon: -170 }])).toEqual(c);
  const east = [179.9, -179.9, -179.8].map((lon) => ({ lat: 0, lon }));
  expect(medianPlace(east).lon).toBeCloseTo(-179.9, 9);
  expect(() => medianPlace([])).toThrow("median");
});

test("a single place is its own middle, to the bit", () => {
  fc.assert(
    fc.property(place, (one) => {
      const { lat, lon } = medianPlace([one, one, one]);
      expect(lat === one.lat && lon === one.lon).toBe(true);
    }),
  );
});
