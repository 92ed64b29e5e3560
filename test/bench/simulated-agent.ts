/**
 * A program for edge-hour.ts: a real agent on a real disk that lives through simulated hours as fast as it can, and says what it cost.
 *
 * Time is moved by hand, a tenth of a second at a time, and stands still while the hub owes an answer: the hub is another
 * process, at the other end of a real connection, whose work is not counted.
 *
 * Arguments: data folder, MQTT port, the hub's policy, readings a second, pack seconds, readings of a pack at most, simulated
 * seconds. Prints a line of JSON at the beginning, in the middle and at the end.
 */

import { hash } from "node:crypto";
import { readFile } from "node:fs/promises";
import process from "node:process";
import { connect } from "mqtt";
import { Agent } from "../../edge/agent.ts";
import { DRIVERS } from "../../edge/sensors/drivers/drivers.ts";
import type { ConnectionEvents } from "../../edge/sensors/lines/line.ts";
import { encodeUtf8 } from "../../ledger/bytes.ts";
import { Fault } from "../../ledger/fault.ts";
import { parsePolicy } from "../../ledger/policy.ts";
import { installSha256 } from "../../ledger/sha256.ts";
import { ManualClock } from "../../platform/clock.ts";
import { nodeFiles } from "../../platform/files.ts";
import { loadKey } from "../../platform/key-file.ts";
import { silentLogger } from "../../platform/log.ts";
import { fastestVerify } from "../../platform/native-verify.ts";
import { systemRandom } from "../../platform/random.ts";
import { BENCH_DEVICE, BENCH_ORIGIN, BENCH_START_MS } from "./simulated-hour.ts";

const STEP_MS = 100;

installSha256((message) => hash("sha256", message, "buffer"));
const [folder, port, policyPath, ...numbers] = process.argv.slice(2);
const [perSecond, packSeconds, packReadingsMax, seconds] = numbers.map(Number);
const policy = parsePolicy(await readFile(policyPath!, "utf8"));
if (policy instanceof Fault) throw new Error(policy.text);
const clock = new ManualClock(BENCH_START_MS);
/** Calls of the disk that are under way. */
const calls = new Set<Promise<unknown>>();
const notBeforeMs = BENCH_START_MS - 1;
let line: ConnectionEvents | undefined;
const agent = await Agent.open({
  device: BENCH_DEVICE,
  origin: BENCH_ORIGIN,
  signer: await loadKey(nodeFiles, `${folder}/key.pem`),
  policy,
  verify: fastestVerify,
  isRestricted: false,
  position: { lat: 51.5877, lon: -2.9935 },
  pack: { seconds: packSeconds!, readingsMax: packReadingsMax! },
  outboxBytesMax: 268_435_456,
  waitingReadingsMax: 20_000,
  notBeforeMs,
  waitForSyncMs: 0,
  askTimeSync: () => Promise.resolve(true),
  sensors: [
    {
      stream: "air",
      driverName: "line-protocol",
      address: "memory",
      driver: DRIVERS.get("line-protocol")!.create({}, { notBeforeMs }),
      connect: (events) => {
        line = events;
        return Promise.resolve({ write: () => true, close: () => Promise.resolve() });
      },
    },
  ],
  connectHub: (options) => connect(`mqtt://127.0.0.1:${port}`, options),
  dataFolder: `${folder}/data`,
  files: watched(nodeFiles),
  clock,
  random: systemRandom,
  logger: silentLogger,
});
const stopping = new AbortController();
const running = agent.run(stopping.signal);
await until(() => agent.status().nextSeq !== undefined && line !== undefined);

let readings = 0;
// A warm-up that is not counted: the compiler's work, and the first segments.
await live(600);
await report();
await live(seconds! / 2);
await report();
await live(seconds! / 2);
await report();
stopping.abort();
// Stopping waits on the clock, too.
for (let isOver = false; !isOver;) {
  void running.then(() => (isOver = true));
  await clock.advance(STEP_MS);
}
process.exit();

/** Reads, signs and sends for so many simulated seconds. */
async function live(simulatedSeconds: number): Promise<void> {
  const steps = (simulatedSeconds * 1000) / STEP_MS;
  let owed = 0;
  for (let step = 0; step < steps; step++) {
    owed += (perSecond! * STEP_MS) / 1000;
    for (; owed >= 1; owed--) {
      readings += 1;
      line!.bytes(encodeUtf8(`pm25=${10 + (readings % 50) / 10}\n`));
    }
    await clock.advance(STEP_MS);
    while (calls.size > 0) await Promise.all(calls);
    const { nextSeq, storedSeq } = agent.status();
    if (storedSeq < nextSeq! - 1) await until(() => agent.status().storedSeq >= nextSeq! - 1);
  }
}

/** The disk, whose calls take no simulated time. */
function watched<T extends object>(target: T): T {
  return new Proxy(target, {
    get: (_, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return (...args: unknown[]): unknown => {
        const result: unknown = Reflect.apply(value, target, args);
        if (!(result instanceof Promise)) return result;
        const done = result.then((given: unknown) =>
          name === "open" ? watched(given as object) : given,
        );
        calls.add(done);
        const forget = (): void => void calls.delete(done);
        done.then(forget, forget);
        return done;
      };
    },
  });
}

/** Lets the network have its time; the clock stands still but for what a connection needs. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    await clock.advance(1);
  }
}

async function report(): Promise<void> {
  const status = await readFile("/proc/self/status", "utf8");
  const { user, system } = process.cpuUsage();
  const { bytesWritten, bytesSigned, syncs, statementsSigned } = agent.counters;
  const said = {
    simulatedMs: clock.monotonicMs(),
    cpuMs: (user + system) / 1000,
    anonymousMb: Number(/RssAnon:\s+(\d+)/.exec(status)?.[1]) / 1024,
    readings,
    bytesWritten,
    bytesSigned,
    syncs,
    statementsSigned,
    oldest: agent.status().oldestSeq,
  };
  process.stdout.write(`${JSON.stringify(said)}\n`);
}
