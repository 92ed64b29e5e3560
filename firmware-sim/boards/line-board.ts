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

/** What the ROM of an ESP32 says before any program runs: no line of the protocol. */
const BOOT_LOG = [
  "ets Jun  8 2016 00:22:57\r\n",
  "rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n",
  "entry 0x400805e4\r\n",
];
/** What the program says first: it ends whatever stood there before. */
const FIRST_LINE = "\r\n";

/** A board that sends one line a measurement. It keeps nothing over a restart, and has nothing to keep. */
export class LineBoard implements Board {
  readonly bootMs = 1500;
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

  restart(): Uint8Array[] {
    return [...BOOT_LOG, FIRST_LINE].map(encodeUtf8);
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
