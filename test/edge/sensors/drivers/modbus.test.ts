/** The Modbus master: what registers mean, and how it treats units that are slow, silent, busy or wrong. */
import { describe, expect, test } from "vitest";
import { concatBytes, decodeHex, encodeHex } from "../../../../ledger/bytes.ts";
import type { Driver, SensorEvent } from "../../../../edge/sensors/driver.ts";
import { modbus } from "../../../../edge/sensors/drivers/modbus.ts";
import { ModbusBus, encodeModbusFrame } from "../../../../firmware-sim/boards/modbus-bus.ts";
import { describeWithShared, sharedText } from "../../../support/shared-data.ts";

interface Register {
  register: number;
  quantity: string;
  [option: string]: unknown;
}

function driver(units: { id: number; registers: Register[] }[], options: object = {}): Driver {
  return modbus.create({ units, ...options }, { notBeforeMs: 0 });
}

function writesOf(events: readonly SensorEvent[]): string[] {
  return events.flatMap((event) => (event.kind === "write" ? [encodeHex(event.bytes)] : []));
}

function readingsOf(events: readonly SensorEvent[]): unknown[] {
  return events.flatMap((event) =>
    event.kind === "readings"
      ? event.readings.map(({ quantity, value, unit, fault }) =>
          [event.stream ?? "", quantity, value, unit, ...(fault === true ? ["fault"] : [])].join(
            " ",
          ),
        )
      : [],
  );
}

function hex(text: string): Uint8Array {
  const bytes = decodeHex(text);
  if (bytes === undefined) throw new Error(`not hexadecimal: ${text}`);
  return bytes;
}

const LEVEL: Register = { register: 0, quantity: "level" };

describe("a number", () => {
  // 300000 is 000493E0, -2.5 is C0200000.
  test.each([
    ["u16", "ABCD", "8001", 32769],
    ["i16", "ABCD", "8001", -32767],
    ["i16", "DCBA", "8001", -32767],
    ["u32", "ABCD", "000493e0", 300000],
    ["u32", "CDAB", "93e00004", 300000],
    ["u32", "BADC", "0400e093", 300000],
    ["u32", "DCBA", "e0930400", 300000],
    ["i32", "ABCD", "ffffffff", -1],
    ["u32", "ABCD", "ffffffff", 4294967295],
    ["f32", "ABCD", "c0200000", -2.5],
    ["f32", "CDAB", "0000c020", -2.5],
    ["f32", "BADC", "20c00000", -2.5],
    ["f32", "DCBA", "000020c0", -2.5],
    ["f32", "ABCD", "3dcccccd", 0.1],
  ] as const)("of type %s, in order %s, %s is %d", (type, wordOrder, data, value) => {
    const register = { register: 0, quantity: "x", unit: "", type, wordOrder };
    const master = driver([{ id: 9, registers: [register] }]);
    master.opened(0);
    const answer = encodeModbusFrame([9, 3, data.length / 2, ...hex(data)]);
    expect(master.push(answer, 8)).toMatchObject([
      { kind: "readings", readings: [{ quantity: "x", unit: "", value, atMs: 8 }] },
    ]);
  });

  test("is scaled without what binary fractions add, and shifted", () => {
    const registers = [
      { register: 0, quantity: "temp", type: "i16", scale: 0.1, offset: -40 },
      { register: 1, quantity: "rh", scale: 0.1 },
    ];
    const master = driver([{ id: 1, registers }]);
    master.opened(0);
    expect(readingsOf(master.push(encodeModbusFrame([1, 3, 4, 2, 0x2b, 0, 3]), 0))).toEqual([
      " temp 15.5 Cel",
      " rh 0.3 %RH",
    ]);
  });

  test("that the unit does not believe, or that is beyond its range, is flagged and kept", () => {
    const registers = [
      { register: 0, quantity: "level", type: "i16", scale: 0.01, faultValues: [-32768] },
      { register: 1, quantity: "rh" },
      { register: 2, quantity: "own", unit: "%", faultValues: [7] },
    ];
    const master = driver([{ id: 1, registers }]);
    master.opened(0);
    const answer = encodeModbusFrame([1, 3, 6, 0x80, 0, 0, 200, 0, 7]);
    expect(readingsOf(master.push(answer, 0))).toEqual([
      " level -327.68 m fault",
      " rh 200 %RH fault",
      " own 7 % fault",
    ]);
  });

  test("that is none is flagged, for the agent to own up to", () => {
    const master = driver([{ id: 1, registers: [{ ...LEVEL, type: "f32" }] }]);
    master.opened(0);
    const events = master.push(encodeModbusFrame([1, 3, 4, 0x7f, 0xc0, 0, 0]), 0);
    expect(events[0]).toMatchObject({ readings: [{ value: NaN, fault: true }] });
  });
});

