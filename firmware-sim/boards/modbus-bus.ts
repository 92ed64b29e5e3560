/**
 * Units on one RS-485 line that speak Modbus RTU: they answer a master, each at its address.
 *
 * After Modbus over Serial Line V1.02. Requests with a wrong check, and those for nobody here, get no answer, so that a
 * master has to wait for its timeout as on a real line. Broadcasts are obeyed in silence.
 */
import type { Board } from "./board.ts";
import type { Values } from "../models/model.ts";
import { crc16 } from "./crc16.ts";
import { answerModbus, type ModbusMemory, newModbusMemory } from "./modbus-unit.ts";

/** What the registers of a value hold. */
export const MODBUS_TYPES = ["u16", "i16", "u32", "i32", "f32"] as const;
export type ModbusType = (typeof MODBUS_TYPES)[number];

/** In which order the bytes of two registers come, A the most significant. */
export const MODBUS_ORDERS = ["ABCD", "CDAB", "BADC", "DCBA"] as const;
export type ModbusOrder = (typeof MODBUS_ORDERS)[number];

/** Where a measured value stands. */
export interface ModbusRegisterPlan {
  readonly register: number;
  readonly quantity: string;
  /** `holding` unless given. */
  readonly kind?: "holding" | "input";
  /** `f32` unless given. */
  readonly type?: ModbusType;
  /** `ABCD` unless given. */
  readonly wordOrder?: ModbusOrder;
  /** The registers hold the value divided by it; 1 unless given. */
  readonly scale?: number;
}

/** A unit and its registers. */
export interface ModbusUnitPlan {
  /** 1 to 247. */
  readonly id: number;
  readonly registers: readonly ModbusRegisterPlan[];
}

const BROADCAST = 0;
const USUAL_ID = 1;
const CHECK_BYTES = 2;
const FRAME_BYTES_MIN = 4;
const FRAME_BYTES_MAX = 256;
/** Half a request is forgotten after this. */
const SILENCE_MS = 500;
const RANGES: Readonly<Record<Exclude<ModbusType, "f32">, readonly [number, number]>> = {
  u16: [0, 0xffff],
  i16: [-0x8000, 0x7fff],
  u32: [0, 0xffff_ffff],
  i32: [-0x8000_0000, 0x7fff_ffff],
};
const PLACES: Readonly<Record<ModbusOrder, readonly [number, number, number, number]>> = {
  ABCD: [0, 1, 2, 3],
  CDAB: [2, 3, 0, 1],
  BADC: [1, 0, 3, 2],
  DCBA: [3, 2, 1, 0],
};

/** Appends the check, low byte first. */
export function encodeModbusFrame(body: readonly number[]): Uint8Array {
  const crc = crc16(body, 0xffff);
  return Uint8Array.from([...body, crc & 0xff, crc >> 8]);
}

/** A line with units on it. */
export class ModbusBus implements Board {
  readonly bootMs = 2000;
  /** The memories by address; tests may write into them. */
  readonly memories: ReadonlyMap<number, ModbusMemory>;
  #units: readonly ModbusUnitPlan[];
  #pending: number[] = [];
  #heardMs = 0;

  /**
   * Without `units` there is one at address 1, with all that is measured, or `quantities`, as floats in holding
   * registers from 0 on.
   */
  constructor(units: readonly ModbusUnitPlan[] = [], quantities?: readonly string[]) {
    this.#units = units.length === 0 && quantities !== undefined ? [usualUnit(quantities)] : units;
    const ids = units.length === 0 ? [USUAL_ID] : units.map(({ id }) => id);
    this.memories = new Map(ids.map((id) => [id, newModbusMemory()]));
    this.#clear();
  }

  measure(values: Values): Uint8Array[] {
    if (this.#units.length === 0 && Object.keys(values).length > 0)
      this.#units = [usualUnit(Object.keys(values))];
    for (const { id, registers } of this.#units) {
      const memory = this.memories.get(id);
      for (const plan of registers) {
        const value = values[plan.quantity];
        if (memory === undefined || value === undefined) continue;
        const table = memory[plan.kind ?? "holding"];
        encodeValue(plan, value).forEach((word, at) => table.set(plan.register + at, word));
      }
    }
    return [];
  }

  receive(chunk: Uint8Array, timeMs: number): Uint8Array[] {
    if (timeMs - this.#heardMs >= SILENCE_MS) this.#pending = [];
    this.#heardMs = timeMs;
    const answers: Uint8Array[] = [];
    for (const byte of chunk) {
      this.#pending.push(byte);
      const request = takeRequest(this.#pending);
      if (request !== undefined) answers.push(...this.#obey(request));
    }
    return answers;
  }

  /** Keeps what a master has written where nothing is measured, as units keep their settings. */
  restart(): Uint8Array[] {
    this.#pending = [];
    this.#clear();
    return [];
  }

  /** Real units have their registers from the first moment, with nothing in them. */
  #clear(): void {
    const measured = this.#units.flatMap(({ registers }) => registers);
    this.measure(Object.fromEntries(measured.map(({ quantity }) => [quantity, 0])));
  }

  #obey([id = 0, ...request]: readonly number[]): Uint8Array[] {
    if (id !== BROADCAST) {
      const memory = this.memories.get(id);
      return memory === undefined
        ? []
        : [encodeModbusFrame([id, ...answerModbus(memory, request)])];
    }
    for (const memory of this.memories.values()) answerModbus(memory, request);
    return [];
  }
}

/**
 * Takes the request that ends with the last of the pending bytes, and all before it; without check.
 *
 * Real units know from the silence before it where a request begins. Here any place may be the one, and the check
 * decides; but for functions that nobody knows the length of, since 16 bits are not enough for guesses without end.
 */
function takeRequest(pending: number[]): number[] | undefined {
  for (let at = 0; at <= pending.length - FRAME_BYTES_MIN; at++) {
    const rest = pending.slice(at);
    const expected = expectedLength(rest) ?? (at === 0 ? rest.length : undefined);
    const isWhole = expected === rest.length;
    if (!isWhole || crc16(rest, 0xffff) !== 0) continue;
    pending.length = 0;
    return rest.slice(0, -CHECK_BYTES);
  }
  if (pending.length > FRAME_BYTES_MAX) pending.shift();
  return undefined;
}

function expectedLength([, code = 0, , , , , count]: readonly number[]): number | undefined {
  if (code >= 1 && code <= 6) return 8;
  if (code === 15 || code === 16) return 9 + (count ?? 0);
  return undefined;
}

function usualUnit(quantities: readonly string[]): ModbusUnitPlan {
  return {
    id: USUAL_ID,
    registers: quantities.map((quantity, at) => ({ register: at * 2, quantity })),
  };
}

/** One word or two; numbers beyond what they hold are cut to it. */
function encodeValue(plan: ModbusRegisterPlan, value: number): number[] {
  const { type = "f32", wordOrder = "ABCD", scale = 1 } = plan;
  const view = new DataView(new ArrayBuffer(4));
  if (type === "f32") view.setFloat32(0, value / scale);
  else {
    const [least, most] = RANGES[type];
    const whole = Math.round(Math.min(most, Math.max(least, value / scale)));
    if (type === "u16" || type === "i16") return [whole & 0xffff];
    view.setInt32(0, whole | 0);
  }
  const [a, b, c, d] = PLACES[wordOrder];
  return [(view.getUint8(a) << 8) | view.getUint8(b), (view.getUint8(c) << 8) | view.getUint8(d)];
}
