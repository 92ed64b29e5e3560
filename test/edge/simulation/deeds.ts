/** What may happen to an agent, as fast-check draws it: one thing after another, from one seed. */

import fc from "fast-check";
import type { RefusalCode } from "../../../ledger/errors.ts";
import type { Fault } from "../../../platform/memory-files.ts";
import type { RetentionLevel } from "../../../edge/delivery/receipt-trust.ts";
import { PACKET } from "./wire.ts";
import type { WireFault } from "./wire.ts";

/** One thing that happens. Shares are from 0 to 1. */
export type Deed =
  | { readonly kind: "read"; readonly sensor: number; readonly count: number }
  | { readonly kind: "film"; readonly seconds: number }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "line"; readonly sensor: number; readonly how: "lost" | "refused" | "garbage" }
  | { readonly kind: "power-cut" | "kill"; readonly afterOperations: number }
  | { readonly kind: "stop" }
  | {
      readonly kind: "disk";
      readonly fault: Exclude<Fault, "power-cut">;
      readonly afterOperations: number;
    }
  | { readonly kind: "disk-state"; readonly state: "well" | "full" | "read-only" }
  | {
      readonly kind: "wire";
      readonly from: "device" | "broker";
      readonly type: number;
      readonly nth: number;
      readonly fault: WireFault;
    }
  | { readonly kind: "cut" }
  | { readonly kind: "network"; readonly isUp: boolean }
  | { readonly kind: "seal"; readonly isCosigned: boolean }
  | { readonly kind: "hub-restarts"; readonly share: number }
  | { readonly kind: "hub-forgets"; readonly share: number }
  | { readonly kind: "hub-restored" }
  | { readonly kind: "hub-silent"; readonly isSilent: boolean }
  | { readonly kind: "refuse"; readonly code: RefusalCode; readonly count: number }
  | { readonly kind: "swallow"; readonly count: number }
  | { readonly kind: "acks"; readonly count: number; readonly isOld: boolean }
  | { readonly kind: "lie"; readonly code: RefusalCode; readonly share: number }
  | { readonly kind: "clock"; readonly skewMs: number }
  | { readonly kind: "receiver"; readonly aheadMs: number }
  | { readonly kind: "late"; readonly ms: number };

/** Everything that one run hangs on. */
export interface Fate {
  readonly seed: number;
  readonly level: RetentionLevel;
  readonly isRestricted: boolean;
  readonly hasCamera: boolean;
  /** NTP keeps the device's clock. */
  readonly isKept: boolean;
  readonly packSeconds: number;
  readonly packReadingsMax: number;
  readonly outboxBytesMax: number;
  readonly waitingReadingsMax: number;
  readonly deeds: readonly Deed[];
}

const share = fc.double({ min: 0, max: 1, noNaN: true });
const sensor = fc.nat({ max: 1 });
const operations = fc.nat({ max: 12 });
const aFew = fc.integer({ min: 1, max: 4 });
const DAY_MS = 86_400_000;

/** Refusals for what a statement is, for now, and for who says it. */
const codes = fc.constantFrom<RefusalCode[]>(
  "malformed",
  "wrong-name",
  "bad-signature",
  "too-large",
  "broken-chain",
  "quota",
  "quota",
  "wrong-stream",
  "revoked-key",
);

const deed: fc.Arbitrary<Deed> = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.record({
      kind: fc.constant("read" as const),
      sensor,
      count: fc.integer({ min: 1, max: 12 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("film" as const),
      seconds: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constant("wait" as const),
      ms: fc.oneof(fc.integer({ min: 1, max: 3_000 }), fc.integer({ min: 1, max: 90_000 })),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("line" as const),
      sensor,
      how: fc.constantFrom("lost" as const, "refused" as const, "garbage" as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom("power-cut" as const, "power-cut" as const, "kill" as const),
      afterOperations: operations,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("stop" as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("disk" as const),
      fault: fc.constantFrom<Exclude<Fault, "power-cut">[]>("undone", "done", "part"),
      afterOperations: operations,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("disk-state" as const),
      state: fc.constantFrom(
        "well" as const,
        "well" as const,
        "full" as const,
        "read-only" as const,
      ),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("wire" as const),
      from: fc.constantFrom("device" as const, "broker" as const),
      type: fc.constantFrom(
        PACKET.publish,
        PACKET.publish,
        PACKET.puback,
        PACKET.puback,
        PACKET.connect,
        PACKET.connack,
        PACKET.subscribe,
        PACKET.suback,
      ),
      nth: fc.nat({ max: 5 }),
      fault: fc.constantFrom("cut" as const, "cut" as const, "hang" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut" as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("network" as const), isUp: fc.boolean() }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant("seal" as const), isCosigned: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("hub-restarts" as const), share }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("hub-forgets" as const), share }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("hub-restored" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("hub-silent" as const), isSilent: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("refuse" as const), code: codes, count: aFew }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("swallow" as const), count: aFew }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("acks" as const),
      count: aFew,
      isOld: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("lie" as const), code: codes, share }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("clock" as const),
      skewMs: fc.oneof(
        fc.constant(0),
        fc.integer({ min: -DAY_MS, max: DAY_MS }),
        // The day on which Unix began.
        fc.constant(-Infinity),
        // A clock without memory.
        fc.constant(Date.parse("2099-01-01") - Date.parse("2026-12-01")),
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("receiver" as const),
      aheadMs: fc.oneof(
        fc.constant(0),
        fc.integer({ min: -5_000, max: 5_000 }),
        fc.integer({ min: -DAY_MS, max: DAY_MS }),
        // Beyond what any hub takes, and not beyond belief.
        fc.constant(3_650 * DAY_MS),
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("late" as const),
      ms: fc.constantFrom(0, 0, 40, 5_000),
    }),
  },
);

/** Draws runs of at most so many deeds. */
export function fates(deedsMax: number): fc.Arbitrary<Fate> {
  return fc.record({
    seed: fc.nat(),
    level: fc.constantFrom<RetentionLevel[]>("cosigned", "cosigned", "sealed", "stored"),
    isRestricted: fc.boolean(),
    hasCamera: fc.boolean(),
    isKept: fc.boolean(),
    packSeconds: fc.constantFrom(1, 5, 10),
    packReadingsMax: fc.constantFrom(1, 4, 64),
    outboxBytesMax: fc.constantFrom(1_000_000, 1_000_000, 65_536, 5_000),
    waitingReadingsMax: fc.constantFrom(1_000, 100, 20),
    deeds: fc.array(deed, { minLength: 0, maxLength: deedsMax, size: "max" }),
  });
}
