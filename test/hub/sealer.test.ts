/** The pace of sealing, on a clock moved by hand. */

import { describe, expect, test } from "vitest";
import { HubLog } from "../../hub/log.ts";
import { Sealer } from "../../hub/sealer.ts";
import type { SealerPorts } from "../../hub/sealer.ts";
import { MemoryEntryIndex } from "../../hub/store/memory-entry-index.ts";
import { nobleSigner } from "../../ledger/signature.ts";
import { ManualClock } from "../../platform/clock.ts";
import { silentLogger } from "../../platform/log.ts";
import { MemoryFiles } from "../../platform/memory-files.ts";
import { fastestVerify } from "../../platform/native-verify.ts";
import { ORIGIN, testDevice } from "./support/devices.ts";
import { enrolment, secondsOf } from "./support/log-maker.ts";

const START_MS = 1_790_000_000_000;
const BLOCK_MS = 300_000;

interface Bench {
  readonly clock: ManualClock;
  readonly files: MemoryFiles;
  readonly log: HubLog;
  readonly fatal: unknown[];
  readonly sealer: (changes?: Partial<SealerPorts>) => Sealer;
  /** Lets time pass, then waits for a seal that has begun. */
  readonly pass: (ms: number) => Promise<void>;
}

async function bench(): Promise<Bench> {
  const clock = new ManualClock(START_MS);
  const files = new MemoryFiles();
  await files.makeFolder("/data");
  const log = await HubLog.create({
    files,
    folder: "/data",
    signer: nobleSigner(new Uint8Array(32).fill(3)),
    verify: fastestVerify,
    clock,
    logger: silentLogger,
    openIndex: async () => new MemoryEntryIndex(),
    origin: ORIGIN,
    blockSeconds: BLOCK_MS / 1000,
  });
  const fatal: unknown[] = [];
  return {
    clock,
    files,
    log,
    fatal,
    sealer: (changes = {}) =>
      new Sealer({ log, clock, onFatal: (error) => void fatal.push(error), ...changes }),
    pass: async (ms) => {
      const height = log.state.head!.height;
      await clock.advance(ms);
      // The next wait is asked for once a seal is written.
      while (log.state.head!.height > height && clock.pending === 0 && fatal.length === 0) {
        await clock.advance(0);
      }
    },
  };
}

describe("sealing", () => {
  test("goes on at its pace, whether anything came in or not", async () => {
    const { log, sealer, pass } = await bench();
    const running = sealer();
    running.start();
    await pass(BLOCK_MS - 1);
    expect(log.state.head?.height).toBe(0);
    for (let height = 1; height <= 5; height++) {
      await pass(height === 1 ? 1 : BLOCK_MS);
      expect(log.state.head).toMatchObject({ height, timeMs: START_MS + height * BLOCK_MS });
    }
    await running.stop();
    await pass(10 * BLOCK_MS);
    expect(log.state.head?.height).toBe(5);
  });

  test("catches up with one block after a pause, however long", async () => {
    const { clock, log, sealer, pass } = await bench();
    await clock.advance(20 * BLOCK_MS);
    const running = sealer();
    running.start();
    await pass(0);
    expect(log.state.head?.height).toBe(1);
    await pass(BLOCK_MS - 1);
    expect(log.state.head?.height).toBe(1);
    await running.stop();
  });

  test("waits for one block at most where the clock was set back", async () => {
    const { clock, log, sealer, pass } = await bench();
    clock.jump(-100 * BLOCK_MS);
    const running = sealer();
    running.start();
    await pass(BLOCK_MS);
    expect(log.state.head).toMatchObject({ height: 1, timeMs: START_MS });
    await running.stop();
  });

  test("comes early when the open block has grown to its bound", async () => {
    const { clock, log, sealer, pass } = await bench();
    const running = sealer({ openBytesMax: 1000 });
    running.start();
    for (let i = 0; i < 10; i++) {
      const iat = secondsOf(clock.nowMs());
      const payload = enrolment(testDevice(`air-${i}`));
      log.submit({ kind: "enrol", stream: "registry", iat, payload });
      await log.durable();
      await pass(0);
    }
    expect(log.state.head?.height).toBeGreaterThan(1);
    expect(log.openBytes).toBeLessThan(1500);
    await running.stop();
  });

  test("asks before the first seal, once, and seals nothing where the answer is no", async () => {
    const { log, sealer, pass, fatal } = await bench();
    let asked = 0;
    const running = sealer({
      beforeFirst: async () => {
        asked += 1;
      },
    });
    running.start();
    await pass(BLOCK_MS);
    await pass(BLOCK_MS);
    expect(asked).toBe(1);
    await running.stop();
    const refused = sealer({ beforeFirst: () => Promise.reject(new Error("a mirror is ahead")) });
    refused.start();
    await pass(BLOCK_MS);
    expect(fatal).toMatchObject([{ message: "a mirror is ahead" }]);
    expect(log.state.head?.height).toBe(2);
    await refused.stop();
  });

  test("says when the disk fails, and stops", async () => {
    const { files, log, sealer, pass, fatal } = await bench();
    const running = sealer();
    running.start();
    files.setFaults(({ kind }) => (kind === "write" ? "undone" : undefined));
    await pass(BLOCK_MS);
    expect(fatal).toHaveLength(1);
    await pass(10 * BLOCK_MS);
    expect(log.state.head?.height).toBe(1);
    await running.stop();
  });
});
