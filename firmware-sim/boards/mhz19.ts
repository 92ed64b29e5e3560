/**
 * Winsen MH-Z19B, a carbon dioxide sensor: answers when it is asked, and never speaks otherwise.
 *
 * After the maker's User's Manual V1.0, but for the range, whose bytes stand where they are in V1.2 and in real sensors.
 * Setting commands have no answer there, and get none. Whether self-calibration
 * stays off without power is not said there; here it does not, which is the harder case for a driver.
 */
import type { Board } from "./board.ts";
import type { Values } from "../models/model.ts";

const HEAD = 0xff;
const SENSOR = 0x01;
const COMMAND = {
  read: 0x86,
  selfCalibration: 0x79,
  zero: 0x87,
  span: 0x88,
  range: 0x99,
} as const;
const ON = 0xa0;
const LENGTH = 9;
/** The undocumented fifth byte is its temperature with this added. */
const TEMPERATURE_OFFSET = 40;
/** The measuring ranges; it leaves the factory with the second. */
const RANGES: readonly number[] = [2000, 5000, 10_000];
const USUAL_RANGE = 5000;
/** What it takes the air for when its zero is set, and the least that a span may be. */
const FRESH_AIR = 400;
const SPAN_MIN = 1000;
const ROOM_TEMPERATURE = 20;

/** Encodes the answer to a read command: ppm up to the end of the range, degrees Celsius. */
export function encodeMhz19Reading(
  co2: number,
  temperature: number,
  range: number = USUAL_RANGE,
): Uint8Array {
  const ppm = Math.round(Math.min(range, Math.max(0, co2)));
  const degrees = Math.round(temperature) + TEMPERATURE_OFFSET;
  const body = [COMMAND.read, ppm >> 8, ppm & 0xff, degrees & 0xff, 0, 0, 0];
  return Uint8Array.from([HEAD, ...body, checksum(body)]);
}

/** A simulated MH-Z19B, with self-calibration on as it leaves the factory. */
export class Mhz19Board implements Board {
  readonly bootMs = 1000;
  #isSelfCalibrating = true;
  #range = USUAL_RANGE;
  /** A reading is what is measured, times the slope, and the offset. */
  #slope = 1;
  #offset = 0;
  #co2: number | undefined;
  #temperature = ROOM_TEMPERATURE;
  #pending: number[] = [];

  /** Whether it takes the least of each day for fresh air. */
  get isSelfCalibrating(): boolean {
    return this.#isSelfCalibrating;
  }

  measure({ co2, temp }: Values): Uint8Array[] {
    if (co2 !== undefined) this.#co2 = co2;
    if (temp !== undefined) this.#temperature = temp;
    return [];
  }

  receive(chunk: Uint8Array): Uint8Array[] {
    const answers: Uint8Array[] = [];
    for (const byte of chunk) {
      this.#pending.push(byte);
      const command = this.#next();
      if (command?.[2] === COMMAND.read)
        answers.push(encodeMhz19Reading(this.#reading(), this.#temperature, this.#range));
      else if (command !== undefined) this.#set(command);
    }
    return answers;
  }

  #reading(): number {
    return this.#co2 === undefined ? 0 : this.#co2 * this.#slope + this.#offset;
  }

  #set([, , code = 0, first = 0, second = 0, , high = 0, low = 0]: readonly number[]): void {
    const [span, range] = [first * 256 + second, high * 256 + low];
    if (code === COMMAND.selfCalibration) this.#isSelfCalibrating = first === ON;
    if (code === COMMAND.range && RANGES.includes(range)) this.#range = range;
    if (this.#co2 === undefined) return;
    if (code === COMMAND.zero) this.#offset += FRESH_AIR - this.#reading();
    if (code === COMMAND.span && span >= SPAN_MIN && this.#co2 > 0)
      this.#slope = (span - this.#offset) / this.#co2;
  }

  /** Keeps range and calibration, has everything to measure anew, and says 0 until it has. */
  restart(): Uint8Array[] {
    this.#isSelfCalibrating = true;
    this.#co2 = undefined;
    this.#temperature = ROOM_TEMPERATURE;
    this.#pending = [];
    return [];
  }

  #next(): number[] | undefined {
    const pending = this.#pending;
    while (pending.length > 0) {
      const begins = pending[0] === HEAD && (pending[1] ?? SENSOR) === SENSOR;
      if (begins && pending.length < LENGTH) return undefined;
      if (begins && pending[LENGTH - 1] === checksum(pending.slice(1, LENGTH - 1)))
        return pending.splice(0, LENGTH);
      pending.shift();
    }
    return undefined;
  }
}

/** What makes the sum of all bytes but the head zero. */
function checksum(body: readonly number[]): number {
  return -body.reduce((sum, byte) => sum + byte, 0) & 0xff;
}
