/**
 * USART0 of an ATmega328P: the serial port that its firmware sets up, speaks with and listens to.
 *
 * After the data sheet (DS40002061B), chapter 19, asynchronous operation: one byte on its way out and one waiting, two
 * received bytes and an overrun. avr8js has a USART too, which forgets that it is empty when its status is written, and
 * loses what was received when an interrupt is switched on.
 */
import type { CPU } from "avr8js";
import type { Interrupt } from "./interrupt.ts";

/** What the firmware has made of it. */
export interface UsartSettings {
  readonly baud: number;
  readonly dataBits: number;
  readonly parity: "N" | "E" | "O";
  readonly stopBits: number;
}

/** What happens to it. */
export interface UsartEvents {
  /** A byte has left it: its stop bit is over. */
  readonly sent: (byte: number) => void;
  /** Frequency of the processor, which may be set by the firmware. */
  readonly clockHz: () => number;
}

const UCSRA = 0xc0;
const UCSRB = 0xc1;
const UCSRC = 0xc2;
const UBRRL = 0xc4;
const UBRRH = 0xc5;
const UDR = 0xc6;
const A = { rxc: 0x80, txc: 0x40, udre: 0x20, dor: 0x08, u2x: 0x02, mpcm: 0x01 } as const;
const B = { rxcie: 0x80, txcie: 0x40, udrie: 0x20, rxen: 0x10, txen: 0x08, ucsz2: 0x04 } as const;
const C = { parity: 0x20, odd: 0x10, stop: 0x08 } as const;
/** After a reset: eight data bits. */
const UCSRC_RESET = 0x06;
const RECEIVED_MAX = 2;
/** Bytes that wait on the line in front of it; more are lost. A real line has none: who sends has to wait for it. */
const LINE_BYTES_MAX = 4096;

/** See the head of the file. It belongs to one CPU, from reset to reset. */
export class Usart {
  readonly #cpu: CPU;
  readonly #events: UsartEvents;
  readonly #line: number[] = [];
  readonly #received: number[] = [];
  #isReceiving = false;
  #sending: number | undefined;
  #waiting: number | undefined;
  #isFrozen = false;
  #bytesLost = 0;

