/**
 * A few AVR instructions by hand, so that the processor can be tested without a compiler, and Intel HEX of them.
 */
import { parseIntelHex } from "../../../firmware-sim/avr/intel-hex.ts";

/** An instruction is one word or two. */
export type Code = readonly number[];

/** Loads a constant into a register of 16 to 31. */
export function ldi(register: number, value: number): Code {
  return [0xe000 | ((value & 0xf0) << 4) | ((register - 16) << 4) | (value & 0x0f)];
}

/** Stores a register of 0 to 31 at an address of memory. */
export function sts(address: number, register: number): Code {
  return [0x9200 | (register << 4), address];
}

/** Loads a register from an address of memory. */
export function lds(register: number, address: number): Code {
  return [0x9000 | (register << 4), address];
}

/** Writes a constant to an address of memory, by way of register 24. */
export function set(address: number, value: number): Code {
  return [...ldi(24, value), ...sts(address, 24)];
}

/** Jumps over so many words, back where negative, counted from the next instruction. */
export function rjmp(words: number): Code {
  return [0xc000 | (words & 0x0fff)];
}

/** Calls what lies so many words away. */
export function rcall(words: number): Code {
  return [0xd000 | (words & 0x0fff)];
}

/** Jumps to a word of the flash. */
export function jmp(word: number): Code {
  return [0x940c, word];
}

/** Waits until a bit of a byte of memory is set, by way of register 25. */
export function untilSet(address: number, bit: number): Code {
  // LDS takes two words, SBRS skips the jump back over both and itself.
  return [...lds(25, address), 0xfe00 | (25 << 4) | bit, ...rjmp(-4)];
}

/** Does it again and again. */
export function again(...codes: readonly Code[]): Code {
  const body = codes.flat();
  return [...body, ...rjmp(-body.length - 1)];
}

export const NOP: Code = [0x0000];
export const SLEEP: Code = [0x9588];
export const SEI: Code = [0x9478];
export const CLI: Code = [0x94f8];
export const WDR: Code = [0x95a8];
export const RETI: Code = [0x9518];
export const HALT: Code = rjmp(-1);

export const UCSR0A = 0xc0;
export const UCSR0B = 0xc1;
export const UBRR0L = 0xc4;
export const UDR0 = 0xc6;
export const WDTCSR = 0x60;
export const SMCR = 0x53;
export const MCUSR = 0x54;

/** Switches the serial port on, at 9600 baud with 16 MHz, to send and to receive. */
export const SERIAL_ON: Code = [...set(UBRR0L, 103), ...set(UCSR0B, 0x18)];

/** Sends what is in a register. */
export function send(register: number): Code {
  return [...untilSet(UCSR0A, 5), ...sts(UDR0, register)];
}

/** Sends a character. */
export function say(character: string): Code {
  return [...ldi(24, character.charCodeAt(0)), ...send(24)];
}

/** Puts a program behind the interrupt vectors; what is at those (by word) comes by itself. */
export function assemble(
  main: readonly Code[],
  vectors: Record<number, readonly Code[]> = {},
): number[] {
  const MAIN = 0x40;
  const words = Array<number>(MAIN).fill(0xffff);
  jmp(MAIN).forEach((word, at) => (words[at] = word));
  words.push(...main.flat());
  for (const [vector, code] of Object.entries(vectors)) {
    jmp(words.length).forEach((word, at) => (words[Number(vector) + at] = word));
    words.push(...code.flat());
  }
  return words;
}

/** One record of Intel HEX. */
export function hexRecord(type: number, address: number, data: readonly number[]): string {
  const bytes = [data.length, address >> 8, address & 0xff, type, ...data];
  const sum = -bytes.reduce((total, byte) => total + byte, 0) & 0xff;
  return `:${[...bytes, sum].map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join("")}`;
}

export const HEX_END: string = hexRecord(1, 0, []);

/** A file of Intel HEX. */
export function hexFile(words: readonly number[]): string {
  const bytes = words.flatMap((word) => [word & 0xff, word >> 8]);
  const records: string[] = [];
  for (let at = 0; at < bytes.length; at += 16)
    records.push(hexRecord(0, at, bytes.slice(at, at + 16)));
  return [...records, HEX_END, ""].join("\n");
}

/** The flash memory with a program in it. */
export function flashOf(words: readonly number[]): Uint8Array<ArrayBuffer> {
  const image = parseIntelHex(hexFile(words), 32_768);
  if (typeof image === "string") throw new Error(image);
  return image.bytes;
}
