/**
 * An ATmega328P with a program in its flash, run instruction by instruction.
 *
 * avr8js does the instructions, timers, ADC, ports, EEPROM, SPI and TWI; serial port and watchdog are beside this file,
 * and what has to be set right of the ADC.
 * Nothing is attached to ports, SPI and TWI: inputs read low, and no address is acknowledged. It is pure: whoever runs it
 * says how far in time.
 */
import {
  AVRClock,
  AVREEPROM,
  avrInstruction,
  AVRIOPort,
  AVRSPI,
  AVRTimer,
  AVRTWI,
  CPU,
  EEPROMMemoryBackend,
  portBConfig,
  portCConfig,
  portDConfig,
  spiConfig,
  timer0Config,
  timer1Config,
  timer2Config,
  twiConfig,
} from "avr8js";
import type { Random } from "../../platform/random.ts";
import { Adc } from "./adc.ts";
import { OPCODE, OPCODES } from "./opcodes.ts";
import { Usart } from "./usart.ts";
import { Watchdog } from "./watchdog.ts";

/** What a processor is put into. */
export interface AvrParts {
  /** All of its flash memory. */
  readonly flash: Uint8Array<ArrayBuffer>;
  /** Of its crystal. */
  readonly clockHz: number;
  /** Says what lies at an analog input, 0 to 7, in volts of 0 to 5. */
  readonly volts: (channel: number) => number;
  /** A byte has left the serial port. */
  readonly sent: (byte: number) => void;
  /** Draws what is in the memory when it gets power, and what comes of a byte that is spoiled. */
  readonly random: Random;
}

/** Why it starts: the bit of MCUSR that says so. */
const RESET = { power: 0x01, watchdog: 0x08 } as const;
type ResetCause = keyof typeof RESET;

/** How much it has, in bytes. */
export const ATMEGA328P = { flash: 32_768, sram: 2048, eeprom: 1024 } as const;

/** A stack that grows by two bytes a step is seen before it reaches its own pointer, 160 bytes into the registers. */
const STACK_LOOK_STEPS = 64;
/** Flash of an erased chip. */
const ERASED = 0xffff;
const REGISTERS = 0x100;
const SMCR = 0x53;
const MCUSR = 0x54;
const SLEEP_ENABLED = 0x01;
/** Modes of sleep, as SMCR has them shifted by one; all from the third on stop the clock. */
const SLEEP_ADC = 1;
const SLEEP_DEEP = 2;

/** See the head of the file. It owns its flash and all of its memory. */
export class Atmega328p {
  readonly #parts: AvrParts;
  readonly #program: Uint16Array;
  readonly #eeprom = new EEPROMMemoryBackend(ATMEGA328P.eeprom);
  #chip: Chip;
  /** Time before the present chip was made, and time that its clock stood still. */
  #beforeMs = 0;
  #sleep: "light" | "deep" | undefined;
  #isResetDue = false;
  #crash: string | undefined;
  #watchdogResets = 0;
  #sleptMs = 0;

  /** Gets power. */
  constructor(parts: AvrParts) {
    this.#parts = parts;
    this.#program = new Uint16Array(parts.flash.buffer);
    this.#chip = this.#makeChip("power");
  }

  /** Time that has passed for it, of which `sleptMs` asleep. */
  get timeMs(): number {
    return this.#beforeMs + this.#chip.clock.timeMillis;
  }

  get sleptMs(): number {
    return this.#sleptMs;
  }

  /** How often its watchdog has reset it. */
  get watchdogResets(): number {
    return this.#watchdogResets;
  }

  /** Why it cannot go on, in a sentence; it stands still then. */
  get crash(): string | undefined {
    return this.#crash;
  }

