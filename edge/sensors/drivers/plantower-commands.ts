/**
 * What is said to a Plantower sensor, and when: to one that reports by itself, or to one that is asked.
 *
 * Some models take no commands, and answers to them differ: what counts is whether measurements arrive.
 */

const COMMAND = { mode: 0xe1, read: 0xe2, power: 0xe4 } as const;
const HEAD = [0x42, 0x4d] as const;

/** Encodes a command of seven bytes: code, a value of 0 or 1, and the sum of all before it. */
export function encodePlantowerCommand(code: number, value: number): Uint8Array {
  const body = [...HEAD, code, 0, value];
  const sum = body.reduce((total, byte) => total + byte, 0);
  return Uint8Array.from([...body, sum >> 8, sum & 0xff]);
}

const PASSIVE = encodePlantowerCommand(COMMAND.mode, 0);
const ACTIVE = encodePlantowerCommand(COMMAND.mode, 1);
const READ = encodePlantowerCommand(COMMAND.read, 0);
const SLEEP = encodePlantowerCommand(COMMAND.power, 0);
const WAKE = encodePlantowerCommand(COMMAND.power, 1);

/** The maker's time from waking to steady values. */
export const PLANTOWER_WARM_UP_MS = 30_000;
/** A sensor that ought to talk is called again after this, a few times, and then only each minute. */
const CALL_AGAIN_MS = 5_000;
const CALLS_MAX = 5;
const CALL_LATER_MS = 60_000;
const ANSWER_LIMIT_MS = 1_000;
const TRIES_MAX = 3;

/** When a sensor is spoken to. Pure: gives the commands to write. */
export interface PlantowerRhythm {
  /** When it was last woken; undefined before `start`. */
  readonly wokenMs: number | undefined;
  /** Begins, with a sensor of which nothing is known. */
  start(atMs: number): Uint8Array[];
  /** Hears a measurement, and says whether it is one that was wanted. */
  hear(atMs: number): { readonly isWanted: boolean; readonly commands: Uint8Array[] };
  /** To be called about once a second. */
  tick(atMs: number): Uint8Array[];
}

/** A sensor that reports by itself, some times in a minute to some times in a second as it thinks fit. */
export class ActiveRhythm implements PlantowerRhythm {
  wokenMs: number | undefined;
  private heardMs = 0;
  private calls = 0;

  start(atMs: number): Uint8Array[] {
    this.heardMs = atMs;
    this.calls = 0;
    return this.call(atMs);
  }

  hear(atMs: number): { isWanted: boolean; commands: Uint8Array[] } {
    this.heardMs = atMs;
    this.calls = CALLS_MAX;
    return { isWanted: true, commands: [] };
  }

  tick(atMs: number): Uint8Array[] {
    const sinceMs = atMs - Math.max(this.heardMs, this.wokenMs ?? atMs);
    if (this.calls < CALLS_MAX) return sinceMs < CALL_AGAIN_MS ? [] : this.call(atMs);
    if (sinceMs < CALL_LATER_MS) return [];
    this.calls = 0;
    return this.call(atMs);
  }

  private call(atMs: number): Uint8Array[] {
    this.calls += 1;
    this.wokenMs = atMs;
    return [WAKE, ACTIVE];
  }
}

/** A sensor that is asked, and may sleep in between. */
export class PassiveRhythm implements PlantowerRhythm {
  wokenMs: number | undefined;
  private readonly everyMs: number;
  private readonly sleeps: boolean;
  private isAwake = false;
  private nextMs = 0;
  private askedMs: number | undefined;
  private tries = 0;
  private correctedMs = 0;

  /** `sleeps`: it is put to sleep after each answer, and woken as long before the next as it needs to warm up. */
  constructor(everyMs: number, sleeps: boolean) {
    this.everyMs = everyMs;
    this.sleeps = sleeps;
  }

  start(atMs: number): Uint8Array[] {
    this.askedMs = undefined;
    this.nextMs = atMs + this.leadMs;
    return this.wake(atMs);
  }

  hear(atMs: number): { isWanted: boolean; commands: Uint8Array[] } {
    if (this.askedMs !== undefined) {
      this.endRound(atMs, !this.sleeps);
      return { isWanted: true, commands: this.sleeps ? [SLEEP] : [] };
    }
    // It has not heard that it is to be quiet, or has lost its settings with its power.
    if (atMs - this.correctedMs < ANSWER_LIMIT_MS) return { isWanted: false, commands: [] };
    this.correctedMs = atMs;
    return { isWanted: false, commands: [this.isAwake ? PASSIVE : SLEEP] };
  }

  tick(atMs: number): Uint8Array[] {
    if (this.askedMs !== undefined) {
      if (atMs - this.askedMs < ANSWER_LIMIT_MS) return [];
      if (this.tries < TRIES_MAX) return this.ask(atMs);
      this.endRound(atMs, false);
    }
    if (!this.isAwake) return atMs < this.nextMs - this.leadMs ? [] : this.wake(atMs);
    const isWarm = atMs - (this.wokenMs ?? atMs) >= this.leadMs;
    if (atMs < this.nextMs || !isWarm) return [];
    this.tries = 0;
    return this.ask(atMs);
  }

  private get leadMs(): number {
    return this.sleeps ? PLANTOWER_WARM_UP_MS : 0;
  }

  private wake(atMs: number): Uint8Array[] {
    this.isAwake = true;
    this.wokenMs = atMs;
    this.correctedMs = atMs;
    return [WAKE, PASSIVE];
  }

  private ask(atMs: number): Uint8Array[] {
    this.tries += 1;
    this.askedMs = atMs;
    return [READ];
  }

  /** After a round without an answer the sensor is taken for asleep, and woken first. */
  private endRound(atMs: number, isAwake: boolean): void {
    this.askedMs = undefined;
    this.isAwake = isAwake;
    this.nextMs = Math.max(this.nextMs + this.everyMs, atMs);
  }
}