describe("questions", () => {
  test("take what is side by side together, and read over no gap", () => {
    const registers = [
      { register: 7, quantity: "c", unit: "" },
      { register: 0, quantity: "a", unit: "", type: "f32" },
      { register: 2, quantity: "b", unit: "" },
      { register: 2, quantity: "again", unit: "", faultValues: [0] },
      { register: 3, quantity: "d", unit: "", kind: "input" },
    ];
    const master = driver([{ id: 17, registers }]);
    const asked = [...writesOf(master.opened(0))];
    for (const answer of [
      [17, 3, 6, 0, 0, 0, 0, 0, 0],
      [17, 3, 2, 0, 7],
      [17, 4, 2, 0, 3],
    ])
      asked.push(...writesOf(master.push(encodeModbusFrame(answer), 1)));
    expect(asked.map((each) => each.slice(0, -4))).toEqual([
      "110300000003",
      "110300070001",
      "110400030001",
    ]);
  });

  test("ask for no more than 125 registers", () => {
    const registers = Array.from({ length: 130 }, (_, register) => ({
      register,
      quantity: `q${register}`,
      unit: "",
    }));
    const master = driver([{ id: 1, registers }]);
    expect(writesOf(master.opened(0))[0]).toMatch(/^01030000007d/);
    const data = Array<number>(250).fill(0);
    const next = writesOf(master.push(encodeModbusFrame([1, 3, 250, ...data]), 0));
    expect(next[0]).toMatch(/^0103007d0005/);
  });

  test("leave the line alone before each", () => {
    const [question] = driver([{ id: 1, registers: [LEVEL] }], { gapMs: 20 }).opened(0);
    expect(question).toMatchObject({ kind: "write", afterMs: 20 });
  });

  test("wait for the answer or the timeout", () => {
    const units = [1, 2].map((id) => ({
      id,
      registers: [{ ...LEVEL, stream: `s${id}` }],
    }));
    const master = driver(units, { timeoutMs: 1500 });
    expect(writesOf(master.opened(0))[0]).toMatch(/^01/);
    expect(master.tick(1000)).toEqual([]);
    expect(writesOf(master.tick(2000))[0]).toMatch(/^02/);
    // Too late, and not for the unit that is asked now.
    expect(master.push(encodeModbusFrame([1, 3, 2, 0, 5]), 2100)).toEqual([]);
    expect(readingsOf(master.push(encodeModbusFrame([2, 3, 2, 0, 6]), 2200))).toEqual([
      "s2 level 6 m",
    ]);
    expect(writesOf(master.tick(3000))).toEqual([]);
  });

  test("to one block of registers are never taken for those to another, however late they come", () => {
    const registers = [LEVEL, { register: 5, quantity: "temp" }];
    const value = (question: Uint8Array): number => (question[3] === 5 ? 21 : 7);
    const wrong: string[] = [];
    let right = 0;
    const check = (latencyMs: number, timeoutMs: number, everySeconds: number): void => {
      const master = driver([{ id: 1, registers }], { everySeconds, timeoutMs });
      const coming: { atMs: number; bytes: Uint8Array }[] = [];
      let asked = 0;
      const take = (events: readonly SensorEvent[], nowMs: number): void => {
        for (const event of events)
          if (event.kind === "write") {
            // Answers take more and less time by turns.
            const atMs = nowMs + Math.round(latencyMs * [1, 0.3, 0.8, 0.5][asked++ % 4]!);
            coming.push({ atMs, bytes: encodeModbusFrame([1, 3, 2, 0, value(event.bytes)]) });
          }
        for (const text of readingsOf(events))
          if (text === " level 7 m" || text === " temp 21 Cel") right += 1;
          else wrong.push(`${String(text)} at ${latencyMs}, ${timeoutMs}, ${everySeconds}`);
      };
      take(master.opened(0), 0);
      for (let nowMs = 100; nowMs <= 300_000; nowMs += 100) {
        for (const late of coming.filter(({ atMs }) => atMs <= nowMs)) {
          coming.splice(coming.indexOf(late), 1);
          take(master.push(late.bytes, nowMs), nowMs);
        }
        if (nowMs % 1000 === 0) take(master.tick(nowMs), nowMs);
      }
    };
    for (const latencyMs of [50, 900, 1500, 2500, 3500, 5000, 7000])
      for (const timeoutMs of [50, 200, 1000])
        for (const everySeconds of [1, 2, 5]) check(latencyMs, timeoutMs, everySeconds);
    expect(wrong).toEqual([]);
    expect(right).toBeGreaterThan(1000);
  });

  test("have one answer each, though two come at once", () => {
    const registers = [LEVEL, { register: 5, quantity: "temp" }];
    const master = driver([{ id: 1, registers }]);
    master.opened(0);
    const answer = encodeModbusFrame([1, 3, 2, 0, 7]);
    const events = master.push(concatBytes(answer, answer), 1);
    expect(readingsOf(events)).toEqual([" level 7 m"]);
    expect(writesOf(events)).toHaveLength(1);
  });
});