  /** Whether it sleeps for good, since there is nothing that could wake it. */
  get isDead(): boolean {
    const { cpu, watchdog } = this.#chip;
    if (this.#sleep === undefined || watchdog.dueMs !== Infinity) return false;
    const hasEvents = this.#sleep === "light" && this.#nextEventCycles() !== undefined;
    return !cpu.interruptsEnabled || !(hasEvents || this.#canHear());
  }

  get usart(): Usart {
    return this.#chip.usart;
  }

  /** When it has something to do: now, or when what it sleeps for comes. */
  get wakesMs(): number {
    if (this.#sleep === undefined) return this.timeMs;
    if (this.#sleep === "deep") return this.#chip.watchdog.dueMs;
    const cycles = this.#nextEventCycles();
    return cycles === undefined
      ? Infinity
      : this.timeMs + this.#msOf(cycles - this.#chip.cpu.cycles);
  }

  /**
   * Runs until its time is `untilMs`, or it has done so many steps, or it cannot go on.
   *
   * A step is an instruction, or something that happens while it sleeps. Time asleep costs nothing.
   */
  run(untilMs: number, stepsMax: number): void {
    let left = stepsMax;
    while (left > 0 && this.#crash === undefined && this.timeMs < untilMs) {
      left -= this.#sleep === undefined ? this.#execute(untilMs, left) : this.#rest(untilMs);
      if (this.#isResetDue) this.#resetByWatchdog();
    }
  }

  /** Takes a byte on its serial line. Deep asleep it does not hear. */
  receive(byte: number): void {
    if (this.#sleep === "deep") return;
    this.#chip.usart.receive(byte);
  }

  /** Gets its power back after it was away: nothing is left of what it had in memory, but for the EEPROM. */
  restart(): void {
    this.#start("power");
  }

  #resetByWatchdog(): void {
    this.#watchdogResets += 1;
    const memory = this.#chip.cpu.data.slice(REGISTERS);
    this.#start("watchdog");
    this.#chip.cpu.data.set(memory, REGISTERS);
  }

  #start(cause: ResetCause): void {
    this.#beforeMs = this.timeMs;
    this.#chip = this.#makeChip(cause);
    this.#sleep = undefined;
    this.#crash = undefined;
    this.#isResetDue = false;
  }

  /** Executes instructions; gives how many. */
  #execute(untilMs: number, stepsMax: number): number {
    const { cpu } = this.#chip;
    const program = this.#program;
    const until = cpu.cycles + Math.ceil(this.#cyclesOf(untilMs - this.timeMs));
    let steps = 0;
    while (cpu.cycles < until && steps < stepsMax) {
      const word = program[cpu.pc] ?? ERASED;
      const opcode = OPCODES[word];
      if (opcode !== OPCODE.plain && !this.#goesOn(word)) break;
      avrInstruction(cpu);
      steps += 1;
      if (steps % STACK_LOOK_STEPS === 0 && cpu.SP < REGISTERS) {
        this.#crash = `the stack has grown over all memory, at ${hex(2 * cpu.pc)}`;
        break;
      }
      if (opcode === OPCODE.admitting) continue;
      // Who has just fallen asleep is woken before it is interrupted.
      if (this.#sleep !== undefined) break;
      cpu.tick();
      if (this.#isResetDue) break;
    }
    return Math.max(1, steps);
  }

  /** Looks at an instruction that is not plain; says whether it can be executed. */
  #goesOn(word: number): boolean {
    const { cpu } = this.#chip;
    const where = hex(2 * cpu.pc);
    switch (OPCODES[word]) {
      case OPCODE.admitting:
        return true;
      case OPCODE.sleep:
        this.#fallAsleep();
        return true;
      case OPCODE.spm:
        this.#crash = `SPM at ${where}: writing its own flash is not simulated`;
        return false;
      default:
        this.#crash =
          word === ERASED
            ? `it ran into empty flash at ${where}`
            : `illegal instruction ${hex(word)} at ${where}`;
        return false;
    }
  }

  #fallAsleep(): void {
    const { cpu, adc, usart } = this.#chip;
    const control = cpu.data[SMCR] ?? 0;
    if ((control & SLEEP_ENABLED) === 0) return;
    const mode = (control >> 1) & 0x07;
    this.#sleep = mode >= SLEEP_DEEP ? "deep" : "light";
    if (this.#sleep === "deep") usart.freeze(this.#parts.random.bytes(1)[0] ?? 0);
    // The quiet of this mode is there to convert in.
    if (mode === SLEEP_ADC) adc.beginQuietly();
  }

  /** Lets time pass asleep, up to the next event; gives how many steps that was. */
  #rest(untilMs: number): number {
    const { cpu, watchdog } = this.#chip;
    if (this.#wakes()) return 1;
    const fromMs = this.timeMs;
    const toMs = Math.max(fromMs, Math.min(untilMs, this.wakesMs));
    if (this.#sleep === "deep") {
      this.#beforeMs += toMs - fromMs;
      if (toMs >= watchdog.dueMs) watchdog.catchUp();
    } else {
      const event = this.#nextEventCycles() ?? Infinity;
      const until = cpu.cycles + Math.ceil(this.#cyclesOf(untilMs - fromMs));
      cpu.cycles = Math.max(cpu.cycles, Math.min(event, until));
      tickWithoutInterrupts(cpu);
    }
    this.#sleptMs += this.timeMs - fromMs;
    this.#wakes();
    return 1;
  }

  /** Wakes it where an interrupt wants to be served, and serves it. */
  #wakes(): boolean {
    const { cpu } = this.#chip;
    if (cpu.nextInterrupt < 0 || !cpu.interruptsEnabled) return false;
    this.#sleep = undefined;
    cpu.tick();
    return true;
  }

  /** Whether a byte on its serial line would wake it. */
  #canHear(): boolean {
    const control = this.#chip.cpu.data[0xc1] ?? 0;
    return this.#sleep === "light" && (control & 0x90) === 0x90;
  }

  #nextEventCycles(): number | undefined {
    // avr8js keeps its list to itself, and has nothing else to tell when something will happen.
    return (this.#chip.cpu["nextClockEvent"] as { cycles: number } | null)?.cycles;
  }

  #cyclesOf(ms: number): number {
    return (ms * this.#chip.clock.frequency) / 1000;
  }

  #msOf(cycles: number): number {
    return (cycles * 1000) / this.#chip.clock.frequency;
  }

  #makeChip(cause: ResetCause): Chip {
    const { clockHz, random, volts, sent } = this.#parts;
    const cpu = new CPU(this.#program, ATMEGA328P.sram);
    cpu.data.set(random.bytes(ATMEGA328P.sram), REGISTERS);
    cpu.data[MCUSR] = RESET[cause];
    const clock = new AVRClock(cpu, clockHz);
    const frequency = (): number => clock.frequency;
    const adc = new Adc(cpu, volts);
    for (const config of [timer0Config, timer1Config, timer2Config]) new AVRTimer(cpu, config);
    for (const config of [portBConfig, portCConfig, portDConfig]) new AVRIOPort(cpu, config);
    new AVREEPROM(cpu, this.#eeprom);
    const spi = new AVRSPI(cpu, spiConfig, clockHz);
    spi.onByte = () => cpu.addClockEvent(() => spi.completeTransfer(0xff), spi.transferCycles);
    new AVRTWI(cpu, twiConfig, clockHz);
    const usart = new Usart(cpu, { clockHz: frequency, sent });
    const beforeMs = (): number => this.#beforeMs;
    const watchdog = new Watchdog(cpu, {
      nowMs: () => beforeMs() + clock.timeMillis,
      clockHz: frequency,
      reset: () => (this.#isResetDue = true),
    });
    return { cpu, clock, adc, usart, watchdog };
  }
}

/** What is made anew at each reset. */
interface Chip {
  readonly cpu: CPU;
  readonly clock: AVRClock;
  readonly adc: Adc;
  readonly usart: Usart;
  readonly watchdog: Watchdog;
}

/** Lets what is due happen, while nobody is awake to be interrupted. */
function tickWithoutInterrupts(cpu: CPU): void {
  const enabled = cpu.data[0x5f] ?? 0;
  cpu.data[0x5f] = enabled & 0x7f;
  cpu.tick();
  cpu.data[0x5f] = enabled;
}

function hex(number: number): string {
  return `0x${number.toString(16).padStart(4, "0")}`;
}
