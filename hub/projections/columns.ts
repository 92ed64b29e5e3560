/**
 * A pack's values as columns: what the series keep, many times smaller than the pack.
 *
 * A column holds the values of one quantity. Sensors report with few decimals and change little, so numbers become
 * whole ones by a power of ten and are stored as differences; times likewise, and columns of equal times share them. A
 * column in which that would change a value keeps its values as they are. The result is deterministic CBOR.
 */

import { decodeCbor, encodeCbor } from "../../ledger/cbor.ts";
import type { CborValue } from "../../ledger/cbor.ts";
import type { MeasuredValue } from "./measured.ts";

/** Decimals that are tried. */
const DECIMALS_MAX = 9;

interface Column {
  readonly quantity: string;
  readonly unit: string | undefined;
  readonly values: MeasuredValue[];
}

/** Encodes values; those of one quantity and unit keep their order, and come out in a row. */
export function encodeColumns(values: readonly MeasuredValue[]): Uint8Array {
  const columns = new Map<string, Column>();
  for (const value of values) {
    const { quantity, unit } = value;
    const key = `${quantity} ${unit ?? ""}`;
    const column = columns.get(key);
    if (column === undefined) columns.set(key, { quantity, unit, values: [value] });
    else column.values.push(value);
  }
  const times: number[][] = [];
  const encoded = [...columns.values()].map((column): CborValue => {
    const faults = column.values.flatMap(({ isFault }, i) => (isFault ? [i] : []));
    const steps = differences(column.values.map(({ timeMs }) => timeMs));
    const shared = shareTimes(times, steps);
    const [decimals, numbers] = encodeNumbers(column.values.map(({ value }) => value));
    return [column.quantity, column.unit ?? null, shared, decimals, numbers, faults];
  });
  return encodeCbor([times, encoded]);
}

/** Decodes what `encodeColumns` wrote; with a quantity, only its values. Throws for any other bytes. */
export function decodeColumns(bytes: Uint8Array, quantity?: string): MeasuredValue[] {
  const [times, columns] = decodeCbor(bytes) as [number[][], EncodedColumn[]];
  return columns.flatMap((column) =>
    quantity === undefined || column[0] === quantity ? decodeColumn(column, times) : [],
  );
}

type EncodedColumn = [
  quantity: string,
  unit: string | null,
  times: number,
  decimals: number | null,
  values: (number | string | boolean)[],
  faults: number[],
];

function decodeColumn(column: EncodedColumn, times: number[][]): MeasuredValue[] {
  const [quantity, unit, shared, decimals, encoded, faults] = column;
  const timesMs = sums(times[shared]!);
  const values = decimals === null ? encoded : decodeNumbers(encoded as number[], decimals);
  return values.map((value, i) => ({
    quantity,
    unit: unit ?? undefined,
    value,
    timeMs: timesMs[i]!,
    isFault: faults.includes(i),
  }));
}

/** The place of these times in the list of all, added where they are new. */
function shareTimes(all: number[][], steps: number[]): number {
  const known = all.findIndex(
    (other) => other.length === steps.length && other.every((step, i) => step === steps[i]),
  );
  return known === -1 ? all.push(steps) - 1 : known;
}

function encodeNumbers(
  values: (number | string | boolean)[],
): [decimals: number | null, values: (number | string | boolean)[]] {
  if (!values.every((value) => typeof value === "number")) return [null, values];
  for (let decimals = 0; decimals <= DECIMALS_MAX; decimals++) {
    const whole: number[] = values.map((value) => Math.round(value * 10 ** decimals));
    const steps = differences(whole);
    const isExact = whole.every((number, i) => number / 10 ** decimals === values[i]);
    if (isExact && [...whole, ...steps].every(Number.isSafeInteger)) return [decimals, steps];
  }
  return [null, values];
}

function decodeNumbers(steps: readonly number[], decimals: number): number[] {
  return sums(steps).map((whole) => whole / 10 ** decimals);
}

/** The first number, then what each adds to the one before. */
function differences(numbers: readonly number[]): number[] {
  return numbers.map((number, i) => (i === 0 ? number : number - numbers[i - 1]!));
}

function sums(steps: readonly number[]): number[] {
  let sum = 0;
  return steps.map((step) => (sum += step));
}
