/**
 * All virtual devices of a run: connected at a bounded rate, signing at a steady one, waited for at the end.
 */
import type { Clock } from "../../platform/clock.ts";
import type { Random } from "../../platform/random.ts";
import { City } from "../models/city.ts";
import type { RogueDevice } from "./behaviours/rogue-device.ts";
import { Trials } from "./behaviours/trials.ts";
import { makeCrew } from "./crew.ts";
import type { Group } from "./crew.ts";
import type { FleetPlan } from "./fleet-plan.ts";
import { Gate } from "./gate.ts";
import type { GateLimits } from "./gate.ts";
import { Pace } from "./pace.ts";
import { Tally } from "./tally.ts";
import type { Dial } from "./transport.ts";
import { DEVICE_LIMITS } from "./virtual-device.ts";
import type { DeviceLimits, DeviceWorld, VirtualDevice } from "./virtual-device.ts";

/** What a fleet needs of the world. */
export interface FleetParts {
  readonly origin: string;
  readonly dial: Dial;
  readonly clock: Clock;
  readonly random: Random;
  readonly gate: GateLimits;
  readonly limits?: Partial<DeviceLimits> | undefined;
  /** How long a misbehaving device waits for each answer. */
  readonly answerMs?: number | undefined;
}

/** What a run is at, for its report. */
export type Phase = "connecting" | "load" | "waiting" | "ended";

/** Monotonic times of a run's parts, each absent before it was reached. */
export interface RunTimes {
  beganMs?: number;
  allConnectedMs?: number;
  loadMs?: number;
  loadEndedMs?: number;
  /** Devices that were connected when all was over. */
  connectedAtEnd?: number;
  /** What had been done when the load ended. */
  atLoadEnd?: { readonly signed: number; readonly stored: number };
}

/** Statements that all devices together may hold: some hundreds of megabytes. */
const PENDING_MAX = 400_000;
const PENDING_OF_ONE_MIN = 16;
/** So many devices are asked in a turn that some cannot take. */
const TRIES_MAX = 8;
const LOOK_MS = 50;
const ANSWER_MS = 30_000;
/** Without an answer a deed is over after this, at the end of a run. */
const ROGUES_END_MS = 10_000;

/** A run that can be begun once. */
export class Fleet {
  readonly tally: Tally = new Tally();
  readonly trials: Trials;
  readonly pace: Pace;
  readonly honest: readonly VirtualDevice[];
  readonly rogues: readonly RogueDevice[];
  phase: Phase = "connecting";
  /** Turns that no device could take: those that were asked wait for the hub. */
  heldBack = 0;
  readonly times: RunTimes = {};
  readonly #plan: FleetPlan;
  readonly #parts: FleetParts;
  readonly #members: readonly { turn(): boolean }[];
  #at = 0;

  constructor(plan: FleetPlan, groups: readonly Group[], parts: FleetParts) {
    this.#plan = plan;
    this.#parts = parts;
    this.pace = new Pace(parts.clock, plan.perSecond);
    const behaviours = plan.groups.map(({ behaviour }) => behaviour);
    this.trials = new Trials(behaviours.filter((each) => each !== "honest"));
    const { honest, rogues } = makeCrew(groups, {
      seed: plan.seed,
      city: new City({ seed: plan.seed, timeZone: "UTC", roads: [] }),
      world: this.#world(),
      trials: this.trials,
      isGreedy: () => this.#isGreedy,
      isPaced: plan.perSecond > 0,
      answerMs: parts.answerMs ?? ANSWER_MS,
    });
    this.honest = honest;
    this.rogues = rogues;
    const signers = honest.map((device) => ({ turn: () => device.sign() }));
    this.#members = [...signers, ...rogues];
  }

