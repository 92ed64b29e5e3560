/** `kerbstone edge …` in the process of the test, with the machine's own clock, disk and network: as real as a program, and sooner. */
import { run } from "../../edge/main.ts";
import { systemClock } from "../../platform/clock.ts";
import { nodeFiles } from "../../platform/files.ts";
import { exitCodeOf } from "../../platform/lifecycle.ts";
import { systemRandom } from "../../platform/random.ts";

/** Runs the command to its end; gives its exit code, and what it said on both streams. */
export async function runEdgeHere(
  argv: readonly string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const said = { stdout: "", stderr: "" };
  const code = await exitCodeOf(run, {
    argv,
    env: {},
    stdout: { write: (text: string) => void (said.stdout += text) },
    stderr: { write: (text: string) => void (said.stderr += text) },
    signal: new AbortController().signal,
    clock: systemClock,
    random: systemRandom,
    files: nodeFiles,
    cwd: process.cwd(),
  });
  return { code, ...said };
}
