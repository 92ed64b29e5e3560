/** The keys under which a log signs its checkpoints, as its own entries tell (docs/formats.md, sections 4 and 8). */

import type { LogState } from "./log-state.ts";
import { TYPE_ED25519, vkeyOf } from "./note.ts";
import type { Vkey } from "./note.ts";

/**
 * Gives the key that signs the checkpoint of `size` entries: the hub's live one at the seal before it.
 *
 * A key that was replaced, perhaps since it was stolen, says nothing about later sizes. Beyond the
 * state's own size it is the live key, as far as is known. `undefined` before genesis.
 */
export function logVkeyAt(state: LogState, size: number): Vkey | undefined {
  for (const key of state.registry.all()) {
    if (key.role !== "hub" || key.enrolledAt >= size) continue;
    if (key.revoked !== undefined && key.revoked.at < size) continue;
    return vkeyOf(state.origin, TYPE_ED25519, key.publicKey);
  }
  return undefined;
}

/** Gives every hub key that a log ever had, the live one last; none before genesis. */
export function logVkeys(state: LogState): Vkey[] {
  return [...state.registry.all()]
    .filter(({ role }) => role === "hub")
    .map(({ publicKey }) => vkeyOf(state.origin, TYPE_ED25519, publicKey));
}
