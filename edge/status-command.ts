/** `kerbstone edge status CONFIG…`: what the agents last wrote about themselves. */

import { dirname, resolve } from "node:path";
import { decodeUtf8 } from "../ledger/bytes.ts";
import { formatHelp, parseFlags } from "../platform/command-line.ts";
import type { CommandSpec } from "../platform/command-line.ts";
import type { ProgramIo } from "../platform/lifecycle.ts";
import { loadEdgeConfig } from "./config.ts";
import { formatStatus } from "./status.ts";
import type { AgentStatus } from "./status.ts";

const spec = {
  usage: "kerbstone edge status CONFIG… [--json]",
  about:
    "Shows how agents are, from the status files that they write once a minute and when they stop.",
  flags: { json: { type: "switch", about: "prints the files as they are" } },
  positionals: { min: 1, max: 1_000 },
} as const satisfies CommandSpec;

/** Runs the command; 1 where an agent has never run, or has stopped signing. */
export async function showStatus(io: ProgramIo, argv: readonly string[]): Promise<number> {
  const { flags, positionals, help } = parseFlags(argv, spec);
  if (help) {
    io.stdout.write(formatHelp(spec));
    return 0;
  }
  let exitCode = 0;
  for (const path of positionals) {
    const file = resolve(io.cwd, path);
    const config = await loadEdgeConfig({ file, env: io.env, flags: {}, files: io.files });
    const bytes = await io.files.read(resolve(dirname(file), config.data, "status.json"));
    const text = bytes && decodeUtf8(bytes);
    if (text === undefined) {
      io.stdout.write(`${config.name} has not run yet\n`);
      exitCode = 1;
      continue;
    }
    // Our own file, written by this very version or an older one.
    const status = JSON.parse(text) as AgentStatus;
    io.stdout.write(flags.json ? text : formatStatus(status, io.clock.nowMs()));
    if (status.halted) exitCode = 1;
  }
  return exitCode;
}
