/** The mains model: energy is the sum of power, whoever asks and when. */
import { expect, test } from "vitest";
import { EnergyModel } from "../../../firmware-sim/models/energy.ts";
import { seededRandom } from "../../../platform/random.ts";

const MARCH = Date.UTC(2026, 2, 3);
const HOUR_MS = 3_600_000;

function model(meanPower = 450, gasPerDay = 3): EnergyModel {
  return new EnergyModel({ meanPower, gasPerDay }, seededRandom(7));
}

test("energy is what power adds up to", () => {
  const building = model();
  const stepMs = 60_000;
  let sum = 0;
  for (let ms = 0; ms < 24 * HOUR_MS; ms += stepMs)
    sum += (building.at(MARCH + ms + stepMs / 2)["power"]! * stepMs) / HOUR_MS / 1000;
  const [first, last] = [building.at(MARCH), building.at(MARCH + 24 * HOUR_MS)];
  expect(last["energy"]! - first["energy"]!).toBeCloseTo(sum, 4);
});

test("power never stands still or turns round, and registers never run back", () => {
  const building = model();
  let before = building.at(MARCH);
  for (let hour = 1; hour < 24 * 400; hour++) {
    const now = building.at(MARCH + hour * HOUR_MS);
    expect(now["power"]!).toBeGreaterThan(0);
    expect(now["energy"]!).toBeGreaterThan(before["energy"]!);
    expect(now["gas"]!).toBeGreaterThan(before["gas"]!);
    expect(Math.abs(now["voltage-l1"]! - 230)).toBeLessThanOrEqual(4);
    before = now;
  }
});

test("nothing is taken where nothing is, nor before the meter began", () => {
  expect(model(0, 0).at(MARCH)).toMatchObject({ power: 0, energy: 0, gas: 0 });
  expect(model().at(0)).toMatchObject({ energy: 0, gas: 0 });
});
