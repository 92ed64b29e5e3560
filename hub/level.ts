/** How far an entry has come: stored, sealed, cosigned (docs/formats.md, section 10). */

import type { HubLog } from "./log.ts";

/** Each level includes those before it. */
export const LEVELS = ["stored", "sealed", "cosigned"] as const;

export type Level = (typeof LEVELS)[number];

/** Says how far the entry at `index` has come; `cosignedSize` is undefined without a quorum, and before its first word. */
export function levelOf(
  index: number,
  log: Pick<HubLog, "sealedSize">,
  cosignedSize: number | undefined,
): Level {
  if (cosignedSize !== undefined && index < cosignedSize) return "cosigned";
  return index < log.sealedSize ? "sealed" : "stored";
}
