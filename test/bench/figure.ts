/** A measured figure, and how it is shown: both sides of a ratio, never the ratio alone. */

/** One line of the result. */
export interface Figure {
  readonly what: string;
  /** What was measured, with its unit. */
  readonly measured: string;
  /** What it is held against, with its unit. */
  readonly against?: string;
  /** Measured over against. */
  readonly ratio?: number;
}

/** Prints a figure. */
export function printFigure({ what, measured, against, ratio }: Figure): void {
  const compared = against === undefined ? "" : `, against ${against}`;
  const share = ratio === undefined ? "" : `: ratio ${ratio.toFixed(2)}`;
  process.stdout.write(`  ${what}: ${measured}${compared}${share}\n`);
}

/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
