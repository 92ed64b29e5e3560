/** What an hour of an agent costs, in simulated time: a hub that seals and cosigns in this process, the agent in one of its own. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { nodeFiles } from "../../platform/files.ts";
import { createKey } from "../../platform/key-file.ts";
import { systemRandom } from "../../platform/random.ts";
import { ORIGIN, ScriptedHub } from "../edge/delivery/scripted-hub.ts";

export const BENCH_DEVICE = "bench-edge";
export const BENCH_ORIGIN: string = ORIGIN;
export const BENCH_START_MS: number = Date.parse("2026-12-01T12:00:00Z");

/** How the agent is set up. */
export interface HourSetup {
  readonly readingsPerSecond: number;
  readonly packSeconds: number;
  readonly packReadingsMax: number;
  readonly seconds: number;
}

/** What the agent says of itself; numbers since its start. */
export interface HourReport {
  readonly simulatedMs: number;
  readonly cpuMs: number;
  readonly anonymousMb: number;
  readonly readings: number;
  readonly bytesWritten: number;
  readonly bytesSigned: number;
  readonly syncs: number;
  readonly statementsSigned: number;
  readonly oldest: number;
}

const AGENT = fileURLToPath(new URL("./simulated-agent.js", import.meta.url));
const BLOCK_MS = 10_000;

/**
 * Lives through it; the folder is the agent's. Gives what it said at the beginning, in the middle and at the end, and calls
 * `reported` after each.
 */
export async function liveThrough(
  folder: string,
  setup: HourSetup,
  reported: () => Promise<void> = () => Promise.resolve(),
): Promise<HourReport[]> {
  await mkdir(folder, { recursive: true });
  const signer = await createKey(nodeFiles, `${folder}/key.pem`, systemRandom);
  // The hub's time is that of the newest statement.
  const time = { nowMs: BENCH_START_MS };
  const hub = await ScriptedHub.open({
    nowMs: () => time.nowMs,
    monotonicMs: () => time.nowMs,
    after: () => () => undefined,
    sleep: () => Promise.resolve(),
  });
  hub.enrol(BENCH_DEVICE, signer);
  let nextSealMs = BENCH_START_MS + BLOCK_MS;
  hub.refuse = ({ iat }) => {
    time.nowMs = Math.max(time.nowMs, iat * 1000);
    if (time.nowMs >= nextSealMs) {
      nextSealMs = time.nowMs + BLOCK_MS;
      setImmediate(() => void hub.seal());
    }
    return undefined;
  };
  await writeFile(`${folder}/policy.txt`, hub.policyText);
  const server = createServer((socket) => {
    hub.accept(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const { readingsPerSecond, packSeconds, packReadingsMax, seconds } = setup;
  const numbers = [readingsPerSecond, packSeconds, packReadingsMax, seconds].map(String);
  const child = spawn(
    process.execPath,
    [AGENT, folder, String(port), `${folder}/policy.txt`, ...numbers],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const reports: HourReport[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    reports.push(JSON.parse(line) as HourReport);
    await reported();
  }
  await hub.close();
  server.close();
  if (reports.length !== 3) throw new Error("the simulated agent did not come to its end");
  return reports;
}
