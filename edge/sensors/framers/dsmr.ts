/**
 * Telegrams of smart meters on their P1 port, DSMR 2.2 to 5 and its relatives of other countries.
 *
 * After the P1 Companion Standard 5.0.2, section 6, and IEC 62056-21, mode D: `/` and identification, lines of objects,
 * `!`, a checksum, CR LF. Neither `/` nor `!` occurs inside, so that the next telegram is found behind a broken one. Who
 * the meter belongs to and what it is called is not kept.
 */

import { crc16 } from "./crc16.ts";
import type { Framer } from "./framer.ts";
import { RollingFramer, type Verdict } from "./rolling-framer.ts";

/** One object: its OBIS code without the part behind a star, and what stands in each pair of brackets. */
export interface DsmrObject {
  /** Such as `1-0:1.8.1`. */
  readonly code: string;
  /** At least one; may be empty texts. */
  readonly values: readonly string[];
}

/** A telegram, in the order of its lines. */
export interface DsmrTelegram {
  readonly objects: readonly DsmrObject[];
  /** Meters before version 4 send none. */
  readonly hasChecksum: boolean;
}

/** `required`: a telegram without a checksum is bad. `optional`: one of version 4 or later still needs it. */
export type ChecksumRule = "required" | "optional";

const SLASH = 0x2f;
const BANG = 0x21;
const CR = 0x0d;
const LF = 0x0a;
const CHECKSUM_DIGITS = 4;
/** Bytes of the longest telegram: one with a year of monthly peaks and a message of 1024 characters has about 5000. */
export const TELEGRAM_BYTES_MAX = 8192;

/** Maker, speed, and the maker's own. */
const IDENTIFICATION = /^\/[A-Za-z]{3}[ -~]+$/;
const OBJECT = /^(?<code>\d+-\d+:\d+\.\d+\.\d+)(?:\*\d+)?(?<values>(?:\([^()]*\))+)$/;
/** Version 2 breaks the line before the reading of a gas meter. */
const CONTINUED = /^(?:\([^()]*\))+$/;
const VALUE = /\(([^()]*)\)/g;
/** Objects with the version: in tenths for DSMR, five digits for its Belgian relative. */
const VERSIONS: readonly string[] = ["1-3:0.2.8", "0-0:96.1.4"];
const CHECKSUM_SINCE_VERSION = 40;

/** Makes a framer of telegrams. */
export function dsmrFramer(rule: ChecksumRule): Framer<DsmrTelegram> {
  return new RollingFramer({
    bytesMax: TELEGRAM_BYTES_MAX,
    examine: (bytes) => examine(bytes, rule),
  });
}

function examine(bytes: Uint8Array, rule: ChecksumRule): Verdict<DsmrTelegram> {
  if (bytes[0] !== SLASH) return between(bytes);
  for (let at = 1; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === BANG) return closed(bytes, at, rule);
    // One maker puts a control character into its identification.
    if (byte > 0x7e || byte === SLASH) return { kind: "broken" };
  }
  return { kind: "incomplete" };
}

/** Line ends right before a telegram, or before nothing yet, belong there; all else does not. */
function between(bytes: Uint8Array): Verdict<DsmrTelegram> {
  const text = bytes.findIndex((byte) => !isLineEnd(byte));
  const filler = text < 0 ? bytes.length : text;
  if (filler > 0 && (text < 0 || bytes[text] === SLASH)) return { kind: "filler", length: filler };
  const head = bytes.indexOf(SLASH);
  return { kind: "noise", length: head < 0 ? bytes.length : head };
}

/** Judges a telegram whose exclamation mark is at `bang`. */
function closed(bytes: Uint8Array, bang: number, rule: ChecksumRule): Verdict<DsmrTelegram> {
  if (!isLineEnd(bytes[bang - 1]!)) return { kind: "broken" };
  let end = bang + 1;
  while (end - bang <= CHECKSUM_DIGITS && isHexDigit(bytes[end])) end += 1;
  const digits = textOf(bytes.subarray(bang + 1, end));
  if (digits.length < CHECKSUM_DIGITS) {
    // Some meters write no leading zeros: only the line end says that there are no more digits.
    const next = bytes[end];
    if (next === undefined) return { kind: "incomplete" };
    if (!isLineEnd(next)) return { kind: "broken" };
  }
  const hasChecksum = digits !== "";
  if (hasChecksum && parseInt(digits, 16) !== crc16(bytes.subarray(0, bang + 1), 0))
    return { kind: "broken" };
  const objects = parseObjects(textOf(bytes.subarray(0, bang)), hasChecksum);
  if (objects === undefined || (!hasChecksum && needsChecksum(objects, rule)))
    return { kind: "broken" };
  return { kind: "frame", length: end, frame: { objects, hasChecksum } };
}

/**
 * Reads the lines behind the identification; `undefined` where one is not understood.
 *
 * Under a good checksum such a line is a maker's own, and passed over. Without one it is damage.
 */
function parseObjects(text: string, isChecked: boolean): DsmrObject[] | undefined {
  const objects: { code: string; values: string[] }[] = [];
  const [identification = "", ...lines] = text.split(/\r\n?|\n/);
  if (!isChecked && (lines[0] !== "" || !IDENTIFICATION.test(identification))) return undefined;
  for (const line of lines) {
    const groups = OBJECT.exec(line)?.groups;
    const last = objects.at(-1);
    if (groups !== undefined)
      objects.push({ code: groups["code"]!, values: valuesOf(groups["values"]!) });
    else if (CONTINUED.test(line) && last !== undefined) last.values.push(...valuesOf(line));
    else if (line !== "" && !isChecked) return undefined;
  }
  return objects;
}

function valuesOf(text: string): string[] {
  return Array.from(text.matchAll(VALUE), ([, value = ""]) => value);
}

function needsChecksum(objects: readonly DsmrObject[], rule: ChecksumRule): boolean {
  const isLate = objects.some(
    ({ code, values }) => VERSIONS.includes(code) && Number(values[0]) >= CHECKSUM_SINCE_VERSION,
  );
  return rule === "required" || isLate;
}

function textOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function isLineEnd(byte: number): boolean {
  return byte === CR || byte === LF;
}

function isHexDigit(byte: number | undefined): boolean {
  return byte !== undefined && /^[0-9A-Fa-f]$/.test(String.fromCharCode(byte));
}
