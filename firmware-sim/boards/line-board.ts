/**
 * A home-made board that prints its values as lines of text, such as `laeq=61.2dB lamax=70.4dB*46`.
 *
 * Writes what docs/line-protocol.md asks for, always with units and checksum. It obeys no commands.
 */
import { encodeUtf8 } from "../../ledger/bytes.ts";
import { QUANTITIES } from "../../ledger/quantity.ts";
import type { Board } from "./board.ts";
import type { Values } from "../models/model.ts";

/** Characters of the longest line without its end; values beyond it go into a line of their own. */
const LINE_LENGTH_MAX = 240;
/** An asterisk and two digits. */
const CHECKSUM_LENGTH = 3;
const DECIMALS = 3;

/** A board that sends one line a measurement. */
export class LineBoard implements Board {
  readonly #quantities: readonly string[] | undefined;

  /** Reports these quantities in this order, as far as they are measured; all that is measured without. */
  constructor(quantities?: readonly string[]) {
    this.#quantities = quantities;
  }

  measure(values: Values): Uint8Array[] {
    const items = (this.#quantities ?? Object.keys(values)).flatMap((quantity) => {
      const value = values[quantity];
      return value === undefined ? [] : [formatItem(quantity, value)];
    });
    return joinItems(items).map((body) => encodeUtf8(closeLine(body)));
  }

  receive(): Uint8Array[] {
    return [];
  }
}

/** Formats a value with the unit of its quantity, to a thousandth; a quantity that nobody knows has no unit. */
function formatItem(quantity: string, value: number): string {
  return `${quantity}=${Number(value.toFixed(DECIMALS))}${QUANTITIES.get(quantity)?.unit ?? ""}`;
}

function joinItems(items: readonly string[]): string[] {
  const bodies: string[] = [];
  for (const item of items) {
    const longer = `${bodies.at(-1) ?? ""} ${item}`;
    if (bodies.length > 0 && longer.length + CHECKSUM_LENGTH <= LINE_LENGTH_MAX)
      bodies.splice(-1, 1, longer);
    else bodies.push(item);
  }
  return bodies;
}

/** Adds the checksum, the XOR of the characters before it, and the end of the line. */
function closeLine(body: string): string {
  let sum = 0;
  for (let at = 0; at < body.length; at++) sum ^= body.charCodeAt(at);
  return `${body}*${sum.toString(16).toUpperCase().padStart(2, "0")}\r\n`;
}
