/** What runs on this machine, as every user of it can see: for tests of what must not be seen, or must not be left. */
import { readdir, readFile } from "node:fs/promises";

/** A process, its command line with spaces between the words. */
export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** All processes that have a command line; those that have ended and wait to be collected have none. */
export async function processes(): Promise<ProcessFacts[]> {
  const found: ProcessFacts[] = [];
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const words = await readFile(`/proc/${name}/cmdline`, "utf8");
      const stat = await readFile(`/proc/${name}/stat`, "utf8");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      if (words !== "")
        found.push({ pid: Number(name), parent, command: words.replaceAll("\0", " ") });
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

/** The processes that a process has started, and those that they have. */
export async function descendants(pid: number): Promise<ProcessFacts[]> {
  const all = await processes();
  const found: ProcessFacts[] = [];
  let parents = new Set([pid]);
  while (parents.size > 0) {
    const children = all.filter(({ parent }) => parents.has(parent));
    found.push(...children);
    parents = new Set(children.map((child) => child.pid));
  }
  return found;
}
