/**
 * Checking many signatures ahead of admission, wherever that is cheap (worker threads), and using the answers in order.
 *
 * Admission asks for one signature at a time and must, since each answer depends on the state. Most keys are known
 * long before, though: their signatures are checked in a batch, and only the rest when admission asks.
 */

import { equalBytes } from "./bytes.ts";
import { Refusal } from "./errors.ts";
import type { LogState } from "./log-state.ts";
import type { Verify } from "./signature.ts";
import { signedBytes } from "./statement.ts";
import type { Statement } from "./statement.ts";

/** One signature to check. */
export interface SignatureJob {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/** Checks signatures by the rule of docs/formats.md, section 2; answers in the order of the jobs. */
export type VerifyMany = (jobs: readonly SignatureJob[]) => Promise<readonly boolean[]>;

/** Makes a `VerifyMany` that checks one after the other where it stands. */
export function verifyInline(verify: Verify): VerifyMany {
  return (jobs) =>
    Promise.resolve(
      jobs.map(({ publicKey, message, signature }) => verify(publicKey, message, signature)),
    );
}

/**
 * Checks the signatures of all `statements` whose keys the state knows, and gives a `Verify` that has the answers.
 *
 * The answer is used only for the very statement object and key that it was asked for; anything else goes to
 * `fallback`.
 */
export async function verifyAhead(
  state: LogState,
  statements: readonly (Statement | Refusal)[],
  verifyMany: VerifyMany,
  fallback: Verify,
): Promise<Verify> {
  const jobs: SignatureJob[] = [];
  for (const statement of statements) {
    if (statement instanceof Refusal) continue;
    const key = state.registry.key(statement.kid);
    if (key === undefined) continue;
    const { signature } = statement;
    jobs.push({ publicKey: key.publicKey, message: signedBytes(statement), signature });
  }
  const answers = await verifyMany(jobs);
  const answered = new Map(jobs.map((job, i) => [job.signature, { job, holds: answers[i]! }]));
  return (publicKey, message, signature) => {
    const found = answered.get(signature);
    return found !== undefined && equalBytes(found.job.publicKey, publicKey)
      ? found.holds
      : fallback(publicKey, message, signature);
  };
}
