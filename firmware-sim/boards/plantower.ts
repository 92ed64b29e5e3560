/**
 * Plantower's particle sensors: measurement frames of each model, and answers to their commands.
 *
 * After the data sheets of PMS3003, PMS5003 and PMS7003. As on the real boards, waking is answered by measurements alone,
 * and the first of them can be empty.
 */
import type { Board } from "./board.ts";
import type { Values } from "../models/model.ts";

/** What distinguishes the models: the words of a frame, and where what only some measure stands among them. */
interface ModelSort {
  readonly words: number;
  /** How many of the six counts it sends. */
  readonly counts: number;
  readonly hcho?: number;
  readonly temp?: number;
  readonly rh?: number;
  /** The word that closes the measurement, as recorded: version and error code, or something that nobody explains. */
  readonly last: number;
}

/** The name of a model. */
export type PlantowerModel =
  "pms3003" | "pms5003" | "pms5003s" | "pms5003st" | "pms5003t" | "pms7003";

/** Models by name. */
export const PLANTOWER_MODELS: Readonly<Record<PlantowerModel, ModelSort>> = {
  pms5003: { words: 13, counts: 6, last: 0x9700 },
  pms7003: { words: 13, counts: 6, last: 0x9700 },
  pms3003: { words: 9, counts: 0, last: 0x0051 },
  pms5003s: { words: 13, counts: 6, hcho: 12, last: 0 },
  pms5003st: { words: 17, counts: 6, hcho: 12, temp: 13, rh: 14, last: 0x9700 },
  pms5003t: { words: 13, counts: 4, temp: 10, rh: 11, last: 0x9a00 },
};

/** What a frame says. Micrograms a cubic metre for PM1, PM2.5 and PM10; degrees Celsius, percent. */
export interface PlantowerMeasurement {
  /** For the factory's particles. */
  readonly standard: readonly [number, number, number];
  readonly atmospheric: readonly [number, number, number];
  /** Particles in a tenth of a litre above 0.3, 0.5, 1, 2.5, 5 and 10 µm. */
  readonly counts: readonly number[];
  readonly hcho?: number;
  readonly temp?: number;
  readonly rh?: number;
}

const HEAD = [0x42, 0x4d] as const;
const COMMAND = { mode: 0xe1, read: 0xe2, power: 0xe4 } as const;
const COMMAND_LENGTH = 7;
const COUNTS_AT = 6;
/** Particles of each size for a microgram of PM2.5, roughly as recorded in a room. */
const SPECTRUM = [80, 26, 7, 1, 0.2, 0.1];

/** Encodes a measurement, in whole micrograms and tenths of degree and percent, cut to what a word holds. */
export function encodePlantowerMeasurement(
  model: PlantowerModel,
  measurement: PlantowerMeasurement,
): Uint8Array {
  const { words, counts, hcho, temp, rh, last } = PLANTOWER_MODELS[model];
  const data = Array<number>(words).fill(0);
  [...measurement.standard, ...measurement.atmospheric].forEach((value, at) => (data[at] = value));
  measurement.counts.slice(0, counts).forEach((value, at) => (data[COUNTS_AT + at] = value));
  data[words - 1] = last;
  if (hcho !== undefined) data[hcho] = measurement.hcho ?? 0;
  if (temp !== undefined) data[temp] = (measurement.temp ?? 0) * 10;
  if (rh !== undefined) data[rh] = (measurement.rh ?? 0) * 10;
  return frame(data.flatMap(wordBytes));
}

/** Encodes the answer to a command that sets something. */
export function encodePlantowerAnswer(command: number, value: number): Uint8Array {
  return frame([command, value]);
}

/** A simulated sensor: awake and reporting by itself, as it is after every start. */
export class PlantowerBoard implements Board {
  readonly bootMs = 1000;
  readonly #model: PlantowerModel;
  #isAwake = true;
  #isPassive = false;
  #measurement: PlantowerMeasurement | undefined;
  #pending: number[] = [];

  constructor(model: PlantowerModel) {
    this.#model = model;
  }

  measure(values: Values): Uint8Array[] {
    const { pm25, pm10 } = values;
    if (!this.#isAwake || pm25 === undefined || pm10 === undefined) return [];
    this.#measurement = measurementOf(values, pm25, pm10);
    return this.#isPassive ? [] : [this.#frame()];
  }

  receive(chunk: Uint8Array): Uint8Array[] {
    const answers: Uint8Array[] = [];
    for (const byte of chunk) {
      this.#pending.push(byte);
      for (let command = this.#next(); command !== undefined; command = this.#next()) {
        const answer = this.#obey(command[2] ?? 0, command[4] ?? 0);
        if (answer !== undefined) answers.push(answer);
      }
    }
    return answers;
  }

  restart(): Uint8Array[] {
    this.#isAwake = true;
    this.#isPassive = false;
    this.#measurement = undefined;
    this.#pending = [];
    return [];
  }

  /** Takes a whole command off the pending bytes; drops bytes one by one until a command could begin. */
  #next(): number[] | undefined {
    const pending = this.#pending;
    while (pending.length > 0) {
      const begins = HEAD.every((byte, at) => (pending[at] ?? byte) === byte);
      if (begins && pending.length < COMMAND_LENGTH) return undefined;
      const sum = pending.slice(0, 5).reduce((total, byte) => total + byte, 0);
      if (begins && pending[5] === sum >> 8 && pending[6] === (sum & 0xff))
        return pending.splice(0, COMMAND_LENGTH);
      pending.shift();
    }
    return undefined;
  }

  #obey(command: number, value: number): Uint8Array | undefined {
    const wakes = command === COMMAND.power && value === 1;
    // The first of all models is switched by a wire, and knows no commands.
    if (this.#model === "pms3003" || (!this.#isAwake && !wakes)) return undefined;
    switch (command) {
      case COMMAND.mode:
        this.#isPassive = value === 0;
        return encodePlantowerAnswer(command, value);
      case COMMAND.read:
        return this.#frame();
      case COMMAND.power:
        if (wakes !== this.#isAwake) this.#measurement = undefined;
        this.#isAwake = wakes;
        return wakes ? undefined : encodePlantowerAnswer(command, value);
      default:
        return undefined;
    }
  }

  /** What was measured last; nothing but zeros before that. */
  #frame(): Uint8Array {
    return this.#measurement === undefined
      ? frame(Array<number>(PLANTOWER_MODELS[this.#model].words * 2).fill(0))
      : encodePlantowerMeasurement(this.#model, this.#measurement);
  }
}

function measurementOf(values: Values, pm25: number, pm10: number): PlantowerMeasurement {
  const { pm1 = pm25 * 0.7, hcho = 0, temp = 20, rh = 50 } = values;
  const dust = [Math.round(pm1), Math.round(pm25), Math.round(pm10)] as const;
  const counts = SPECTRUM.map((share) => Math.round(share * pm25));
  return { standard: dust, atmospheric: dust, counts, hcho, temp, rh };
}

function frame(data: readonly number[]): Uint8Array {
  const body = [...HEAD, ...wordBytes(data.length + 2), ...data];
  return Uint8Array.from([...body, ...wordBytes(body.reduce((sum, byte) => sum + byte, 0))]);
}

/** Two bytes, of a number that may be a little below zero. */
function wordBytes(value: number): [number, number] {
  const word = Math.round(Math.min(0xffff, Math.max(-0x8000, value))) & 0xffff;
  return [word >> 8, word & 0xff];
}
