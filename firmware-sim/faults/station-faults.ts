/**
 * All that goes wrong at one station, on purpose and from a seed: with its values, its bytes, its line and its board.
 *
 * Faults of values and of bytes act in the order in which a scenario lists them. Pure: who asks says what time it is.
 */
import type { Random } from "../../platform/random.ts";
import type { Values } from "../models/model.ts";
import { BoardPower } from "./board-power.ts";
import { type ByteFault, byteFaultOf } from "./byte-faults.ts";
import { type FaultPlan, plansOf } from "./fault-plan.ts";
import { type FaultWindow, inWindow } from "./fault-window.ts";
import { type ValueFault, valueFaultOf } from "./value-faults.ts";

/** The faults of one station. All times are in ms since the station began, and grow from call to call. */
export class StationFaults {
  readonly power: BoardPower;
  /** When the line is pulled out. */
  readonly absences: readonly FaultWindow[];
  readonly #plans: readonly FaultPlan[];
  readonly #ofValues: readonly ValueFault[];
  readonly #ofBytes: readonly ByteFault[];

  /** `bootMs` is how long the board takes to start. */
  constructor(plans: readonly FaultPlan[], random: Random, bootMs: number) {
    this.#plans = plans;
    this.power = new BoardPower(plans, bootMs);
    this.absences = plansOf(plans, "unplug");
    this.#ofValues = plans.flatMap((plan) => valueFaultOf(plan, random) ?? []);
    this.#ofBytes = plans.flatMap((plan) => byteFaultOf(plan, random) ?? []);
  }

  /** Gives the values that the board sees. */
  values(values: Values, elapsedMs: number): Values {
    return this.#ofValues.reduce((seen, fault) => fault.values(seen, elapsedMs), values);
  }

  /** Gives the chunks that reach the other end of the line for one chunk sent, perhaps none. */
  bytes(chunk: Uint8Array, elapsedMs: number): Uint8Array[] {
    let chunks: Uint8Array[] = [chunk];
    for (const fault of this.#ofBytes)
      chunks = chunks.flatMap((each) => fault.bytes(each, elapsedMs));
    return this.isStalled(elapsedMs) ? [] : chunks;
  }

  /** Whether nothing comes through. */
  isStalled(elapsedMs: number): boolean {
    return plansOf(this.#plans, "stall").some((plan) => inWindow(plan, elapsedMs));
  }

  /** Whether the line is pulled out. */
  isUnplugged(elapsedMs: number): boolean {
    return this.absences.some((absence) => inWindow(absence, elapsedMs));
  }

  /** How much later what is sent now arrives. */
  delayMs(elapsedMs: number): number {
    return this.#shift("delay", elapsedMs);
  }

  /** By how much the board's own clock is wrong. */
  clockErrorMs(elapsedMs: number): number {
    return this.#shift("clock-jump", elapsedMs);
  }

  #shift(kind: "delay" | "clock-jump", elapsedMs: number): number {
    return plansOf(this.#plans, kind)
      .filter((plan) => inWindow(plan, elapsedMs))
      .reduce((sum, { ms }) => sum + ms, 0);
  }
}
