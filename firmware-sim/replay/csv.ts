/**
 * Comma-separated values, RFC 4180, read strictly.
 *
 * Beyond the RFC: lines may end in LF alone, the delimiter may be another character, a byte order mark is passed
 * over, and empty lines are no records. A record that breaks the rules is given as a fault, and reading goes on at
 * the next line. What the fields mean is left to column-mapping.ts.
 */

/** One record; `line` counts from 1 where it begins. */
export interface CsvRecord {
  readonly line: number;
  readonly fields: readonly string[];
}

/** Why a record cannot be read. */
export interface CsvFault {
  readonly line: number;
  readonly fault: string;
}

/** Reads the records of a text in order. `delimiter` is one character, neither quote nor line end. */
export function* readCsv(text: string, delimiter = ","): Generator<CsvRecord | CsvFault> {
  const reader = new Reader(text, delimiter);
  for (let record = reader.next(); record !== undefined; record = reader.next()) yield record;
}

class Reader {
  readonly #text: string;
  readonly #delimiter: string;
  #at: number;
  #line = 1;

  constructor(text: string, delimiter: string) {
    this.#text = text;
    this.#delimiter = delimiter;
    this.#at = text.startsWith("\uFEFF") ? 1 : 0;
  }

  next(): CsvRecord | CsvFault | undefined {
    while (this.#at < this.#text.length && this.#endOfLine()) {
      /* an empty line */
    }
    if (this.#at >= this.#text.length) return undefined;
    const line = this.#line;
    const fields: string[] = [];
    for (;;) {
      const field = this.#text[this.#at] === '"' ? this.#quoted() : this.#plain();
      if (typeof field !== "string") {
        this.#skipLine();
        return { line, fault: field.fault };
      }
      fields.push(field);
      if (this.#at >= this.#text.length || this.#endOfLine()) return { line, fields };
      if (this.#text[this.#at] !== this.#delimiter) {
        this.#skipLine();
        return { line, fault: "text after a closing quote" };
      }
      this.#at += 1;
    }
  }

  /** Passes over CR LF or LF, if one is here. */
  #endOfLine(): boolean {
    const length = this.#text.startsWith("\r\n", this.#at)
      ? 2
      : this.#text[this.#at] === "\n"
        ? 1
        : 0;
    if (length === 0) return false;
    this.#at += length;
    this.#line += 1;
    return true;
  }

  #plain(): string | { fault: string } {
    const start = this.#at;
    for (; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at];
      if (character === this.#delimiter || character === "\n") break;
      if (character === "\r" && this.#text[this.#at + 1] === "\n") break;
      if (character === '"') return { fault: "a quote inside a field without quotes" };
      if (character === "\r") return { fault: "a carriage return without line feed" };
    }
    return this.#text.slice(start, this.#at);
  }

  #quoted(): string | { fault: string } {
    let field = "";
    for (let from = this.#at + 1; ;) {
      const quote = this.#text.indexOf('"', from);
      if (quote < 0) return { fault: "a quote that is never closed" };
      field += this.#text.slice(from, quote);
      if (this.#text[quote + 1] !== '"') {
        this.#at = quote + 1;
        this.#line += field.split("\n").length - 1;
        return field;
      }
      field += '"';
      from = quote + 2;
    }
  }

  #skipLine(): void {
    const end = this.#text.indexOf("\n", this.#at);
    this.#at = end < 0 ? this.#text.length : end + 1;
    this.#line += 1;
  }
}
