/**
 * What goes wrong on a board and on its line, on purpose and from a seed.
 *
 * Each fault changes values on their way into the board, or bytes on their way out, within its window of time; they
 * are applied in the order in which a scenario lists them.
 */
import { concatBytes } from "../../ledger/bytes.ts";
import type { Random } from "../../platform/random.ts";
import type { Values } from "../models/model.ts";
import type { FaultPlan } from "./fault-plan.ts";
import { inWindow } from "./fault-window.ts";

/** Bytes that a fault may keep back; a merged chunk is let go at the latest then. */
const KEPT_BYTES_MAX = 4096;

/** The faults of one station. */
export class FaultLine {
  readonly #faults: readonly Fault[];

  constructor(plans: readonly FaultPlan[], random: Random) {
    this.#faults = plans.map((plan) => new Fault(plan, random));
  }

  /** Gives the values that the board sees, `elapsedMs` after the station began. */
  values(values: Values, elapsedMs: number): Values {
    return this.#faults.reduce((seen, fault) => fault.values(seen, elapsedMs), values);
  }

  /** Gives the chunks that reach the other end of the line for one chunk sent, perhaps none. */
  bytes(chunk: Uint8Array, elapsedMs: number): Uint8Array[] {
    let chunks: Uint8Array[] = [chunk];
    for (const fault of this.#faults)
      chunks = chunks.flatMap((each) => fault.bytes(each, elapsedMs));
    return chunks;
  }
}

class Fault {
  readonly #plan: FaultPlan;
  readonly #random: Random;
  #stuck: Values | undefined;
  #kept: Uint8Array = new Uint8Array(0);

  constructor(plan: FaultPlan, random: Random) {
    this.#plan = plan;
    this.#random = random;
  }

  values(values: Values, elapsedMs: number): Values {
    const plan = this.#plan;
    if (plan.kind !== "stuck") return values;
    if (!inWindow(plan, elapsedMs)) {
      this.#stuck = undefined;
      return values;
    }
    this.#stuck ??= values;
    if (plan.quantity === undefined) return this.#stuck;
    const value = this.#stuck[plan.quantity];
    return value === undefined ? values : { ...values, [plan.quantity]: value };
  }

  bytes(chunk: Uint8Array, elapsedMs: number): Uint8Array[] {
    const plan = this.#plan;
    if (plan.kind === "merge")
      return this.#merge(chunk, inWindow(plan, elapsedMs) ? plan.share : 0);
    if (!inWindow(plan, elapsedMs)) return [chunk];
    switch (plan.kind) {
      case "bit-flips":
        return [this.#flip(chunk, plan.share)];
      case "split":
        return this.#chance(plan.share) ? this.#split(chunk) : [chunk];
      case "garbage":
        return this.#chance(plan.share) ? [this.#garbage(plan.bytesMax), chunk] : [chunk];
      case "stall":
        return [];
      case "stuck":
      case "unplug":
      case "reboot":
        return [chunk];
    }
  }

  #flip(chunk: Uint8Array, share: number): Uint8Array {
    return chunk.map((byte) => (this.#chance(share) ? byte ^ (1 << this.#below(8)) : byte));
  }

  #split(chunk: Uint8Array): Uint8Array[] {
    if (chunk.length < 2) return [chunk];
    const at = 1 + this.#below(chunk.length - 1);
    return [chunk.subarray(0, at), chunk.subarray(at)];
  }

  #merge(chunk: Uint8Array, share: number): Uint8Array[] {
    const joined = concatBytes(this.#kept, chunk);
    const keep = share > 0 && this.#chance(share) && joined.length <= KEPT_BYTES_MAX;
    this.#kept = keep ? joined : new Uint8Array(0);
    return keep ? [] : [joined];
  }

  #garbage(bytesMax: number): Uint8Array {
    return this.#random.bytes(1 + this.#below(bytesMax));
  }

  #chance(share: number): boolean {
    return this.#random.unit() < share;
  }

  #below(count: number): number {
    return Math.floor(this.#random.unit() * count);
  }
}
