/**
 * Firmware on a line, with time moved by hand.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { ANALOG_SENSORS } from "../../../firmware-sim/avr/analog-sensors.ts";
import { parseIntelHex } from "../../../firmware-sim/avr/intel-hex.ts";
import type { FaultPlan } from "../../../firmware-sim/faults/fault-plan.ts";
import { CityClock } from "../../../firmware-sim/models/city-clock.ts";
import type { BytesReceived } from "../../../firmware-sim/outlet/outlet.ts";
import type { OutletPlan } from "../../../firmware-sim/scenario/station-plan.ts";
import { FirmwareStation } from "../../../firmware-sim/stations/firmware-station.ts";
import { type Clock, ManualClock, systemClock } from "../../../platform/clock.ts";
import { seededRandom } from "../../../platform/random.ts";
import { testScope } from "../../support/scope.ts";
import {
  again,
  assemble,
  type Code,
  HALT,
  hexFile,
  lds,
  NOP,
  RETI,
  say,
  SEI,
  send,
  SERIAL_ON,
  set,
  SLEEP,
  SMCR,
  sts,
  UCSR0A,
  UCSR0B,
  UDR0,
  untilSet,
  WDTCSR,
} from "../avr/assemble.ts";
import { NotingOutlet } from "./noting-outlet.ts";

const scope = testScope();
const DEEP = set(SMCR, 5);
/** The watchdog calls each 1.024 s. */
const CALLED: Code = [...set(WDTCSR, 0x18), ...set(WDTCSR, 0x46)];
const CALL = { 0x0c: [RETI] };
/** Waits until everything is sent, and sleeps until it is called. */
const REST = [...untilSet(UCSR0A, 6), ...set(UCSR0A, 0x40), ...SLEEP];
/** Measures A0, and sends the low byte of it. */
const MEASURE = [
  ...set(0x7c, 0x40),
  ...set(0x7a, 0xd7),
  ...untilSet(0x7a, 4),
  ...lds(20, 0x78),
  ...set(0x7a, 0),
  ...send(20),
];

interface Running {
  station: FirmwareStation;
  outlet: NotingOutlet;
  clock: ManualClock;
  say: BytesReceived;
  notices: string[];
  end: Promise<unknown>;
  stop: () => void;
  /** All that was sent, as text. */
  text: () => string;
}

interface Setup {
  faults?: FaultPlan[];
  outlet?: OutletPlan;
  measure?: (timeMs: number) => number;
  /** Lets the machine's time run so many times as fast as its timers. */
  rush?: number;
  /** Of the crystal. A sixteenth of the usual one, unless it matters: whoever does not sleep is slow to simulate. */
  clockHz?: number;
  /** Takes the machine's own time. */
  isReal?: boolean;
}

async function start(words: readonly number[], setup: Setup = {}): Promise<Running> {
  const { faults = [], rush = 1, clockHz = 1_000_000, measure = () => 20 } = setup;
  const manual = new ManualClock(1_700_000_000_000);
  const moved: Clock = {
    nowMs: () => manual.nowMs(),
    monotonicMs: () => manual.monotonicMs() * rush,
    after: (ms, run) => manual.after(ms, run),
    sleep: (ms, signal) => manual.sleep(ms, signal),
  };
  const clock = setup.isReal === true ? systemClock : moved;
  const image = parseIntelHex(hexFile(words), 32_768);
  if (typeof image === "string") throw new Error(image);
  const outlet = new NotingOutlet();
  let hear: BytesReceived = () => undefined;
  const station = await FirmwareStation.open({
    plan: {
      kind: "firmware",
      name: "chip",
      stream: "air",
      file: "chip.hex",
      clockHz,
      inputs: new Map([[0, { quantity: "temp", ...ANALOG_SENSORS["temp"]! }]]),
      feed: { kind: "model", model: "air", settings: {} },
      outlet: setup.outlet ?? { kind: "tcp", host: "memory", port: 1 },
      faults,
    },
    image,
    model: { at: (timeMs) => ({ temp: measure(timeMs) }) },
    clock: new CityClock(clock, undefined, 1),
    random: seededRandom(1),
    chipRandom: seededRandom(2),
    openOutlet: (received) => {
      hear = received;
      return Promise.resolve(outlet);
    },
  });
  const notices: string[] = [];
  const stop = new AbortController();
  const end = station
    .run(stop.signal, (sentence) => notices.push(sentence))
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  scope.defer(() => {
    stop.abort();
    return end;
  });
  const text = (): string =>
    outlet.notes
      .filter((note) => /^[\d ]+$/.test(note))
      .flatMap((note) => note.split(" "))
      .map((byte) => String.fromCharCode(Number(byte)))
      .join("");
  return {
    station,
    outlet,
    clock: manual,
    say: hear,
    notices,
    end,
    stop: () => stop.abort(),
    text,
  };
}

