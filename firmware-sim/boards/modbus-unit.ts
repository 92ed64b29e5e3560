/**
 * The memory of a Modbus unit, and how it answers requests for it.
 *
 * After Modbus Application Protocol V1.1b3, section 6: functions 1 to 6, 15 and 16, and exceptions 1 to 3.
 */

/** The four tables of a unit, by address. What a table does not hold, the unit does not have. */
export interface ModbusMemory {
  /** 0 or 1. */
  readonly coils: Map<number, number>;
  readonly discretes: Map<number, number>;
  /** 0 to FFFF. */
  readonly holding: Map<number, number>;
  readonly input: Map<number, number>;
}

const EXCEPTION_FLAG = 0x80;
const EXCEPTION = { function: 1, address: 2, value: 3 } as const;
const BITS_MAX = 2000;
const REGISTERS_MAX = 125;
const BITS_WRITTEN_MAX = 1968;
const REGISTERS_WRITTEN_MAX = 123;
const COIL_ON = 0xff00;

/** Makes an empty memory. */
export function newModbusMemory(): ModbusMemory {
  return { coils: new Map(), discretes: new Map(), holding: new Map(), input: new Map() };
}

/** Gives the answer to a request, both from the function on and without check; writes what it asks to write. */
export function answerModbus(memory: ModbusMemory, request: readonly number[]): number[] {
  const [code = 0] = request;
  const address = word(request, 1);
  const second = word(request, 3);
  switch (code) {
    case 1:
      return readBits(memory.coils, code, address, second);
    case 2:
      return readBits(memory.discretes, code, address, second);
    case 3:
      return readRegisters(memory.holding, code, address, second);
    case 4:
      return readRegisters(memory.input, code, address, second);
    case 5:
      if (second !== 0 && second !== COIL_ON) return exception(code, EXCEPTION.value);
      return write(memory.coils, request, [second === COIL_ON ? 1 : 0]);
    case 6:
      return write(memory.holding, request, [second]);
    case 15: {
      if (!isWhole(request, BITS_WRITTEN_MAX, Math.ceil(second / 8)))
        return exception(code, EXCEPTION.value);
      const bits = Array.from(
        { length: second },
        (_, at) => ((request[6 + (at >> 3)] ?? 0) >> (at & 7)) & 1,
      );
      return write(memory.coils, request, bits);
    }
    case 16:
      if (!isWhole(request, REGISTERS_WRITTEN_MAX, second * 2))
        return exception(code, EXCEPTION.value);
      return write(
        memory.holding,
        request,
        Array.from({ length: second }, (_, at) => word(request, 6 + at * 2)),
      );
    default:
      return exception(code, EXCEPTION.function);
  }
}

function readBits(
  table: ReadonlyMap<number, number>,
  code: number,
  address: number,
  count: number,
): number[] {
  const bits = valuesAt(table, code, address, count, BITS_MAX);
  if (bits.refusal !== undefined) return bits.refusal;
  const bytes = Array<number>(Math.ceil(count / 8)).fill(0);
  bits.values.forEach((bit, at) => (bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (bit << (at & 7))));
  return [code, bytes.length, ...bytes];
}

function readRegisters(
  table: ReadonlyMap<number, number>,
  code: number,
  address: number,
  count: number,
): number[] {
  const found = valuesAt(table, code, address, count, REGISTERS_MAX);
  if (found.refusal !== undefined) return found.refusal;
  return [code, count * 2, ...found.values.flatMap((value) => [value >> 8, value & 0xff])];
}

function valuesAt(
  table: ReadonlyMap<number, number>,
  code: number,
  address: number,
  count: number,
  countMax: number,
): { values: number[]; refusal?: number[] } {
  if (count < 1 || count > countMax)
    return { values: [], refusal: exception(code, EXCEPTION.value) };
  const values = Array.from({ length: count }, (_, at) => table.get(address + at));
  const known = values.filter((value) => value !== undefined);
  return known.length === count
    ? { values: known }
    : { values: [], refusal: exception(code, EXCEPTION.address) };
}

/** Whether a request that writes several has as many bytes of them as it says, and no more of them than there may be. */
function isWhole(request: readonly number[], countMax: number, bytes: number): boolean {
  const count = word(request, 3);
  return count >= 1 && count <= countMax && request[5] === bytes && request.length === 6 + bytes;
}

/** Writes, and answers with what the request began with. */
function write(
  table: Map<number, number>,
  request: readonly number[],
  values: readonly number[],
): number[] {
  const [code = 0] = request;
  const address = word(request, 1);
  if (values.some((_, at) => !table.has(address + at))) return exception(code, EXCEPTION.address);
  values.forEach((value, at) => table.set(address + at, value));
  return request.slice(0, 5);
}

function exception(code: number, reason: number): number[] {
  return [code | EXCEPTION_FLAG, reason];
}

function word(bytes: readonly number[], at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
