/** Whole lives of an agent under everything that can go wrong, drawn from one seed; see world.ts and books.ts. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { fates } from "./deeds.ts";
import type { Fate } from "./deeds.ts";
import { World } from "./world.ts";

const LIVES = Number(process.env["KERBSTONE_LIVES"] ?? 20);
const SEED = Number(process.env["KERBSTONE_SEED"] ?? 20_260_803);

async function live(fate: Fate): Promise<void> {
  const world = await World.begin(fate);
  try {
    for (const deed of fate.deeds) await world.act(deed);
    await world.settle();
  } finally {
    await world.close();
  }
}

test("whatever happens: nothing is signed twice, nothing let go unproved, and every reading is accounted for", async () => {
  await fc.assert(fc.asyncProperty(fates(200), live), {
    seed: SEED,
    numRuns: LIVES,
    interruptAfterTimeLimit: 600_000,
  });
  expect(LIVES).toBeGreaterThan(0);
}, 700_000);
