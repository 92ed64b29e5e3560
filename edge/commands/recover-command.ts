/**
 * `kerbstone edge recover CONFIG`: a person vouches that this is the only card with its key (docs/edge.md, "Stopping").
 */

import { resolve } from "node:path";
import { formatHelp, parseFlags } from "../../platform/command-line.ts";
import type { CommandSpec } from "../../platform/command-line.ts";
import { lockFolder } from "../../platform/folder-lock.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { loadDevice } from "../settings/device-settings.ts";
import { HaltMarks } from "../delivery/halt.ts";

const spec = {
  usage: "kerbstone edge recover CONFIG",
  about:
    "Lets a stopped device go on: at the hub's next answer it skips far ahead and signs a gap. Only for the one machine that has the key; a copy of it elsewhere must be gone.",
  flags: {},
  positionals: { min: 1, max: 1, about: "a device's settings file, such as air-1/edge.toml" },
} as const satisfies CommandSpec;

/** Runs the command; the agent must not be running. */
export async function recoverEdge(io: ProgramIo, argv: readonly string[]): Promise<number> {
  const { positionals, help } = parseFlags(argv, spec);
  if (help) {
    io.stdout.write(formatHelp(spec));
    return 0;
  }
  const device = await loadDevice(io, positionals[0]!);
  const folder = resolve(device.folder, device.config.data);
  const lock = await lockFolder(folder);
  try {
    await new HaltMarks(io.files, folder).allowRecovery();
  } finally {
    await lock.release();
  }
  io.stdout.write(`${device.config.name} goes on at the hub's next answer; start it again.\n`);
  return 0;
}
