/** Why something does not hold, in words for people who have never seen a fault code. */

import type { Fault, FaultCode } from "../../../ledger/fault.ts";

const WORDS: Readonly<Record<FaultCode, string>> = {
  malformed: "The file is damaged, or it is not an evidence file.",
  "unknown-version": "The file is of a version that this page does not know.",
  untrusted: "The log's checkpoint is not signed by the key that this browser trusts.",
  "bad-signature":
    "A signature does not fit what it stands under. The text was changed after signing, or somebody else signed it.",
  "wrong-origin": "The file is about another log than the one whose key this browser trusts.",
  "no-quorum": "Fewer peers have cosigned than this browser asks for.",
  "not-included":
    "An entry in the file is not in the log that was signed. It was changed, replaced or never there.",
  "missing-entry": "The file leaves out something that is needed to check it.",
  "bad-entry":
    "An entry is in the log, but breaks the ledger's rules: for instance a signature that does not hold, a key that was not enrolled, or a broken chain.",
};

/** Says in plain words what a fault means; the technical text is shown beside it. */
export function wordsOf(fault: Fault): string {
  return WORDS[fault.code];
}
