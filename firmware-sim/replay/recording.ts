/**
 * A recorded CSV file as a series of measurements, each with the time to wait before it.
 *
 * Recordings have holes: cells without text, nights without rows, clocks set back. They are passed over and counted,
 * never filled in.
 */
import type { Values } from "../models/model.ts";
import { type ColumnMapping, RecordReader } from "./column-mapping.ts";
import { type CsvFault, type CsvRecord, readCsv } from "./csv.ts";

/** One measurement of a recording. `waitMs` is recorded time since the one before, 0 for the first. */
export interface RecordedRow {
  readonly timeMs: number;
  readonly values: Values;
  readonly waitMs: number;
}

/** How a recording is read. */
export interface RecordingSettings {
  readonly mapping: ColumnMapping;
  readonly delimiter: string;
  /** Distance of the rows of a recording without a time column. */
  readonly stepMs: number;
  /** A pause longer than this is a gap: not waited for, but counted. */
  readonly gapMs: number;
  /** Quantities without which a row cannot be played on the board. */
  readonly required: readonly string[];
}

/** What was found in the rows that were read so far. */
export interface RecordingCounts {
  played: number;
  /** Rows left out because a value that the board needs was empty. */
  incomplete: number;
  emptyCells: number;
  /** Records that are no CSV, and rows with a time or a value that is none. */
  bad: number;
  /** Rows of other sensors. */
  excluded: number;
  gaps: number;
  /** Rows that are older than the row before. */
  stepsBack: number;
}

/** A recording; the same text and settings always give the same rows. */
export class Recording {
  readonly #text: string;
  readonly #settings: RecordingSettings;
  readonly #reader: RecordReader;
  readonly counts: RecordingCounts = {
    played: 0,
    incomplete: 0,
    emptyCells: 0,
    bad: 0,
    excluded: 0,
    gaps: 0,
    stepsBack: 0,
  };

  private constructor(text: string, settings: RecordingSettings, reader: RecordReader) {
    this.#text = text;
    this.#settings = settings;
    this.#reader = reader;
  }

  /** Looks at the first line; gives a sentence for each reason why the text cannot be read with the settings. */
  static open(text: string, settings: RecordingSettings): Recording | string[] {
    const first = readCsv(text, settings.delimiter).next().value as
      CsvRecord | CsvFault | undefined;
    if (first === undefined) return ["the recording is empty"];
    if ("fault" in first) return [`line ${first.line}: ${first.fault}`];
    const reader = RecordReader.create(settings.mapping, first);
    return reader instanceof RecordReader ? new Recording(text, settings, reader) : reader;
  }

  /** Gives the rows from the beginning, and counts as it goes. */
  *rows(): Generator<RecordedRow> {
    const pace = new Pace(this.#settings, this.counts);
    let header = this.#reader.hasHeader;
    for (const record of readCsv(this.#text, this.#settings.delimiter)) {
      if (header) {
        header = false;
        continue;
      }
      const row = this.#read(record, pace);
      if (row !== undefined) yield row;
    }
  }

  #read(record: CsvRecord | CsvFault, pace: Pace): RecordedRow | undefined {
    const mapped = "fault" in record ? ({ kind: "bad" } as const) : this.#reader.read(record);
    if (mapped.kind !== "values") {
      this.counts[mapped.kind] += 1;
      return undefined;
    }
    const { values } = mapped;
    const timeMs = pace.timeOf(mapped.timeMs);
    this.counts.emptyCells += mapped.empty;
    const lacking = this.#settings.required.some((quantity) => values[quantity] === undefined);
    if (lacking || Object.keys(values).length === 0) {
      this.counts.incomplete += 1;
      return undefined;
    }
    this.counts.played += 1;
    return { timeMs, values, waitMs: pace.waitBefore(timeMs) };
  }
}

/** Remembers the times of rows: makes them where there are none, and tells pauses from gaps. */
class Pace {
  readonly #settings: RecordingSettings;
  readonly #counts: RecordingCounts;
  #next = 0;
  #last: number | undefined;
  #usualMs = 0;

  constructor(settings: RecordingSettings, counts: RecordingCounts) {
    this.#settings = settings;
    this.#counts = counts;
  }

  timeOf(timeMs: number | undefined): number {
    const time = timeMs ?? this.#next;
    this.#next = time + this.#settings.stepMs;
    return time;
  }

  /** A gap, like a step back, takes as long as the pause before it. */
  waitBefore(timeMs: number): number {
    const pauseMs = this.#last === undefined ? 0 : timeMs - this.#last;
    this.#last = timeMs;
    if (pauseMs < 0) this.#counts.stepsBack += 1;
    else if (pauseMs > this.#settings.gapMs) this.#counts.gaps += 1;
    else this.#usualMs = pauseMs;
    return this.#usualMs;
  }
}
