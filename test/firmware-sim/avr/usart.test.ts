import { CPU } from "avr8js";
import { describe, expect, test } from "vitest";
import { Usart } from "../../../firmware-sim/avr/usart.ts";
import { UBRR0L, UCSR0A, UCSR0B, UDR0 } from "./assemble.ts";

const HZ = 16_000_000;
/** One character at 9600 baud: ten bits of 104 times 16 cycles. */
const CHAR = 104 * 16 * 10;
const UCSR0C = 0xc2;
const SEND = 0x08;
const RECEIVE = 0x10;
const RXC = 0x80;
const TXC = 0x40;
const UDRE = 0x20;
const DOR = 0x08;

class Port {
  readonly cpu = new CPU(new Uint16Array(16_384), 2048);
  readonly sent: [cycles: number, byte: number][] = [];
  readonly usart = new Usart(this.cpu, {
    clockHz: () => HZ,
    sent: (byte) => this.sent.push([this.cpu.cycles, byte]),
  });

  constructor(control = SEND | RECEIVE) {
    this.cpu.writeData(UBRR0L, 103);
    this.cpu.writeData(UCSR0B, control);
  }

  /** Lets cycles pass, one by one. */
  pass(cycles: number): void {
    for (let at = 0; at < cycles; at++) {
      this.cpu.cycles += 1;
      this.cpu.tick();
    }
  }

  has(flag: number): boolean {
    return (this.cpu.readData(UCSR0A) & flag) !== 0;
  }
}

describe("to send", () => {
  test("takes a character's time for each, and has room for one more meanwhile", () => {
    const port = new Port();
    expect(port.has(UDRE)).toBe(true);
    port.cpu.writeData(UDR0, 65);
    expect(port.has(UDRE)).toBe(true);
    port.cpu.writeData(UDR0, 66);
    expect(port.has(UDRE)).toBe(false);
    port.cpu.writeData(UDR0, 67);
    port.pass(CHAR - 1);
    expect(port.sent).toEqual([]);
    port.pass(1);
    expect(port.has(UDRE)).toBe(true);
    expect(port.has(TXC)).toBe(false);
    port.pass(CHAR);
    expect(port.sent).toEqual([
      [CHAR, 65],
      [2 * CHAR, 66],
    ]);
    expect(port.has(TXC)).toBe(true);
    expect(port.usart.bytesLost).toBe(1);
  });

  test("stays empty when its status is written, which clears nothing but what it is told", () => {
    const port = new Port();
    port.cpu.writeData(UDR0, 65);
    port.pass(CHAR);
    port.cpu.writeData(UCSR0A, TXC | 0x02);
    expect(port.has(TXC)).toBe(false);
    expect(port.has(UDRE)).toBe(true);
    expect(port.usart.settings.baud).toBeCloseTo(19_231, 0);
  });

  test("keeps asking to be filled, also after an interrupt that filled nothing", () => {
    const port = new Port(SEND | 0x20);
    port.cpu.data[95] = 0x80;
    port.cpu.pc = 0x1000;
    port.pass(1);
    expect(port.cpu.pc).toBe(0x26);
    port.cpu.writeData(UCSR0B, SEND);
    port.cpu.data[95] = 0x80;
    port.cpu.pc = 0x1000;
    port.pass(1);
    expect(port.cpu.pc).toBe(0x1000);
    port.cpu.writeData(UCSR0B, SEND | 0x20);
    port.pass(1);
    expect(port.cpu.pc).toBe(0x26);
  });

  test("sends nothing while it is off", () => {
    const port = new Port(0);
    expect(port.usart.isOn).toBe(false);
    port.cpu.writeData(UDR0, 65);
    port.pass(3 * CHAR);
    expect(port.sent).toEqual([]);
    expect(port.usart.bytesLost).toBe(1);
  });

  test("has longer characters with parity and more stop bits, and shorter with fewer data bits", () => {
    const port = new Port();
    port.cpu.writeData(UCSR0C, 0x20 | 0x10 | 0x08 | 0x04);
    expect(port.usart.settings).toMatchObject({ dataBits: 7, parity: "O", stopBits: 2 });
    port.cpu.writeData(UDR0, 0xff);
    port.pass((CHAR / 10) * 11);
    expect(port.sent).toEqual([[(CHAR / 10) * 11, 0x7f]]);
  });

  test("is spoiled when its clock stops in the middle, and only then", () => {
    const port = new Port();
    port.usart.freeze(0xee);
    port.cpu.writeData(UDR0, 65);
    port.pass(CHAR / 2);
    port.usart.freeze(0xee);
    port.usart.freeze(0xdd);
    port.pass(CHAR);
    port.cpu.writeData(UDR0, 66);
    port.pass(CHAR);
    expect(port.sent.map(([, byte]) => byte)).toEqual([0xee, 66]);
  });
});

describe("to receive", () => {
  test("takes a character's time for each, and keeps two", () => {
    const port = new Port();
    for (const byte of [1, 2, 3]) port.usart.receive(byte);
    port.pass(CHAR - 1);
    expect(port.has(RXC)).toBe(false);
    port.pass(1);
    expect(port.has(RXC)).toBe(true);
    port.pass(CHAR);
    expect(port.has(DOR)).toBe(false);
    port.pass(CHAR);
    expect(port.has(DOR)).toBe(true);
    expect([port.cpu.readData(UDR0), port.has(RXC)]).toEqual([1, true]);
    expect([port.cpu.readData(UDR0), port.has(RXC)]).toEqual([2, false]);
    expect(port.usart.bytesLost).toBe(1);
  });

  test("loses nothing to interrupts that are switched on and off", () => {
    const port = new Port();
    port.usart.receive(7);
    port.pass(CHAR);
    port.cpu.writeData(UCSR0B, SEND | RECEIVE | 0x20);
    port.cpu.writeData(UCSR0A, 0);
    expect(port.has(RXC)).toBe(true);
    port.cpu.writeData(UCSR0B, SEND | RECEIVE | 0x80);
    port.cpu.data[95] = 0x80;
    port.pass(1);
    expect(port.cpu.pc).toBe(0x24);
    expect(port.cpu.readData(UDR0)).toBe(7);
  });

  test("hears nothing while it is off, and forgets what it had when it is switched off", () => {
    const port = new Port(SEND);
    port.usart.receive(1);
    port.cpu.writeData(UCSR0B, SEND | RECEIVE);
    port.usart.receive(2);
    port.pass(CHAR);
    port.cpu.writeData(UCSR0B, SEND);
    expect(port.has(RXC)).toBe(false);
    port.cpu.writeData(UCSR0B, SEND | RECEIVE);
    port.pass(2 * CHAR);
    expect(port.has(RXC)).toBe(false);
    expect(port.usart.bytesLost).toBe(1);
  });

  test("does not let a line grow without end", () => {
    const port = new Port();
    for (let at = 0; at < 5000; at++) port.usart.receive(1);
    expect(port.usart.bytesLost).toBe(5000 - 4096);
  });
});
