/** What ten thousand connected devices cost the hub, against twenty that say as much together. */

import type { FleetTotals } from "../../firmware-sim/devices/totals.ts";
import type { Figure } from "./figure.ts";
import { startHub } from "./hub.ts";
import { MeasuredProgram, runToEnd } from "./program.ts";

const FEW = 20;
const MANY = 10_000;
const PER_SECOND = 400;
const SECONDS = 40;
const BLOCK_SECONDS = 10;
/** Lines of the report under load, one every five seconds. */
const LINES = 7;

interface Cost {
  /** CPU of the hub for each message, in seconds. */
  readonly eachSeconds: number;
  readonly memoryMb: number;
  readonly connectSeconds: number;
  readonly totals: FleetTotals;
}

/** The same load from many and from few devices, one after the other, each on a hub of its own; blocks are short. */
export async function benchDevices(folder: string): Promise<Figure[]> {
  const few = await costOf(`${folder}/few`, FEW);
  const many = await costOf(`${folder}/many`, MANY);
  return [
    {
      what: `hub CPU per accepted message, ${MANY} devices, ${PER_SECOND} messages a second, a block every ${BLOCK_SECONDS} s`,
      measured: micros(many.eachSeconds),
      against: `${micros(few.eachSeconds)} with ${FEW} devices`,
      ratio: many.eachSeconds / few.eachSeconds,
    },
    {
      what: `hub anonymous memory with ${MANY} devices connected`,
      measured: `${many.memoryMb.toFixed(0)} MB`,
      against: `${few.memoryMb.toFixed(0)} MB with ${FEW}`,
      ratio: many.memoryMb / few.memoryMb,
    },
    {
      what: `until ${MANY} devices were connected`,
      measured: `${many.connectSeconds.toFixed(1)} s`,
    },
    {
      what: `to PUBACK with ${MANY} devices, p99`,
      measured: `${many.totals.toPuback.p99Ms} ms`,
      against: `${few.totals.toPuback.p99Ms} ms with ${FEW}`,
    },
  ];
}

async function costOf(folder: string, count: number): Promise<Cost> {
  const hub = await startHub(folder, BLOCK_SECONDS);
  const claims = `${folder}/claims.txt`;
  const load = ["--devices", String(count), "--rate", String(PER_SECOND), "--readings", "1"];
  const time = ["--seconds", String(SECONDS), "--connect-rate", "500"];
  const url = `http://127.0.0.1:${hub.httpPort}`;
  const argv = ["sim", "--hub", url, ...load, ...time, "--seed", "bench", "--claims", claims];
  const sim = new MeasuredProgram([...argv, "--json"]);
  try {
    await sim.line(/"event":"claims"/);
    await runToEnd(["hub", "enrol", "--from", claims, "--data", hub.folder]);
    const begin = await sample(hub.program, sim, 1);
    const end = await sample(hub.program, sim, LINES);
    const memoryMb = await hub.program.anonymousMb();
    const [text] = await sim.line(/.*"event":"totals".*/);
    const totals = JSON.parse(text) as FleetTotals & { isWell: boolean };
    if (!totals.isWell || totals.connectSeconds === null) throw new Error(`not well: ${text}`);
    const eachSeconds = (end.cpu - begin.cpu) / (end.confirmed - begin.confirmed);
    return { eachSeconds, memoryMb, connectSeconds: totals.connectSeconds, totals };
  } finally {
    await sim.stop();
    await hub.program.stop();
  }
}

/** The hub's CPU so far, and what was acknowledged, at the `nth` line of the report under load. */
async function sample(
  hub: MeasuredProgram,
  sim: MeasuredProgram,
  nth: number,
): Promise<{ cpu: number; confirmed: number }> {
  const [line] = await sim.line(/"event":"progress","phase":"load".*/, nth);
  const cpu = await hub.cpuSeconds();
  return { cpu, confirmed: Number(/"confirmed":(\d+)/.exec(line)?.[1]) };
}

function micros(seconds: number): string {
  return `${(seconds * 1e6).toFixed(0)} µs`;
}
