/**
 * Signature verification on worker threads (docs/formats.md, section 2).
 *
 * Encodings are checked here, the equation is computed by the workers. Jobs that are waiting travel together, since a
 * message between threads costs about as much as a verification by itself.
 */
import { Worker } from "node:worker_threads";
import { hasStrictEncoding } from "../ledger/signature.ts";
import { fastestVerify } from "./native-verify.ts";
import { type VerifyJob, encodeBatch, jobBytes } from "./verify-batch.ts";

export type { VerifyJob } from "./verify-batch.ts";

/** Settings of a pool. */
export interface VerifyPoolOptions {
  /** Jobs that may wait besides those under way, 16384 unless given. */
  readonly queueJobsMax?: number;
  /** Bytes of messages that may wait, 64 MiB unless given. */
  readonly queueBytesMax?: number;
  /** Another worker program than native/verify-worker.mjs, for tests. */
  readonly entry?: URL;
}

/** More jobs in one message save nothing further, but make the last of them wait. */
const BATCH_JOBS_MAX = 64;
const BATCH_BYTES_MAX = 1024 * 1024;
/** One batch is computed while the next one lies ready. */
const BATCHES_PER_WORKER = 2;
/** Workers that die one after another without a single answer: starting more would lead nowhere. */
const DEATHS_IN_ROW_MAX = 3;

interface Task {
  readonly job: VerifyJob;
  readonly settle: (holds: boolean) => void;
  readonly fail: (error: Error) => void;
}

/** Verifies signatures by the one rule on worker threads, or on the calling thread where there are none. */
export class VerifyPool {
  readonly #entry: URL;
  readonly #jobsMax: number;
  readonly #bytesMax: number;
  readonly #threads: Thread[] = [];
  readonly #queue: Task[] = [];
  #queueBytes = 0;
  #isScheduled = false;
  #deathsInRow = 0;
  #failure: Error | undefined;
  #isClosed = false;
  #whenIdle: (() => void) | undefined;

  /** Starts `workers` threads; none for 0, where `verify` computes before it returns. */
  constructor(workers: number, options: VerifyPoolOptions = {}) {
    this.#entry = options.entry ?? new URL("./native/verify-worker.mjs", import.meta.url);
    this.#jobsMax = options.queueJobsMax ?? 16_384;
    this.#bytesMax = options.queueBytesMax ?? 64 * 1024 * 1024;
    for (let i = 0; i < workers; i++) this.#startThread();
  }

