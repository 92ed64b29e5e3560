/**
 * Which column of a recording is which quantity: `time=0,pm25=3,speed=Speed*1.609`.
 *
 * A column is named by its number, counted from 0, or by its name in the header line. A factor behind `*` turns the
 * recording's unit into the quantity's. A filter keeps the rows of one sensor of many.
 */
import { isName } from "../../ledger/name.ts";
import type { Values } from "../models/model.ts";
import type { CsvRecord } from "./csv.ts";
import { parseTime } from "./time-column.ts";

/** A column by number or by name. */
export type ColumnName = number | string;

/** A quantity and where it comes from. */
export interface MappedColumn {
  readonly quantity: string;
  readonly column: ColumnName;
  readonly factor: number;
}

/** What to take from each record. Without `time`, records are equally far apart (recording.ts). */
export interface ColumnMapping {
  readonly time?: ColumnName;
  readonly quantities: readonly MappedColumn[];
  /** Records are kept whose cells have exactly these texts. */
  readonly where: readonly { readonly column: ColumnName; readonly text: string }[];
}

/** What a record holds: cells without text are `empty`, other cells that are no numbers make the record `bad`. */
export type MappedRecord =
  | {
      readonly kind: "values";
      readonly timeMs?: number;
      readonly values: Values;
      readonly empty: number;
    }
  | { readonly kind: "excluded" }
  | { readonly kind: "bad" };

const FACTOR = /^(.+)\*\s*(-?\d+(?:\.\d+)?)$/;

/** Parses one column text such as `3`, `Speed` or `3*0.1`. */
export function parseColumn(quantity: string, text: string): MappedColumn {
  const match = FACTOR.exec(text);
  return {
    quantity,
    column: columnName(match?.[1] ?? text),
    factor: match === null ? 1 : Number(match[2]),
  };
}

/** Makes a mapping of pairs; gives a sentence for each pair that cannot be one. */
export function buildMapping(
  columns: readonly (readonly [quantity: string, column: string])[],
  where: readonly (readonly [column: string, text: string])[],
): ColumnMapping | string[] {
  const names = columns.map(([quantity]) => quantity);
  const faults = names
    .filter((name): boolean => !isName(name))
    .map((name) => `"${name}" is no name of a quantity, such as pm25`);
  const time = columns.find(([quantity]) => quantity === "time");
  const quantities = columns
    .filter(([quantity]) => quantity !== "time")
    .map(([quantity, column]) => parseColumn(quantity, column));
  if (quantities.length === 0) faults.push("no column is mapped to a quantity, such as pm25=3");
  if (faults.length > 0) return faults;
  return {
    ...(time === undefined ? {} : { time: columnName(time[1]) }),
    quantities,
    where: where.map(([column, text]) => ({ column: columnName(column), text })),
  };
}

/** Parses pairs `a=b,c=d`; `undefined` where one of them has no `=` or an empty side. */
export function parsePairs(text: string): [string, string][] | undefined {
  const pairs: [string, string][] = [];
  for (const part of text.split(",")) {
    const equals = part.indexOf("=");
    const left = part.slice(0, equals).trim();
    const right = part.slice(equals + 1).trim();
    if (equals < 1 || left === "" || right === "") return undefined;
    pairs.push([left, right]);
  }
  return pairs;
}

/** A mapping with its columns found: turns records into values. */
export class RecordReader {
  readonly #time: number | undefined;
  readonly #quantities: readonly { quantity: string; index: number; factor: number }[];
  readonly #where: readonly { index: number; text: string }[];
  /** Whether the first record is a header line, and holds no values. */
  readonly hasHeader: boolean;

  private constructor(
    mapping: ColumnMapping,
    index: (column: ColumnName) => number,
    first: CsvRecord,
  ) {
    this.#time = mapping.time === undefined ? undefined : index(mapping.time);
    this.#quantities = mapping.quantities.map(({ quantity, column, factor }) => ({
      quantity,
      index: index(column),
      factor,
    }));
    this.#where = mapping.where.map(({ column, text }) => ({ index: index(column), text }));
    const named = [mapping.time, ...mapping.quantities.map((entry) => entry.column)].some(
      (column) => typeof column === "string",
    );
    this.hasHeader = named || this.#readCells(first).kind === "bad";
  }

  /**
   * Finds the mapping's columns in a recording's first record.
   *
   * With numbers alone, a first record that holds no values is taken for a header line. Gives a sentence for each
   * column that is not there.
   */
  static create(mapping: ColumnMapping, first: CsvRecord): RecordReader | string[] {
    const header = first.fields.map((field) => field.trim());
    const index = (column: ColumnName): number =>
      typeof column === "number" ? column : header.indexOf(column);
    const wanted = [
      ...(mapping.time === undefined ? [] : [mapping.time]),
      ...mapping.quantities.map((entry) => entry.column),
      ...mapping.where.map((entry) => entry.column),
    ];
    const faults = wanted
      .filter((column) => index(column) < 0 || index(column) >= header.length)
      .map(
        (column) => `no column ${JSON.stringify(column)} in ${JSON.stringify(header.join(","))}`,
      );
    return faults.length > 0 ? faults : new RecordReader(mapping, index, first);
  }

  /** Reads one record after the header. */
  read(record: CsvRecord): MappedRecord {
    const { fields } = record;
    if (this.#where.some(({ index, text }) => fields[index]?.trim() !== text))
      return { kind: "excluded" };
    return this.#readCells(record);
  }

  #readCells({ fields }: CsvRecord): MappedRecord {
    const timeMs = this.#time === undefined ? undefined : parseTime(fields[this.#time] ?? "");
    if (this.#time !== undefined && timeMs === undefined) return { kind: "bad" };
    const values: Record<string, number> = {};
    let empty = 0;
    for (const { quantity, index, factor } of this.#quantities) {
      const text = fields[index]?.trim();
      if (text === undefined) return { kind: "bad" };
      if (text === "") {
        empty += 1;
        continue;
      }
      const value = Number(text);
      if (!Number.isFinite(value)) return { kind: "bad" };
      values[quantity] = value * factor;
    }
    return { kind: "values", ...(timeMs === undefined ? {} : { timeMs }), values, empty };
  }
}

function columnName(text: string): ColumnName {
  const trimmed = text.trim();
  return /^\d{1,4}$/.test(trimmed) ? Number(trimmed) : trimmed;
}