test("readings go to the streams that the registers name", () => {
  const registers = [
    { ...LEVEL, register: 0 },
    { register: 1, quantity: "power", stream: "mains" },
    { register: 2, quantity: "temp" },
    { register: 3, quantity: "energy", stream: "mains" },
  ];
  const master = driver([{ id: 1, registers }]);
  master.opened(0);
  const events = master.push(encodeModbusFrame([1, 3, 8, 0, 1, 0, 2, 0, 3, 0, 4]), 0);
  expect(readingsOf(events)).toEqual([
    " level 1 m",
    " temp 3 Cel",
    "mains power 2 W",
    "mains energy 4 kWh",
  ]);
});

describe("a line with units", () => {
  /** Ticks once a second for a while; gives what each unit was asked, as seconds. */
  function run(
    master: Driver,
    board: ModbusBus,
    seconds: number,
    hears: (unit: number, second: number) => boolean,
  ): Map<number, number[]> {
    const asked = new Map<number, number[]>();
    const take = (events: readonly SensorEvent[], second: number): void => {
      for (const event of events) {
        if (event.kind !== "write") continue;
        const unit = event.bytes[0]!;
        asked.set(unit, [...(asked.get(unit) ?? []), second]);
        if (!hears(unit, second)) continue;
        for (const answer of board.receive(event.bytes, second * 1000))
          take(master.push(answer, second * 1000 + 20), second);
      }
    };
    take(master.opened(0), 0);
    for (let second = 1; second <= seconds; second++) take(master.tick(second * 1000), second);
    return asked;
  }

  const plan = (
    id: number,
  ): { id: number; registers: { register: number; quantity: string }[] } => ({
    id,
    registers: [{ register: 0, quantity: "level" }],
  });
  const units = [1, 2, 3].map((id) => ({
    id,
    registers: [{ ...LEVEL, type: "f32", stream: `s${id}` }],
  }));

  function bus(): ModbusBus {
    const board = new ModbusBus([plan(1), plan(2), plan(3)]);
    board.measure({ level: 4.5 });
    return board;
  }

  test("is gone round once a period", () => {
    const asked = run(driver(units), bus(), 35, () => true);
    for (const id of [1, 2, 3]) expect(asked.get(id)).toEqual([0, 10, 20, 30]);
  });

  test("asks a silent unit less and less, then hardly ever, and the others as before", () => {
    const master = driver(units, { everySeconds: 5, failuresMax: 4, quarantineSeconds: 100 });
    const asked = run(master, bus(), 300, (unit) => unit !== 2);
    expect(asked.get(2)).toEqual([0, 7, 19, 41, 143, 245]);
    expect(asked.get(1)!.length).toBeGreaterThan(58);
    expect(asked.get(3)!.length).toBeGreaterThan(58);
    expect(master.parts?.()).toEqual([
      { name: "unit 1", state: "ok", failures: 0 },
      { name: "unit 2", state: "quarantined", failures: 6 },
      { name: "unit 3", state: "ok", failures: 0 },
    ]);
  });

  test("takes a unit back as soon as it answers", () => {
    const master = driver(units, { everySeconds: 5, failuresMax: 2, quarantineSeconds: 60 });
    const asked = run(master, bus(), 200, (unit, second) => unit !== 2 || second > 90);
    const back = asked.get(2)!.filter((second) => second > 90);
    expect(back[1]! - back[0]!).toBeLessThanOrEqual(1);
    expect(back[3]! - back[2]!).toBe(5);
    expect(master.parts?.()[1]).toEqual({ name: "unit 2", state: "ok", failures: 0 });
  });

  test("forgets all grudges when it is opened anew", () => {
    const master = driver(units, { failuresMax: 1, quarantineSeconds: 86_400 });
    run(master, bus(), 50, () => false);
    expect(master.parts?.().every(({ state }) => state === "quarantined")).toBe(true);
    run(master, bus(), 1, () => true);
    expect(master.parts?.().every(({ state }) => state === "ok")).toBe(true);
  });
});

