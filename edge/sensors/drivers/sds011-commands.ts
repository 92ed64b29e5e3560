/**
 * What is said to an SDS011, and the conversation that sets it up.
 *
 * The sensor keeps report mode and working period over a power cut, in memory that wears out: each is asked for first,
 * and set only where it is not as wanted. Answers get lost, and a sleeping sensor may need to be called twice, so every
 * command is repeated a few times before the conversation goes on without it.
 */

/** Codes of commands, and of their answers. */
export const SDS011_COMMAND = { reportMode: 2, work: 6, period: 8 } as const;

const COMMAND_BYTES = 19;
const ANY_SENSOR = 0xff;
const SUM_AT = 17;
const ANSWER_LIMIT_MS = 1_000;
const TRIES_MAX = 5;

/** Encodes a command to whatever sensor is on the line: `isSet` sets the value, otherwise it is asked for. */
export function encodeSds011Command(code: number, isSet: boolean, value: number): Uint8Array {
  const bytes = new Uint8Array(COMMAND_BYTES);
  bytes.set([0xaa, 0xb4, code, isSet ? 1 : 0, value]);
  bytes.set([ANY_SENSOR, ANY_SENSOR], SUM_AT - 2);
  bytes[SUM_AT] = bytes.subarray(2, SUM_AT).reduce((sum, byte) => sum + byte, 0) & 0xff;
  bytes[SUM_AT + 1] = 0xab;
  return bytes;
}

interface Setting {
  readonly code: number;
  readonly wanted: number;
  /** Whether it is set without asking: waking costs nothing, and a sleeping sensor answers nothing else. */
  readonly isSetAtOnce: boolean;
}

/** See the head of the file. Pure: gives the bytes to write, when there are any. */
export class Sds011Setup {
  private readonly settings: readonly Setting[];
  private at = Infinity;
  private isSetting = false;
  private tries = 0;
  private sentMs = 0;

  /** `periodMinutes`: 0 to measure all the time, up to 30 to sleep between measurements. */
  constructor(periodMinutes: number) {
    this.settings = [
      { code: SDS011_COMMAND.work, wanted: 1, isSetAtOnce: true },
      { code: SDS011_COMMAND.reportMode, wanted: 0, isSetAtOnce: false },
      { code: SDS011_COMMAND.period, wanted: periodMinutes, isSetAtOnce: false },
    ];
  }

  /** Whether there is nothing left to say. */
  get isDone(): boolean {
    return this.at >= this.settings.length;
  }

  /** Begins from the start. */
  start(atMs: number): Uint8Array | undefined {
    return this.begin(0, atMs);
  }

  /** Hears the answer to command `code`: `isSet` and `value` are its first two bytes of data. */
  hear(code: number, isSet: boolean, value: number, atMs: number): Uint8Array | undefined {
    const setting = this.settings[this.at];
    if (setting?.code !== code || isSet !== this.isSetting) return undefined;
    if (value === setting.wanted) return this.begin(this.at + 1, atMs);
    if (this.isSetting) return undefined;
    this.isSetting = true;
    this.tries = 0;
    return this.say(setting, atMs);
  }

  /** Repeats what was not answered in time. */
  tick(atMs: number): Uint8Array | undefined {
    const setting = this.settings[this.at];
    if (setting === undefined || atMs - this.sentMs < ANSWER_LIMIT_MS) return undefined;
    return this.tries < TRIES_MAX ? this.say(setting, atMs) : this.begin(this.at + 1, atMs);
  }

  private begin(at: number, atMs: number): Uint8Array | undefined {
    this.at = at;
    this.tries = 0;
    const setting = this.settings[at];
    if (setting === undefined) return undefined;
    this.isSetting = setting.isSetAtOnce;
    return this.say(setting, atMs);
  }

  private say(setting: Setting, atMs: number): Uint8Array {
    this.tries += 1;
    this.sentMs = atMs;
    return encodeSds011Command(setting.code, this.isSetting, this.isSetting ? setting.wanted : 0);
  }
}
