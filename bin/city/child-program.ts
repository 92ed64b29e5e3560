/**
 * One program of the city: started as its own process, watched, and ended.
 *
 * Children are in a process group of their own, so that a Ctrl-C reaches only the city, which ends them in order. A
 * channel ties them to the city: if that dies without a word, they end too (bin/kerbstone.ts).
 */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Clock } from "../../platform/clock.ts";
import { UserError } from "../../platform/user-error.ts";

const PROGRAM = fileURLToPath(new URL("../kerbstone.js", import.meta.url));

/** How long a program may take to say what is waited for. */
const READY_LIMIT_MS = 60_000;

/** How long a program may take to end by itself. */
const STOP_LIMIT_MS = 15_000;

/** What a child is made of. */
export interface ChildSetup {
  /** For messages and the log file. */
  readonly name: string;
  readonly argv: readonly string[];
  /** Its stderr goes to `<logs>/<name>.log`. */
  readonly logs: string;
  readonly clock: Clock;
}

/** A running program of ours. */
export class ChildProgram {
  readonly name: string;
  /** Resolves with a sentence when the process has ended, for whatever reason. */
  readonly ended: Promise<string>;
  readonly #process: ChildProcess;
  readonly #setup: ChildSetup;
  readonly #lines: string[] = [];
  readonly #waiting = new Set<() => void>();
  #lastWords = "";

  constructor(setup: ChildSetup) {
    this.name = setup.name;
    this.#setup = setup;
    const child = spawn(process.execPath, [PROGRAM, ...setup.argv], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      detached: true,
    });
    this.#process = child;
    const log = createWriteStream(`${setup.logs}/${setup.name}.log`, { flags: "a" });
    child.stderr?.on("data", (chunk: Uint8Array) => {
      log.write(chunk);
      this.#lastWords = (this.#lastWords + String(chunk)).slice(-2000);
    });
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on("line", (line) => {
        this.#lines.push(line);
        this.#wake();
      });
    }
    this.ended = new Promise((resolve) => {
      child.once("error", (error) =>
        resolve(`${setup.name} could not be started: ${error.message}`),
      );
      child.once("close", (code, signal) => {
        log.end();
        resolve(`${setup.name} ended with ${signal ?? `exit code ${code}`}`);
        this.#wake();
      });
    });
  }

  /** Waits for a line that fits and gives its match. Rejects with the program's last words if it ends before. */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    let isLate = false;
    const cancel = this.#setup.clock.after(READY_LIMIT_MS, () => {
      isLate = true;
      this.#wake();
    });
    try {
      for (;;) {
        for (const line of this.#lines) {
          const match = pattern.exec(line);
          if (match !== null) return match;
        }
        if (isLate) throw new UserError(`${this.name} did not get ready.${this.#wordsOf()}`);
        if (this.#hasEnded) throw new UserError(`${this.name} did not start.${this.#wordsOf()}`);
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
    } finally {
      cancel();
    }
  }

  /** All lines said so far. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Asks the program to end, and ends it if it does not. */
  async stop(): Promise<void> {
    if (this.#hasEnded) return;
    const cancel = this.#setup.clock.after(STOP_LIMIT_MS, () => this.#process.kill("SIGKILL"));
    this.#process.kill("SIGTERM");
    await this.ended;
    cancel();
  }

  get #hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  #wordsOf(): string {
    const words = this.#lastWords.trim().replace(/^kerbstone: /, "");
    return words === "" ? "" : ` It said: ${words}`;
  }
}
