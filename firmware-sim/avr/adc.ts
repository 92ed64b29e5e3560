/**
 * The analog-digital converter of an ATmega328P, as avr8js has it, with what is at its inputs.
 *
 * One thing is set right: writing a one to the flag of a finished conversion (ADIF) clears it. avr8js sets it, and
 * firmware that waits for the flag would take the conversion before for its own.
 */
import { adcConfig, AVRADC, type CPU } from "avr8js";
import type { Interrupt } from "./interrupt.ts";

const ADCSRA = 0x7a;
const ADIF = 0x10;
const ADIE = 0x08;
const ENABLED = 0x80;
const START = 0x40;

const FINISHED: Interrupt = {
  address: 0x2a,
  flagRegister: ADCSRA,
  flagMask: ADIF,
  enableRegister: ADCSRA,
  enableMask: ADIE,
};

/** See the head of the file. It belongs to one CPU, from reset to reset. */
export class Adc {
  readonly #cpu: CPU;

  /** `volts` says what lies at an input, 0 to 7, when it is converted. */
  constructor(cpu: CPU, volts: (channel: number) => number) {
    this.#cpu = cpu;
    const adc = new AVRADC(cpu, adcConfig);
    const convert = adc.onADCRead;
    adc.onADCRead = (input) => {
      if ("channel" in input) adc.channelValues[input.channel] = volts(input.channel);
      convert(input);
    };
    const write = cpu.writeHooks[ADCSRA];
    if (write === undefined) throw new Error("avr8js takes no part in writing ADCSRA");
    cpu.writeHooks[ADCSRA] = (value, oldValue, address, mask) => {
      if ((value & ADIF) !== 0) cpu.clearInterrupt(FINISHED);
      const flag = (cpu.data[ADCSRA] ?? 0) & ADIF;
      const kept = (value & ~ADIF) | flag;
      if (write(kept, oldValue, address, mask) !== true) cpu.data[ADCSRA] = kept;
      return true;
    };
  }

  /** Begins a conversion where it is on and idle, as falling asleep to be quiet does. */
  beginQuietly(): void {
    const control = this.#cpu.readData(ADCSRA);
    if ((control & (ENABLED | START)) === ENABLED)
      this.#cpu.writeData(ADCSRA, (control & ~ADIF) | START);
  }
}
