/** What everything is held against: signature checks with nothing around them, of the fastest backend. */

import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { fastestVerify } from "../../platform/native-verify.ts";
import { nativeSigner } from "../support/native-signer.ts";

/** Seconds of one bare verification on one core, the median of several runs. */
export function bareVerifySeconds(
  job: { publicKey: Uint8Array; message: Uint8Array; signature: Uint8Array },
  count = 4000,
): number {
  const runs: number[] = [];
  for (let run = 0; run < 5; run++) {
    const start = process.cpuUsage();
    for (let i = 0; i < count; i++) {
      if (!fastestVerify(job.publicKey, job.message, job.signature)) throw new Error("must hold");
    }
    const { user, system } = process.cpuUsage(start);
    runs.push((user + system) / 1e6 / count);
  }
  return runs.sort((a, b) => a - b)[2]!;
}

/** The same for a message of a statement's size, where none is at hand. */
export function bareVerifyMicroseconds(): number {
  const signer = nativeSigner(new Uint8Array(32).fill(7));
  const message = new Uint8Array(400).fill(1);
  const job = { publicKey: signer.publicKey, message, signature: signer.sign(message) };
  return bareVerifySeconds(job) * 1e6;
}

const WORKER = `
  const { parentPort, workerData } = require("node:worker_threads");
  import(workerData.url).then(({ fastestVerify }) => {
    const { publicKey, message, signature, seconds } = workerData;
    parentPort.postMessage("ready");
    parentPort.once("message", () => {
      let count = 0;
      const end = performance.now() + seconds * 1000;
      while (performance.now() < end) {
        for (let i = 0; i < 100; i++) fastestVerify(publicKey, message, signature);
        count += 100;
      }
      parentPort.postMessage(count);
    });
  });`;

/** Bare verifications a second of all cores together, each in a thread of its own. */
export async function bareVerifyRate(
  job: { publicKey: Uint8Array; message: Uint8Array; signature: Uint8Array },
  seconds = 3,
): Promise<number> {
  const url = new URL("../../platform/native-verify.js", import.meta.url).href;
  const { publicKey, message, signature } = job;
  const workers = Array.from(
    { length: availableParallelism() },
    () =>
      new Worker(WORKER, {
        eval: true,
        workerData: { url, publicKey, message, signature, seconds },
      }),
  );
  const say = (worker: Worker): Promise<unknown> =>
    new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
  await Promise.all(workers.map(say));
  const counts = workers.map((worker) => {
    const count = say(worker);
    worker.postMessage("go");
    return count;
  });
  const sum = (await Promise.all(counts)).reduce<number>(
    (total, count) => total + Number(count),
    0,
  );
  await Promise.all(workers.map((worker) => worker.terminate()));
  return sum / seconds;
}
