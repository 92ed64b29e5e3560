/**
 * Whole lives of an agent under everything that can go wrong, drawn from one seed; see world.ts and books.ts.
 *
 * `KERBSTONE_LIVES=2000 KERBSTONE_SEED=7` tries more of them, and others. A life that fails is shrunk to the fewest deeds that
 * still make it fail.
 */

import fc from "fast-check";
import { test } from "vitest";
import { fates } from "./deeds.ts";
import type { Fate } from "./deeds.ts";
import { World } from "./world.ts";

const LIVES = Number(process.env["KERBSTONE_LIVES"] ?? 25);
const SEED = Number(process.env["KERBSTONE_SEED"] ?? 20_260_803);
const DEEDS_MAX = 150;
const A_LIFE_MS_MAX = 30_000;

async function live(fate: Fate): Promise<void> {
  const world = await World.begin(fate);
  try {
    for (const deed of fate.deeds) await world.act(deed);
    await world.settle();
  } finally {
    await world.close();
  }
}

test(
  "whatever happens: nothing is signed twice, nothing let go unproved, and every reading is accounted for",
  () => fc.assert(fc.asyncProperty(fates(DEEDS_MAX), live), { seed: SEED, numRuns: LIVES }),
  LIVES * A_LIFE_MS_MAX,
);
