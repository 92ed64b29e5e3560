/**
 * Which questions read the registers of a unit, and what their answers mean.
 *
 * After Modbus Application Protocol V1.1b3, sections 6.3 and 6.4. Registers side by side are read at once; a gap is never
 * read over, since many units refuse what they do not have.
 */

import { QUANTITIES } from "../../../ledger/quantity.ts";
import { closeModbusFrame } from "../framers/modbus.ts";
import { knownReading, type SensorReading } from "../reading.ts";
import {
  type RegisterOptions,
  registersOf,
  type UnitOptions,
  type WordOrder,
} from "./modbus-options.ts";

/** Registers that are read with one question. */
export interface RegisterBlock {
  readonly functionCode: number;
  readonly start: number;
  /** 1 to 125. */
  readonly count: number;
  readonly registers: readonly (RegisterOptions & { readonly wordOrder: WordOrder })[];
}

/** A reading with the stream that it belongs to, where that is not the sensor's. */
export interface StreamReading {
  readonly stream: string | undefined;
  readonly reading: SensorReading;
}

const FUNCTION = { holding: 3, input: 4 } as const;
const COUNT_MAX = 125;
/** For each byte of a value, most significant first, where on the line it stands. */
const PLACES: Readonly<Record<WordOrder, readonly number[]>> = {
  ABCD: [0, 1, 2, 3],
  CDAB: [2, 3, 0, 1],
  BADC: [1, 0, 3, 2],
  DCBA: [3, 2, 1, 0],
};

/** Puts the registers of a unit together into blocks, in order of function and address. */
export function blocksOf({ registers, wordOrder }: UnitOptions): RegisterBlock[] {
  const blocks: RegisterBlock[] = [];
  for (const kind of ["holding", "input"] as const) {
    const sorted = registers
      .filter((register) => register.kind === kind)
      .sort((a, b) => a.register - b.register);
    let last: RegisterBlock | undefined;
    for (const each of sorted) {
      const register = { ...each, wordOrder: each.wordOrder ?? wordOrder };
      const end = register.register + registersOf(register.type);
      const start: number = last?.start ?? 0;
      const isBeside = last !== undefined && register.register <= start + last.count;
      const count: number = Math.max(last?.count ?? 0, end - start);
      if (last !== undefined && isBeside && count <= COUNT_MAX) {
        last = { ...last, count, registers: [...last.registers, register] };
        blocks.splice(-1, 1, last);
      } else {
        const functionCode = FUNCTION[kind];
        const size = end - register.register;
        last = { functionCode, start: register.register, count: size, registers: [register] };
        blocks.push(last);
      }
    }
  }
  return blocks;
}

/** Encodes the question for a block. */
export function encodeReadQuestion(unit: number, block: RegisterBlock): Uint8Array {
  const { functionCode, start, count } = block;
  return closeModbusFrame([unit, functionCode, start >> 8, start & 0xff, count >> 8, count & 0xff]);
}

/** Decodes the answer to a block's question: two bytes of `data` for each of its registers. */
export function decodeBlock(
  block: RegisterBlock,
  data: readonly number[],
  atMs: number,
): StreamReading[] {
  return block.registers.map((register) => {
    const at = (register.register - block.start) * 2;
    const raw = decodeNumber(register, data.slice(at, at + registersOf(register.type) * 2));
    const value = round(raw * register.scale + register.offset);
    const isFaulty = register.faultValues.includes(raw);
    return { stream: register.stream, reading: readingOf(register, value, isFaulty, atMs) };
  });
}

function readingOf(
  { quantity, unit = "" }: RegisterOptions,
  value: number,
  isFaulty: boolean,
  atMs: number,
): SensorReading {
  if (QUANTITIES.has(quantity)) return knownReading(quantity, value, atMs, isFaulty);
  const isNone = isFaulty || !Number.isFinite(value);
  return { quantity, unit, value, atMs, ...(isNone ? { fault: true } : {}) };
}

function decodeNumber(
  { type, wordOrder }: { type: RegisterOptions["type"]; wordOrder: WordOrder },
  bytes: readonly number[],
): number {
  const isWide = registersOf(type) === 2;
  const ordered = isWide ? PLACES[wordOrder].map((place) => bytes[place]!) : bytes;
  const view = new DataView(Uint8Array.from(ordered).buffer);
  switch (type) {
    case "u16":
      return view.getUint16(0);
    case "i16":
      return view.getInt16(0);
    case "u32":
      return view.getUint32(0);
    case "i32":
      return view.getInt32(0);
    case "f32":
      return shortest(view.getFloat32(0));
  }
}

/** The number with the fewest digits that a 32-bit float takes for the same. */
function shortest(value: number): number {
  if (!Number.isFinite(value)) return value;
  for (let digits = 1; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return rounded;
  }
  return Number(value.toPrecision(9));
}

/** Takes away what multiplying with a decimal fraction has added: 3 times 0.1 is 0.3. */
function round(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(14)) : value;
}
