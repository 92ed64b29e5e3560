/**
 * Lines of home-made boards, such as `pm25=12.3ug/m3 pm10=20ug/m3*4B`. See docs/line-protocol.md.
 *
 * A line is taken whole or not at all. Which quantities and units are welcome is the driver's to say.
 */

import { isName } from "../../../ledger/name.ts";
import type { Framer } from "./framer.ts";
import { LineFramer, type LineVerdict } from "./line-framer.ts";

/** One item of a line. */
export interface LineItem {
  readonly quantity: string;
  readonly value: number | boolean;
  /** Absent where the line does not say. */
  readonly unit?: string;
  /** Whether the board itself disowns the value. */
  readonly fault: boolean;
}

/** How lines are read. */
export interface LineRules {
  /** `required`: a line without a checksum is bad. `optional`: a checksum that is there must be right. */
  readonly checksum: "required" | "optional";
  readonly silenceMs: number;
  /** Says whether an item is welcome; one that is not makes its line bad. */
  isWelcome(item: LineItem): boolean;
}

/** Characters of the longest line, its end not counted. */
export const LINE_LENGTH_MAX = 240;

const ITEM =
  /^(?<quantity>[a-z0-9-]+)=(?:(?<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?<unit>[A-Za-z%/][A-Za-z0-9%/.^-]*)?|(?<boolean>true|false))(?<fault>!)?$/;
const CHECKSUM = /^(?<body>[^*]*)\*(?<digits>[0-9A-Fa-f]{2})$/;

/** Makes a framer of lines. */
export function lineProtocolFramer(rules: LineRules): Framer<readonly LineItem[]> {
  const parse = (line: string): LineVerdict<readonly LineItem[]> => parseLine(line, rules);
  return new LineFramer({ bytesMax: LINE_LENGTH_MAX, parse }, rules.silenceMs);
}

/** The XOR of a line's characters, as NMEA 0183 has it. */
function checksumOf(text: string): number {
  let sum = 0;
  for (let at = 0; at < text.length; at++) sum ^= text.charCodeAt(at);
  return sum;
}

function parseLine(line: string, rules: LineRules): LineVerdict<readonly LineItem[]> {
  if (line.startsWith("#") || line.trim() === "") return "filler";
  const body = bodyOf(line, rules);
  if (body === undefined) return "bad";
  const items: LineItem[] = [];
  const quantities = new Set<string>();
  for (const text of body.split(/[ \t]+/).filter((part) => part !== "")) {
    const item = parseItem(text);
    if (item === undefined || quantities.has(item.quantity) || !rules.isWelcome(item)) return "bad";
    quantities.add(item.quantity);
    items.push(item);
  }
  return items.length === 0 ? "bad" : { frame: items };
}

/** What stands before the checksum; `undefined` where that is wrong, or missing against the rules. */
function bodyOf(line: string, rules: LineRules): string | undefined {
  if (!line.includes("*")) return rules.checksum === "required" ? undefined : line;
  const { body, digits } = CHECKSUM.exec(line)?.groups ?? {};
  if (body === undefined || digits === undefined) return undefined;
  return checksumOf(body) === parseInt(digits, 16) ? body : undefined;
}

function parseItem(text: string): LineItem | undefined {
  const groups = ITEM.exec(text)?.groups;
  const quantity = groups?.["quantity"];
  if (groups === undefined || !isName(quantity)) return undefined;
  const { number, unit, fault } = groups;
  const value = number === undefined ? groups["boolean"] === "true" : Number(number);
  if (typeof value === "number" && !Number.isFinite(value)) return undefined;
  const said = unit === undefined ? {} : { unit };
  return { quantity, value, ...said, fault: fault !== undefined };
}
