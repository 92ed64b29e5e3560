/**
 * What comes beside a statement that only commits to its content (docs/formats.md, section 7).
 *
 * The hub admits a restricted pack only together with its preimage, so that it holds the body of whatever it has
 * acknowledged; of a restricted enrolment the registrar may keep it back.
 */

import type { Admission } from "../ledger/admission.ts";
import { Refusal } from "../ledger/errors.ts";
import { openPack, openPrivateProfile } from "../ledger/preimage.ts";
import type { Pack } from "../ledger/senml.ts";

/** Gives the pack of an admitted statement, hidden or not; `bad-preimage` where the preimage is not what it takes. */
export function openHidden(
  { statement, effect }: Admission,
  preimage: Uint8Array | undefined,
): Pack | Refusal | undefined {
  if (effect.kind === "salted") {
    if (preimage !== undefined) return openPack(statement, preimage);
    return new Refusal("bad-preimage", "a restricted pack comes with its preimage");
  }
  if (preimage !== undefined) {
    const { enrol } = effect.kind === "enrol" ? effect : { enrol: undefined };
    if (enrol?.role !== "device" || enrol.visibility !== "restricted") {
      return new Refusal("bad-preimage", "this statement hides nothing");
    }
    const profile = openPrivateProfile(enrol.private, preimage);
    if (profile instanceof Refusal) return profile;
  }
  return effect.kind === "readings" ? effect.pack : undefined;
}
