/**
 * Chance that belongs to a place in time: seeded once, then a pure function.
 *
 * A model that drew from a running generator would give other values when it is asked more often. Here the
 * generator only gives a key, and numbers come from mixing the key with a slot number, so that the same seed
 * draws the same city whoever looks at it and when.
 */
import type { Random } from "../../platform/random.ts";

/** Numbers drawn by key, slot and salt. Not for secrets. */
export class Chance {
  readonly #low: number;
  readonly #high: number;

  /** Draws eight bytes of `random` for the key. */
  constructor(random: Random) {
    const key = random.bytes(8);
    const view = new DataView(key.buffer, key.byteOffset, 8);
    this.#low = view.getUint32(0);
    this.#high = view.getUint32(4);
  }

  /** Gives a number of [0, 1) for a slot, which is any integer below 2^53. Different salts are independent. */
  unit(slot: number, salt: number): number {
    const low = mix(this.#low ^ (slot >>> 0));
    const high = mix(this.#high ^ Math.floor(slot / 2 ** 32) ^ low);
    return mix(high + Math.imul(salt, 0x9e3779b9)) / 2 ** 32;
  }

  /** Gives a number of (-1, 1) that wanders slowly: drawn anew every `periodMs`, and smooth between. */
  wander(timeMs: number, periodMs: number, salt: number): number {
    const place = timeMs / periodMs;
    const slot = Math.floor(place);
    const before = this.unit(slot, salt);
    const after = this.unit(slot + 1, salt);
    const share = (1 - Math.cos((place - slot) * Math.PI)) / 2;
    return 2 * (before + (after - before) * share) - 1;
  }

  /** Gives a normally distributed number of mean 0 and deviation 1. */
  normal(slot: number, salt: number): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.unit(slot, salt)));
    return radius * Math.cos(2 * Math.PI * this.unit(slot, salt + 0x10000));
  }

  /** Gives a Poisson-distributed count for a mean of 0 or more; rounded from the normal above a mean of 60. */
  count(mean: number, slot: number, salt: number): number {
    if (mean > 60) return Math.max(0, Math.round(mean + Math.sqrt(mean) * this.normal(slot, salt)));
    const target = this.unit(slot, salt);
    let probability = Math.exp(-mean);
    let sum = probability;
    let count = 0;
    while (target > sum && (count < mean || probability > Number.EPSILON)) {
      count += 1;
      probability *= mean / count;
      sum += probability;
    }
    return count;
  }
}

/** The finalizer of MurmurHash3 for 32 bits: every bit of the input moves every bit of the output. */
function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
