/**
 * The newest checkpoint that this browser has verified, and what a further one says beside it.
 *
 * Two signed checkpoints of one size with two roots prove that the log's key has told two stories. Growth is not
 * checked here for consistency: peers do that, and their cosignatures say so.
 */

import { equalBytes } from "../../../ledger/bytes.ts";
import { openCheckpoint } from "../../../ledger/checkpoint.ts";
import type { OpenedCheckpoint } from "../../../ledger/checkpoint.ts";
import { Fault } from "../../../ledger/fault.ts";
import { logKeys, quorumMet } from "../../../ledger/policy.ts";
import type { Policy } from "../../../ledger/policy.ts";
import type { Verify } from "../../../ledger/signature.ts";

/** A published checkpoint, checked in this browser. */
export interface CheckedCheckpoint {
  readonly checkpoint: OpenedCheckpoint;
  /** Whether enough pinned cosigners have signed it; `false` as well where none is asked for. */
  readonly hasQuorum: boolean;
}

/** Checks a checkpoint's note against what is pinned: the log's signature must hold, cosignatures are listed. */
export function checkCheckpoint(
  note: string,
  policy: Policy,
  needed: number,
  verify: Verify,
): CheckedCheckpoint | Fault {
  const witnessKeys = policy.witnesses.map(({ vkey }) => vkey);
  const checkpoint = openCheckpoint(note, [...logKeys(policy), ...witnessKeys], verify);
  if (checkpoint instanceof Fault) return checkpoint;
  const cosigners = checkpoint.cosignatures.map(({ vkey }) => vkey);
  return { checkpoint, hasQuorum: needed > 0 && quorumMet(policy, cosigners) };
}

/** How a checkpoint relates to the newest one seen before. */
export type Succession = "first" | "same" | "longer" | "shorter" | "contradiction";

/** Compares a checkpoint with the newest one of its log that was verified here. */
export function compareCheckpoints(
  seen: OpenedCheckpoint | undefined,
  next: OpenedCheckpoint,
): Succession {
  if (seen === undefined || seen.origin !== next.origin) return "first";
  if (next.size > seen.size) return "longer";
  if (next.size < seen.size) return "shorter";
  return equalBytes(seen.root, next.root) ? "same" : "contradiction";
}
