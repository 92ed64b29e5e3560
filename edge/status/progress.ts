/**
 * Whether an agent gets on, for a watchdog that restarts it when it does not (docs/edge.md, "As a service").
 *
 * Getting on means that the hub acknowledges more than before. What no restart would heal is no fault of the agent's
 * and does not count against it, since readings in memory would be lost for nothing: a network that is away while
 * it is tried again and again, a hub that has not enrolled the device, a full card. Pure; a timer alone never counts.
 */

import type { AgentStatus } from "./status.ts";

/** What is looked at. */
export type ProgressView = Pick<
  AgentStatus,
  | "isConnected"
  | "halted"
  | "isHubBehind"
  | "waitsFor"
  | "waitingReadings"
  | "nextSeq"
  | "storedSeq"
  | "counters"
>;

interface Look {
  readonly storedSeq: number;
  readonly connectionsFailed: number;
  readonly flushesFailed: number;
  readonly putOff: number;
}

/** Follows one agent. */
export class Progress {
  private last: Look | undefined;

  /** Whether it has got on since the last look; at the first look it has. */
  look(view: ProgressView): boolean {
    const { storedSeq, counters } = view;
    const { connectionsFailed, flushesFailed } = counters;
    const before = this.last;
    const putOff = putOffs(view);
    this.last = { storedSeq, connectionsFailed, flushesFailed, putOff };
    if (before === undefined || storedSeq > before.storedSeq || owesNothing(view)) return true;
    if (waitsForPeople(view) || putOff > before.putOff) return true;
    if (view.waitsFor === "disk") return flushesFailed > before.flushesFailed;
    // A hub that takes the login and then says nothing is not away: its silence is what the watchdog is for.
    return !view.isConnected && connectionsFailed > before.connectionsFailed;
  }
}

/** Everything that was read is signed, and everything signed is acknowledged: the sensors are silent. */
function owesNothing({ nextSeq, storedSeq, waitingReadings }: ProgressView): boolean {
  return waitingReadings === 0 && (nextSeq === undefined || storedSeq >= nextSeq - 1);
}

/** Answers of a hub that wants the same again later (docs/edge.md, "Gaps"). */
function putOffs({ counters: { nacksByCode } }: ProgressView): number {
  return (nacksByCode.quota ?? 0) + (nacksByCode.future ?? 0);
}

/** Stands still for a reason that the agent states, and that a restart does not change. */
function waitsForPeople({ halted, isHubBehind, waitsFor }: ProgressView): boolean {
  if (halted !== undefined || isHubBehind) return true;
  return ["not-enrolled", "no-clock", "no-position", "full"].includes(waitsFor ?? "");
}
