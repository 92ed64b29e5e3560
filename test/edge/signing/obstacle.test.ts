/** What stands in the way of signing, each by itself; and a chain that lets nobody past. */

import { expect, test } from "vitest";
import { Outbox } from "../../../edge/outbox/outbox.ts";
import { Chain } from "../../../edge/signing/chain.ts";
import { obstacleTo } from "../../../edge/signing/obstacle.ts";
import type { SigningGround } from "../../../edge/signing/obstacle.ts";
import { ClockSource } from "../../../edge/time/clock-source.ts";
import { sha256 } from "../../../ledger/sha256.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { nativeSigner } from "../../support/native-signer.ts";

const PREV = sha256(new Uint8Array(1));
const IAT = 2 ** 29;

interface Ground extends SigningGround {
  readonly clock: ManualClock;
}

/** A ground on which nothing stands in the way. */
async function clearGround(tail = { seq: 0, follows: 0 }): Promise<Ground> {
  const files = new MemoryFiles();
  const outbox = await Outbox.open({ files, folder: "/outbox", kid: new Uint8Array(8) });
  await outbox.anchor({ ...tail, prev: PREV });
  const clock = new ManualClock(IAT * 1000);
  return {
    delivery: { halted: undefined },
    repair: { isFinished: true },
    chain: new Chain({ issuer: "air-1", signer: nativeSigner(new Uint8Array(32).fill(9)), outbox }),
    outbox,
    outboxBytesMax: 10_000,
    time: new ClockSource({ clock, notBeforeMs: 0, waitForSyncMs: 0 }),
    clock,
  };
}

const draft = { kind: "clip", stream: "cam", iat: IAT, payload: new Uint8Array(10) } as const;

test("with nothing in the way there is no obstacle", async () => {
  expect(obstacleTo(await clearGround())).toBeUndefined();
});

test("each obstacle is seen, though nothing else is wrong", async () => {
  const ground = await clearGround();
  expect(obstacleTo({ ...ground, delivery: { halted: {} } })).toBe("halted");
  expect(obstacleTo({ ...ground, repair: { isFinished: false } })).toBe("gap-due");
  expect(obstacleTo({ ...ground, outboxBytesMax: ground.outbox.bytes })).toBe("full");
  ground.chain.sign(draft);
  expect(obstacleTo(ground)).toBe("disk");
  await ground.outbox.flush();
  expect(obstacleTo(ground)).toBeUndefined();
  ground.clock.jump(-2 * IAT * 1000);
  expect(obstacleTo(ground)).toBe("no-clock");
});

test("a device that was never anchored, and one whose numbers were skipped", async () => {
  const files = new MemoryFiles();
  const outbox = await Outbox.open({ files, folder: "/outbox", kid: new Uint8Array(8) });
  const signer = nativeSigner(new Uint8Array(32).fill(9));
  const chain = new Chain({ issuer: "air-1", signer, outbox });
  expect(obstacleTo({ ...(await clearGround()), chain, outbox })).toBe("not-enrolled");
  expect(() => chain.sign(draft)).toThrow(RangeError);
  expect(obstacleTo(await clearGround({ seq: 9, follows: 4 }))).toBe("gap-due");
});

test("behind skipped numbers a chain takes a gap that leaves out at least one, and nothing else", async () => {
  const { chain, outbox } = await clearGround({ seq: 9, follows: 4 });
  const gap = { prev: PREV, reason: "lost", stream: "cam", iat: IAT } as const;
  expect(() => chain.sign(draft)).toThrow("the chain is not whole");
  expect(() => chain.signGap({ ...gap, from: 9 })).toThrow("at least one number");
  expect(outbox.isFlushed).toBe(true);
  expect(chain.signGap({ ...gap, from: 4 }).seq).toBe(9);
  expect(chain.sign(draft).seq).toBe(10);
});
