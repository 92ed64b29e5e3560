/**
 * Where signatures are checked before statements are decided: in worker threads when many come, else in place.
 *
 * Handing one signature to a worker costs about as much as a fifth of checking it, and gains nothing while the main
 * thread has time. The decision is never made here: results are handed to admission, which asks for them when it
 * gets to the signature, and checks itself whatever was not checked ahead.
 */

import { equalBytes } from "../../ledger/bytes.ts";
import type { Registry } from "../../ledger/registry.ts";
import type { Verify } from "../../ledger/signature.ts";
import { signedBytes } from "../../ledger/statement.ts";
import type { Statement } from "../../ledger/statement.ts";
import type { Logger } from "../../platform/log.ts";
import type { VerifyJob } from "../../platform/verify-pool.ts";

/** Something that checks many signatures elsewhere; platform/verify-pool.ts is one. */
export interface VerifyWorkers {
  verify(jobs: readonly VerifyJob[]): Promise<boolean[]>;
}

/** What a worker found. */
export interface Verdict extends VerifyJob {
  readonly holds: boolean;
}

/** What the checks look at and fill in. */
export interface Checkable {
  readonly statement: Statement | undefined;
  readonly refusal: unknown;
  verdict: Verdict | undefined;
}

/** From so many signatures in one batch on the workers get it. */
const WORKER_BATCH_MIN = 16;

/** The signature checks of one hub. */
export class SignatureChecks {
  /** Checks in place, on this thread. */
  readonly verify: Verify;
  readonly #workers: VerifyWorkers | undefined;
  readonly #logger: Logger;
  readonly #batchMin: number;

  constructor(parts: {
    verify: Verify;
    workers: VerifyWorkers | undefined;
    logger: Logger;
    batchMin?: number;
  }) {
    this.verify = parts.verify;
    this.#workers = parts.workers;
    this.#logger = parts.logger;
    this.#batchMin = parts.batchMin ?? WORKER_BATCH_MIN;
  }

  /**
   * Starts checking a batch ahead of its decision; `undefined` if it is as well checked in place.
   *
   * Left to the decision are statements of unknown keys, which may be known by then, and those below the key's
   * next `seq`, most of which are repeats that need no check.
   */
  begin(arrivals: readonly Checkable[], registry: Registry): Promise<void> | undefined {
    if (this.#workers === undefined || arrivals.length < this.#batchMin) return undefined;
    const chosen: Checkable[] = [];
    const jobs: VerifyJob[] = [];
    for (const arrival of arrivals) {
      const { statement } = arrival;
      if (statement === undefined || arrival.refusal !== undefined) continue;
      const key = registry.key(statement.kid);
      if (key === undefined || statement.seq <= key.lastSeq) continue;
      chosen.push(arrival);
      const { publicKey } = key;
      jobs.push({ publicKey, message: signedBytes(statement), signature: statement.signature });
    }
    if (jobs.length < this.#batchMin) return undefined;
    return this.#check(this.#workers, chosen, jobs);
  }

  async #check(workers: VerifyWorkers, chosen: Checkable[], jobs: VerifyJob[]): Promise<void> {
    try {
      const results = await workers.verify(jobs);
      for (const [i, arrival] of chosen.entries()) {
        arrival.verdict = { ...jobs[i]!, holds: results[i] === true };
      }
    } catch (error) {
      // The decision then checks in place: slower, and as sound.
      this.#logger.error({ error }, "the verify workers failed");
    }
  }
}

/** Gives a `Verify` that knows the verdict on one signature, and checks everything else with `fallback`. */
export function verifyWith(verdict: Verdict | undefined, fallback: Verify): Verify {
  if (verdict === undefined) return fallback;
  return (publicKey, message, signature) =>
    equalBytes(signature, verdict.signature) &&
    equalBytes(message, verdict.message) &&
    equalBytes(publicKey, verdict.publicKey)
      ? verdict.holds
      : fallback(publicKey, message, signature);
}
