/**
 * Nova SDS011, a particle sensor: measurement frames, and answers to its command set.
 *
 * After the maker's "Laser Dust Sensor Control Protocol V1.3". Commands are 19 bytes, frames and answers 10; the
 * checksum is the low byte of the sum between head and tail. As on the real board, an erased setting of sleep
 * comes back awake, and while asleep only the wake-up command is obeyed.
 */
import type { Board } from "./board.ts";
import type { Values } from "../models/model.ts";

/** What distinguishes one SDS011 from another. */
export interface Sds011Identity {
  /** Two bytes as printed big-endian, such as 0xa160. Never 0xffff, which addresses every board. */
  readonly id: number;
  /** Date of the firmware: year of the century, month, day. */
  readonly firmware: readonly [year: number, month: number, day: number];
}

/** The codes of the command set, second byte of a command's data. */
export const SDS011_COMMAND = {
  reportMode: 2,
  query: 4,
  setId: 5,
  work: 6,
  firmware: 7,
  period: 8,
} as const;

const HEAD = 0xaa;
const TAIL = 0xab;
const COMMAND = 0xb4;
const MEASUREMENT = 0xc0;
const ANSWER = 0xc5;
const COMMAND_LENGTH = 19;
const EVERY_BOARD = 0xffff;
const PERIOD_MINUTES_MAX = 30;
/** With a period set, the board works this long before it reports and goes back to sleep. */
const PERIOD_WORK_MS = 30_000;

/** Greatest values that the sensor sends, in µg/m³; both at once are its sign of a blocked inlet. */
export const SDS011_MAX = { pm25: 999.9, pm10: 1999.9 } as const;

/** Encodes a measurement in µg/m³, to a tenth; values beyond the sensor's range are cut to it. */
export function encodeSds011Measurement(pm25: number, pm10: number, id: number): Uint8Array {
  const fine = tenths(pm25, SDS011_MAX.pm25);
  const coarse = tenths(pm10, SDS011_MAX.pm10);
  return frame(MEASUREMENT, [fine & 0xff, fine >> 8, coarse & 0xff, coarse >> 8], id);
}

/** Encodes an answer: the command's code and three bytes of data, some of them always zero. */
export function encodeSds011Answer(
  command: number,
  data: readonly [number, number, number],
  id: number,
): Uint8Array {
  return frame(ANSWER, [command, ...data], id);
}

/** A simulated SDS011, fresh from the factory: reporting actively, continuously, awake. */
export class Sds011Board implements Board {
  readonly bootMs = 1000;
  #id: number;
  readonly #firmware: Sds011Identity["firmware"];
  #queryMode = false;
  #awake = true;
  #periodMinutes = 0;
  #cycleStartMs = 0;
  #reported = false;
  #pm25 = 0;
  #pm10 = 0;
  #pending: number[] = [];

  constructor(identity: Sds011Identity) {
    this.#id = identity.id;
    this.#firmware = identity.firmware;
  }

  measure(values: Values, timeMs: number): Uint8Array[] {
    const { pm25, pm10 } = values;
    if (!this.#awake || pm25 === undefined || pm10 === undefined) return [];
    this.#pm25 = pm25;
    this.#pm10 = pm10;
    return !this.#queryMode && this.#due(timeMs) ? [this.#measurement()] : [];
  }

  receive(chunk: Uint8Array, timeMs: number): Uint8Array[] {
    const answers: Uint8Array[] = [];
    for (const byte of chunk) {
      this.#pending.push(byte);
      for (
        let command = this.#nextCommand();
        command !== undefined;
        command = this.#nextCommand()
      ) {
        const answer = this.#obey(command, timeMs);
        if (answer !== undefined) answers.push(answer);
      }
    }
    return answers;
  }

  /** Keeps id, report mode and period, and is awake whatever it was before. */
  restart(timeMs: number): Uint8Array[] {
    this.#awake = false;
    this.#setAwake(true, timeMs);
    this.#pending = [];
    return [];
  }

  /** Takes a whole command off the pending bytes; drops bytes one by one until a command could begin. */
  #nextCommand(): number[] | undefined {
    const pending = this.#pending;
    while (pending.length > 0) {
      if (pending[0] !== HEAD || (pending.length > 1 && pending[1] !== COMMAND)) {
        pending.shift();
        continue;
      }
      if (pending.length < COMMAND_LENGTH) return undefined;
      if (pending[18] === TAIL && pending[17] === checksum(pending.slice(2, 17))) {
        return pending.splice(0, COMMAND_LENGTH);
      }
      pending.shift();
    }
    return undefined;
  }

