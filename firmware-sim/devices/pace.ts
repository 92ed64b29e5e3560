/**
 * Who signs when: so many statements a second over all devices, whatever the hub does meanwhile, and how late this very
 * program was with them.
 *
 * A load that waits for the hub would hide how slow the hub is; one that is late itself would blame the hub for it. So
 * turns fall due by the clock alone, and what could not be given in time is counted.
 */
import type { Clock } from "../../platform/clock.ts";
import { Latency } from "./latency.ts";

/** How often turns are given. */
const TICK_MS = 20;
/** A program that was late by more than this leaves out the turns before. */
const CATCH_UP_MS = 1000;

/** Gives turns at a steady rate. */
export class Pace {
  /** How late ticks were. */
  readonly lag: Latency = new Latency();
  /** Turns that were left out because this program was too late for them. */
  missed = 0;
  readonly #clock: Clock;
  readonly #perSecond: number;
  #turn: () => void = () => undefined;
  #beganMs = 0;
  #given = 0;
  #dueMs = 0;
  #cancel: () => void = () => undefined;

  /** Takes the turns of a second; with 0 none is ever given, and only the lag is measured. */
  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
  }

  /** Begins. `turn` must not throw. */
  start(turn: () => void): void {
    this.#turn = turn;
    this.#beganMs = this.#clock.monotonicMs();
    this.#dueMs = this.#beganMs;
    this.#later();
  }

  /** Gives no turn any more. */
  stop(): void {
    this.#cancel();
  }

  #later(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#dueMs = Math.max(this.#dueMs + TICK_MS, nowMs);
    this.#cancel = this.#clock.after(this.#dueMs - nowMs, () => this.#tick());
  }

  #tick(): void {
    const nowMs = this.#clock.monotonicMs();
    this.lag.record(Math.max(0, nowMs - this.#dueMs));
    const due = Math.floor(((nowMs - this.#beganMs) * this.#perSecond) / 1000);
    const oldest = due - Math.ceil((CATCH_UP_MS * this.#perSecond) / 1000);
    if (this.#given < oldest) {
      this.missed += oldest - this.#given;
      this.#given = oldest;
    }
    for (; this.#given < due; this.#given++) this.#turn();
    this.#later();
  }
}
