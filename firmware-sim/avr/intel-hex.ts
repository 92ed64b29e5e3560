/**
 * Intel HEX, the text in which firmware is kept: bytes with their addresses, and a checksum a line.
 *
 * After Intel's Hexadecimal Object File Format Specification, revision A of 1988. What the bytes mean is not looked at.
 */

/** Flash memory with a program in it. */
export interface FlashImage {
  /** All of the memory; FF where the file has nothing, as erased flash reads. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How many of them the file gives. */
  readonly used: number;
}

const TYPE = { data: 0, end: 1, segment: 2, segmentStart: 3, linear: 4, linearStart: 5 } as const;
/** How many bytes of data the records other than data have. */
const LENGTHS: Readonly<Record<number, number>> = {
  [TYPE.end]: 0,
  [TYPE.segment]: 2,
  [TYPE.segmentStart]: 4,
  [TYPE.linear]: 2,
  [TYPE.linearStart]: 4,
};
const RECORD = /^:((?:[0-9A-Fa-f]{2})+)$/;
/** Length, two bytes of address, type, checksum. */
const FRAME_BYTES = 5;
const ERASED = 0xff;

/** One line, taken apart. */
interface HexRecord {
  readonly type: number;
  readonly address: number;
  readonly data: Uint8Array;
}

/** Reads a program for so much flash memory. Gives a sentence that names the line for the first thing that is wrong. */
export function parseIntelHex(text: string, flashBytes: number): FlashImage | string {
  const bytes = new Uint8Array(flashBytes).fill(ERASED);
  const written = new Uint8Array(flashBytes);
  let used = 0;
  let base = 0;
  let hasEnded = false;
  for (const [at, line] of text.split(/\r\n|\n|\r/).entries()) {
    if (line.trim() === "") continue;
    const where = `line ${at + 1}`;
    if (hasEnded) return `${where}: there is more after the end record`;
    const record = parseRecord(line.trim());
    if (typeof record === "string") return `${where}: ${record}`;
    const { type, address, data } = record;
    if (type === TYPE.end) hasEnded = true;
    if (type === TYPE.segment) base = word(data) * 0x10;
    if (type === TYPE.linear) base = word(data) * 0x1_0000;
    // Where the program starts (types 3 and 5) is no choice of an AVR's.
    if (type !== TYPE.data) continue;
    for (const [offset, byte] of data.entries()) {
      const place = base + address + offset;
      if (place >= flashBytes)
        return `${where}: address ${hex(place)} is beyond the ${flashBytes} bytes of flash`;
      if (written[place] === 1) return `${where}: address ${hex(place)} has been written before`;
      bytes[place] = byte;
      written[place] = 1;
      used += 1;
    }
  }
  if (!hasEnded) return "there is no end record (:00000001FF); the file is cut off";
  return used === 0 ? "there is no program in it" : { bytes, used };
}

function parseRecord(line: string): HexRecord | string {
  const digits = RECORD.exec(line)?.[1];
  if (digits === undefined)
    return 'expected a record of Intel HEX, such as ":0400000001020304F2"; not ' + quote(line);
  const bytes = Uint8Array.from({ length: digits.length / 2 }, (_, at) =>
    Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16),
  );
  const [length = 0, high = 0, low = 0, type = 0] = bytes;
  if (bytes.length !== length + FRAME_BYTES)
    return `the record says that it holds ${length} bytes, and holds ${bytes.length - FRAME_BYTES}`;
  const sum = bytes.reduce((total, byte) => total + byte, 0) & 0xff;
  if (sum !== 0) {
    const said = bytes.at(-1) ?? 0;
    return `the checksum is ${byteHex(said)}, and should be ${byteHex((said - sum) & 0xff)}`;
  }
  const expected = LENGTHS[type];
  if (type !== TYPE.data && expected === undefined)
    return `there is no record type ${byteHex(type)}`;
  if (expected !== undefined && expected !== length)
    return `a record of type ${byteHex(type)} has ${expected} bytes; this one has ${length}`;
  return { type, address: high * 0x100 + low, data: bytes.slice(4, -1) };
}

function word([high = 0, low = 0]: Uint8Array): number {
  return high * 0x100 + low;
}

function hex(address: number): string {
  return `0x${address.toString(16).padStart(4, "0")}`;
}

function byteHex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, "0");
}

function quote(line: string): string {
  return `"${line.length <= 40 ? line : `${line.slice(0, 37)}…`}"`;
}
