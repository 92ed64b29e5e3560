/**
 * The watchdog of an ATmega328P: it has a clock of its own, and calls or resets the processor, also out of deep sleep.
 *
 * After the data sheet (DS40002061B), section 10.8: the timed sequence that switches it off, and that it cannot be
 * switched off while the reset that it caused has not been acknowledged. avr8js has one that counts the processor's
 * cycles, which stand still in deep sleep.
 */
import type { CPU } from "avr8js";
import type { Interrupt } from "./interrupt.ts";

/** What it needs of the machine. */
export interface WatchdogParts {
  /** Time since the machine got power, through all resets. */
  readonly nowMs: () => number;
  readonly clockHz: () => number;
  /** Resets the machine, soon: after the instruction under way. */
  readonly reset: () => void;
}

const MCUSR = 0x54;
const WDTCSR = 0x60;
const WDRF = 0x08;
const WDIE = 0x40;
const WDP3 = 0x20;
const WDCE = 0x10;
const WDE = 0x08;
const WDP = 0x27;
/** 2048 cycles of 128 kHz; each step of the prescaler doubles it, ten steps in all. */
const SHORTEST_MS = 16;
const STEPS_MAX = 9;
const SEQUENCE_CYCLES = 4;

/** See the head of the file. It belongs to one CPU, from reset to reset. */
export class Watchdog {
  readonly #cpu: CPU;
  readonly #parts: WatchdogParts;
  #sequenceUntil = -1;
  #dueMs = Infinity;

  readonly #interrupt: Interrupt = {
    address: 0x0c,
    flagRegister: WDTCSR,
    flagMask: 0x80,
    enableRegister: WDTCSR,
    enableMask: WDIE,
  };

  constructor(cpu: CPU, parts: WatchdogParts) {
    this.#cpu = cpu;
    this.#parts = parts;
    // What it has reset, it watches from the first moment, with the shortest time.
    cpu.data[WDTCSR] = this.#wasCause() ? WDE : 0;
    cpu.writeHooks[WDTCSR] = (value) => this.#write(value);
    cpu.onWatchdogReset = () => this.#restart();
    this.#restart();
  }

  /** When it will call or reset; `Infinity` while it is off. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** Does what is due after the processor has slept without its cycles being counted. */
  catchUp(): void {
    this.#cpu.clearClockEvent(this.#look);
    this.#look();
  }

  /** A clock event of the CPU's, which must not take itself off the list, nor does anybody else while it runs. */
  readonly #look = (): void => {
    if (this.#parts.nowMs() >= this.#dueMs) this.#fire();
    this.#schedule();
  };

  #fire(): void {
    const control = this.#register();
    this.#dueMs = this.#parts.nowMs() + this.#timeoutMs();
    if ((control & (WDIE | WDE)) === WDE) {
      this.#dueMs = Infinity;
      this.#parts.reset();
      return;
    }
    this.#cpu.setInterruptFlag(this.#interrupt);
    // Of both, the next time is the reset's, unless the firmware asks for the interrupt again.
    if ((control & WDE) !== 0) this.#cpu.data[WDTCSR] = this.#register() & ~WDIE;
  }

  #write(value: number): boolean {
    const before = this.#register();
    const isOpening = (value & (WDCE | WDE)) === (WDCE | WDE);
    const isOpen = this.#cpu.cycles <= this.#sequenceUntil && (value & WDCE) === 0;
    const guarded = isOpen ? value & (WDE | WDP) : (before & (WDE | WDP)) | (value & WDE);
    this.#sequenceUntil = isOpening ? this.#cpu.cycles + SEQUENCE_CYCLES : -1;
    const forced = this.#wasCause() ? WDE : 0;
    this.#cpu.data[WDTCSR] = (before & 0x80) | (value & WDIE) | guarded | forced;
    this.#cpu.clearInterruptByFlag(this.#interrupt, value);
    this.#cpu.updateInterruptEnable(this.#interrupt, value);
    const after = this.#register();
    const isSwitched = this.#isCounting(before) !== this.#isCounting(after);
    if (isSwitched || ((before ^ after) & WDP) !== 0) this.#restart();
    return true;
  }

  /** Counts anew from zero. */
  #restart(): void {
    this.#dueMs = this.#isCounting(this.#register())
      ? this.#parts.nowMs() + this.#timeoutMs()
      : Infinity;
    this.#cpu.clearClockEvent(this.#look);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#dueMs === Infinity) return;
    const leftMs = this.#dueMs - this.#parts.nowMs();
    this.#cpu.addClockEvent(this.#look, Math.ceil((leftMs * this.#parts.clockHz()) / 1000));
  }

  #isCounting(control: number): boolean {
    return (control & (WDE | WDIE)) !== 0;
  }

  #timeoutMs(): number {
    const control = this.#register();
    const steps = ((control & WDP3) >> 2) | (control & 0x07);
    return SHORTEST_MS * 2 ** Math.min(STEPS_MAX, steps);
  }

  #wasCause(): boolean {
    return ((this.#cpu.data[MCUSR] ?? 0) & WDRF) !== 0;
  }

  #register(): number {
    return this.#cpu.data[WDTCSR] ?? 0;
  }
}
