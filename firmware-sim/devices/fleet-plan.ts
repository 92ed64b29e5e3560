/** What a run of virtual devices is to be, once flags and scenario have been checked. */
import type { BehaviourName } from "./behaviours/behaviour.ts";

/** Devices of one sort. */
export interface GroupPlan {
  /** Names are this, a hyphen and a number. */
  readonly prefix: string;
  readonly count: number;
  readonly behaviour: BehaviourName;
  /** Readings in each pack. */
  readonly readings: number;
}

/** A whole run. */
export interface FleetPlan {
  readonly seed: number | string;
  readonly groups: readonly GroupPlan[];
  /** Statements over all devices; 0 for as many as the hub takes. */
  readonly perSecond: number;
  /** How long statements are signed; until the signal without. */
  readonly loadMs?: number | undefined;
  /** What is waited for at the end, until nothing has moved for `waitMs`. */
  readonly until: "stored" | "sealed";
  readonly waitMs: number;
  /** How long may be waited until all honest devices are connected, before the load begins with those that are. */
  readonly connectMs: number;
}

/** How often at least a virtual device means to speak, as its enrolment says it. */
export const EVERY_SECONDS = 3600;
