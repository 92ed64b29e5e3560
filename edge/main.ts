/** `kerbstone edge`: one line a subcommand. */

import type { ProgramIo } from "../platform/lifecycle.ts";
import { nearestName } from "../platform/near-name.ts";
import { UserError } from "../platform/user-error.ts";
import { showClips } from "./commands/clips-command.ts";
import { runDoctor } from "./commands/doctor-command.ts";
import { initEdge } from "./commands/init-command.ts";
import { installService } from "./commands/install-service-command.ts";
import { renewEdge } from "./commands/renew-command.ts";
import { recoverEdge } from "./commands/recover-command.ts";
import { runEdge } from "./commands/run-command.ts";
import { showStatus } from "./commands/status-command.ts";
import { testSensor } from "./commands/test-sensor-command.ts";

type Program = (io: ProgramIo, argv: readonly string[]) => Promise<number>;

const programs: Readonly<Record<string, Program>> = {
  init: (io, argv) => initEdge(io, argv),
  run: runEdge,
  status: showStatus,
  recover: recoverEdge,
  renew: renewEdge,
  "install-service": (io, argv) => installService(io, argv),
  doctor: (io, argv) => runDoctor(io, argv),
  "test-sensor": (io, argv) => testSensor(io, argv),
  // What looks at cameras is loaded only where it is used.
  "test-camera": async (io, argv) =>
    (await import("./commands/test-camera-command.ts")).testCamera(io, argv),
  clips: showClips,
};

/** Runs `kerbstone edge …`; `io.argv` begins with the subcommand. */
export async function run(io: ProgramIo): Promise<number> {
  const [name, ...argv] = io.argv;
  const names = Object.keys(programs);
  if (name === undefined || name === "--help" || name === "-h") {
    io.stdout.write(`Usage: kerbstone edge ${names.join("|")} [options]\n`);
    return name === undefined ? 2 : 0;
  }
  if (!Object.hasOwn(programs, name)) {
    const near = nearestName(name, names);
    throw new UserError(`There is no command edge ${name}.`, {
      hint: near === undefined ? `Known are ${names.join(", ")}.` : `Did you mean ${near}?`,
    });
  }
  return programs[name]!(io, argv);
}
