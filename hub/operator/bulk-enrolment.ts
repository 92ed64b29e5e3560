/**
 * Enrolling many devices by one order: what `kerbstone hub enrol --from` asks the hub for, batch after batch.
 *
 * Each claim is judged for itself: enrolments do not depend on one another, and none can be taken back, so one that is
 * refused stops no other. A batch shares one sync of the disk, and lets the hub do its other work in between.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { z } from "zod";
import { encodeHex } from "../../ledger/bytes.ts";
import { Refusal } from "../../ledger/errors.ts";
import type { RefusalCode } from "../../ledger/errors.ts";
import type { EnrolmentRequest } from "../../platform/enrolment-request.ts";
import { UserError } from "../../platform/user-error.ts";

/** What became of one claim. */
export type EnrolmentOutcome =
  /** `entry` is the index of the enrolment, durable. */
  | { readonly kind: "enrolled"; readonly entry: number }
  /** The name has this very key already: nothing was done. */
  | { readonly kind: "known" }
  | { readonly kind: "refused"; readonly code?: RefusalCode; readonly text: string };

/** What a bulk enrolment works with. */
export interface BulkEnrolmentPorts {
  /** Reads a claim and checks that it is for this log. Throws `UserError` where it cannot be meant for it. */
  read(claim: string): EnrolmentRequest;
  /** The live key of a name. */
  liveKey(name: string): { readonly publicKey: Uint8Array } | undefined;
  /** Makes the enrolment an entry; durable after `durable`. */
  enrol(request: EnrolmentRequest): number | Refusal;
  durable(): Promise<void>;
}

/** Claims of one batch. */
export const BATCH_MAX = 256;

/** Checking a key takes a millisecond or two; others get their turn after so many. */
const SLICE = 4;

/** The order, as it comes over the operator's socket. */
export const enrolManyShape: z.ZodType<{ readonly claims: readonly string[] }> = z.object({
  command: z.literal("enrol-many"),
  claims: z.array(z.string()).max(BATCH_MAX),
});

/** Enrols what can be enrolled; one outcome for each claim, in order, all durable. */
export async function enrolMany(
  claims: readonly string[],
  ports: BulkEnrolmentPorts,
): Promise<EnrolmentOutcome[]> {
  const outcomes: EnrolmentOutcome[] = [];
  for (const claim of claims) {
    if (outcomes.length % SLICE === SLICE - 1) await nextTurn();
    outcomes.push(enrolOne(claim, ports));
  }
  await ports.durable();
  return outcomes;
}

function enrolOne(claim: string, ports: BulkEnrolmentPorts): EnrolmentOutcome {
  let request: EnrolmentRequest;
  try {
    request = ports.read(claim);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { kind: "refused", text: error.message };
  }
  const key = ports.liveKey(request.name);
  if (key !== undefined && encodeHex(key.publicKey) === request.publicKey) return { kind: "known" };
  const entry = ports.enrol(request);
  if (entry instanceof Refusal) return { kind: "refused", code: entry.code, text: entry.text };
  return { kind: "enrolled", entry };
}
