/** What a household is told of the ledger: unknown first, a problem at once only where somebody has to act. */

import { beforeEach, describe, expect, test } from "vitest";
import { counterLost } from "../../../edge/delivery/halt.ts";
import { LedgerWatch, PATIENCE_MS } from "../../../edge/home-assistant/ledger-state.ts";
import type { LedgerFacts } from "../../../edge/home-assistant/ledger-state.ts";

const WELL: LedgerFacts = {
  isConnected: true,
  isLoginRefused: false,
  halted: undefined,
  isHubBehind: false,
  waitsFor: undefined,
};
const STARTING: LedgerFacts = { ...WELL, isConnected: false, waitsFor: "not-enrolled" };

let nowMs: number;
let watch: LedgerWatch;

beforeEach(() => {
  nowMs = 5_000;
  watch = new LedgerWatch({ monotonicMs: () => nowMs });
});

function after(ms: number, facts: LedgerFacts): string {
  nowMs += ms;
  return watch.next(facts);
}

test("after the start it is unknown until the hub takes readings", () => {
  expect(after(0, STARTING)).toBe("None");
  expect(after(5_000, { ...WELL, waitsFor: "not-enrolled" })).toBe("None");
  expect(after(5_000, WELL)).toBe("ok");
});

test("a hub that is never reached is a problem after two minutes, and stays one", () => {
  expect(after(0, STARTING)).toBe("None");
  expect(after(PATIENCE_MS - 1, STARTING)).toBe("None");
  expect(after(1, STARTING)).toBe("problem");
  expect(after(3_600_000, STARTING)).toBe("problem");
  expect(after(1, WELL)).toBe("ok");
});

describe("while it was well", () => {
  beforeEach(() => {
    watch.next(WELL);
  });

  test.each<[string, Partial<LedgerFacts>]>([
    ["a connection that is lost", { isConnected: false }],
    ["a batch that is being written", { waitsFor: "disk" }],
    ["a clock that is not in step", { waitsFor: "no-clock" }],
    ["a receiver without a fix", { waitsFor: "no-position" }],
    ["a gap to be signed", { waitsFor: "gap-due" }],
  ])("%s is told when it has lasted", (_name, facts) => {
    const troubled = { ...WELL, ...facts };
    expect(after(5_000, troubled)).toBe("ok");
    expect(after(PATIENCE_MS - 1, troubled)).toBe("ok");
    expect(after(1, troubled)).toBe("problem");
  });

  test("one trouble after another counts from the first, and each pause begins anew", () => {
    expect(after(0, { ...WELL, isConnected: false })).toBe("ok");
    expect(after(PATIENCE_MS - 1, { ...WELL, waitsFor: "disk" })).toBe("ok");
    expect(after(0, WELL)).toBe("ok");
    expect(after(PATIENCE_MS - 1, { ...WELL, isConnected: false })).toBe("ok");
    expect(after(PATIENCE_MS, { ...WELL, waitsFor: "disk" })).toBe("problem");
  });
});

describe.each<[string, LedgerFacts]>([
  ["after the start", STARTING],
  ["while it was well", WELL],
])("%s", (_when, before) => {
  test.each<[string, Partial<LedgerFacts>]>([
    ["a device that has stopped", { halted: counterLost(3) }],
    ["a hub that has forgotten", { isHubBehind: true }],
    ["a login that is refused", { isConnected: false, isLoginRefused: true }],
    ["a disk that fails", { waitsFor: "disk", diskFault: "the disk is full" }],
    ["an outbox that is full", { waitsFor: "full" }],
  ])("%s is a problem at once", (_name, facts) => {
    watch.next(before);
    expect(after(0, { ...before, ...facts })).toBe("problem");
    expect(after(0, WELL)).toBe("ok");
  });
});
