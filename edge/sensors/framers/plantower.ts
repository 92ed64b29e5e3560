/**
 * Frames of Plantower's particle sensors, after the data sheets of PMS3003, PMS5003 and PMS7003.
 *
 * 42 4D, the length of what follows, big-endian words, and the sum of all bytes before it. Models differ in the number of
 * words. What a word means is for the driver, since two models send frames of one size.
 */

import type { Framer } from "./framer.ts";
import { RollingFramer, type Verdict } from "./rolling-framer.ts";

/** A measurement, or the answer to a command. */
export type PlantowerFrame =
  | {
      readonly kind: "measurement";
      /** 9, 13 or 17 words of 0 to FFFF, without head, length and sum. */
      readonly words: readonly number[];
    }
  | { readonly kind: "answer"; readonly command: number; readonly data: number };

const HEAD = [0x42, 0x4d] as const;
/** What the length field says: 20 (PMS3003), 28 (most), 36 (PMS5003ST), and 4 for an answer. */
const LENGTHS: readonly number[] = [20, 28, 36, 4];
const ANSWER_LENGTH = 4;
const DATA_AT = 4;
const SUM_BYTES = 2;
/** Bytes of the longest frame. */
export const PLANTOWER_FRAME_BYTES_MAX = 40;

/** Makes a framer of Plantower frames of all sizes. */
export function plantowerFramer(): Framer<PlantowerFrame> {
  return new RollingFramer({ bytesMax: PLANTOWER_FRAME_BYTES_MAX, examine });
}

function examine(bytes: Uint8Array): Verdict<PlantowerFrame> {
  const head = bytes.indexOf(HEAD[0]);
  if (head !== 0) return { kind: "noise", length: head < 0 ? bytes.length : head };
  const [, second, high, low] = bytes;
  if (second === undefined) return { kind: "incomplete" };
  if (second !== HEAD[1]) return { kind: "noise", length: 1 };
  if ((high ?? 0) !== 0) return { kind: "broken" };
  if (low === undefined) return { kind: "incomplete" };
  if (!LENGTHS.includes(low)) return { kind: "broken" };
  const length = DATA_AT + low;
  if (bytes.length < length) return { kind: "incomplete" };
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  if (view.getUint16(length - SUM_BYTES) !== sumOf(bytes.subarray(0, length - SUM_BYTES)))
    return { kind: "broken" };
  return { kind: "frame", length, frame: decode(view) };
}

function sumOf(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes) sum += byte;
  return sum & 0xffff;
}

function decode(view: DataView): PlantowerFrame {
  if (view.byteLength === DATA_AT + ANSWER_LENGTH)
    return { kind: "answer", command: view.getUint8(DATA_AT), data: view.getUint8(DATA_AT + 1) };
  const words: number[] = [];
  for (let at = DATA_AT; at < view.byteLength - SUM_BYTES; at += 2) words.push(view.getUint16(at));
  return { kind: "measurement", words };
}