describe("an exception", () => {
  const registers = [LEVEL, { register: 9, quantity: "temp" }];

  test("sets aside what the unit does not have, and goes on with the rest", () => {
    const master = driver([{ id: 1, registers }], { everySeconds: 5, quarantineSeconds: 60 });
    const isAsked = (events: readonly SensorEvent[]): string[] =>
      writesOf(events).map((each) => each.slice(0, 12));
    expect(isAsked(master.opened(0))).toEqual(["010300000001"]);
    expect(isAsked(master.push(encodeModbusFrame([1, 0x83, 2]), 10))).toEqual(["010300090001"]);
    expect(readingsOf(master.push(encodeModbusFrame([1, 3, 2, 0, 21]), 20))).toEqual([
      " temp 21 Cel",
    ]);
    expect(isAsked(master.tick(5000))).toEqual(["010300090001"]);
    master.push(encodeModbusFrame([1, 3, 2, 0, 21]), 5020);
    // Whoever has mistaken an address has to see which.
    expect(master.parts?.()).toEqual([
      { name: "unit 1 (it refuses holding 0)", state: "failing", failures: 0 },
    ]);
    expect(isAsked(master.tick(61_000))).toEqual(["010300000001"]);
    master.push(encodeModbusFrame([1, 3, 2, 0, 3]), 61_010);
    expect(master.parts?.()).toEqual([{ name: "unit 1", state: "ok", failures: 0 }]);
  });

  test("says which registers, of which kind", () => {
    const wrong = [
      { register: 40_001, quantity: "level", type: "f32" },
      { register: 4, quantity: "temp", kind: "input" },
    ];
    const master = driver([{ id: 7, registers: wrong }]);
    master.opened(0);
    master.push(encodeModbusFrame([7, 0x83, 2]), 10);
    master.push(encodeModbusFrame([7, 0x84, 2]), 20);
    expect(master.parts?.()[0]?.name).toBe("unit 7 (it refuses holding 40001-40002 and input 4)");
  });

  test("of a busy unit changes nothing", () => {
    const master = driver([{ id: 1, registers: [LEVEL] }], { everySeconds: 5 });
    master.opened(0);
    expect(master.push(encodeModbusFrame([1, 0x83, 6]), 10)).toEqual([]);
    expect(writesOf(master.tick(5000))).toHaveLength(1);
  });

  test("of a gateway is that unit's silence", () => {
    const master = driver([{ id: 1, registers }], { everySeconds: 5 });
    master.opened(0);
    expect(master.push(encodeModbusFrame([1, 0x83, 11]), 10)).toEqual([]);
    expect(master.parts?.()).toMatchObject([{ state: "failing", failures: 1 }]);
  });
});

