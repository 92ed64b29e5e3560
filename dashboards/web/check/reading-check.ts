/** Checks one entry of the hub's log: fetches its evidence and proof, and verifies them here. */

import { NoAnswer } from "../api/hub-client.ts";
import type { HubClient } from "../api/hub-client.ts";
import type { Verify } from "../../../ledger/signature.ts";
import type { Pin } from "../trust/pin.ts";
import type { Claim } from "./claim.ts";
import { checkEvidence } from "./evidence-check.ts";
import type { EvidenceCheck } from "./evidence-check.ts";

/** What came of asking for a check. */
export type ReadingCheck =
  | {
      readonly kind: "checked";
      readonly check: EvidenceCheck;
      /** The files as the hub sent them. */
      readonly evidence: string;
      readonly proof: string | undefined;
    }
  /** The entry is in no block yet. */
  | { readonly kind: "not-sealed"; readonly words: string }
  /** The hub gave no evidence: that is no failure of the reading, and no proof of it. */
  | { readonly kind: "no-evidence"; readonly words: string };

/** Statuses that say "later": too early, conflict, unavailable. */
const LATER = [409, 425, 503];

/** Fetches and checks. Never rejects on what the hub answers. */
export async function checkReading(
  client: HubClient,
  question: {
    readonly entry: number;
    readonly claim?: Claim | undefined;
    readonly pin: Pin;
    readonly verify: Verify;
  },
): Promise<ReadingCheck> {
  const { entry } = question;
  const [evidence, proof] = await Promise.all([client.evidence(entry), client.proof(entry)]);
  if (evidence instanceof NoAnswer) return explain(evidence, entry);
  // A proof is a shorter form of the same: its lack is nothing against the evidence, its failure is.
  const proofText = proof instanceof NoAnswer ? undefined : proof;
  const check = checkEvidence({ ...question, text: evidence, proof: proofText });
  return { kind: "checked", check, evidence, proof: proofText };
}

function explain(answer: NoAnswer, entry: number): ReadingCheck {
  const isLater = answer.retryAfterMs !== undefined || LATER.includes(answer.status ?? 0);
  if (isLater) return { kind: "not-sealed", words: answer.text };
  if (answer.kind === "unreachable") {
    return { kind: "no-evidence", words: "The hub did not answer, so nothing could be checked." };
  }
  return {
    kind: "no-evidence",
    words:
      answer.status === 404
        ? `The hub says that it has no entry ${entry}.`
        : `The hub gave no evidence for entry ${entry}: ${answer.text}.`,
  };
}