  readonly #rxc: Interrupt = {
    address: 0x24,
    flagRegister: UCSRA,
    flagMask: A.rxc,
    enableRegister: UCSRB,
    enableMask: B.rxcie,
    constant: true,
  };
  readonly #udre: Interrupt = {
    address: 0x26,
    flagRegister: UCSRA,
    flagMask: A.udre,
    enableRegister: UCSRB,
    enableMask: B.udrie,
    constant: true,
  };
  readonly #txc: Interrupt = {
    address: 0x28,
    flagRegister: UCSRA,
    flagMask: A.txc,
    enableRegister: UCSRB,
    enableMask: B.txcie,
  };

  constructor(cpu: CPU, events: UsartEvents) {
    this.#cpu = cpu;
    this.#events = events;
    cpu.data[UCSRA] = A.udre;
    cpu.data[UCSRB] = 0;
    cpu.data[UCSRC] = UCSRC_RESET;
    cpu.writeHooks[UCSRA] = (value) => this.#writeStatus(value);
    cpu.writeHooks[UCSRB] = (value) => this.#writeControl(value);
    cpu.writeHooks[UDR] = (value) => this.#send(value);
    cpu.readHooks[UDR] = () => this.#read();
  }

  /** Whether it can send. */
  get isOn(): boolean {
    return this.#has(UCSRB, B.txen);
  }

  /** Bytes that came while it did not listen, or faster than the firmware took them; and writes while it was full. */
  get bytesLost(): number {
    return this.#bytesLost;
  }

  get settings(): UsartSettings {
    const parity = this.#has(UCSRC, C.parity) ? (this.#has(UCSRC, C.odd) ? "O" : "E") : "N";
    const baud = this.#events.clockHz() / this.#bitCycles();
    return { baud, dataBits: this.#dataBits(), parity, stopBits: this.#has(UCSRC, C.stop) ? 2 : 1 };
  }

  /** Takes a byte from the line, which arrives after those before it, at the speed that was set. */
  receive(byte: number): void {
    if (!this.#has(UCSRB, B.rxen) || this.#line.length >= LINE_BYTES_MAX) {
      this.#bytesLost += 1;
      return;
    }
    this.#line.push(byte);
    this.#listen();
  }

  /**
   * Stops in the middle of whatever it does, since its clock has stopped.
   *
   * A byte on its way out is spoiled: `noise` is what arrives in its place. What is on its way in is lost.
   */
  freeze(noise: number): void {
    this.#bytesLost += this.#line.length;
    this.#line.length = 0;
    if (this.#sending === undefined || this.#isFrozen) return;
    this.#isFrozen = true;
    this.#events.sent(noise);
  }

  #send(value: number): boolean {
    if (!this.isOn || this.#waiting !== undefined) {
      this.#bytesLost += 1;
      return true;
    }
    if (this.#sending === undefined) this.#shift(value);
    else {
      this.#waiting = value;
      this.#cpu.clearInterrupt(this.#udre);
    }
    return true;
  }

  /** Lets a byte go out, bit after bit. */
  #shift(value: number): void {
    this.#sending = value;
    this.#cpu.addClockEvent(() => {
      if (!this.#isFrozen) this.#events.sent(value & this.#dataMask());
      this.#isFrozen = false;
      this.#sending = undefined;
      const next = this.#waiting;
      this.#waiting = undefined;
      if (next === undefined) this.#cpu.setInterruptFlag(this.#txc);
      else {
        this.#cpu.setInterruptFlag(this.#udre);
        this.#shift(next);
      }
    }, this.#charCycles());
  }

  /** Lets the next byte come in, bit after bit. */
  #listen(): void {
    if (this.#isReceiving || this.#line.length === 0) return;
    this.#isReceiving = true;
    this.#cpu.addClockEvent(() => {
      this.#isReceiving = false;
      const byte = this.#line.shift();
      if (byte !== undefined) this.#take(byte);
      this.#listen();
    }, this.#charCycles());
  }

  #take(byte: number): void {
    if (!this.#has(UCSRB, B.rxen)) {
      this.#bytesLost += 1;
    } else if (this.#received.length >= RECEIVED_MAX) {
      this.#bytesLost += 1;
      this.#set(UCSRA, A.dor);
    } else {
      this.#received.push(byte);
      this.#cpu.setInterruptFlag(this.#rxc);
    }
  }

  #read(): number {
    const byte = this.#received.shift() ?? 0;
    this.#clear(UCSRA, A.dor);
    if (this.#received.length === 0) this.#cpu.clearInterrupt(this.#rxc);
    return byte & this.#dataMask();
  }

  /** Only two of its bits can be written, and one be cleared by writing it. */
  #writeStatus(value: number): boolean {
    const writable = A.u2x | A.mpcm;
    this.#cpu.data[UCSRA] = (this.#register(UCSRA) & ~writable) | (value & writable);
    this.#cpu.clearInterruptByFlag(this.#txc, value);
    return true;
  }

  #writeControl(value: number): boolean {
    this.#cpu.data[UCSRB] = value;
    for (const interrupt of [this.#rxc, this.#udre, this.#txc])
      this.#cpu.updateInterruptEnable(interrupt, value);
    if ((value & B.rxen) === 0) {
      this.#received.length = 0;
      this.#cpu.clearInterrupt(this.#rxc);
    }
    return true;
  }

  #bitCycles(): number {
    const divisor = ((this.#register(UBRRH) & 0x0f) << 8) | this.#register(UBRRL);
    return (divisor + 1) * (this.#has(UCSRA, A.u2x) ? 8 : 16);
  }

  #charCycles(): number {
    const parity = this.#has(UCSRC, C.parity) ? 1 : 0;
    const stop = this.#has(UCSRC, C.stop) ? 2 : 1;
    return this.#bitCycles() * (1 + this.#dataBits() + parity + stop);
  }

  #dataBits(): number {
    const size = (this.#register(UCSRC) >> 1) & 3;
    return this.#has(UCSRB, B.ucsz2) ? 9 : 5 + size;
  }

  #dataMask(): number {
    return (1 << Math.min(8, this.#dataBits())) - 1;
  }

  #register(address: number): number {
    return this.#cpu.data[address] ?? 0;
  }

  #has(address: number, bit: number): boolean {
    return (this.#register(address) & bit) !== 0;
  }

  #set(address: number, bit: number): void {
    this.#cpu.data[address] = this.#register(address) | bit;
  }

  #clear(address: number, bit: number): void {
    this.#cpu.data[address] = this.#register(address) & ~bit;
  }
}
