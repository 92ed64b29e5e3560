/** Time from start to serving, of a long chain against a short one. */

import { MeasuredProgram } from "./program.ts";
import { median } from "./figure.ts";
import type { Figure } from "./figure.ts";
import { writeLog } from "./long-log.ts";

const SHORT = 100;
const LONG = 10_000;
const RUNS = 5;

/** Starts the hub several times on each, in turn, so that a drifting machine hits both alike. */
export async function benchStartup(folder: string): Promise<Figure[]> {
  await writeLog(`${folder}/short`, { blocks: SHORT, entriesPerBlock: 1 });
  await writeLog(`${folder}/long`, { blocks: LONG, entriesPerBlock: 1 });
  const short: number[] = [];
  const long: number[] = [];
  await secondsToServe(`${folder}/short`);
  for (let run = 0; run < RUNS; run++) {
    short.push(await secondsToServe(`${folder}/short`));
    long.push(await secondsToServe(`${folder}/long`));
  }
  return [
    {
      what: `start to serving, ${LONG} blocks`,
      measured: `${median(long).toFixed(2)} s`,
      against: `${median(short).toFixed(2)} s with ${SHORT} blocks`,
      ratio: median(long) / median(short),
    },
  ];
}

async function secondsToServe(data: string): Promise<number> {
  const start = performance.now();
  const flags = ["--mqtt-port", "0", "--http-port", "0", "--log-level", "warn"];
  const hub = new MeasuredProgram(["hub", "run", "--data", data, ...flags]);
  try {
    await hub.line(/^HTTP /);
    return (performance.now() - start) / 1000;
  } finally {
    await hub.stop();
  }
}
