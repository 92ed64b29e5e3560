/**
 * Small programs by hand, each for one thing that a processor does.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Atmega328p } from "../../../firmware-sim/avr/atmega328p.ts";
import { seededRandom } from "../../../platform/random.ts";
import {
  again,
  assemble,
  CLI,
  type Code,
  flashOf,
  HALT,
  jmp,
  ldi,
  lds,
  MCUSR,
  NOP,
  rcall,
  RETI,
  rjmp,
  say,
  SEI,
  send,
  SERIAL_ON,
  set,
  SLEEP,
  SMCR,
  sts,
  UCSR0B,
  UDR0,
  untilSet,
  UCSR0A,
  WDR,
  WDTCSR,
} from "./assemble.ts";

const STEPS = 100_000_000;
const WATCHDOG_VECTOR = 0x0c;
const RX_VECTOR = 0x24;
/** Deep sleep, switched on. */
const DEEP = set(SMCR, (2 << 1) | 1);
const LIGHT = set(SMCR, 1);
/** The watchdog calls, and resets: each time after `16 << step` ms. */
const watchdog = (bits: number, step: number): Code => [
  ...set(WDTCSR, 0x18),
  ...set(WDTCSR, bits | ((step & 8) << 2) | (step & 7)),
];
const CALLS = 0x40;
const RESETS = 0x08;

interface Running {
  chip: Atmega328p;
  sent: [timeMs: number, byte: number][];
  text: () => string;
}

function power(
  words: readonly number[],
  { volts = () => 0, seed = 1 }: { volts?: (channel: number) => number; seed?: number } = {},
): Running {
  const sent: [number, number][] = [];
  const chip: Atmega328p = new Atmega328p({
    flash: flashOf(words),
    clockHz: 16_000_000,
    volts,
    sent: (byte) => sent.push([chip.timeMs, byte]),
    random: seededRandom(seed),
  });
  return { chip, sent, text: () => String.fromCharCode(...sent.map(([, byte]) => byte)) };
}