test("nothing is said before the line is open", () => {
  expect(driver([{ id: 1, registers: [LEVEL] }]).tick(1000)).toEqual([]);
});

describe("options", () => {
  const one = (register: object, unit: object = {}): object => ({
    units: [{ id: 1, registers: [{ ...LEVEL, ...register }], ...unit }],
  });
  test.each([
    ["no units", {}],
    ["no registers", { units: [{ id: 1, registers: [] }] }],
    ["the address for all", one({}, { id: 0 })],
    ["an address beyond 247", one({}, { id: 248 })],
    ["one unit twice", { units: [1, 1].map((id) => ({ id, registers: [LEVEL] })) }],
    ["one quantity twice in a stream", { units: [1, 2].map((id) => ({ id, registers: [LEVEL] })) }],
    ["a register that ends beyond the last", one({ register: 65_535, type: "u32" })],
    ["a scale of nothing", one({ scale: 0 })],
    ["an order that there is not", one({ wordOrder: "ACBD" })],
    ["a wrong unit", one({ unit: "cm" })],
    ["an unknown quantity without unit", one({ quantity: "sludge" })],
    ["a position", one({ quantity: "lat", unit: "lat" })],
    ["what agents say of themselves", one({ quantity: "dropped" })],
    ["a fault mark", one({ quantity: "level-fault", unit: "" })],
    ["a stream that is no name", one({ stream: "A b" })],
  ])("%s: refused", (_, options) => {
    expect(modbus.options.safeParse(options).success).toBe(false);
  });

  test("a quantity of its own needs a unit, perhaps an empty one", () => {
    expect(modbus.options.safeParse(one({ quantity: "sludge", unit: "%" })).success).toBe(true);
    expect(modbus.options.safeParse(one({ quantity: "door", unit: "" })).success).toBe(true);
  });
});

const RECORDING = "data/modbus-rtu-frames/flowmeter_target_0liter_per_min.jsonl";

describeWithShared("a recorded flow meter", [RECORDING], () => {
  test("gives its floats, asked as its maker's program asked it", () => {
    const frames = sharedText(RECORDING)
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { hex: string }).hex);
    // Registers 0 to 14: five floats, and five that are taken as they are.
    const registers = [0, 2, 4, 6, 8].map((register) => ({
      register,
      quantity: `r${register}`,
      unit: "",
      type: "f32",
    }));
    const rest = Array.from({ length: 5 }, (_, at) => ({
      register: 10 + at,
      quantity: `r${10 + at}`,
      unit: "",
    }));
    const master = driver([{ id: 0xf7, registers: [...registers, ...rest] }]);
    const [question] = writesOf(master.opened(0));
    const at = frames.indexOf(question!);
    expect(question).toBe("f7030000000f1158");
    const values = master
      .push(hex(frames[at + 1]!), 0)
      .flatMap((event) => (event.kind === "readings" ? event.readings : []))
      .map(({ value }) => value);
    expect(values.slice(0, 4)).toEqual([0, 22.97216, 0.21056603, 20]);
    expect(values[4]).toBeCloseTo(0.0014882, 7);
    expect(values.slice(5)).toEqual([0, 0, 0x8000, 8, 0]);
  });
});

const DIGITAL = "data/modbus-rtu-frames/brainchild-io-16do.jsonl";

describeWithShared("a recorded input and output module", [DIGITAL], () => {
  test("gives holding and input registers", () => {
    const frames = sharedText(DIGITAL)
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { hex: string }).hex);
    const registers = [
      { register: 0x63, quantity: "a", unit: "" },
      { register: 0x78, quantity: "b", unit: "", kind: "input" },
    ];
    const master = driver([{ id: 1, registers }]);
    const readings: unknown[] = [];
    let events: readonly SensorEvent[] = master.opened(0);
    for (
      let question = writesOf(events)[0];
      question !== undefined;
      question = writesOf(events)[0]
    ) {
      const at = frames.indexOf(question);
      expect(at).toBeGreaterThanOrEqual(0);
      events = master.push(hex(frames[at + 1]!), 0);
      readings.push(...readingsOf(events));
    }
    expect(readings).toEqual([" a 513 ", " b 19200 "]);
  });
});
