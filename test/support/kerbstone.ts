/**
 * Kerbstone's own programs, as people start them: the compiled ones of `dist`, each in its own process.
 *
 * Tests in `test/e2e`, `test/crash` and `test/interop` look at nothing inside of them: only at what they print, what they
 * answer and what lies on their disks.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type Exit, type Running, runProcess, startProcess } from "./process.ts";
import type { Scope } from "./scope.ts";

const PROGRAM = fileURLToPath(new URL("../../dist/bin/kerbstone.js", import.meta.url));

/** How a finished program ended, and all that it said. */
export type Finished = Exit & { stdout: string; stderr: string };

/** What runs programs for Node, unless another is given: what runs the test. */
const THIS_NODE: readonly string[] = [process.execPath];

/** Starts `kerbstone …argv`; it ends with the scope at the latest. */
export function startKerbstone(
  scope: Scope,
  argv: readonly string[],
  node = THIS_NODE,
): Promise<Running> {
  return startProcess(scope, command(argv, node));
}

/** Runs `kerbstone …argv` to its end, whatever its exit code. */
export function runKerbstone(
  scope: Scope,
  argv: readonly string[],
  limitMs = 60_000,
  node = THIS_NODE,
): Promise<Finished> {
  return runProcess(scope, command(argv, node), "", limitMs);
}

/** Runs `kerbstone …argv` and gives what it printed. Rejects with its complaint where it does not end with 0. */
export async function kerbstone(
  scope: Scope,
  argv: readonly string[],
  node = THIS_NODE,
): Promise<string> {
  const { code, stdout, stderr } = await runKerbstone(scope, argv, 60_000, node);
  if (code === 0) return stdout;
  throw new Error(`kerbstone ${argv.join(" ")} ended with ${code}:\n${stdout}${stderr}`);
}

function command(
  argv: readonly string[],
  [program, ...args]: readonly string[],
): { program: string; args: string[] } {
  if (!existsSync(PROGRAM)) {
    throw new Error(`${PROGRAM} is not there: build first, with "npm run build" or "npm test"`);
  }
  return { program: program!, args: [...args, PROGRAM, ...argv] };
}

/** Whether a process with this id is there. One that has ended and waits to be collected counts as gone. */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    return !stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
  } catch {
    return false;
  }
}
