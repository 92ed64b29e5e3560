/** What stands in the way of signing, whatever is to be signed. */

import type { ClockSource } from "../time/clock-source.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { Chain } from "./chain.ts";

/** Why what was read or recorded waits unsigned. */
export type Obstacle =
  "halted" | "not-enrolled" | "gap-due" | "disk" | "full" | "no-clock" | "no-position";

/** What is looked at. */
export interface SigningGround {
  readonly delivery: { readonly halted: unknown };
  readonly repair: { readonly isFinished: boolean };
  readonly chain: Chain;
  readonly outbox: Outbox;
  /** The outbox may grow to this. */
  readonly outboxBytesMax: number;
  readonly time: ClockSource;
}

/** The first obstacle in the way of everything; `undefined` where there is none. */
export function obstacleTo(ground: SigningGround): Exclude<Obstacle, "no-position"> | undefined {
  const { delivery, repair, chain, outbox, outboxBytesMax, time } = ground;
  if (delivery.halted !== undefined) return "halted";
  if (!chain.isAnchored) return "not-enrolled";
  if (chain.needsGap) return "gap-due";
  // What was signed last is not on disk: one batch in memory is enough.
  if (!outbox.isFlushed) return "disk";
  if (outbox.bytes >= outboxBytesMax) return "full";
  if (time.now() === undefined) return "no-clock";
  // What a gap left out comes first, so that a stream's statements stay in order.
  return repair.isFinished ? undefined : "gap-due";
}
