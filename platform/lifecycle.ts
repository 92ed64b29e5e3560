/**
 * How a program begins and ends: what it gets from its surroundings, its exit code, and stopping in bounded time.
 *
 * `runProgram` is the only place that touches `process`; commands take a `ProgramIo`, so that tests run them whole.
 */
import { type Clock, systemClock } from "./clock.ts";
import { type Files, nodeFiles } from "./files.ts";
import type { Logger } from "./log.ts";
import { type Random, systemRandom } from "./random.ts";
import { asUserError } from "./system-error.ts";
import { UserError } from "./user-error.ts";

/** Where a program writes. */
export interface Output {
  write(text: string): unknown;
  /** Set where a person looks at it in a terminal, whose size is in characters. */
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** What a program gets from its surroundings. */
export interface ProgramIo {
  /** Without the program's own name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Output;
  readonly stderr: { write(text: string): unknown };
  /** Who has asked for input and does not want it any more destroys it. */
  readonly stdin?: AsyncIterable<Uint8Array> & { destroy?(): unknown };
  /** Aborted when the program is to stop, with a `UserError` that says so: a command that has not finished throws it. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Files;
  /** The working folder, absolute. */
  readonly cwd: string;
}

/** How long a program that has returned may be kept alive by connections that it forgot. */
const LEAVE_LIMIT_MS = 2000;
/** Exit code for faults of ours, as sysexits.h has it. */
const INTERNAL_ERROR = 70;

/**
 * Runs a program in this process and sets its exit code.
 *
 * The first SIGINT or SIGTERM aborts the program's signal, the second one ends the process at once. A `UserError`, or
 * a system error that the user can repair, becomes one sentence on stderr; other errors keep their stack.
 */
export async function runProgram(main: (io: ProgramIo) => Promise<number>): Promise<void> {
  const stop = new AbortController();
  endOnSignals(stop);
  endQuietlyWithReader();
  process.on("uncaughtException", (error) => {
    process.exit(report(error, process.stderr));
  });
  process.exitCode = await exitCodeOf(main, {
    argv: process.argv.slice(2),
    env: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    get stdin() {
      return process.stdin; // Looked at only by those who read it: it would keep the process alive.
    },
    signal: stop.signal,
    clock: systemClock,
    random: systemRandom,
    files: nodeFiles,
    cwd: process.cwd(),
  });
  setTimeout(() => process.exit(), LEAVE_LIMIT_MS).unref();
}

/** Runs a program with the given surroundings; gives its exit code, after reporting on stderr what it threw. */
export async function exitCodeOf(
  main: (io: ProgramIo) => Promise<number>,
  io: ProgramIo,
): Promise<number> {
  try {
    return await main(io);
  } catch (error) {
    return report(error, io.stderr);
  }
}

function report(error: unknown, stderr: ProgramIo["stderr"]): number {
  const userError = asUserError(error);
  if (userError === undefined) {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    stderr.write(`kerbstone: internal error: ${stack}\n${causesOf(error)}`);
    return INTERNAL_ERROR;
  }
  stderr.write(formatUserError(userError));
  return userError.exitCode;
}

/** Writes a user error as it is printed, with its hint on a line of its own. */
export function formatUserError(error: UserError): string {
  const hint = error.hint === undefined ? "" : `${error.hint}\n`;
  return `kerbstone: ${error.message}\n${hint}`;
}

function causesOf(error: unknown): string {
  let text = "";
  let cause: unknown = error instanceof Error ? error.cause : undefined;
  for (let depth = 0; depth < 8 && cause instanceof Error; depth++) {
    text += `caused by: ${cause.stack ?? cause.message}\n`;
    cause = cause.cause;
  }
  return text;
}

function endOnSignals(stop: AbortController): void {
  for (const [name, number] of [
    ["SIGINT", 2],
    ["SIGTERM", 15],
  ] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(128 + number);
      stop.abort(new UserError(`Stopped by ${name}.`, { exitCode: 128 + number }));
    });
  }
}

/** Whoever reads our output may go away (`kerbstone audit … | head`); that is no error. */
function endQuietlyWithReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      process.exit();
    });
  }
}

/** What a `Shutdown` works with. */
export interface ShutdownOptions {
  /** Asks for the stop when it is aborted: the program's own. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long all parts together may take to stop, 10 s unless given. */
  readonly limitMs?: number;
}

interface Part {
  readonly name: string;
  readonly stop: () => unknown;
}

/** Knows the running parts of a program and stops them in reverse order of their start. */
export class Shutdown {
  /** Aborted when the program is to stop, whoever asked for it. */
  readonly signal: AbortSignal;
  readonly #options: ShutdownOptions;
  readonly #parts: Part[] = [];
  readonly #asked = new AbortController();
  #failure: Error | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: ShutdownOptions) {
    this.#options = options;
    this.signal = AbortSignal.any([options.signal, this.#asked.signal]);
  }

  /** Registers how a part is stopped, right after it was started. `name` is for the log. */
  add(name: string, stop: () => unknown): void {
    this.#parts.push({ name, stop });
  }

  /** Asks for the stop since a part cannot go on, such as a journal that failed to sync. The first failure counts. */
  fail(error: unknown): void {
    this.#failure ??= errorOf(error);
    this.#asked.abort(error);
  }

  /** Waits until someone asks for the stop. Rejects with the error of `fail`. */
  async asked(): Promise<void> {
    if (!this.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.signal.addEventListener("abort", () => resolve(), { once: true });
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /**
   * Stops all parts, last started first, each after the one before it has ended.
   *
   * A part that throws does not spare the others; the first such error is thrown at the end. A part that does not end
   * within the limit is left behind, and those after it are asked to stop all the same, without waiting.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stopAll();
    return this.#stopped;
  }

  async #stopAll(): Promise<void> {
    this.#asked.abort();
    const { clock, logger, limitMs = 10_000 } = this.#options;
    let cancelLimit = (): void => undefined;
    const late = new Promise<"late">((resolve) => {
      cancelLimit = clock.after(limitMs, () => resolve("late"));
    });
    let failure: Error | undefined;
    for (let part = this.#parts.pop(); part !== undefined; part = this.#parts.pop()) {
      const { name } = part;
      const ended = endOf(part).catch((error: unknown) => {
        failure ??= errorOf(error);
        logger.error({ error, part: name }, "a part failed to stop");
      });
      const outcome = await Promise.race([ended, late]);
      if (outcome === "late") logger.warn({ part: name, limitMs }, "a part did not stop in time");
    }
    cancelLimit();
    if (failure !== undefined) throw failure;
  }
}

async function endOf(part: Part): Promise<void> {
  await part.stop();
}

function errorOf(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown });
}
