/**
 * Bytes captured from a real line, played again unchanged.
 *
 * A plain capture has no times: it goes out as a line of the given baud rate would carry it, in slices of a tenth of
 * a second that pay no heed to frames. A hex dump goes out one line of the dump at a time.
 */

/** A slice of a capture and how long it lasts: the time until the next. */
export interface CapturedChunk {
  readonly bytes: Uint8Array;
  readonly lastsMs: number;
}

/** A line of a dump: an offset of hex digits, a colon, the bytes, and perhaps their characters after two blanks. */
const DUMP_LINE = /^[0-9a-f]{4,16}:((?: ?[0-9a-f]{2})+)(?: {2}.*)?$/i;
const SLICES_PER_SECOND = 10;
/** A start bit, eight data bits, a stop bit. */
const BITS_PER_BYTE = 10;

/** Cuts bytes into slices as a line without pauses carries them. `baud` is at least 100. */
export function* pacedCapture(bytes: Uint8Array, baud: number): Generator<CapturedChunk> {
  const size = Math.max(1, Math.floor(baud / BITS_PER_BYTE / SLICES_PER_SECOND));
  for (let at = 0; at < bytes.length; at += size) {
    const slice = bytes.subarray(at, at + size);
    yield { bytes: slice, lastsMs: (slice.length * BITS_PER_BYTE * 1000) / baud };
  }
}

/** Gives the lines of a hex dump, one each `stepMs`. */
export function* pacedDump(lines: readonly Uint8Array[], stepMs: number): Generator<CapturedChunk> {
  for (const bytes of lines) yield { bytes, lastsMs: stepMs };
}

/**
 * Parses a hex dump as `xxd` and `hexdump` print it, giving each line's bytes.
 *
 * Offsets are not followed: recorders that print a frame a line count them in ways of their own. Gives a sentence that
 * names the first line that does not fit.
 */
export function parseHexDump(text: string): Uint8Array[] | string {
  const lines: Uint8Array[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "") continue;
    const match = DUMP_LINE.exec(line);
    const digits = match?.[1]?.replaceAll(" ", "");
    if (digits === undefined) return `line ${index + 1} is no line of a hex dump`;
    lines.push(
      Uint8Array.from({ length: digits.length / 2 }, (_, at) =>
        Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16),
      ),
    );
  }
  return lines.length > 0 ? lines : "the hex dump is empty";
}
