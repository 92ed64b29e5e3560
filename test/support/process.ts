/**
 * Programs that tests start and end, by process id.
 *
 * Nothing outlives its test: the scope stops a program at the end of the file, an exit hook kills it when the test
 * process ends early, and where Linux' `setpriv` is at hand the kernel kills it when the test process is killed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import type { Scope } from "./scope.ts";

/** Bytes of output kept of each stream, newest last. */
const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;
const STOP_LIMIT_MS = 15_000;
const SETPRIV = "/usr/bin/setpriv";

/** How a program ended. `code` is `null` where a signal ended it. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** What to start. `env` is added to the environment of the test. */
export interface Command {
  program: string;
  args?: readonly string[];
  env?: Readonly<Record<string, string | undefined>>;
  cwd?: string;
}

const living = new Set<ChildProcess>();

// A test process whose runner was killed would otherwise wait for its tests for ever.
process.once("disconnect", () => {
  process.exit(1);
});
process.on("exit", () => {
  for (const child of living) child.kill("SIGKILL");
});

/** A program that runs, or has ended. */
export class Running {
  readonly pid: number;
  /** Settles when the program has ended and its output is complete; never rejects. */
  readonly exited: Promise<Exit>;
  #exit: Exit | undefined;
  #stdout = "";
  #stderr = "";
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #watchers = new Set<() => void>();

  constructor(name: string, child: ChildProcess, pid: number) {
    this.#name = name;
    this.#child = child;
    this.pid = pid;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout = (this.#stdout + text).slice(-OUTPUT_BYTES_MAX);
      this.#notify();
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-OUTPUT_BYTES_MAX);
      this.#notify();
    });
    this.exited = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        living.delete(child);
        this.#exit = { code, signal };
        this.#notify();
        resolve(this.#exit);
      });
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** How it ended; `undefined` while it runs. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** Writes to the program's standard input. */
  write(input: string): void {
    this.#child.stdin?.write(input);
  }

  /** Writes to the program's standard input and closes it. */
  end(input: string | Uint8Array = ""): void {
    this.#child.stdin?.end(input);
  }

  /** Waits until either stream's output matches; rejects when the program ends or the limit passes before that. */
  output(pattern: RegExp, limitMs = 30_000): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        settle();
      };
      const look = (): void => {
        const match = pattern.exec(this.#stdout) ?? pattern.exec(this.#stderr);
        if (match !== null) finish(() => resolve(match));
        else if (this.#exit !== undefined)
          finish(() => reject(this.#trouble(`ended before ${pattern}`)));
      };
      const timer = setTimeout(() => {
        finish(() => reject(this.#trouble(`did not print ${pattern} within ${limitMs} ms`)));
      }, limitMs);
      this.#watchers.add(look);
      look();
    });
  }

  /** Sends the signal and waits for the end; kills what does not obey in time, and says so by rejecting. */
  async stop(signal: NodeJS.Signals = "SIGTERM", limitMs: number = STOP_LIMIT_MS): Promise<Exit> {
    if (this.#exit !== undefined) return this.#exit;
    let obeyed = true;
    const timer = setTimeout(() => {
      obeyed = false;
      this.#child.kill("SIGKILL");
    }, limitMs);
    this.#child.kill(signal);
    const exit = await this.exited;
    clearTimeout(timer);
    if (!obeyed) throw this.#trouble(`did not end within ${limitMs} ms of ${signal}`);
    return exit;
  }

  /** Ends the program at once, as a power cut would. */
  kill(): Promise<Exit> {
    return this.stop("SIGKILL");
  }

  #notify(): void {
    for (const watcher of this.#watchers) watcher();
  }

  #trouble(what: string): Error {
    const tail = `${this.#stdout.slice(-2000)}\n${this.#stderr.slice(-2000)}`.trim();
    return new Error(`${this.#name} ${what}; its output ends with:\n${tail}`);
  }
}

/** Starts a program that ends with the scope at the latest. Rejects when it cannot be started at all. */
export async function startProcess(scope: Scope, command: Command): Promise<Running> {
  const { program, args = [] } = command;
  const guarded = existsSync(SETPRIV);
  const child = spawn(
    guarded ? SETPRIV : program,
    guarded ? ["--pdeathsig", "KILL", "--", program, ...args] : [...args],
    {
      cwd: command.cwd,
      env: { ...process.env, ...command.env },
      stdio: ["pipe", "pipe", "pipe"],
    },
  );
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  child.stdin.on("error", () => {
    /* a program may end without reading what it was given; its exit says more */
  });
  living.add(child);
  const running = new Running(program, child, child.pid ?? 0);
  scope.defer(() => running.stop());
  return running;
}

/** Runs a program to its end with the given input; kills it at the limit and rejects. */
export async function runProcess(
  scope: Scope,
  command: Command,
  input: string | Uint8Array = "",
  limitMs = 60_000,
): Promise<Exit & { stdout: string; stderr: string }> {
  const running = await startProcess(scope, command);
  running.end(input);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    void running.kill();
  }, limitMs);
  const exit = await running.exited;
  clearTimeout(timer);
  if (late)
    throw new Error(`${command.program} did not end within ${limitMs} ms:\n${running.stderr}`);
  return { ...exit, stdout: running.stdout, stderr: running.stderr };
}

/** Asks again and again until `ask` gives something; rejects with its last error when the limit has passed. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  limitMs = 30_000,
  everyMs = 20,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  let cause: unknown;
  while (performance.now() < deadline) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      cause = error;
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  throw new Error(`${what}: not within ${limitMs} ms`, { cause });
}
