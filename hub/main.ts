/** `kerbstone hub`: one line a subcommand. */

import type { ProgramIo } from "../platform/lifecycle.ts";
import { nearestName } from "../platform/near-name.ts";
import { UserError } from "../platform/user-error.ts";
import { initHub } from "./init-command.ts";
import { operatorPrograms } from "./operator/command-line.ts";
import { rebuildHub } from "./projections/rebuild.ts";
import { runHub } from "./run-command.ts";
import { printVkey } from "./vkey-command.ts";

type Program = (io: ProgramIo, argv: readonly string[]) => Promise<number>;

const programs: Readonly<Record<string, Program>> = {
  init: initHub,
  run: runHub,
  rebuild: rebuildHub,
  vkey: printVkey,
  ...operatorPrograms,
};

/** Runs `kerbstone hub …`; `io.argv` begins with the subcommand. */
export async function run(io: ProgramIo): Promise<number> {
  const [name, ...argv] = io.argv;
  const names = Object.keys(programs);
  if (name === undefined || name === "--help" || name === "-h") {
    io.stdout.write(`Usage: kerbstone hub ${names.join("|")} [options]\n`);
    return name === undefined ? 2 : 0;
  }
  if (!Object.hasOwn(programs, name)) {
    const near = nearestName(name, names);
    throw new UserError(`There is no command hub ${name}.`, {
      hint: near === undefined ? `Known are ${names.join(", ")}.` : `Did you mean ${near}?`,
    });
  }
  return programs[name]!(io, argv);
}
