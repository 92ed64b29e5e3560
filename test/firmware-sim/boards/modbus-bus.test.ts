/**
 * Simulated Modbus units against recorded conversations of real ones, and the rules of the standard.
 */
import { describe, expect, test } from "vitest";
import { concatBytes, decodeHex, encodeHex } from "../../../ledger/bytes.ts";
import {
  encodeModbusFrame,
  ModbusBus,
  type ModbusUnitPlan,
} from "../../../firmware-sim/boards/modbus-bus.ts";
import type { ModbusMemory } from "../../../firmware-sim/boards/modbus-unit.ts";
import { describeWithShared, sharedText } from "../../support/shared-data.ts";

function hex(text: string): Uint8Array {
  const bytes = decodeHex(text);
  if (bytes === undefined) throw new Error(`no hex: ${text}`);
  return bytes;
}

function ask(board: ModbusBus, ...body: number[]): string[] {
  return board.receive(encodeModbusFrame(body), 0).map((frame) => encodeHex(frame.slice(0, -2)));
}

const RECORDINGS = [
  "brainchild-io-16do",
  "flowmeter_graph_tool",
  "flowmeter_target_0liter_per_min",
].map((name) => `data/modbus-rtu-frames/${name}.jsonl`);

/** Puts into a unit's memory what it has to hold to give this answer, or for this write to be allowed. */
function prepare(memory: ModbusMemory, request: Uint8Array, answer: Uint8Array): void {
  const view = new DataView(request.buffer, request.byteOffset, request.length);
  const [code, address, count] = [view.getUint8(1), view.getUint16(2), view.getUint16(4)];
  const bits = { 1: memory.coils, 2: memory.discretes }[code];
  const registers = { 3: memory.holding, 4: memory.input }[code];
  for (let at = 0; at < count && bits !== undefined; at++)
    bits.set(address + at, (answer[3 + (at >> 3)]! >> (at & 7)) & 1);
  for (let at = 0; at < count && registers !== undefined; at++)
    registers.set(address + at, (answer[3 + at * 2]! << 8) | answer[4 + at * 2]!);
  if (code === 5) memory.coils.set(address, 0);
  if (code === 6) memory.holding.set(address, 0);
  for (let at = 0; at < count && code >= 15; at++)
    (code === 15 ? memory.coils : memory.holding).set(address + at, 0);
}

describeWithShared("recorded conversations", RECORDINGS, () => {
  test.each(RECORDINGS)("%s: every request is answered as the real unit did", (file) => {
    const frames = sharedText(file)
      .trim()
      .split("\n")
      .map((line) => hex((JSON.parse(line) as { hex: string }).hex));
    const ids = [...new Set(frames.map(([id = 0]) => id))];
    const board = new ModbusBus(ids.map((id) => ({ id, registers: [] })));
    for (let at = 0; at < frames.length; at += 2) {
      const [request, answer] = [frames[at]!, frames[at + 1]!];
      prepare(board.memories.get(request[0]!)!, request, answer);
      expect(board.receive(request, at * 1000).map(encodeHex)).toEqual([encodeHex(answer)]);
    }
  });
});

describe("measured values", () => {
  const plan: ModbusUnitPlan = {
    id: 17,
    registers: [
      { register: 0, quantity: "level" },
      { register: 2, quantity: "level", wordOrder: "CDAB" },
      { register: 4, quantity: "level", wordOrder: "BADC" },
      { register: 6, quantity: "level", wordOrder: "DCBA" },
      { register: 8, quantity: "temp", type: "i16", scale: 0.1 },
      { register: 9, quantity: "energy", type: "u32" },
      { register: 0, quantity: "energy", type: "u16", kind: "input" },
    ],
  };

  test("stand in the registers as the plan has it", () => {
    const board = new ModbusBus([plan]);
    board.measure({ level: -2.5, temp: -3.24, energy: 300_000 });
    // -2.5 is C0200000; -32 is FFE0; 300000 is 000493E0, beyond what one register holds.
    expect(ask(board, 17, 3, 0, 0, 0, 11)).toEqual([
      "110316" + "c0200000" + "0000c020" + "20c00000" + "000020c0" + "ffe0" + "000493e0",
    ]);
    expect(ask(board, 17, 4, 0, 0, 0, 1)).toEqual(["110402ffff"]);
  });

  test("are floats from 0 on in unit 1, when nothing else is said", () => {
    const board = new ModbusBus();
    board.measure({ level: 1, temp: 2 });
    expect(ask(board, 1, 3, 0, 0, 0, 4)).toEqual(["0103083f80000040000000"]);
    const chosen = new ModbusBus([], ["temp"]);
    chosen.measure({ level: 1, temp: 2 });
    expect(ask(chosen, 1, 3, 0, 0, 0, 2)).toEqual(["01030440000000"]);
  });
});

