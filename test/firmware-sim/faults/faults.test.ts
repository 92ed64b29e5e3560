import { describe, expect, test } from "vitest";
import { concatBytes } from "../../../ledger/bytes.ts";
import type { FaultPlan } from "../../../firmware-sim/faults/fault-plan.ts";
import { FaultLine } from "../../../firmware-sim/faults/faults.ts";
import { seededRandom } from "../../../platform/random.ts";

const ALWAYS = { afterMs: 0 };
const CHUNKS = Array.from({ length: 200 }, (_, at) =>
  Uint8Array.from({ length: 10 }, (_byte, i) => at + i),
);
const SENT = concatBytes(...CHUNKS);

function pass(plans: FaultPlan[], seed = 1): Uint8Array[] {
  const line = new FaultLine(plans, seededRandom(seed));
  return CHUNKS.flatMap((chunk) => line.bytes(chunk, 0));
}

function bits(a: Uint8Array, b: Uint8Array): number {
  return a.reduce(
    (sum, byte, at) => sum + (byte ^ (b[at] ?? 0)).toString(2).replaceAll("0", "").length,
    0,
  );
}

describe("on bytes", () => {
  test("without faults nothing changes", () => {
    expect(pass([])).toEqual(CHUNKS);
  });

  test("bits are turned, one in a byte, as often as said", () => {
    const got = concatBytes(...pass([{ kind: "bit-flips", share: 0.05, ...ALWAYS }]));
    expect(got).toHaveLength(SENT.length);
    expect(bits(SENT, got)).toBeGreaterThan(60);
    expect(bits(SENT, got)).toBeLessThan(140);
    expect(SENT).toEqual(concatBytes(...CHUNKS));
  });

  test("chunks are cut, and nothing else", () => {
    const got = pass([{ kind: "split", share: 1, ...ALWAYS }]);
    expect(got).toHaveLength(2 * CHUNKS.length);
    expect(got.every((chunk) => chunk.length > 0)).toBe(true);
    expect(concatBytes(...got)).toEqual(SENT);
  });

  test("chunks are joined, and let go in the end", () => {
    const got = pass([{ kind: "merge", share: 0.5, ...ALWAYS }]);
    expect(got.length).toBeLessThan(150);
    const joined = concatBytes(...got);
    expect(joined).toEqual(SENT.subarray(0, joined.length));
    expect(SENT.length - joined.length).toBeLessThan(200);
  });

  test("chunks are not kept back for ever", () => {
    const line = new FaultLine([{ kind: "merge", share: 1, ...ALWAYS }], seededRandom(1));
    const first = Array.from({ length: 500 }, () => line.bytes(new Uint8Array(10), 0)).find(
      (got) => got.length > 0,
    );
    expect(first?.[0]?.length).toBe(4100);
  });

  test("garbage comes between chunks, never in them", () => {
    const got = pass([{ kind: "garbage", share: 0.3, bytesMax: 5, ...ALWAYS }]);
    const garbage = got.filter((chunk) => chunk.length <= 5);
    expect(garbage.length).toBeGreaterThan(30);
    expect(got.filter((chunk) => chunk.length > 5)).toEqual(CHUNKS);
  });

  test("a stall swallows everything in its window", () => {
    const line = new FaultLine(
      [{ kind: "stall", afterMs: 100, forMs: 50, everyMs: 200 }],
      seededRandom(1),
    );
    const silent = Array.from({ length: 600 }, (_, ms) => ms).filter(
      (ms) => line.bytes(SENT, ms).length === 0,
    );
    expect(silent[0]).toBe(100);
    expect(silent).toHaveLength(150);
    expect(silent).toContain(349);
    expect(silent).not.toContain(350);
  });

  test("the same seed makes the same faults, another seed others", () => {
    const plans: FaultPlan[] = [
      { kind: "split", share: 0.3, ...ALWAYS },
      { kind: "garbage", share: 0.3, bytesMax: 9, ...ALWAYS },
      { kind: "bit-flips", share: 0.01, ...ALWAYS },
      { kind: "merge", share: 0.3, ...ALWAYS },
    ];
    expect(pass(plans)).toEqual(pass(plans));
    expect(pass(plans, 2)).not.toEqual(pass(plans));
  });
});

describe("on values", () => {
  test("one value sticks while the others go on, and comes loose again", () => {
    const line = new FaultLine(
      [{ kind: "stuck", quantity: "pm25", afterMs: 10, forMs: 10 }],
      seededRandom(1),
    );
    const seen = [5, 10, 19, 20].map((ms) => line.values({ pm25: ms, pm10: ms }, ms));
    expect(seen).toEqual([
      { pm25: 5, pm10: 5 },
      { pm25: 10, pm10: 10 },
      { pm25: 10, pm10: 19 },
      { pm25: 20, pm10: 20 },
    ]);
  });

  test("all values stick where none is named", () => {
    const line = new FaultLine([{ kind: "stuck", afterMs: 0 }], seededRandom(1));
    line.values({ a: 1, b: 2 }, 0);
    expect(line.values({ a: 3, b: 4 }, 1)).toEqual({ a: 1, b: 2 });
  });
});
