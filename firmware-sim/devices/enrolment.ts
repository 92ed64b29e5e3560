/**
 * Getting a run's devices enrolled: their claims in a file for the operator, and waiting until the hub has them.
 *
 * Only the last device of each group is asked for, since claims are taken in the order of the file: the hub has other work.
 */
import type { Clock } from "../../platform/clock.ts";
import { UserError } from "../../platform/user-error.ts";
import type { HubDesk } from "./hub-facts.ts";
import type { Identity } from "./identity.ts";

/** How often the hub is asked, at first and later. */
const ASK_MS_FIRST = 500;
const ASK_MS_MAX = 5000;

/** Says which of these devices the hub has not enrolled. Rejects with a `UserError` where a name has another key. */
export async function missing(
  identities: readonly Identity[],
  hub: HubDesk,
  signal: AbortSignal,
): Promise<Identity[]> {
  const lacking: Identity[] = [];
  for (const identity of identities) {
    const key = await hub.keyOf(identity.name, signal);
    if (key?.kid === identity.kid && key.isRevoked)
      throw new UserError(`${identity.name} is revoked.`, OTHER);
    if (key === undefined || key.isRevoked) lacking.push(identity);
    else if (key.kid !== identity.kid) {
      throw new UserError(
        `${identity.name} is enrolled with another key than this seed makes.`,
        OTHER,
      );
    }
  }
  return lacking;
}

const OTHER = {
  hint: "Give the --seed of the run that enrolled it, or another --prefix.",
  exitCode: 1,
};

/** Waits until the hub has enrolled all of them. Rejects with a `UserError` at the limit. */
export async function enrolled(
  identities: readonly Identity[],
  {
    hub,
    clock,
    signal,
    limitMs,
  }: { hub: HubDesk; clock: Clock; signal: AbortSignal; limitMs: number },
): Promise<void> {
  const deadlineMs = clock.monotonicMs() + limitMs;
  let waitMs = ASK_MS_FIRST;
  let lacking = identities;
  for (;;) {
    lacking = await missing(lacking, hub, signal);
    if (lacking.length === 0) return;
    if (clock.monotonicMs() >= deadlineMs) {
      throw new UserError(
        `The hub has not enrolled ${lacking[0]!.name} within ${limitMs / 1000} s.`,
        {
          hint: "Start the run again when it has: the same --seed makes the same keys.",
          exitCode: 1,
        },
      );
    }
    await clock.sleep(waitMs, signal);
    waitMs = Math.min(ASK_MS_MAX, waitMs * 1.5);
  }
}

/** Writes the file of claims: a line each, in the order of the devices, below some words for whoever opens it. */
export function formatClaims(claims: readonly string[], seed: number | string): string {
  const head = [
    `# ${claims.length} simulated devices of kerbstone sim, seed ${seed}, for "kerbstone hub enrol --from".`,
    "# Whoever knows the seed has their keys: for tests alone.",
  ];
  return `${[...head, ...claims].join("\n")}\n`;
}
