/** What must not be overlooked, the worst first: a pure list, so that the page can show it wherever it is looked at. */

import type { Fork, LogAnswer } from "../api/answer.ts";
import { wordsOf } from "../check/fault-words.ts";
import { Fault } from "../../../ledger/fault.ts";
import { standingOfVkey } from "../trust/pin.ts";
import type { Contradiction, Trust } from "../trust/trust-desk.ts";
import type { City } from "./city.ts";

/** One alarm. */
export type Alarm =
  /** This browser holds two checkpoints that contradict each other. */
  | { readonly kind: "contradiction"; readonly contradiction: Contradiction }
  /** Somebody has found forks of a log, the hub says. */
  | { readonly kind: "forks"; readonly forks: readonly Fork[] }
  /** The hub shows another vkey than the pinned one, of this log or of another. */
  | { readonly kind: "other-key" | "other-log"; readonly log: LogAnswer }
  /** The published checkpoint fails against the pinned key. */
  | { readonly kind: "bad-checkpoint"; readonly fault: Fault }
  | { readonly kind: "shorter"; readonly from: number; readonly to: number };

/** A device whose key has signed two things under one number; the log keeps the first, so it is well itself. */
export interface Equivocator {
  /** Its name, or its key's kid where that is nobody's key now. */
  readonly name: string;
  /** How often that was found. */
  readonly count: number;
  /** When it was found last. */
  readonly foundMs: number;
}

/** Finds all alarms that hold. */
export function alarmsOf(city: City | undefined, trust: Trust): readonly Alarm[] {
  const alarms: Alarm[] = [];
  if (trust.contradiction !== undefined) {
    alarms.push({ kind: "contradiction", contradiction: trust.contradiction });
  }
  const forks = (city?.peers.forks ?? []).filter((fork) => !isOfDevice(fork));
  if (forks.length > 0) alarms.push({ kind: "forks", forks });
  const { hub } = trust.pins;
  const standing =
    hub === undefined || city === undefined ? "same" : standingOfVkey(hub, city.log.vkey);
  if (standing !== "same") alarms.push({ kind: standing, log: city!.log });
  else if (trust.newest instanceof Fault) {
    alarms.push({ kind: "bad-checkpoint", fault: trust.newest });
  }
  const shorter = trust.shorter ?? city?.rewound;
  if (shorter !== undefined) alarms.push({ kind: "shorter", ...shorter });
  return alarms;
}

/** The devices that have contradicted themselves, the newest first. */
export function equivocatorsOf(city: City): readonly Equivocator[] {
  const names = new Map([...city.devices.values()].map(({ kid, name }) => [kid, name]));
  const found = new Map<string, Equivocator>();
  for (const fork of city.peers.forks.filter(isOfDevice)) {
    const name = names.get(fork.subject) ?? fork.subject;
    const { count = 0, foundMs = 0 } = found.get(name) ?? {};
    const newest = Math.max(foundMs, fork.foundMs);
    found.set(name, { name, count: count + 1, foundMs: newest });
  }
  return [...found.values()].toSorted((a, b) => b.foundMs - a.foundMs);
}

function isOfDevice({ kind }: Fork): boolean {
  return kind === "equivocation";
}

/** The alarm in one line. */
export function titleOf(alarm: Alarm): string {
  switch (alarm.kind) {
    case "contradiction":
      return "This browser has seen the log contradict itself";
    case "forks":
      return alarm.forks.length === 1
        ? "A fork was found"
        : `${alarm.forks.length} forks were found`;
    case "other-key":
      return "The hub shows another key than the one pinned in this browser";
    case "other-log":
      return "The hub shows another log than the one pinned in this browser";
    case "bad-checkpoint":
      return `The hub’s newest checkpoint does not hold. ${wordsOf(alarm.fault)}`;
    case "shorter":
      return "The log has become shorter";
  }
}