  /**
   * Says for each job, in the same order, whether its signature holds.
   *
   * Rejects at once where the queue is full, with no job taken: callers bound their own load below that. Rejects all
   * the jobs of a call where a worker died over one of them; a new worker takes its place.
   */
  async verify(jobs: readonly VerifyJob[]): Promise<boolean[]> {
    if (this.#isClosed) throw new Error("the verification pool is closed");
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#threads.length === 0) {
      return jobs.map(({ publicKey, message, signature }) =>
        fastestVerify(publicKey, message, signature),
      );
    }
    const isSound = jobs.map(({ publicKey, signature }) => hasStrictEncoding(publicKey, signature));
    this.#refuseOverflow(jobs.filter((_, i) => isSound[i]));
    return Promise.all(
      jobs.map((job, i) => (isSound[i] === true ? this.#enqueue(job) : Promise.resolve(false))),
    );
  }

  /** Finishes the jobs that were taken, then ends the threads. Closing again waits for the same end. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#queue.length > 0 || this.#threads.some((thread) => thread.isBusy)) {
      await new Promise<void>((resolve) => {
        const before = this.#whenIdle;
        this.#whenIdle = () => {
          before?.();
          resolve();
        };
      });
    }
    await Promise.all(this.#threads.splice(0).map((thread) => thread.end()));
  }

  #refuseOverflow(jobs: readonly VerifyJob[]): void {
    const bytes = jobs.reduce((sum, job) => sum + jobBytes(job), 0);
    const isFull =
      this.#queue.length + jobs.length > this.#jobsMax || this.#queueBytes + bytes > this.#bytesMax;
    if (isFull) {
      throw new Error(
        `the verification queue is full: ${this.#queue.length} jobs wait, ${jobs.length} more were asked for`,
      );
    }
  }

  #enqueue(job: VerifyJob): Promise<boolean> {
    return new Promise((settle, fail) => {
      this.#queue.push({ job, settle, fail });
      this.#queueBytes += jobBytes(job);
      if (this.#isScheduled) return;
      this.#isScheduled = true;
      // What else arrives in this turn of the event loop joins the batch.
      setImmediate(() => {
        this.#isScheduled = false;
        this.#dispatch();
      });
    });
  }

  /** Hands waiting jobs to threads that have room, the least busy first. */
  #dispatch(): void {
    for (;;) {
      const thread = this.#leastBusy();
      if (thread === undefined || this.#queue.length === 0) break;
      thread.send(this.#takeBatch());
    }
    const isIdle = this.#queue.length === 0 && !this.#threads.some((thread) => thread.isBusy);
    if (isIdle) this.#whenIdle?.();
  }

  #leastBusy(): Thread | undefined {
    let least: Thread | undefined;
    for (const thread of this.#threads) {
      if (thread.batches < (least?.batches ?? BATCHES_PER_WORKER)) least = thread;
    }
    return least;
  }

  /** Takes a fair share of what waits, so that no thread sits idle while another has a full batch. */
  #takeBatch(): Task[] {
    const share = Math.ceil(this.#queue.length / this.#threads.length);
    const most = Math.min(BATCH_JOBS_MAX, share);
    let count = 0;
    let bytes = 0;
    while (count < most && (count === 0 || bytes < BATCH_BYTES_MAX)) {
      bytes += jobBytes(this.#queue[count]!.job);
      count++;
    }
    this.#queueBytes -= bytes;
    return this.#queue.splice(0, count);
  }

  #startThread(): void {
    const thread = new Thread(this.#entry, {
      answered: () => {
        this.#deathsInRow = 0;
        this.#dispatch();
      },
      died: () => this.#replace(thread),
    });
    this.#threads.push(thread);
  }

  #replace(dead: Thread): void {
    const at = this.#threads.indexOf(dead);
    if (at < 0) return; // Ended by close.
    this.#threads.splice(at, 1);
    this.#deathsInRow++;
    if (this.#deathsInRow < DEATHS_IN_ROW_MAX) this.#startThread();
    else this.#giveUp();
    this.#dispatch();
  }

  #giveUp(): void {
    this.#failure = new Error("the verification pool stopped: its workers die again and again");
    this.#queueBytes = 0;
    for (const task of this.#queue.splice(0)) task.fail(this.#failure);
  }
}

/** One worker with the batches that it has not answered yet. */
class Thread {
  readonly #worker: Worker;
  readonly #sent: Task[][] = [];
  #cause: Error | undefined;

  constructor(entry: URL, events: { answered: () => void; died: () => void }) {
    // Flags of the process, such as --input-type, are not for it.
    this.#worker = new Worker(entry, { execArgv: [] });
    this.#worker.unref();
    this.#worker.on("message", (answers: ArrayBuffer) => {
      this.#settle(new Uint8Array(answers));
      events.answered();
    });
    this.#worker.on("error", (error: Error) => {
      this.#cause = error;
    });
    this.#worker.on("exit", (code) => {
      this.#failAll(code);
      events.died();
    });
  }

  get batches(): number {
    return this.#sent.length;
  }

  get isBusy(): boolean {
    return this.#sent.length > 0;
  }

  send(batch: Task[]): void {
    // A thread keeps the process alive only while somebody waits for it.
    if (!this.isBusy) this.#worker.ref();
    this.#sent.push(batch);
    const block = encodeBatch(batch.map(({ job }) => job));
    this.#worker.postMessage(block, [block]);
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(answers: Uint8Array): void {
    const batch = this.#sent.shift() ?? [];
    batch.forEach((task, i) => task.settle(answers[i] === 1));
    if (!this.isBusy) this.#worker.unref();
  }

  #failAll(exitCode: number): void {
    const error = new Error(`a verification worker died with exit code ${exitCode}`, {
      cause: this.#cause,
    });
    for (const batch of this.#sent.splice(0)) for (const task of batch) task.fail(error);
  }
}
