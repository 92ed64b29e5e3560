/**
 * Order and durability of admission, with a verifier that finishes in any order and a disk that waits for the test.
 *
 * The log is the ledger's own fold without a disk behind it; the real one is in hub.test.ts.
 */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AdmissionPipeline, PIPELINE_LIMITS } from "../../../hub/admission/pipeline.ts";
import type { PipelinePorts } from "../../../hub/admission/pipeline.ts";
import { SignatureChecks } from "../../../hub/admission/signature-checks.ts";
import type { VerifyWorkers } from "../../../hub/admission/signature-checks.ts";
import type { VerifyJob } from "../../../platform/verify-pool.ts";
import type { RefusedMessage } from "../../../hub/admission/quarantine.ts";
import type { Decision } from "../../../hub/log.ts";
import { admit } from "../../../ledger/admission.ts";
import { encodeCbor } from "../../../ledger/cbor.ts";
import { Refusal } from "../../../ledger/errors.ts";
import { LogState } from "../../../ledger/log-state.ts";
import { sha256 } from "../../../ledger/sha256.ts";
import { nobleSigner, nobleVerify } from "../../../ledger/signature.ts";
import { decodeStatement, signStatement } from "../../../ledger/statement.ts";
import type { Statement } from "../../../ledger/statement.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { silentLogger } from "../../../platform/log.ts";
import { testDevice } from "../support/devices.ts";
import { enrolment, genesis, secondsOf, TestChain } from "../support/log-maker.ts";

const NOW_MS = 1_790_000_000_000;
const DEVICES = ["air-1", "air-2", "air-3"].map((name) => testDevice(name));
const hub = nobleSigner(new Uint8Array(32).fill(7));

/** A log with three devices, and a disk whose syncs the test lets go. */
class PlainLog {
  readonly state = new LogState();
  readonly decided: Statement[] = [];
  readonly syncs: { resolve: () => void; reject: (error: Error) => void }[] = [];
  isHeld = false;

  constructor() {
    const first = genesis(hub, NOW_MS);
    this.#admit(first);
    let prev = first.hash;
    for (const [i, device] of DEVICES.entries()) {
      const iat = secondsOf(NOW_MS);
      const draft = { kind: "enrol", stream: "registry", iat, payload: enrolment(device) } as const;
      const statement = signStatement({ issuer: "hub", seq: i + 1, prev }, draft, hub);
      this.#admit(statement);
      prev = statement.hash;
    }
  }

  #admit(statement: Statement): void {
    const admission = admit(this.state, statement, { verify: nobleVerify, entry: () => undefined });
    if (admission instanceof Refusal) throw new Error(admission.text);
  }

  decide(bytes: Uint8Array | Statement, options: { verify?: typeof nobleVerify } = {}): Decision {
    const { verify = nobleVerify } = options;
    const statement = bytes instanceof Uint8Array ? decodeStatement(bytes) : bytes;
    if (statement instanceof Refusal) return { kind: "refused", refusal: statement };
    this.decided.push(statement);
    const admission = admit(this.state, statement, { verify, entry: () => undefined });
    return admission instanceof Refusal
      ? { kind: "refused", statement, refusal: admission }
      : { kind: "accepted", entry: { index: admission.index, statement, receivedMs: NOW_MS } };
  }

  durable(): Promise<void> {
    if (!this.isHeld) return Promise.resolve();
    return new Promise((resolve, reject) => this.syncs.push({ resolve, reject }));
  }
}

/** Workers that answer when the test says so. */
class HeldWorkers implements VerifyWorkers {
  readonly held: (() => void)[] = [];
  checked = 0;

  verify(jobs: readonly VerifyJob[]): Promise<boolean[]> {
    return new Promise((resolve) => {
      this.held.push(() => {
        this.checked += jobs.length;
        resolve(jobs.map((job) => nobleVerify(job.publicKey, job.message, job.signature)));
      });
    });
  }
}

interface Bench {
  readonly log: PlainLog;
  readonly pipeline: AdmissionPipeline;
  readonly quarantined: RefusedMessage[];
  readonly fatal: unknown[];
}

function bench(workers: VerifyWorkers | undefined, batchMax = 256): Bench {
  const log = new PlainLog();
  const quarantined: RefusedMessage[] = [];
  const fatal: unknown[] = [];
  const ports: PipelinePorts = {
    log,
    checks: new SignatureChecks({
      verify: nobleVerify,
      workers,
      logger: silentLogger,
      batchMin: 1,
    }),
    quarantine: {
      put: (message) => void quarantined.push(message),
      durable: async () => undefined,
    },
    clock: new ManualClock(NOW_MS),
    onFatal: (error) => void fatal.push(error),
    onRoom: () => undefined,
  };
  return {
    log,
    quarantined,
    fatal,
    pipeline: new AdmissionPipeline(ports, { ...PIPELINE_LIMITS, batchMax }),
  };
}

function chains(log: PlainLog): TestChain[] {
  return DEVICES.map(
    (device) => new TestChain(device, log.state.registry.liveKey(device.name)!.lastHash),
  );
}

