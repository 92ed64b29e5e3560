/**
 * Chance as an argument: the system's generator, and one that repeats itself from a seed.
 *
 * Seeded chance is for tests and the simulated city, never for keys or salts.
 */
import { randomBytes } from "node:crypto";
import { encodeUtf8 } from "../ledger/bytes.ts";
import { sha256 } from "../ledger/sha256.ts";

/** Where a part gets its chance from. */
export interface Random {
  /** Gives `n` fresh bytes. */
  bytes(n: number): Uint8Array;
  /** Gives a number of at least 0 and below 1, with 53 random bits. */
  unit(): number;
}

/** The operating system's generator, fit for keys. */
export const systemRandom: Random = {
  bytes: (n) => new Uint8Array(randomBytes(n)),
  unit: () => {
    const bytes = randomBytes(8);
    return unitOf(bytes.readUInt32LE(0), bytes.readUInt32LE(4));
  },
};

/**
 * Gives the same sequence for the same seed, on every machine: sfc32 with its state taken from SHA-256 of the seed.
 *
 * Independent parts take seeds of their own, such as `${seed}/${name}`, so that one more draw in one of them does not
 * change the others. A number and its decimal text are the same seed.
 */
export function seededRandom(seed: number | string): Random {
  const next = sfc32(sha256(encodeUtf8(String(seed))));
  return {
    bytes: (n) => {
      const bytes = new Uint8Array(n);
      for (let i = 0; i < n; i += 4) {
        const word = next();
        for (let j = i; j < Math.min(i + 4, n); j++) bytes[j] = word >>> (8 * (j - i));
      }
      return bytes;
    },
    unit: () => unitOf(next(), next()),
  };
}

/** Makes a number in [0, 1) of 53 of the 64 given bits. */
function unitOf(high: number, low: number): number {
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;
}

/** Chris Doty-Humphrey's small fast counting generator of PractRand, with 32-bit words. */
function sfc32(seed: Uint8Array): () => number {
  const view = new DataView(seed.buffer, seed.byteOffset, seed.byteLength);
  let a = view.getUint32(0, true);
  let b = view.getUint32(4, true);
  let c = view.getUint32(8, true);
  let counter = 1;
  return () => {
    const word = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + word;
    return word >>> 0;
  };
}
