/** Programs under measurement: started from dist, their CPU and memory read from the kernel (Linux, proc(5)). */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile, readdir } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { MemoryCage } from "./memory-cage.ts";

const PROGRAM = fileURLToPath(new URL("../../bin/kerbstone.js", import.meta.url));

/** Clock ticks a second of the kernel's process accounting, the same on all Linux machines that we know. */
const TICKS_PER_SECOND = 100;

/** A child whose use of the machine can be asked for. */
export class MeasuredProgram {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #wake = new Set<() => void>();

  /** Starts it, in a cage if one is given; `script` is what Node is to run, Kerbstone's own program unless given. */
  constructor(argv: readonly string[], cage?: MemoryCage, script: readonly string[] = [PROGRAM]) {
    const args = [...script, ...argv];
    const [program, all] = cage?.around(process.execPath, args) ?? [process.execPath, args];
    this.#child = spawn(program, all, { stdio: ["ignore", "pipe", "inherit"] });
    this.#child.once("close", () => {
      for (const wake of this.#wake) wake();
    });
    const { stdout } = this.#child;
    if (stdout !== null) {
      createInterface({ input: stdout }).on("line", (line) => {
        this.#lines.push(line);
        for (const wake of this.#wake) wake();
      });
    }
  }

  /** Waits for a line, or for the `nth` of its kind. The benchmark fails where the program ends before. */
  async line(pattern: RegExp, nth = 1): Promise<RegExpExecArray> {
    for (;;) {
      const lines = this.#lines.map((line) => pattern.exec(line)).filter((match) => match !== null);
      if (lines.length >= nth) return lines[nth - 1]!;
      if (this.#child.exitCode !== null) throw new Error(`ended without saying ${pattern}`);
      await new Promise<void>((resolve) => this.#wake.add(resolve));
      this.#wake.clear();
    }
  }

  /** User and system time of all threads so far, in seconds. */
  async cpuSeconds(): Promise<number> {
    const stat = await readFile(`/proc/${this.#child.pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  /** How often its threads have gone to sleep so far, all of them together: each time somebody had to wake one. */
  async wakeUps(): Promise<number> {
    const tasks = `/proc/${this.#child.pid}/task`;
    let sum = 0;
    for (const task of await readdir(tasks)) {
      const status = await readFile(`${tasks}/${task}/status`, "utf8");
      sum += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1]);
    }
    return sum;
  }

  /** Anonymous memory in MB: what is not a mapped file. */
  async anonymousMb(): Promise<number> {
    const status = await readFile(`/proc/${this.#child.pid}/status`, "utf8");
    return Number(/RssAnon:\s+(\d+)/.exec(status)?.[1]) / 1024;
  }

  /** Asks it to end, and waits. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.kill("SIGTERM");
    await once(this.#child, "close");
  }
}

/** Runs a program to its end. Rejects where it does not end with 0. */
export async function runToEnd(argv: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [PROGRAM, ...argv], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`kerbstone ${argv[0] ?? ""} ended with ${code}`);
}
