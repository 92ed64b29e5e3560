/** What came of a run, in numbers: everything that its report says, and whether all was well. */
import type { Fleet } from "./fleet.ts";
import type { Trial } from "./behaviours/trials.ts";
import type { LatencySummary } from "./latency.ts";

/**
 * The figures of a run, so far or at its end. All counts are of honest devices; `trials` are of the others.
 *
 * `signed` is the sum of `stored`, `withdrawn`, `lost`, `unanswered` and `undelivered`.
 */
export interface FleetTotals {
  readonly devices: number;
  readonly misbehaving: number;
  readonly connected: number;
  /** From the first connection until all were there; `null` where that never was. */
  readonly connectSeconds: number | null;
  readonly connections: number;
  readonly reconnections: number;
  readonly connectionsEnded: Readonly<Record<string, number>>;
  readonly loginsRefused: Readonly<Record<string, number>>;
  readonly loadSeconds: number;
  readonly signed: number;
  readonly gaps: number;
  readonly published: number;
  /** PUBACKs of statements. */
  readonly confirmed: number;
  readonly stored: number;
  readonly sealed: number;
  readonly nacked: Readonly<Record<string, number>>;
  /** Refused, or behind one that was refused: what was good among them was signed anew, and counts again. */
  readonly withdrawn: number;
  /** Had their PUBACK, were not refused, and no ack has called them stored. */
  readonly lost: number;
  /** The same, of devices that do not get through to the hub any more, as after a revocation: nobody can ask. */
  readonly unanswered: number;
  /** Neither confirmed nor refused: a real device would keep them. */
  readonly undelivered: number;
  /** Devices that stopped. */
  readonly halted: number;
  /** Statements a second while the load went on. */
  readonly signedPerSecond: number;
  readonly storedPerSecond: number;
  readonly toPuback: LatencySummary;
  readonly toStored: LatencySummary;
  /** Turns that no device could take, since all waited for the hub. */
  readonly heldBack: number;
  /** How late this program itself was, and the turns that it missed by that. */
  readonly lag: LatencySummary;
  readonly missed: number;
  /** The share of time in which it was at work, the greatest of a few seconds each. */
  readonly busiest: number;
  readonly faultCount: number;
  readonly faults: readonly string[];
  readonly trials: readonly Readonly<Trial>[];
}

/** Above one of these the figures say more of the generator than of the hub. */
const BUSY_SHARE_MAX = 0.9;
const LAG_P99_MS_MAX = 100;

/** Takes the figures of a run as of now. */
export function totalsOf(fleet: Fleet, nowMs: number, busiest: number): FleetTotals {
  const { tally, times, pace, honest, rogues } = fleet;
  const { beganMs, allConnectedMs, loadMs, loadEndedMs, atLoadEnd } = times;
  const loadSeconds = loadMs === undefined ? 0 : ((loadEndedMs ?? nowMs) - loadMs) / 1000;
  const { signed, stored } = atLoadEnd ?? tally;
  const [lost, unanswered] = [false, true].map((isOutOfReach) =>
    honest
      .filter((device) => device.isOutOfReach === isOutOfReach)
      .reduce((sum, { chain }) => sum + chain.lost().length, 0),
  ) as [number, number];
  const withdrawn = honest.reduce((sum, { chain }) => sum + chain.withdrawn, 0);
  const isConnected = beganMs !== undefined && allConnectedMs !== undefined;
  return {
    devices: honest.length,
    misbehaving: rogues.length,
    connected: times.connectedAtEnd ?? tally.connectedNow,
    connectSeconds: isConnected ? round((allConnectedMs - beganMs) / 1000) : null,
    connections: tally.connections,
    reconnections: tally.reconnections,
    connectionsEnded: Object.fromEntries(tally.ended),
    loginsRefused: Object.fromEntries(tally.loginsRefused),
    loadSeconds: round(loadSeconds),
    signed: tally.signed,
    gaps: tally.gaps,
    published: tally.published,
    confirmed: tally.confirmed,
    stored: tally.stored,
    sealed: tally.sealed,
    nacked: Object.fromEntries(tally.nacks),
    withdrawn,
    lost,
    unanswered,
    undelivered: honest.reduce((sum, { chain }) => sum + chain.undelivered().length, 0),
    halted: tally.halted,
    signedPerSecond: rate(signed, loadSeconds),
    storedPerSecond: rate(stored, loadSeconds),
    toPuback: tally.toConfirmed.summary(),
    toStored: tally.toStored.summary(),
    heldBack: fleet.heldBack,
    lag: pace.lag.summary(),
    missed: pace.missed,
    busiest: round(busiest),
    faultCount: tally.faultCount,
    faults: tally.faults,
    trials: fleet.trials.all(),
  };
}

/** Whether the hub has kept every promise. */
export function isWell({ lost, faultCount, trials, nacked, misbehaving }: FleetTotals): boolean {
  const isUndisturbed = misbehaving === 0 || Object.keys(nacked).length === 0;
  return (
    lost === 0 && faultCount === 0 && isUndisturbed && trials.every(({ broken }) => broken === 0)
  );
}

/** Whether the generator was too slow for its figures to be the hub's. */
export function isGeneratorLate({ busiest, lag, missed }: FleetTotals): boolean {
  return missed > 0 || busiest > BUSY_SHARE_MAX || lag.p99Ms > LAG_P99_MS_MAX;
}

function rate(count: number, seconds: number): number {
  return seconds === 0 ? 0 : Math.round((count / seconds) * 10) / 10;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