describe("firmware", () => {
  test("keeps the pace of life, asleep and awake", async () => {
    const sleeper = await start(
      assemble([SERIAL_ON, CALLED, DEEP, SEI, again(say("s"), REST)], CALL),
    );
    const worker = await start(assemble([SERIAL_ON, again(say("w"))]));
    for (const { clock } of [sleeper, worker]) await clock.advance(10_500);
    expect(sleeper.text()).toBe("s".repeat(11));
    // 601 baud: what makes 9600 at 16 MHz is a sixteenth of it here.
    expect(worker.text().length).toBeGreaterThan(625);
    expect(worker.text().length).toBeLessThan(632);
    expect(sleeper.station.report().firmware).toMatchObject({
      skippedSeconds: 0,
      watchdogResets: 0,
    });
    const { seconds = 0, asleepSeconds = 0 } = sleeper.station.report().firmware ?? {};
    expect(seconds).toBeGreaterThan(10);
    expect(asleepSeconds / seconds).toBeGreaterThan(0.97);
  });

  test("is left alone while it sleeps", async () => {
    const { clock } = await start(
      assemble([SERIAL_ON, CALLED, DEEP, SEI, again(say("s"), REST)], CALL),
      { clockHz: 16_000_000 },
    );
    await clock.advance(2000);
    let wakes = 0;
    const after = clock.after.bind(clock);
    clock.after = (ms, run) => {
      wakes += 1;
      return after(ms, run);
    };
    await clock.advance(10_240);
    expect(wakes).toBeLessThan(40);
  });

  test("hears what is sent to it, at the moment it comes", async () => {
    const echo = [lds(20, UDR0), sts(UDR0, 20), RETI];
    const {
      clock,
      say: tell,
      text,
      station,
    } = await start(
      assemble([SERIAL_ON, set(UCSR0B, 0x98), set(SMCR, 1), SEI, again(SLEEP)], { 0x24: echo }),
    );
    await clock.advance(5000);
    tell(Uint8Array.of(104, 105));
    await clock.advance(70);
    expect(text()).toBe("hi");
    expect(station.report().firmware?.seconds).toBeGreaterThan(4.9);
  });

  test("measures when it is asked, not when it was looked at last", async () => {
    const answer = [lds(20, UDR0), MEASURE, RETI];
    const {
      clock,
      say: tell,
      outlet,
    } = await start(
      assemble([SERIAL_ON, set(UCSR0B, 0x98), set(SMCR, 1), SEI, again(SLEEP)], { 0x24: answer }),
      { measure: (timeMs) => (timeMs - 1_700_000_000_000) / 1000 },
    );
    await clock.advance(8000);
    tell(Uint8Array.of(1));
    await clock.advance(100);
    // 102.4 steps at no degrees, and 2.048 for each.
    expect(outlet.notes).toEqual(["118"]);
  });

  test("measures its model, at its own time", async () => {
    const { clock, outlet } = await start(
      assemble([SERIAL_ON, CALLED, DEEP, SEI, again(MEASURE, REST)], CALL),
      {
        clockHz: 16_000_000,
        measure: (timeMs) => ((timeMs - 1_700_000_000_000) / 1024) * 4.8828125,
      },
    );
    await clock.advance(6000);
    // 102.4 steps of 4.88 mV at no degrees, and ten more at each call.
    const steps = outlet.notes.map(Number);
    expect(steps).toEqual([102, 112, 122, 132, 142, 152]);
  });
});

describe("faults of firmware", () => {
  const HELLO = assemble([SERIAL_ON, say("!"), CALLED, DEEP, SEI, again(MEASURE, REST)], CALL);

  test("take its power away, and it begins anew", async () => {
    const { clock, text } = await start(HELLO, {
      faults: [{ kind: "reboot", afterMs: 3500, forMs: 2000 }],
    });
    await clock.advance(5400);
    expect(text()).toMatch(/^![^!]{4}$/);
    await clock.advance(2000);
    expect(text()).toMatch(/^![^!]{4}![^!]{2}$/);
  });

  test("let what it measures stick, and its line be pulled out", async () => {
    const { clock, outlet } = await start(HELLO, {
      faults: [
        { kind: "stuck", afterMs: 2500 },
        { kind: "unplug", afterMs: 4500, forMs: 1000 },
      ],
      measure: (timeMs) => (timeMs - 1_700_000_000_000) / 100,
    });
    await clock.advance(7000);
    const steps = outlet.notes.slice(1).map((note) => (/\d/.test(note) ? Number(note) : note));
    expect(steps.filter((step) => typeof step === "string")).toEqual(["unplug", "plug"]);
    const numbers = steps.filter((step) => typeof step === "number");
    expect(numbers[0]! < numbers[1]! && numbers[1]! < numbers[2]!).toBe(true);
    expect(new Set(numbers.slice(3)).size).toBe(1);
  });

  test("garble what it says under too little power", async () => {
    const { clock, text } = await start(assemble([SERIAL_ON, again(say("u"))]), {
      faults: [{ kind: "brown-out", share: 0.3, resets: 2, afterMs: 1000, forMs: 2000 }],
    });
    await clock.advance(4000);
    expect(text().slice(0, 58)).toBe("u".repeat(58));
    const sag = text().slice(60, -55);
    const wrong = sag.replaceAll("u", "").length / sag.length;
    expect(wrong).toBeGreaterThan(0.15);
    expect(text().slice(-50)).toBe("u".repeat(50));
  });
});