test("registers hold zero before anything is measured", () => {
  const board = new ModbusBus([{ id: 1, registers: [{ register: 3, quantity: "level" }] }]);
  expect(ask(board, 1, 3, 0, 3, 0, 2)).toEqual(["01030400000000"]);
});

describe("refuses", () => {
  const board = new ModbusBus([{ id: 1, registers: [{ register: 0, quantity: "level" }] }]);
  board.measure({ level: 1 });
  const memory = board.memories.get(1)!;
  for (let at = 0; at < 300; at++) memory.input.set(at, at);
  memory.coils.set(0, 0);
  test.each([
    ["a function that it does not have", [1, 43, 14, 1, 0], "01ab01"],
    ["registers that it does not have", [1, 3, 0, 1, 0, 2], "018302"],
    ["no registers", [1, 4, 0, 0, 0, 0], "018403"],
    ["more registers than fit", [1, 4, 0, 0, 0, 126], "018403"],
    ["a coil that is neither on nor off", [1, 5, 0, 0, 1, 0], "018503"],
    ["to write where there is nothing", [1, 6, 0, 9, 0, 1], "018602"],
    ["to write nothing", [1, 16, 0, 0, 0, 0, 0], "019003"],
    ["to write more registers than there are bytes", [1, 16, 0, 0, 0, 2, 2, 0, 1], "019003"],
    ["to write fewer coils than there are bytes", [1, 15, 0, 0, 0, 1, 2, 1, 1], "018f03"],
    [
      "to write more registers than one request may",
      [1, 16, 0, 0, 0, 124, 248, ...Array<number>(248).fill(0)],
      "019003",
    ],
  ])("%s", (_, request, answer) => {
    expect(ask(board, ...request)).toEqual([answer]);
  });

  test("nothing of what is right", () => {
    expect(ask(board, 1, 4, 0, 0, 0, 125)[0]).toMatch(/^0104fa/);
    expect(ask(board, 1, 5, 0, 0, 0xff, 0)).toEqual(["01050000ff00"]);
    expect(memory.coils.get(0)).toBe(1);
  });
});

describe("a line", () => {
  const board = (): ModbusBus => {
    const line = new ModbusBus(
      [1, 2].map((id) => ({ id, registers: [{ register: 0, quantity: "x" }] })),
    );
    line.measure({ x: id(line) });
    return line;
  };
  const id = (line: ModbusBus): number => line.memories.size;

  test("answers for its units only, and to nobody with a wrong check", () => {
    expect(ask(board(), 2, 3, 0, 0, 0, 1)).toEqual(["0203024000"]);
    expect(ask(board(), 3, 3, 0, 0, 0, 1)).toEqual([]);
    expect(board().receive(encodeModbusFrame([1, 3, 0, 0, 0, 1]).with(-1, 0), 0)).toEqual([]);
  });

  test("obeys what is said to all, in silence", () => {
    const line = board();
    expect(ask(line, 0, 6, 0, 0, 0, 7)).toEqual([]);
    for (const memory of line.memories.values()) expect(memory.holding.get(0)).toBe(7);
  });

  test("finds requests cut at any byte, among noise and after broken ones", () => {
    const good = encodeModbusFrame([1, 3, 0, 0, 0, 1]);
    const stream = concatBytes(hex("ff01"), good, good.with(7, 0), good, hex("0103"), good);
    for (let cut = 0; cut <= stream.length; cut++) {
      const line = board();
      const pieces = [stream.subarray(0, cut), stream.subarray(cut)];
      expect(pieces.flatMap((piece) => line.receive(piece, 0))).toHaveLength(3);
    }
  });

  test("is not misled by a request that holds something with a good check", () => {
    // 03 00 02 00 01 would be one of unit 3, with a function that nobody has.
    const line = new ModbusBus([{ id: 17, registers: [{ register: 2, quantity: "x" }] }]);
    expect(line.receive(hex("110300020001275a"), 0)).toHaveLength(1);
  });

  test("forgets half a request after half a second", () => {
    const line = board();
    const good = encodeModbusFrame([1, 3, 0, 0, 0, 1]);
    line.receive(good.subarray(0, 5), 0);
    expect(line.receive(good, 500)).toHaveLength(1);
  });
});
