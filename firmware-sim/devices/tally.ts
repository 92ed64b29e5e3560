/**
 * What the honest devices of a run have done together, and what they were told: counters, and nothing decided.
 */
import type { RefusalCode } from "../../ledger/errors.ts";
import { Latency } from "./latency.ts";

/** Faults of the hub that are kept in words; beyond them they are only counted. */
const FAULTS_KEPT = 20;

/** Written by the devices of a run, read by its report. */
export class Tally {
  /** Devices whose connection is through: the hub has sent its ack. */
  connectedNow = 0;
  /** Connections that came so far, and those of them that were not a device's first. */
  connections = 0;
  reconnections = 0;
  /** Why connections ended that nobody here has ended. */
  readonly ended: Map<string, number> = new Map();
  /** Logins that were refused, by the code in CONNACK. */
  readonly loginsRefused: Map<number, number> = new Map();
  /** Statements signed, gaps among them. */
  signed = 0;
  gaps = 0;
  /** Publications of statements; one that is sent again counts again. */
  published = 0;
  confirmed = 0;
  stored = 0;
  sealed = 0;
  readonly nacks: Map<RefusalCode, number> = new Map();
  /** Devices that stopped: their key was refused, or is used by somebody else too. */
  halted = 0;
  /** From a publication to its PUBACK. */
  readonly toConfirmed: Latency = new Latency();
  /** From a statement's first publication to the ack that calls it stored. */
  readonly toStored: Latency = new Latency();
  /** What the hub should never have said, in words, the first few. */
  readonly faults: string[] = [];
  faultCount = 0;

  /** Notes a broken promise. */
  noteFault(text: string): void {
    this.faultCount += 1;
    if (this.faults.length < FAULTS_KEPT) this.faults.push(text);
  }
}

/** Counts one more of a kind. */
export function countIn<Key>(counts: Map<Key, number>, key: Key, more = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + more);
}