describe("it is said", () => {
  test("how its serial port speaks, and that the line would not understand it", async () => {
    const words = assemble([SERIAL_ON, HALT]);
    const clockHz = 16_000_000;
    const good = await start(words, {
      clockHz,
      outlet: { kind: "serial", path: "/dev/x", baud: 9600 },
    });
    const bad = await start(words, {
      clockHz,
      outlet: { kind: "serial", path: "/dev/x", baud: 115_200 },
    });
    for (const { clock } of [good, bad]) await clock.advance(20);
    expect(good.notices).toEqual(["its serial port speaks at 9615 baud, 8N1"]);
    expect(bad.notices).toEqual([
      "its serial port speaks at 9615 baud, 8N1; the line is at 115200 baud, and would make nothing of it",
    ]);
  });

  test("that it never switches it on", async () => {
    const { clock, notices } = await start(assemble([CALLED, DEEP, SEI, again(SLEEP)], CALL));
    await clock.advance(9900);
    expect(notices).toEqual([]);
    await clock.advance(20_000);
    expect(notices).toEqual([
      "after 10 s it has not switched on its serial port (TXEN0 in UCSR0B)",
    ]);
  });

  test("that it sends without a pause", async () => {
    const { clock, notices } = await start(assemble([SERIAL_ON, again(say("f"))]));
    await clock.advance(20_500);
    expect(notices.slice(1)).toEqual(["it has sent for 10 s without a pause, 60 bytes a second"]);
  });

  test("that it sleeps for good", async () => {
    const { clock, notices } = await start(assemble([SERIAL_ON, DEEP, SEI, SLEEP, HALT]));
    await clock.advance(1000);
    expect(notices.slice(1)).toEqual([
      "it sleeps, and nothing can wake it: no timer, no watchdog, no interrupt is left",
    ]);
  });

  test("that its watchdog resets it, once, and how often in the end", async () => {
    const { clock, notices, station } = await start(
      assemble([SERIAL_ON, [...set(WDTCSR, 0x18), ...set(WDTCSR, 0x0d)], HALT]),
    );
    await clock.advance(3000);
    expect(notices.filter((notice) => notice.includes("watchdog"))).toEqual([
      "its watchdog has reset it",
    ]);
    expect(station.report().firmware?.watchdogResets).toBeGreaterThan(3);
  });

  test("that the machine is too slow for it, and how much was left out", async () => {
    const { clock, notices, station } = await start(assemble([SERIAL_ON, HALT]), { rush: 400 });
    for (let ms = 0; ms < 75; ms++) await clock.advance(1);
    expect(notices).toContain(
      "this machine did not keep up with it; its clock is late from now on",
    );
    const { seconds = 0, skippedSeconds = 0 } = station.report().firmware ?? {};
    expect(skippedSeconds).toBeGreaterThan(15);
    expect(Math.abs(seconds + skippedSeconds - 30)).toBeLessThan(1.5);
  });

  test("why it cannot go on, and the station ends with it", async () => {
    const { clock, end, outlet } = await start(assemble([SERIAL_ON, say("x"), NOP]));
    await clock.advance(100);
    expect(await end).toMatchObject({
      name: "UserError",
      message: "the firmware cannot go on: it ran into empty flash at 0x009c",
    });
    expect(outlet.notes).toEqual(["close"]);
  });
});

test("stations that are behind leave sockets and signals their turn", async () => {
  const busy = await Promise.all(
    Array.from({ length: 6 }, () =>
      start(assemble([SERIAL_ON, HALT]), { clockHz: 20_000_000, isReal: true }),
    ),
  );
  const isBehind = ({ notices }: Running): boolean => notices.some((each) => each.includes("late"));
  while (!busy.every(isBehind)) await nextTurn();
  for (let turn = 0; turn < 10; turn++) await nextTurn();
  for (const { station } of busy)
    expect(station.report().firmware?.skippedSeconds).toBeGreaterThan(0);
});
