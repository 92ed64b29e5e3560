/** The verifier key of a log: what people pin in order to check its checkpoints (docs/formats.md, section 8). */

import type { LogState } from "../ledger/log-state.ts";
import { formatVkey, TYPE_ED25519, vkeyOf } from "../ledger/note.ts";

/** Gives the vkey of the hub's live key. Throws for a log without genesis. */
export function vkeyOfLog(state: LogState): string {
  if (state.hub === undefined) throw new Error("a log without genesis has no hub");
  return formatVkey(vkeyOf(state.origin, TYPE_ED25519, state.hub.publicKey));
}
