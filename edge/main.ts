/** `kerbstone edge`: one line a subcommand. */

import type { ProgramIo } from "../platform/lifecycle.ts";
import { nearestName } from "../platform/near-name.ts";
import { UserError } from "../platform/user-error.ts";

type Program = (io: ProgramIo, argv: readonly string[]) => Promise<number>;

// Loaded when asked for: an agent has no use for what sets one up, and a small computer takes long to load it.
const programs: Readonly<Record<string, () => Promise<Program>>> = {
  init: async () => (await import("./commands/init-command.ts")).initEdge,
  run: async () => (await import("./commands/run-command.ts")).runEdge,
  status: async () => (await import("./commands/status-command.ts")).showStatus,
  recover: async () => (await import("./commands/recover-command.ts")).recoverEdge,
  renew: async () => (await import("./commands/renew-command.ts")).renewEdge,
  "install-service": async () =>
    (await import("./commands/install-service-command.ts")).installService,
  doctor: async () => (await import("./commands/doctor-command.ts")).runDoctor,
  "test-sensor": async () => (await import("./commands/test-sensor-command.ts")).testSensor,
  "test-camera": async () => (await import("./commands/test-camera-command.ts")).testCamera,
  clips: async () => (await import("./commands/clips-command.ts")).showClips,
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
  const program = await programs[name]!();
  return program(io, argv);
}
