/**
 * The thread behind verify-pool.ts: takes batches (verify-batch.ts), answers each with one byte a job, in order.
 *
 * Plain JavaScript, since Node 20 loads no TypeScript into a thread, whatever runs the rest of the program.
 */
import { parentPort } from "node:worker_threads";
import { opensslBackend, sodiumBackend } from "./backends.mjs";

if (parentPort === null) throw new Error("verify-worker.mjs runs as a worker thread only");
const port = parentPort;
const holds = sodiumBackend ?? opensslBackend;

port.on("message", (/** @type {ArrayBuffer} */ block) => {
  const bytes = new Uint8Array(block);
  const view = new DataView(block);
  const answers = new Uint8Array(view.getUint32(0, true));
  let at = 4;
  for (let i = 0; i < answers.length; i++) {
    const publicKey = bytes.subarray(at, at + 32);
    const signature = bytes.subarray(at + 32, at + 96);
    const end = at + 100 + view.getUint32(at + 96, true);
    answers[i] = holds(publicKey, bytes.subarray(at + 100, end), signature) ? 1 : 0;
    at = end;
  }
  port.postMessage(answers.buffer, [answers.buffer]);
});
