import { describe, expect, test } from "vitest";
import { concatBytes } from "../../../ledger/bytes.ts";
import { type ByteFault, byteFaultOf } from "../../../firmware-sim/faults/byte-faults.ts";
import type { FaultPlan } from "../../../firmware-sim/faults/fault-plan.ts";
import { seededRandom } from "../../../platform/random.ts";

const ALWAYS = { afterMs: 0 };
const CHUNKS = Array.from({ length: 200 }, (_, at) =>
  Uint8Array.from({ length: 10 }, (_byte, i) => at + i),
);
const SENT = concatBytes(...CHUNKS);

function fault(plan: FaultPlan): ByteFault {
  const made = byteFaultOf(plan, seededRandom(1));
  if (made === undefined) throw new Error("no fault of bytes");
  return made;
}

function pass(plan: FaultPlan): Uint8Array[] {
  const made = fault(plan);
  return CHUNKS.flatMap((chunk) => made.bytes(chunk, 0));
}

function bits(a: Uint8Array, b: Uint8Array): number {
  return a.reduce(
    (sum, byte, at) => sum + (byte ^ (b[at] ?? 0)).toString(2).replaceAll("0", "").length,
    0,
  );
}

test("bits are turned, one in a byte, as often as said", () => {
  const got = concatBytes(...pass({ kind: "bit-flips", share: 0.05, ...ALWAYS }));
  expect(got).toHaveLength(SENT.length);
  expect(bits(SENT, got)).toBeGreaterThan(60);
  expect(bits(SENT, got)).toBeLessThan(140);
  expect(SENT).toEqual(concatBytes(...CHUNKS));
});

test("chunks are cut, and nothing else", () => {
  const got = pass({ kind: "split", share: 1, ...ALWAYS });
  expect(got).toHaveLength(2 * CHUNKS.length);
  expect(got.every((chunk) => chunk.length > 0)).toBe(true);
  expect(concatBytes(...got)).toEqual(SENT);
});

describe("chunks are joined", () => {
  test("and let go in the end", () => {
    const got = pass({ kind: "merge", share: 0.5, ...ALWAYS });
    expect(got.length).toBeLessThan(150);
    const joined = concatBytes(...got);
    expect(joined).toEqual(SENT.subarray(0, joined.length));
    expect(SENT.length - joined.length).toBeLessThan(200);
  });

  test("and not kept back for ever", () => {
    const merging = fault({ kind: "merge", share: 1, ...ALWAYS });
    const first = Array.from({ length: 500 }, () => merging.bytes(new Uint8Array(10), 0)).find(
      (got) => got.length > 0,
    );
    expect(first?.[0]?.length).toBe(4100);
  });

  test("and what is left when the window closes comes before the next", () => {
    const merging = fault({ kind: "merge", share: 1, afterMs: 0, forMs: 10 });
    expect(merging.bytes(Uint8Array.of(1), 9)).toEqual([]);
    expect(merging.bytes(Uint8Array.of(2), 10)).toEqual([Uint8Array.of(1, 2)]);
    expect(merging.bytes(Uint8Array.of(3), 11)).toEqual([Uint8Array.of(3)]);
  });
});

test("chunks are sent twice, whole and in their place", () => {
  const got = pass({ kind: "duplicate", share: 0.3, ...ALWAYS });
  expect(got.length).toBeGreaterThan(CHUNKS.length + 30);
  expect(got.length).toBeLessThan(CHUNKS.length + 90);
  expect(got.filter((chunk, at) => chunk !== got[at - 1])).toEqual(CHUNKS);
});

test("garbage comes between chunks, never in them", () => {
  const got = pass({ kind: "garbage", share: 0.3, bytesMax: 5, ...ALWAYS });
  const garbage = got.filter((chunk) => chunk.length <= 5);
  expect(garbage.length).toBeGreaterThan(30);
  expect(got.filter((chunk) => chunk.length > 5)).toEqual(CHUNKS);
});

test("under too little power bytes come out as anything", () => {
  const plan: FaultPlan = { kind: "brown-out", share: 0.2, resets: 1, afterMs: 0, forMs: 10 };
  const got = concatBytes(...pass(plan));
  const wrong = got.filter((byte, at) => byte !== SENT[at]).length;
  expect(got).toHaveLength(SENT.length);
  expect(wrong).toBeGreaterThan(320);
  expect(wrong).toBeLessThan(480);
  expect(fault(plan).bytes(SENT, 10)).toEqual([SENT]);
});

test("faults of other sorts are none of bytes", () => {
  expect(byteFaultOf({ kind: "stuck", afterMs: 0 }, seededRandom(1))).toBeUndefined();
});
