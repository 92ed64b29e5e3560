/**
 * A QR code (ISO/IEC 18004) for a terminal: two rows of modules in a line of text, black on white whatever the
 * terminal's colours are. Pure.
 */

import qrcode from "qrcode-generator";
import type { Output } from "../../platform/lifecycle.ts";

/** A white border of this many modules; the standard asks for four. */
const QUIET_MODULES = 4;
const BLACK_ON_WHITE = "\u001b[38;5;16;48;5;231m";
const RESET = "\u001b[0m";

/** Encodes a text of ASCII; `undefined` where it needs more than `columns`, one for each module. */
export function formatQr(text: string, columns: number): string | undefined {
  // Lowest correction: a screen is not torn or stained, and the code is as small as it can be.
  const code = qrcode(0, "L");
  code.addData(text, "Byte");
  code.make();
  const size = code.getModuleCount();
  const last = size + QUIET_MODULES;
  if (size + 2 * QUIET_MODULES > columns) return undefined;
  const isDark = (row: number, column: number): boolean =>
    row >= 0 && row < size && column >= 0 && column < size && code.isDark(row, column);
  const lines: string[] = [];
  for (let row = -QUIET_MODULES; row < last; row += 2) {
    let line = "";
    for (let column = -QUIET_MODULES; column < last; column++) {
      const upper = isDark(row, column);
      const lower = isDark(row + 1, column);
      line += upper && lower ? "█" : upper ? "▀" : lower ? "▄" : " ";
    }
    lines.push(`${BLACK_ON_WHITE}${line}${RESET}`);
  }
  return lines.join("\n") + "\n";
}

/** A claim for a telephone's camera, with words around it, where there is a terminal that has room for it; else empty. */
export function claimAsQr(output: Output, claim: string, isForced: boolean): string {
  const { isTTY, columns = 80 } = output;
  if (isTTY !== true && !isForced) return "";
  const code = formatQr(claim, isForced ? Infinity : columns);
  if (code !== undefined) return `The same, to be scanned:\n\n${code}\n`;
  return "(This window is too narrow for the claim as a QR code; --qr prints it all the same.)\n\n";
}