describe("a program", () => {
  test("speaks over the serial port, at its speed", () => {
    const { chip, sent, text } = power(assemble([SERIAL_ON, say("o"), say("k"), HALT]));
    chip.run(10, STEPS);
    expect(text()).toBe("ok");
    expect(chip.usart.settings).toMatchObject({ dataBits: 8, parity: "N", stopBits: 1 });
    expect(sent[1]![0] - sent[0]![0]).toBeCloseTo(1.04, 3);
    expect(chip.timeMs).toBeGreaterThanOrEqual(10);
    expect(chip.timeMs).toBeLessThan(10.001);
  });

  test("is stopped after so many steps, and goes on where it was", () => {
    const { chip, text } = power(assemble([SERIAL_ON, say("o"), say("k"), HALT]));
    chip.run(1000, 10);
    expect(chip.timeMs).toBeLessThan(0.01);
    for (let at = 0; at < 10_000 && text() !== "ok"; at++) chip.run(1000, 10);
    expect(text()).toBe("ok");
  });

  test("does the same in slices of any length", () => {
    const words = assemble(
      [
        SERIAL_ON,
        watchdog(CALLS, 0),
        DEEP,
        SEI,
        again(SLEEP, set(UCSR0A, 0x40), say("a"), untilSet(UCSR0A, 6)),
      ],
      { [WATCHDOG_VECTOR]: [RETI] },
    );
    const whole = power(words);
    whole.chip.run(200, STEPS);
    expect(whole.sent.length).toBeGreaterThan(5);
    const slices = fc.array(fc.double({ min: 0.001, max: 9, noNaN: true }), {
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(slices, fc.integer({ min: 1, max: 5000 }), (lengths, steps) => {
        const cut = power(words);
        for (let at = 0, ms = 0; cut.chip.timeMs < 200; at++) {
          ms = Math.min(200, ms + lengths[at % lengths.length]!);
          while (cut.chip.timeMs < ms) cut.chip.run(ms, steps);
        }
        expect(cut.text()).toBe(whole.text());
        for (const [at, [timeMs]] of cut.sent.entries())
          expect(Math.abs(timeMs - whole.sent[at]![0])).toBeLessThan(0.05);
      }),
      { numRuns: 20 },
    );
  });

  test("measures what is at its inputs, against the supply and against its own 1.1 volts", () => {
    const convert = (admux: number): Code => [
      ...set(0x7c, admux),
      ...set(0x7a, 0xc7),
      ...untilSet(0x7a, 4),
      ...lds(20, 0x78),
      ...lds(21, 0x79),
      ...set(0x7a, 0x97),
      ...send(21),
      ...send(20),
    ];
    const volts = (channel: number): number => [1, 4.9999, 7][channel] ?? -1;
    const program = [SERIAL_ON, ...[0x40, 0x41, 0x42, 0x43, 0xc0].map(convert), HALT];
    const { chip, sent } = power(assemble(program), { volts });
    chip.run(100, STEPS);
    const codes = Array.from(
      { length: 5 },
      (_, at) => sent[2 * at]![1] * 256 + sent[2 * at + 1]![1],
    );
    expect(codes).toEqual([204, 1023, 1023, 0, Math.floor((1 / 1.1) * 1024)]);
  });

  test("clears the flag of a finished conversion by writing a one to it", () => {
    const { chip, sent } = power(
      assemble([
        SERIAL_ON,
        set(0x7c, 0x40),
        ...[1, 2].flatMap(() => [set(0x7a, 0xd7), untilSet(0x7a, 4), lds(20, 0x78), send(20)]),
        lds(21, 0x7a),
        send(21),
        HALT,
      ]),
      { volts: (): number => (conversions += 0.5) },
    );
    let conversions = 0;
    chip.run(10, STEPS);
    expect(sent.map(([, byte]) => byte)).toEqual([102, 204, 0x97]);
  });

  test("keeps its EEPROM without power, and nothing else", () => {
    const EECR = 0x3f;
    const write = [
      ...set(0x42, 0),
      ...set(0x41, 5),
      ...set(0x40, 0x77),
      ...set(EECR, 4),
      ...set(EECR, 2),
    ];
    const read = [...set(0x42, 0), ...set(0x41, 5), ...set(EECR, 1), ...lds(20, 0x40)];
    const { chip, sent } = power(
      assemble([
        SERIAL_ON,
        read,
        send(20),
        lds(20, 0x150),
        send(20),
        write,
        ldi(20, 0x33),
        sts(0x150, 20),
        HALT,
      ]),
    );
    chip.run(20, STEPS);
    chip.restart();
    chip.run(chip.timeMs + 20, STEPS);
    const [, [, noise]] = [sent[0]!, sent[1]!];
    expect(sent[0]![1]).toBe(0xff);
    expect(sent[2]![1]).toBe(0x77);
    expect(sent[3]![1]).not.toBe(0x33);
    expect(sent[3]![1]).not.toBe(noise);
  });
});

describe("asleep", () => {
  test("deep, it is called by its watchdog, in the watchdog's time, and costs no steps", () => {
    const { chip, sent, text } = power(
      assemble(
        [
          SERIAL_ON,
          watchdog(CALLS, 6),
          DEEP,
          SEI,
          again(SLEEP, set(UCSR0A, 0x40), say("w"), untilSet(UCSR0A, 6)),
        ],
        {
          [WATCHDOG_VECTOR]: [RETI],
        },
      ),
    );
    // Awake it would take a hundred times as many.
    chip.run(60_000, 2_000_000);
    expect(text()).toBe("w".repeat(58));
    const gaps = sent.slice(1).map(([timeMs], at) => timeMs - sent[at]![0]);
    for (const gap of gaps) expect(gap).toBeCloseTo(1024, 0);
    expect(chip.sleptMs / chip.timeMs).toBeGreaterThan(0.99);
  });

  test("lightly, it is called by what comes on its line", () => {
    const { chip, text } = power(
      assemble([SERIAL_ON, set(UCSR0B, 0x98), LIGHT, SEI, again(SLEEP)], {
        [RX_VECTOR]: [lds(20, UDR0), sts(UDR0, 20), RETI],
      }),
    );
    chip.run(1000, 10_000);
    expect(chip.isDead).toBe(false);
    expect(chip.wakesMs).toBe(Infinity);
    for (const byte of [104, 105]) chip.receive(byte);
    expect(chip.wakesMs - chip.timeMs).toBeCloseTo(1.04, 2);
    chip.run(1010, 10_000);
    expect(text()).toBe("hi");
  });

  test("deep, it does not hear", () => {
    const { chip, text } = power(
      assemble([SERIAL_ON, set(UCSR0B, 0x98), DEEP, SEI, again(SLEEP)], {
        [RX_VECTOR]: [lds(20, UDR0), sts(UDR0, 20), RETI],
      }),
    );
    chip.run(10, 10_000);
    chip.receive(104);
    chip.run(100, 10_000);
    expect(text()).toBe("");
    expect(chip.isDead).toBe(true);
  });

  test("deep while it is still sending, it spoils what is on its way", () => {
    const { chip, sent } = power(assemble([SERIAL_ON, say("o"), DEEP, SLEEP, HALT]));
    chip.run(10, 10_000);
    expect(sent).toHaveLength(1);
    expect(sent[0]![1]).not.toBe("o".charCodeAt(0));
  });

  test("it converts in its quiet", () => {
    const quiet = set(SMCR, (1 << 1) | 1);
    const { chip, sent } = power(
      assemble(
        [
          SERIAL_ON,
          set(0x7c, 0x40),
          set(0x7a, 0x8f),
          quiet,
          SEI,
          SLEEP,
          lds(20, 0x78),
          send(20),
          HALT,
        ],
        {
          0x2a: [RETI],
        },
      ),
      { volts: () => 0.5 },
    );
    chip.run(10, 10_000);
    expect(sent[0]![1]).toBe(102);
  });

  test("it does not miss a call between letting interrupts in and falling asleep", () => {
    // The call is there already when interrupts are let in; it must come after SLEEP, and end it.
    const { chip, text } = power(
      assemble(
        [
          SERIAL_ON,
          CLI,
          watchdog(CALLS, 0),
          ldi(20, 0),
          untilSet(WDTCSR, 7),
          DEEP,
          SEI,
          SLEEP,
          say("w"),
          HALT,
        ],
        {
          [WATCHDOG_VECTOR]: [set(WDTCSR, 0x18), set(WDTCSR, 0), RETI],
        },
      ),
    );
    chip.run(200, STEPS);
    expect(text()).toBe("w");
  });

  test.each([
    ["without interrupts", [LIGHT, CLI, SLEEP]],
    ["with nothing to call it", [LIGHT, SEI, SLEEP]],
    ["deep, without a watchdog", [DEEP, SEI, SLEEP]],
  ] as [string, Code[]][])("it is dead %s", (_what, program) => {
    const { chip } = power(assemble([...program, HALT]));
    chip.run(1000, 10_000);
    expect(chip.isDead).toBe(true);
    expect(chip.timeMs).toBeCloseTo(1000, 3);
  });

  test("it does not sleep where sleep is not switched on", () => {
    const { chip } = power(assemble([SLEEP, HALT]));
    chip.run(1, STEPS);
    expect(chip.sleptMs).toBe(0);
  });
});

describe("the watchdog", () => {
  test("resets who does not come by, says so, and leaves memory alone", () => {
    const { chip, text } = power(
      assemble([
        SERIAL_ON,
        lds(20, MCUSR),
        // SUBI r20, -'0': the digit of the number.
        [0x5000 | ((-48 & 0xf0) << 4) | (4 << 4) | (-48 & 0x0f)],
        send(20),
        lds(21, 0x200),
        send(21),
        set(0x200, 0x21),
        set(MCUSR, 0),
        watchdog(RESETS, 2),
        HALT,
      ]),
    );
    chip.run(160, STEPS);
    expect(chip.watchdogResets).toBe(2);
    expect(text()[0]).toBe("1");
    expect(text().slice(2)).toBe("8!8!");
  });

  test("leaves those alone who come by in time", () => {
    const { chip } = power(assemble([watchdog(RESETS, 0), again(WDR)]));
    chip.run(200, 10_000_000);
    expect(chip.watchdogResets).toBe(0);
  });

  test("calls first and resets then, where it is told both", () => {
    const { chip, text } = power(
      assemble([SERIAL_ON, watchdog(CALLS | RESETS, 0), SEI, HALT], {
        [WATCHDOG_VECTOR]: [say("c"), RETI],
      }),
    );
    chip.run(40, STEPS);
    expect(text()).toBe("c");
    expect(chip.watchdogResets).toBe(1);
  });

  test("cannot be stopped without its sequence", () => {
    const { chip } = power(assemble([watchdog(RESETS, 0), set(WDTCSR, 0), HALT]));
    chip.run(20, STEPS);
    expect(chip.watchdogResets).toBe(1);
  });

  test("is stopped by its sequence, in time", () => {
    const stopped = power(assemble([watchdog(RESETS, 0), watchdog(0, 0), HALT]));
    stopped.chip.run(50, STEPS);
    expect(stopped.chip.watchdogResets).toBe(0);
    const late = power(
      assemble([watchdog(RESETS, 0), set(WDTCSR, 0x18), NOP, NOP, NOP, set(WDTCSR, 0), HALT]),
    );
    late.chip.run(20, STEPS);
    expect(late.chip.watchdogResets).toBe(1);
  });

  test("goes on after its reset, until its flag is cleared: who does not is reset for ever", () => {
    const stop = [...watchdog(0, 0), ...HALT];
    const begin = [...watchdog(RESETS, 2), ...HALT];
    // SBRC r20, 3: where the watchdog was the cause it is to be stopped, and begun else.
    const either = (...first: Code[]): Code[] => [
      lds(20, MCUSR),
      ...first,
      [0xfc00 | (20 << 4) | 3],
      rjmp(begin.length),
      begin,
      stop,
    ];
    const forgetful = power(assemble(either()));
    forgetful.chip.run(64 + 10 * 16 + 8, STEPS);
    expect(forgetful.chip.watchdogResets).toBe(11);
    forgetful.chip.restart();
    forgetful.chip.run(forgetful.chip.timeMs + 60, STEPS);
    expect(forgetful.chip.watchdogResets).toBe(11);
    const careful = power(assemble(either(set(MCUSR, 0))));
    careful.chip.run(64 + 10 * 16 + 8, STEPS);
    expect(careful.chip.watchdogResets).toBe(1);
  });
});

describe("a program that has lost its way", () => {
  test.each([
    ["runs into empty flash", [NOP], "it ran into empty flash at 0x0082"],
    ["meets what is no instruction", [NOP, [0x0001]], "illegal instruction 0x0001 at 0x0082"],
    ["writes its own flash", [[0x95e8]], "SPM at 0x0080: writing its own flash is not simulated"],
    ["calls itself for ever", [rcall(-1)], "the stack has grown over all memory"],
    ["jumps to where nothing is", [jmp(0x2000)], "it ran into empty flash at 0x4000"],
  ] as [string, Code[], string][])("is stopped where it %s", (_what, program, crash) => {
    const { chip } = power(assemble(program));
    chip.run(1000, 100_000);
    expect(chip.crash).toContain(crash);
    const { timeMs } = chip;
    chip.run(2000, 100_000);
    expect(chip.timeMs).toBe(timeMs);
    chip.restart();
    expect(chip.crash).toBeUndefined();
  });

  test("is one of a file without reset vector", () => {
    const words = Array<number>(0x3f00).fill(0xffff);
    const { chip } = power([...words, ...HALT]);
    chip.run(1, 10);
    expect(chip.crash).toBe("it ran into empty flash at 0x0000");
  });
});
