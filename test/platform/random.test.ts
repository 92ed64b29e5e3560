/** Seeded chance repeats itself, and is chance. */
import { expect, test } from "vitest";
import { encodeHex } from "../../ledger/bytes.ts";
import { seededRandom, systemRandom } from "../../platform/random.ts";

test("the same seed gives the same sequence, now and in every later version", () => {
  const draw = (seed: number | string): string => encodeHex(seededRandom(seed).bytes(24));
  expect(draw(7)).toBe(draw("7"));
  expect(draw(7)).not.toBe(draw(8));
  expect(draw(7)).toBe("5e2ff3296a3f690264363d9c659e87f7bcfa7f108c06cd06");
});

test.each([
  ["seeded", seededRandom("spread")],
  ["system", systemRandom],
])("%s numbers lie in [0, 1) and are spread evenly", (_, random) => {
  const buckets = Array.from({ length: 10 }, () => 0);
  for (let i = 0; i < 10_000; i++) buckets[Math.floor(random.unit() * 10)]!++;
  for (const count of buckets) expect(Math.abs(count - 1000)).toBeLessThan(200);
  expect(random.bytes(5).length).toBe(5);
  expect(new Set(random.bytes(1000)).size).toBeGreaterThan(200);
});
