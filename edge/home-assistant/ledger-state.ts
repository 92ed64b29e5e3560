/**
 * Whether what is measured gets into the log, as a household is told it: it wants to hear of trouble, and not of every
 * start and every hub that is started again.
 */

import type { Clock } from "../../platform/clock.ts";
import type { AgentStatus } from "../status/status.ts";

/** What Home Assistant takes for "unknown", also for a binary sensor. */
export const UNKNOWN = "None";

/** `ok`, `problem`, or unknown while it is too early to tell. */
export type LedgerState = "ok" | "problem" | typeof UNKNOWN;

/** The part of an agent's status that is judged. */
export type LedgerFacts = Pick<
  AgentStatus,
  "isConnected" | "isLoginRefused" | "halted" | "isHubBehind" | "waitsFor" | "diskFault"
>;

/** Trouble that may end by itself is told when it has lasted for so long: two attempts to connect are in it. */
export const PATIENCE_MS = 120_000;

/** Judges one agent, from its start on. */
export class LedgerWatch {
  private readonly clock: Pick<Clock, "monotonicMs">;
  private state: LedgerState = UNKNOWN;
  private troubledSinceMs: number | undefined;

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.clock = clock;
  }

  /**
   * Takes how the agent is now, and gives what to tell.
   *
   * What needs a person is a problem at once. Anything else leaves what was told before, until it has lasted for two
   * minutes. Only a ledger that takes readings ends a problem.
   */
  next(facts: LedgerFacts): LedgerState {
    if (isLogging(facts)) {
      this.troubledSinceMs = undefined;
      this.state = "ok";
      return this.state;
    }
    const nowMs = this.clock.monotonicMs();
    this.troubledSinceMs ??= nowMs;
    if (needsPerson(facts) || nowMs - this.troubledSinceMs >= PATIENCE_MS) this.state = "problem";
    return this.state;
  }
}

function isLogging({ isConnected, halted, isHubBehind, waitsFor }: LedgerFacts): boolean {
  return isConnected && halted === undefined && !isHubBehind && waitsFor === undefined;
}

function needsPerson(facts: LedgerFacts): boolean {
  const { halted, isHubBehind, isLoginRefused, waitsFor, diskFault } = facts;
  if (halted !== undefined || isHubBehind || isLoginRefused === true) return true;
  return diskFault !== undefined || waitsFor === "full";
}
