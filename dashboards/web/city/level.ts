/** How far an entry has come towards proof: kept by the hub, sealed into a block, cosigned by the quorum. */

import type { Level } from "../api/answer.ts";

const RANKS: Readonly<Record<Level, number>> = { stored: 0, sealed: 1, cosigned: 2 };

/** What people read, and what it means. */
export const LEVEL_WORDS: Readonly<
  Record<Level, { readonly title: string; readonly meaning: string }>
> = {
  stored: {
    title: "Not yet proved",
    meaning: "signed by the device and kept by the hub, in no block yet",
  },
  sealed: { title: "Sealed", meaning: "in a block that the hub has signed" },
  cosigned: { title: "Cosigned", meaning: "in a block that enough peers have checked and signed" },
};

/** Gives the greater of two levels. Levels never fall. */
export function greaterLevel(a: Level, b: Level): Level {
  return RANKS[a] >= RANKS[b] ? a : b;
}