  #obey(command: readonly number[], timeMs: number): Uint8Array | undefined {
    const [, , code = 0, first = 0, second = 0] = command;
    const target = word(command, 15);
    if (target !== this.#id && target !== EVERY_BOARD) return undefined;
    const set = first === 1;
    const wakes = code === SDS011_COMMAND.work && set && second === 1;
    if (!this.#awake && !wakes) return undefined;
    switch (code) {
      case SDS011_COMMAND.reportMode:
        if (set) this.#queryMode = second === 1;
        return this.#answer(code, [first, this.#queryMode ? 1 : 0, 0]);
      case SDS011_COMMAND.query:
        return this.#measurement();
      case SDS011_COMMAND.setId:
        this.#id = word(command, 13);
        return this.#answer(code, [0, 0, 0]);
      case SDS011_COMMAND.work:
        if (set) this.#setAwake(second === 1, timeMs);
        return this.#answer(code, [first, this.#awake ? 1 : 0, 0]);
      case SDS011_COMMAND.firmware:
        return this.#answer(code, this.#firmware);
      case SDS011_COMMAND.period:
        if (set && second <= PERIOD_MINUTES_MAX) this.#setPeriod(second, timeMs);
        return this.#answer(code, [first, this.#periodMinutes, 0]);
      default:
        return undefined;
    }
  }

  #setAwake(awake: boolean, timeMs: number): void {
    // The chamber is empty of readings when the fan starts: asked too early, the board says 0 and 0.
    if (awake && !this.#awake) {
      this.#pm25 = 0;
      this.#pm10 = 0;
      this.#setPeriod(this.#periodMinutes, timeMs);
    }
    this.#awake = awake;
  }

  #setPeriod(minutes: number, timeMs: number): void {
    this.#periodMinutes = minutes;
    this.#cycleStartMs = timeMs;
    this.#reported = false;
  }

  /** Says whether a measurement at this time is reported: each one, or one at the end of each working phase. */
  #due(timeMs: number): boolean {
    if (this.#periodMinutes === 0) return true;
    const periodMs = this.#periodMinutes * 60_000;
    const cycles = Math.floor((timeMs - this.#cycleStartMs) / periodMs);
    if (cycles > 0) {
      this.#cycleStartMs += cycles * periodMs;
      this.#reported = false;
    }
    if (this.#reported || timeMs - this.#cycleStartMs < PERIOD_WORK_MS) return false;
    this.#reported = true;
    return true;
  }

  #measurement(): Uint8Array {
    return encodeSds011Measurement(this.#pm25, this.#pm10, this.#id);
  }

  #answer(command: number, data: readonly [number, number, number]): Uint8Array {
    return encodeSds011Answer(command, data, this.#id);
  }
}

function frame(type: number, data: readonly number[], id: number): Uint8Array {
  const body = [...data, id >> 8, id & 0xff];
  return Uint8Array.from([HEAD, type, ...body, checksum(body), TAIL]);
}

function checksum(body: readonly number[]): number {
  return body.reduce((sum, byte) => sum + byte, 0) & 0xff;
}

function word(bytes: readonly number[], at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

function tenths(value: number, max: number): number {
  return Math.round(Math.min(max, Math.max(0, value)) * 10);
}
