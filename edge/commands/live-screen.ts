/**
 * A text that is shown in a terminal again and again in the same place (ECMA-48, and xterm's other screen).
 *
 * What was on the screen before comes back at the end.
 */

import type { Output } from "../../platform/lifecycle.ts";

const ESCAPE = "\u001b[";
const OTHER_SCREEN = `${ESCAPE}?1049h${ESCAPE}?25l`;
const OWN_SCREEN = `${ESCAPE}?25h${ESCAPE}?1049l`;
const HOME = `${ESCAPE}H`;
const CLEAR_LINE = `${ESCAPE}K`;
const CLEAR_BELOW = `${ESCAPE}J`;

/** See the head of the file. */
export class LiveScreen {
  private readonly output: Output;

  constructor(output: Output) {
    this.output = output;
  }

  /** Begins. */
  open(): void {
    this.output.write(OTHER_SCREEN);
  }

  /** Puts `text` in place of what is shown. Lines that are too long are cut, and so are those for which there is no room. */
  show(text: string): void {
    const { columns = 80, rows = 24 } = this.output;
    const lines = text.trimEnd().split("\n");
    const fitting = lines.length <= rows ? lines : [...lines.slice(0, rows - 1), "…"];
    // Line by line, not the whole screen first: that would flicker.
    const shown = fitting.map((line) =>
      line.length > columns ? line.slice(0, columns - 1) + "…" : line,
    );
    this.output.write(HOME + shown.map((line) => line + CLEAR_LINE).join("\r\n") + CLEAR_BELOW);
  }

  /** Ends. */
  close(): void {
    this.output.write(OWN_SCREEN);
  }
}
