/** Progress by events against a slow and obvious reference, over random lives of a log with restarts. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { Progress } from "../../../hub/admission/progress.ts";
import { HubLog } from "../../../hub/log.ts";
import { MemoryEntryIndex } from "../../../hub/store/memory-entry-index.ts";
import { Refusal } from "../../../ledger/errors.ts";
import { nobleSigner } from "../../../ledger/signature.ts";
import { decodeStatement } from "../../../ledger/statement.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { silentLogger } from "../../../platform/log.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { fastestVerify } from "../../../platform/native-verify.ts";
import { ORIGIN, testDevice } from "../support/devices.ts";
import type { TestDevice } from "../support/devices.ts";
import { enrolment, secondsOf, TestChain } from "../support/log-maker.ts";

const NOW_MS = 1_790_000_000_000;
const DEVICES = ["air-1", "air-2", "air-3"].map((name) => testDevice(name));
const clock = new ManualClock(NOW_MS);
const files = (): MemoryFiles => new MemoryFiles();

function parts(disk: MemoryFiles): Parameters<typeof HubLog.open>[0] {
  return {
    files: disk,
    folder: "/data",
    signer: nobleSigner(new Uint8Array(32).fill(3)),
    verify: fastestVerify,
    clock,
    logger: silentLogger,
    openIndex: async () => new MemoryEntryIndex(),
  };
}

async function created(disk: MemoryFiles): Promise<HubLog> {
  await disk.makeFolder("/data");
  const log = await HubLog.create({ ...parts(disk), origin: ORIGIN, blockSeconds: 300 });
  for (const device of DEVICES) {
    const payload = enrolment(device);
    log.submit({ kind: "enrol", stream: "registry", iat: secondsOf(NOW_MS), payload });
  }
  await log.durable();
  return log;
}

/** The newest statement of the device below a size, found by reading the whole log; -1 where there is none. */
async function newestBelow(log: HubLog, device: TestDevice, size: number): Promise<number> {
  let newest = -1;
  for await (const { bytes } of log.entries(0, size)) {
    const statement = decodeStatement(bytes);
    if (!(statement instanceof Refusal) && statement.kid === device.kid) newest = statement.seq;
  }
  return newest;
}

type Step =
  | { readonly kind: "say" | "gap"; readonly device: number }
  | { readonly kind: "seal" | "cosign" | "restart" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("say" as const), device: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("gap" as const), device: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("seal" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cosign" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const) }) },
);

test("progress is what the whole log says, also after restarts", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const disk = files();
      let log = await created(disk);
      const chains = DEVICES.map(
        (device) => new TestChain(device, log.state.registry.key(device.kid)!.lastHash),
      );
      let cosignedSize: number | undefined;
      let progress = await Progress.open(log, cosignedSize);
      for (const each of steps) {
        if (each.kind === "say" || each.kind === "gap") {
          const chain = chains[each.device]!;
          const statement = each.kind === "gap" ? chain.gap(5, NOW_MS) : chain.readings(1, NOW_MS);
          expect(log.decide(statement.bytes).kind).toBe("accepted");
          await log.durable();
        } else if (each.kind === "seal") {
          await log.seal();
        } else if (each.kind === "cosign") {
          cosignedSize = log.sealedSize;
          progress.cosign(cosignedSize);
        } else {
          await log.close();
          log = await HubLog.open(parts(disk));
          progress = await Progress.open(log, cosignedSize);
        }
        for (const device of DEVICES) {
          const reached = progress.of(device.kid)!;
          const key = log.state.registry.key(device.kid)!;
          expect(reached.stored?.seq ?? -1).toBe(key.lastSeq);
          expect(reached.hash).toEqual(key.lastHash);
          expect(reached.sealed?.seq ?? -1).toBe(await newestBelow(log, device, log.sealedSize));
          expect(reached.cosigned?.seq ?? -1).toBe(
            await newestBelow(log, device, cosignedSize ?? 0),
          );
        }
      }
      await log.close();
    }),
    { numRuns: 40 },
  );
}, 60_000);
