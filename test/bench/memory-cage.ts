/**
 * A control group that holds a program to so much memory (Linux, cgroups(7)): what is measured in there could be a small
 * computer, since the page cache counts as well.
 *
 * For root, on a machine with the memory controller of version 1 or 2; elsewhere there is none.
 */

import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import process from "node:process";
import type { Figure } from "./figure.ts";

interface FileNames {
  readonly folder: string;
  readonly limit: string;
  readonly peak: string;
  /** Holds a line `oom_kill N`. */
  readonly events: string;
}

const V1: FileNames = {
  folder: "/sys/fs/cgroup/memory",
  limit: "memory.limit_in_bytes",
  peak: "memory.max_usage_in_bytes",
  events: "memory.oom_control",
};
const V2: FileNames = {
  folder: "/sys/fs/cgroup",
  limit: "memory.max",
  peak: "memory.peak",
  events: "memory.events",
};

let made = 0;

/** What a program took of its cage, as a figure. */
export function peakOf(what: string, cage: MemoryCage): Figure {
  return {
    what: `${what}: most memory at once in a cgroup of ${cage.mb} MB, page cache and kernel included`,
    measured: `${cage.peakMb.toFixed(0)} MB, ${cage.kills} killed for want of memory`,
    against: `${cage.mb} MB`,
    ratio: cage.peakMb / cage.mb,
  };
}

/** See the head of the file. */
export class MemoryCage {
  readonly mb: number;
  readonly #folder: string;
  readonly #names: FileNames;

  private constructor(folder: string, names: FileNames, mb: number) {
    this.#folder = folder;
    this.#names = names;
    this.mb = mb;
  }

  /** Makes one of so many MB; `undefined` where this machine lends none. */
  static make(mb: number): MemoryCage | undefined {
    const names = existsSync(`${V1.folder}/${V1.limit}`) ? V1 : V2;
    const folder = `${names.folder}/kerbstone-bench-${process.pid}-${made++}`;
    try {
      if (names === V2) writeFileSync(`${V2.folder}/cgroup.subtree_control`, "+memory");
      mkdirSync(folder);
      writeFileSync(`${folder}/${names.limit}`, String(mb * 1024 * 1024));
      return new MemoryCage(folder, names, mb);
    } catch {
      return undefined;
    }
  }

  /** A program and its arguments, so that it begins its life in here. */
  around(program: string, args: readonly string[]): [string, string[]] {
    const enter = 'echo $$ > "$0" && exec "$@"';
    return ["/bin/sh", ["-c", enter, `${this.#folder}/cgroup.procs`, program, ...args]];
  }

  /** The most that was in use at once, with page cache and what the kernel holds for it, in MB. */
  get peakMb(): number {
    return Number(this.#read(this.#names.peak)) / 1024 / 1024;
  }

  /** Processes that the kernel ended for want of memory. */
  get kills(): number {
    return Number(/^oom_kill (\d+)$/m.exec(this.#read(this.#names.events))?.[1] ?? 0);
  }

  /** Takes it away; what was in it has ended. */
  remove(): void {
    rmdirSync(this.#folder);
  }

  #read(name: string): string {
    return readFileSync(`${this.#folder}/${name}`, "utf8");
  }
}
