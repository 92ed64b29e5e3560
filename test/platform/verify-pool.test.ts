/** The verification pool: answers in order, bounds, dying workers, and the end. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { nobleSigner } from "../../ledger/signature.ts";
import { seededRandom } from "../../platform/random.ts";
import { type VerifyJob, VerifyPool } from "../../platform/verify-pool.ts";
import { testScope } from "../support/scope.ts";

const scope = testScope();
const random = seededRandom("pool");
const signer = nobleSigner(random.bytes(32));

const pools: VerifyPool[] = [];
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

function poolOf(...args: ConstructorParameters<typeof VerifyPool>): VerifyPool {
  const pool = new VerifyPool(...args);
  pools.push(pool);
  return pool;
}

function goodJob(length = 20): VerifyJob {
  const message = random.bytes(length);
  return { publicKey: signer.publicKey, message, signature: signer.sign(message) };
}

function badJob(): VerifyJob {
  return { ...goodJob(), message: random.bytes(20) };
}

describe.each([0, 1, 2])("%i workers", (workers) => {
  test("answer each job in its place", async () => {
    const pool = poolOf(workers);
    const expected = Array.from({ length: 300 }, () => random.unit() < 0.5);
    const jobs = expected.map((holds) => (holds ? goodJob() : badJob()));
    expect(await pool.verify(jobs)).toEqual(expected);
  });

  test("keep calls apart that run at once", async () => {
    const pool = poolOf(workers);
    const calls = Array.from({ length: 50 }, (_, i) =>
      pool.verify(i % 2 === 0 ? [goodJob(), badJob()] : [badJob()]),
    );
    const answers = await Promise.all(calls);
    answers.forEach((answer, i) => expect(answer).toEqual(i % 2 === 0 ? [true, false] : [false]));
  });

  test("take nothing, empty messages, large messages and malformed keys", async () => {
    const pool = poolOf(workers);
    expect(await pool.verify([])).toEqual([]);
    const short: VerifyJob = { ...goodJob(), publicKey: new Uint8Array(3) };
    const long: VerifyJob = { ...goodJob(), signature: new Uint8Array(100) };
    const jobs = [goodJob(0), short, goodJob(300_000), long, goodJob(2_000_000)];
    expect(await pool.verify(jobs)).toEqual([true, false, true, false, true]);
  });

  test("leave the caller's bytes alone, also where they are parts of a larger block", async () => {
    const pool = poolOf(workers);
    const block = new Uint8Array(1000);
    const { publicKey, message, signature } = goodJob();
    block.set(message, 100);
    const job = { publicKey, message: block.subarray(100, 120), signature };
    expect(await pool.verify([job, job])).toEqual([true, true]);
    expect(block.length).toBe(1000);
  });

  test("refuse after the end", async () => {
    const pool = poolOf(workers);
    await pool.close();
    await expect(pool.verify([goodJob()])).rejects.toThrow("closed");
  });
});

test("a queue that is full refuses the whole call and goes on with the rest", async () => {
  const pool = poolOf(1, { queueJobsMax: 10, queueBytesMax: 10_000 });
  const first = pool.verify(Array.from({ length: 8 }, () => goodJob()));
  await expect(pool.verify([goodJob(), goodJob(), goodJob()])).rejects.toThrow("queue is full");
  await expect(pool.verify([goodJob(20_000)])).rejects.toThrow("queue is full");
  expect(await first).toEqual(Array.from({ length: 8 }, () => true));
  expect(await pool.verify([goodJob()])).toEqual([true]);
});

test("closing finishes what was taken", async () => {
  const pool = poolOf(2);
  const answers = pool.verify(Array.from({ length: 500 }, () => goodJob()));
  await Promise.all([pool.close(), pool.close()]);
  expect((await answers).every(Boolean)).toBe(true);
});

/** Writes a worker that says yes to everything and dies when a message of the batch begins with 0xdd. */
async function fragileWorker(): Promise<URL> {
  const path = join(await scope.folder("worker"), "fragile.mjs");
  await writeFile(
    path,
    `import { parentPort } from "node:worker_threads";
     parentPort.on("message", (block) => {
       const view = new DataView(block);
       if (view.getUint8(4 + 100) === 0xdd) throw new Error("poison");
       const answers = new Uint8Array(view.getUint32(0, true)).fill(1);
       parentPort.postMessage(answers.buffer, [answers.buffer]);
     });`,
  );
  return pathToFileURL(path);
}

test("a worker that dies takes only its own jobs along, and another takes its place", async () => {
  const pool = poolOf(1, { entry: await fragileWorker() });
  const poison: VerifyJob = { ...goodJob(), message: Uint8Array.of(0xdd) };
  for (let round = 0; round < 5; round++) {
    expect(await pool.verify([goodJob()])).toEqual([true]);
    const failure = await pool.verify([poison]).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Error);
    expect((failure as Error).message).toContain("worker died");
    expect(((failure as Error).cause as Error).message).toBe("poison");
  }
  expect(await pool.verify([goodJob()])).toEqual([true]);
});

test("workers that die at once, again and again, are given up", async () => {
  const path = join(await scope.folder("worker"), "dead.mjs");
  await writeFile(path, `process.exit(7);`);
  const pool = poolOf(2, { entry: pathToFileURL(path) });
  let failure: unknown;
  for (let call = 0; call < 10 && !String(failure).includes("again and again"); call++) {
    failure = await pool.verify([goodJob()]).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Error);
  }
  expect(String(failure)).toContain("again and again");
});
