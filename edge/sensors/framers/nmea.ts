/**
 * Sentences of NMEA 0183: `$`, talker and type, fields, `*`, the XOR of all between in two hexadecimal digits.
 *
 * A sentence without a checksum is not believed. Since `$` and `*` occur nowhere else, a sentence is complete with its
 * checksum, whatever follows. Encapsulated ones (`!`, AIS) are of no interest here.
 */

import type { Framer } from "./framer.ts";
import { RollingFramer, type Verdict } from "./rolling-framer.ts";

/** A sentence with a good checksum. What its fields hold is unchecked, but printable ASCII. */
export interface NmeaSentence {
  /** Who speaks: GP, GN, SD … or `P` for a maker's own sentences. */
  readonly talker: string;
  /** What kind of sentence: GGA, RMC, DBT … */
  readonly type: string;
  /** What stands between the commas after the type; may be empty texts. */
  readonly fields: readonly string[];
}

const DOLLAR = 0x24;
const STAR = 0x2a;
const BANG = 0x21;
const CR = 0x0d;
const LF = 0x0a;

/** The standard says 82; receivers with more digits, and makers' own sentences, are longer. */
const SENTENCE_BYTES_MAX = 256;
const TYPE_LENGTH = 3;

/** Makes a framer of sentences. */
export function nmeaFramer(): Framer<NmeaSentence> {
  return new RollingFramer({ bytesMax: SENTENCE_BYTES_MAX, examine });
}

function examine(bytes: Uint8Array): Verdict<NmeaSentence> {
  if (bytes[0] !== DOLLAR) return between(bytes);
  let sum = 0;
  const end = Math.min(bytes.length, SENTENCE_BYTES_MAX);
  for (let at = 1; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === STAR) return closed(bytes, at, sum);
    if (byte < 0x20 || byte > 0x7e || byte === DOLLAR || byte === BANG) return { kind: "broken" };
    sum ^= byte;
  }
  return { kind: "incomplete" };
}

function between(bytes: Uint8Array): Verdict<NmeaSentence> {
  const isLineEnd = (byte: number): boolean => byte === CR || byte === LF;
  const isFiller = isLineEnd(bytes[0]!);
  const end = bytes.findIndex((byte) => byte === DOLLAR || isLineEnd(byte) !== isFiller);
  return { kind: isFiller ? "filler" : "noise", length: end < 0 ? bytes.length : end };
}

/** Judges a sentence whose star is at `star`. */
function closed(bytes: Uint8Array, star: number, sum: number): Verdict<NmeaSentence> {
  const length = star + 3;
  const written = [hexDigit(bytes[star + 1]), hexDigit(bytes[star + 2])] as const;
  if (Number.isNaN(written[0]) || Number.isNaN(written[1])) return { kind: "broken" };
  if (bytes.length < length) return { kind: "incomplete" };
  if (written[0] * 16 + written[1] !== sum) return { kind: "broken" };
  const [address = "", ...fields] = String.fromCharCode(...bytes.subarray(1, star)).split(",");
  const talkerLength = address.startsWith("P") ? 1 : Math.max(0, address.length - TYPE_LENGTH);
  const talker = address.slice(0, talkerLength);
  return { kind: "frame", length, frame: { talker, type: address.slice(talkerLength), fields } };
}

/** The value of a digit; 0 for one that has not come yet, NaN for what is no digit. */
function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return 0;
  const text = String.fromCharCode(byte);
  return /^[0-9A-Fa-f]$/.test(text) ? parseInt(text, 16) : NaN;
}
