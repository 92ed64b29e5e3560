/** How far a peer has followed the log. */

import type { LogAnswer, Peer } from "../api/answer.ts";

/** Where a peer stands: level with the newest block, some blocks behind, or never heard of. */
export type Standing =
  | { readonly kind: "level" }
  | { readonly kind: "behind"; readonly blocks: number }
  | { readonly kind: "unheard" };

/** A peer cosigns a block only after it was sealed, so one block behind is the ordinary state of things. */
const BLOCKS_BEHIND_ORDINARY = 1;

/** Compares a peer with the newest block. */
export function standingOf(peer: Peer, log: LogAnswer): Standing {
  if (peer.height === null) return { kind: "unheard" };
  const blocks = Math.max(0, log.height - peer.height);
  return blocks === 0 ? { kind: "level" } : { kind: "behind", blocks };
}

/** Says whether a peer is further behind than it takes to check a block. */
export function isLagging(standing: Standing): boolean {
  return standing.kind === "behind" && standing.blocks > BLOCKS_BEHIND_ORDINARY;
}
