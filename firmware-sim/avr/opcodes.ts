/**
 * Which of the 65536 instruction words an ATmega328P knows, and which of them a simulator has to look at first.
 *
 * After Microchip's AVR Instruction Set Manual, for the cores of the sort AVRe+. avr8js passes over what it does not
 * know; a program that has run astray would go on as if nothing had happened.
 */

/** What is to be done with an instruction word. */
export const OPCODE = {
  /** avr8js does it. */
  plain: 0,
  /** No such instruction. */
  illegal: 1,
  /** Sleeps, if that is switched on. */
  sleep: 2,
  /** Lets interrupts in, but not before the next instruction. */
  admitting: 3,
  /** Writes flash memory, which is not simulated. */
  spm: 4,
} as const;

/** Words that are instructions, by the bits that make them so: `[mask, bits]`. */
const INSTRUCTIONS: readonly (readonly [mask: number, bits: number])[] = [
  [0xffff, 0x0000], // NOP
  [0xff00, 0x0100], // MOVW
  [0xff00, 0x0200], // MULS
  [0xff00, 0x0300], // MULSU, FMUL, FMULS, FMULSU
  [0xfc00, 0x0400], // CPC
  [0xfc00, 0x0800], // SBC
  [0xfc00, 0x0c00], // ADD
  [0xf000, 0x1000], // CPSE, CP, SUB, ADC
  [0xf000, 0x2000], // AND, EOR, OR, MOV
  [0xf000, 0x3000], // CPI
  [0xe000, 0x4000], // SBCI, SUBI
  [0xe000, 0x6000], // ORI, ANDI
  [0xd000, 0x8000], // LDD, STD, and LD and ST without offset
  [0xff00, 0x9600], // ADIW
  [0xff00, 0x9700], // SBIW
  [0xfc00, 0x9800], // CBI, SBIC, SBI, SBIS
  [0xfc00, 0x9c00], // MUL
  [0xf000, 0xb000], // IN, OUT
  [0xe000, 0xc000], // RJMP, RCALL
  [0xf000, 0xe000], // LDI
  [0xf800, 0xf000], // BRBS, BRBC
  [0xfc08, 0xf800], // BLD, BST
  [0xfc08, 0xfc00], // SBRC, SBRS
  // LDS, LD and POP; LPM with Z
  ...[0, 1, 2, 4, 5, 9, 10, 12, 13, 14, 15].map((low) => [0xfe0f, 0x9000 | low] as const),
  // STS, ST and PUSH
  ...[0, 1, 2, 9, 10, 12, 13, 14, 15].map((low) => [0xfe0f, 0x9200 | low] as const),
  // COM, NEG, SWAP, INC, ASR, LSR, ROR, DEC
  ...[0, 1, 2, 3, 5, 6, 7, 10].map((low) => [0xfe0f, 0x9400 | low] as const),
  [0xff0f, 0x9408], // BSET, BCLR
  [0xfe0c, 0x940c], // JMP, CALL
  // IJMP, ICALL, RET, RETI, BREAK, WDR, LPM
  ...[0x9409, 0x9509, 0x9508, 0x9518, 0x9598, 0x95a8, 0x95c8].map(
    (word) => [0xffff, word] as const,
  ),
];
const SLEEP = 0x9588;
const SPM = 0x95e8;
/** SEI and RETI. */
const ADMITTING: readonly number[] = [0x9478, 0x9518];

/** What is to be done, by instruction word. */
export const OPCODES: Uint8Array = Uint8Array.from({ length: 0x1_0000 }, (_, word) => {
  if (word === SLEEP) return OPCODE.sleep;
  if (word === SPM) return OPCODE.spm;
  if (ADMITTING.includes(word)) return OPCODE.admitting;
  return INSTRUCTIONS.some(([mask, bits]) => (word & mask) === bits)
    ? OPCODE.plain
    : OPCODE.illegal;
});
