/**
 * Whether a receipt from the hub is reason enough to let go of a statement.
 *
 * Keys and policy are those pinned when the device was set up: neither the hub nor whoever runs the broker between can
 * change whom the device believes.
 */

import { Fault } from "../../ledger/fault.ts";
import { NO_QUORUM } from "../../ledger/policy.ts";
import type { Policy } from "../../ledger/policy.ts";
import { parseProof, verifyProof } from "../../ledger/proof.ts";
import type { Verify } from "../../ledger/signature.ts";

/** How safe a statement has to be before the device lets go of it (docs/formats.md, section 10). */
export type RetentionLevel = "stored" | "sealed" | "cosigned";

/** Whom a device believes. */
export interface ReceiptTrustParts {
  readonly origin: string;
  readonly policy: Policy;
  readonly verify: Verify;
}

/** See the head of the file. */
export class ReceiptTrust {
  private readonly parts: ReceiptTrustParts;
  private readonly policies: Readonly<Record<"sealed" | "cosigned", Policy>>;

  constructor(parts: ReceiptTrustParts) {
    const { policy } = parts;
    this.parts = parts;
    this.policies = {
      sealed: { ...policy, witnesses: [], groups: [], quorum: NO_QUORUM },
      cosigned: policy,
    };
  }

  /** The level that is asked for where the user names none: the highest that the policy can show. */
  get defaultLevel(): RetentionLevel {
    return this.parts.policy.quorum === NO_QUORUM ? "sealed" : "cosigned";
  }

  /** Checks that `receipt` shows `statement` in the log at a level; what is wrong, if anything is. */
  check(level: "sealed" | "cosigned", statement: Uint8Array, receipt: string): Fault | undefined {
    const proof = parseProof(receipt);
    if (proof instanceof Fault) return proof;
    const proven = verifyProof(statement, proof, this.policies[level], this.parts.verify);
    if (proven instanceof Fault) return proven;
    const { origin } = proven.checkpoint;
    return origin === this.parts.origin
      ? undefined
      : new Fault("wrong-origin", `the receipt is of ${origin}, expected ${this.parts.origin}`);
  }
}