  /** Whether devices sign by themselves, as fast as the hub takes it. */
  get #isGreedy(): boolean {
    return this.phase === "load" && this.#plan.perSecond === 0;
  }

  /** Runs to the end; the signal ends the load early. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    this.times.beganMs = clock.monotonicMs();
    const running = this.honest.map((device) => device.run());
    await this.#until(() => this.#areAllConnected, this.#plan.connectMs, signal);
    if (this.#areAllConnected) this.times.allConnectedMs = clock.monotonicMs();
    this.phase = "load";
    this.times.loadMs = clock.monotonicMs();
    const misbehaving = this.rogues.map((rogue) => rogue.run());
    this.pace.start(() => this.#giveTurn());
    if (this.#isGreedy) for (const device of this.honest) device.fill();
    await this.#until(() => false, this.#plan.loadMs ?? Infinity, signal);
    this.pace.stop();
    this.phase = "waiting";
    this.times.loadEndedMs = clock.monotonicMs();
    this.times.atLoadEnd = { signed: this.tally.signed, stored: this.tally.stored };
    for (const rogue of this.rogues) rogue.stop();
    const late = clock.after(ROGUES_END_MS, () => {
      for (const rogue of this.rogues) rogue.cut();
    });
    await Promise.all(misbehaving);
    late();
    await this.#untilSettled();
    this.times.connectedAtEnd = this.tally.connectedNow;
    this.phase = "ended";
    for (const device of this.honest) device.stop();
    await Promise.all(running);
  }

  get #areAllConnected(): boolean {
    return this.honest.every((device) => device.isConnected || device.chain.isHalted);
  }

  get #isSettled(): boolean {
    const { stored, sealed } = this.tally;
    return this.#areStored && (this.#plan.until === "stored" || sealed >= stored);
  }

  get #areStored(): boolean {
    return this.honest.every(
      (device) => device.isSettled || device.chain.isHalted || device.isShutOut,
    );
  }

  /**
   * Waits until all that was signed is stored, as long as there is progress; then asks once more.
   *
   * A hub that is slow has lost nothing. What it has, it says to a new connection first of all.
   */
  async #untilSettled(): Promise<void> {
    await this.#untilQuiet();
    if (this.#areStored) return;
    for (const device of this.honest) if (!device.isSettled) device.cut();
    await this.#untilQuiet();
  }

  /** Waits until all is settled, or nothing has moved for the limit. */
  async #untilQuiet(): Promise<void> {
    const { clock } = this.#parts;
    let movedMs = clock.monotonicMs();
    let before = this.#moves;
    await this.#until(() => {
      const nowMs = clock.monotonicMs();
      if (this.#moves !== before) movedMs = nowMs;
      before = this.#moves;
      return this.#isSettled || nowMs - movedMs >= this.#plan.waitMs;
    }, Infinity);
  }

  /** Grows with everything that brings a run nearer to its end. */
  get #moves(): number {
    const { confirmed, stored, sealed, connections } = this.tally;
    return confirmed + stored + sealed + connections;
  }

  /** Looks again and again until it is so, the limit, or the signal. */
  async #until(isSo: () => boolean, limitMs: number, signal?: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const deadlineMs = clock.monotonicMs() + limitMs;
    while (!isSo() && signal?.aborted !== true) {
      const leftMs = deadlineMs - clock.monotonicMs();
      if (leftMs <= 0) return;
      await clock.sleep(Math.min(LOOK_MS, leftMs), signal).catch(() => undefined);
    }
  }

  #giveTurn(): void {
    for (let tried = 0; tried < Math.min(TRIES_MAX, this.#members.length); tried++) {
      const member = this.#members[this.#at]!;
      this.#at = (this.#at + 1) % this.#members.length;
      if (member.turn()) return;
    }
    this.heldBack += 1;
  }

  #world(): DeviceWorld {
    const { origin, dial, clock, random, gate, limits } = this.#parts;
    const count = this.#plan.groups.reduce((sum, group) => sum + group.count, 0);
    const share = Math.floor(PENDING_MAX / Math.max(1, count));
    const pendingMax = Math.min(DEVICE_LIMITS.pendingMax, Math.max(PENDING_OF_ONE_MIN, share));
    return {
      origin,
      dial,
      clock,
      random,
      gate: new Gate(clock, gate),
      tally: this.tally,
      limits: { ...DEVICE_LIMITS, pendingMax, ...limits },
    };
  }
}
