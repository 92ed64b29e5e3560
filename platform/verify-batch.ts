/**
 * Verification jobs as one block of bytes, so that a batch costs a worker thread one message and no copies.
 *
 * Little-endian: the number of jobs (4 bytes), then for each job the public key (32), the signature (64), the
 * message's length (4) and the message. Read by native/verify-worker.mjs.
 */

/** A signature to be verified. The bytes must not change until the answer is there. */
export interface VerifyJob {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

const HEAD_BYTES = 32 + 64 + 4;

/** Counts the bytes that a job takes in a batch. */
export function jobBytes(job: VerifyJob): number {
  return HEAD_BYTES + job.message.length;
}

/** Copies jobs into a fresh block. Keys must have 32 bytes and signatures 64. */
export function encodeBatch(jobs: readonly VerifyJob[]): ArrayBuffer {
  const block = new ArrayBuffer(jobs.reduce((sum, job) => sum + jobBytes(job), 4));
  const bytes = new Uint8Array(block);
  const view = new DataView(block);
  view.setUint32(0, jobs.length, true);
  let at = 4;
  for (const { publicKey, message, signature } of jobs) {
    bytes.set(publicKey, at);
    bytes.set(signature, at + 32);
    view.setUint32(at + 96, message.length, true);
    bytes.set(message, at + HEAD_BYTES);
    at += HEAD_BYTES + message.length;
  }
  return block;
}