/** Submits, and gives the decisions as they come. */
function submit(pipeline: AdmissionPipeline, device: string, body: Uint8Array): Promise<Decision> {
  return new Promise((resolve) => pipeline.submit(device, body, resolve));
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("admission", () => {
  test("decides in order of arrival, whatever order the checks finish in", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 24 }),
        fc.array(fc.nat(), { minLength: 40, maxLength: 40 }),
        fc.array(fc.boolean(), { minLength: 24, maxLength: 24 }),
        async (speakers, choices, turns) => {
          const workers = new HeldWorkers();
          const { log, pipeline, fatal } = bench(workers, 3);
          const signers = chains(log);
          const sent: Statement[] = [];
          const reported: Statement[] = [];
          const outcomes = [];
          for (const [i, speaker] of speakers.entries()) {
            const statement = signers[speaker]!.readings(i, NOW_MS);
            sent.push(statement);
            const outcome = submit(pipeline, statement.issuer, statement.bytes).then((decision) => {
              expect(decision.kind).toBe("accepted");
              reported.push(statement);
            });
            outcomes.push(outcome);
            if (turns[i] === true) await turn();
          }
          await turn();
          for (let step = 0; workers.held.length > 0; step++) {
            const [chosen] = workers.held.splice(choices[step]! % workers.held.length, 1);
            chosen!();
            await turn();
          }
          await Promise.all(outcomes);
          expect(log.decided).toEqual(sent);
          expect(reported).toEqual(sent);
          expect(workers.checked).toBe(sent.length);
          expect(fatal).toEqual([]);
          expect(pipeline.size).toBe(0);
        },
      ),
      { numRuns: 30 },
    );
  });

  test("reports nothing before it is on disk, and one sync serves all that came meanwhile", async () => {
    const { log, pipeline } = bench(undefined);
    const [air] = chains(log);
    log.isHeld = true;
    let reported = 0;
    for (let i = 0; i < 10; i++) {
      const { bytes } = air!.readings(i, NOW_MS);
      void submit(pipeline, "air-1", bytes).then(() => (reported += 1));
    }
    await turn();
    await turn();
    expect(log.decided).toHaveLength(10);
    expect(log.syncs).toHaveLength(1);
    expect(reported).toBe(0);
    log.syncs[0]!.resolve();
    await turn();
    expect(reported).toBe(10);
  });

  test("stops for good when the disk fails: nothing is reported, nothing more is decided", async () => {
    const { log, pipeline, fatal } = bench(undefined);
    const [air] = chains(log);
    log.isHeld = true;
    let reported = 0;
    void submit(pipeline, "air-1", air!.readings(1, NOW_MS).bytes).then(() => (reported += 1));
    await turn();
    log.syncs[0]!.reject(new Error("no space left on device"));
    await turn();
    void submit(pipeline, "air-1", air!.readings(2, NOW_MS).bytes).then(() => (reported += 1));
    await turn();
    await turn();
    expect(reported).toBe(0);
    expect(log.decided).toHaveLength(1);
    expect(fatal).toHaveLength(1);
  });

  test("checks in place what a worker fails to check", async () => {
    const failing: VerifyWorkers = { verify: () => Promise.reject(new Error("the worker died")) };
    const { log, pipeline, fatal } = bench(failing);
    const [air] = chains(log);
    const good = air!.readings(1, NOW_MS);
    const forged = good.bytes.slice();
    forged[forged.length - 1]! ^= 1;
    expect(await submit(pipeline, "air-1", forged)).toMatchObject({
      refusal: { code: "bad-signature" },
    });
    expect(await submit(pipeline, "air-1", good.bytes)).toMatchObject({ kind: "accepted" });
    expect(fatal).toEqual([]);
  });

  test("believes a worker's verdict for that one signature only", async () => {
    const lying: VerifyWorkers = { verify: async (jobs) => jobs.map(() => false) };
    const { log, pipeline } = bench(lying);
    const [air] = chains(log);
    const { bytes } = air!.readings(1, NOW_MS);
    expect(await submit(pipeline, "air-1", bytes)).toMatchObject({
      refusal: { code: "bad-signature" },
    });
  });

  test.each<[string, (air: TestChain) => Uint8Array, string]>([
    ["noise", () => new Uint8Array(40).fill(9), "malformed"],
    ["nothing", () => new Uint8Array(0), "malformed"],
    ["too much", () => new Uint8Array(70_000).fill(0xd2), "too-large"],
    ["half a pair", () => encodeCbor([new Uint8Array(3)]), "malformed"],
    ["a pair of texts", () => encodeCbor(["a", "b"]), "malformed"],
    ["a cut pair", () => Uint8Array.of(0x82, 0x43, 1), "malformed"],
    ["another device's statement", () => otherStatement(), "wrong-issuer"],
  ])("refuses %s and keeps it", async (_name, make, code) => {
    const { log, pipeline, quarantined } = bench(undefined);
    const body = make(chains(log)[0]!);
    expect(await submit(pipeline, "air-1", body)).toMatchObject({
      kind: "refused",
      refusal: { code },
    });
    expect(quarantined).toHaveLength(1);
    expect(quarantined[0]).toMatchObject({ code, hash: sha256(body) });
  });

  function otherStatement(): Uint8Array {
    return chains(new PlainLog())[1]!.readings(1, NOW_MS).bytes;
  }

  test("is busy above its bounds, and not after", async () => {
    const { log, pipeline } = bench(undefined);
    log.isHeld = true;
    const all = Array.from({ length: PIPELINE_LIMITS.messagesMax }, () =>
      submit(pipeline, "air-1", Uint8Array.of(1)),
    );
    expect(pipeline.isBusy).toBe(true);
    await turn();
    log.isHeld = false;
    for (const sync of log.syncs) sync.resolve();
    await Promise.all(all);
    expect(pipeline.isBusy).toBe(false);
  });
});
