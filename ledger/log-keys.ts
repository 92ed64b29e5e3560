/** The keys under which a log signs its checkpoints, as its own entries tell (docs/formats.md, sections 4 and 8). */

import type { LogState } from "./log-state.ts";
import { TYPE_ED25519, vkeyOf } from "./note.ts";
import type { Vkey } from "./note.ts";

/** Gives every hub key that a log ever had, the live one last; none before genesis. */
export function logVkeys(state: LogState): Vkey[] {
  return [...state.registry.all()]
    .filter(({ role }) => role === "hub")
    .map(({ publicKey }) => vkeyOf(state.origin, TYPE_ED25519, publicKey));
}
