/**
 * Faults of the bytes on a line: turned bits, chunks cut, joined and doubled, noise between them.
 *
 * Only what a board sends is damaged: what it is sent arrives as it is.
 */
import { concatBytes } from "../../ledger/bytes.ts";
import type { Random } from "../../platform/random.ts";
import type { FaultPlan, PlanOf } from "./fault-plan.ts";
import { inWindow } from "./fault-window.ts";

/** Something that changes chunks on their way out. */
export interface ByteFault {
  /** Gives the chunks that go on for one chunk sent, perhaps none. Leaves `chunk` as it is. */
  bytes(chunk: Uint8Array, elapsedMs: number): Uint8Array[];
}

/** Bytes that a fault may keep back; a merged chunk is let go at the latest then. */
const KEPT_BYTES_MAX = 4096;

/** Makes a fault of bytes; `undefined` for a plan of another sort. */
export function byteFaultOf(plan: FaultPlan, random: Random): ByteFault | undefined {
  const dice = new Dice(random);
  if (plan.kind === "merge") return new Merging(plan, dice);
  const change = changeOf(plan, dice);
  return (
    change && {
      bytes: (chunk, elapsedMs) => (inWindow(plan, elapsedMs) ? change(chunk) : [chunk]),
    }
  );
}

/** What a fault does to a chunk while its window is open. */
function changeOf(plan: FaultPlan, dice: Dice): ((chunk: Uint8Array) => Uint8Array[]) | undefined {
  switch (plan.kind) {
    case "bit-flips":
      return (chunk) => [
        chunk.map((byte) => (dice.falls(plan.share) ? byte ^ (1 << dice.below(8)) : byte)),
      ];
    case "split":
      return (chunk) => (dice.falls(plan.share) ? split(chunk, dice) : [chunk]);
    case "duplicate":
      return (chunk) => (dice.falls(plan.share) ? [chunk, chunk] : [chunk]);
    case "garbage":
      return (chunk) =>
        dice.falls(plan.share) ? [dice.bytes(1 + dice.below(plan.bytesMax)), chunk] : [chunk];
    case "brown-out":
      return (chunk) => [chunk.map((byte) => (dice.falls(plan.share) ? dice.below(256) : byte))];
    default:
      return undefined;
  }
}

function split(chunk: Uint8Array, dice: Dice): Uint8Array[] {
  if (chunk.length < 2) return [chunk];
  const at = 1 + dice.below(chunk.length - 1);
  return [chunk.subarray(0, at), chunk.subarray(at)];
}

/** Keeps chunks back for the next one; what it still has when its window closes goes out with the next. */
class Merging implements ByteFault {
  readonly #plan: PlanOf<"merge">;
  readonly #dice: Dice;
  #kept: Uint8Array = new Uint8Array(0);

  constructor(plan: PlanOf<"merge">, dice: Dice) {
    this.#plan = plan;
    this.#dice = dice;
  }

  bytes(chunk: Uint8Array, elapsedMs: number): Uint8Array[] {
    const joined = concatBytes(this.#kept, chunk);
    const share = inWindow(this.#plan, elapsedMs) ? this.#plan.share : 0;
    const keep = share > 0 && this.#dice.falls(share) && joined.length <= KEPT_BYTES_MAX;
    this.#kept = keep ? joined : new Uint8Array(0);
    return keep ? [] : [joined];
  }
}

/** Chance, as faults ask for it. */
class Dice {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  falls(share: number): boolean {
    return this.#random.unit() < share;
  }

  below(count: number): number {
    return Math.floor(this.#random.unit() * count);
  }

  bytes(count: number): Uint8Array {
    return this.#random.bytes(count);
  }
}
