/** `kerbstone edge status CONFIG…`: how agents are, from themselves where they run, else from what they last wrote. */

import { resolve } from "node:path";
import { formatHelp, parseFlags } from "../../platform/command-line.ts";
import type { CommandSpec } from "../../platform/command-line.ts";
import { asUserError } from "../../platform/system-error.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { loadDevice } from "../settings/device-settings.ts";
import { LiveScreen } from "./live-screen.ts";
import { findStatus } from "../status/status-socket.ts";
import type { FoundStatus } from "../status/status-socket.ts";
import { formatStatus } from "../status/status.ts";

const spec = {
  usage: "kerbstone edge status CONFIG… [--once] [--json]",
  about:
    "Shows how agents are: in a terminal again every second, until Ctrl-C. Agents that run answer by themselves; of others the status file is shown, which they write every ten minutes and when they stop.",
  flags: {
    once: { type: "switch", about: "prints once, as it does where the output is no terminal" },
    json: { type: "switch", about: "prints once, as JSON" },
  },
  positionals: { min: 1, max: 1_000, about: "a device's settings file, such as air-1/edge.toml" },
} as const satisfies CommandSpec;

interface Device {
  readonly name: string;
  readonly data: string;
}

const REFRESH_MS = 1_000;

/** Runs the command; 1 where an agent does not run, does not answer, or has stopped signing. */
export async function showStatus(io: ProgramIo, argv: readonly string[]): Promise<number> {
  const { flags, positionals, help } = parseFlags(argv, spec);
  if (help) {
    io.stdout.write(formatHelp(spec));
    return 0;
  }
  const devices: Device[] = [];
  for (const path of positionals) {
    const { config, folder } = await loadDevice(io, path);
    devices.push({ name: config.name, data: resolve(folder, config.data) });
  }
  if (io.stdout.isTTY === true && !flags.once && !flags.json) return showLive(io, devices);
  let exitCode = 0;
  for (const device of devices) {
    const found = await look(io, device);
    io.stdout.write(flags.json ? formatJson(device, found) : formatFound(device, found, io));
    if (found instanceof Error || found?.isLive !== true || found.status.halted) exitCode = 1;
  }
  return exitCode;
}

/** Shows all devices again and again until the signal. */
async function showLive(io: ProgramIo, devices: readonly Device[]): Promise<number> {
  const screen = new LiveScreen(io.stdout);
  screen.open();
  try {
    while (!io.signal.aborted) {
      const parts = await Promise.all(
        devices.map(async (device) => formatFound(device, await look(io, device), io)),
      );
      const time = new Date(io.clock.nowMs()).toISOString().slice(0, 19);
      screen.show(`${parts.join("\n")}\n${time}Z, Ctrl-C ends\n`);
      await io.clock.sleep(REFRESH_MS, io.signal).catch(() => undefined);
    }
  } finally {
    screen.close();
  }
  return 0;
}

/** What is found, or the disk's error; one device that this user may not look at must not hide the others. */
type Found = FoundStatus | Error | undefined;

function look({ files }: ProgramIo, { data }: Device): Promise<Found> {
  return findStatus(files, data).catch((error: unknown) => {
    if (asUserError(error) === undefined) throw error;
    return error as Error;
  });
}

function formatJson({ name }: Device, found: Found): string {
  const presence = presenceOf(found);
  const about =
    found === undefined || found instanceof Error
      ? { presence, device: name }
      : { presence, ...found.status };
  return `${JSON.stringify(about, undefined, 2)}\n`;
}

function presenceOf(found: Found): string {
  if (found instanceof Error) return "denied";
  if (found === undefined) return "never-run";
  return found.isLive ? "running" : (found.unheard ?? "not-running");
}

function formatFound({ name }: Device, found: Found, { clock }: ProgramIo): string {
  if (found instanceof Error) return `${name}: ${asUserError(found)?.message ?? found.message}\n`;
  if (found === undefined) return `${name} has not run yet\n`;
  const { status, isLive, unheard } = found;
  return formatStatus(status, clock.nowMs(), isLive, unheard);
}
