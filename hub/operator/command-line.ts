/**
 * `kerbstone hub enrol|revoke|devices|status`: what an operator types, and how the hub's answer is shown. Who may look at
 * live pictures is in viewers-command-line.ts.
 */

import { resolve } from "node:path";
import { formatHelp, parseFlags } from "../../platform/command-line.ts";
import type { CommandSpec } from "../../platform/command-line.ts";
import { readGivenText } from "../../platform/given-file.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { UserError } from "../../platform/user-error.ts";
import { askOperatorOf } from "./client.ts";
import { DEVICES_PAGE } from "./commands.ts";
import type { DeviceLine, MadeEntry } from "./commands.ts";
import { enrolFrom } from "./enrol-from-command.ts";
import { formatTable } from "./table.ts";

const data = { type: "text", value: "DIR", about: "the hub's data folder (data)" } as const;
const json = { type: "switch", about: "prints JSON" } as const;

const enrolSpec = {
  usage: "kerbstone hub enrol (REQUEST | --file FILE | --from FILE) [--data DIR]",
  about:
    "Enrols a device by the request that `kerbstone edge init` has printed: JSON, or one word.",
  flags: {
    data,
    file: { type: "text", value: "FILE", about: "reads the request from a file" },
    from: { type: "text", value: "FILE", about: "enrols all devices of a file, a request a line" },
  },
  positionals: { min: 0, max: 1, about: "the enrolment request" },
} as const satisfies CommandSpec;

const revokeSpec = {
  usage: "kerbstone hub revoke NAME --reason REASON [--last SEQ] [--data DIR]",
  about:
    "Revokes the live key of a device, and ends its connection. The name is then free for a new key.",
  flags: {
    data,
    reason: { type: "text", value: "REASON", about: "why: lost, stolen, retired, replaced, …" },
    last: { type: "text", value: "SEQ", about: "statements up to this number may still come" },
  },
  positionals: { min: 1, max: 1, about: "the device's name, such as air-1" },
} as const satisfies CommandSpec;

const devicesSpec = {
  usage: "kerbstone hub devices [--json] [--data DIR]",
  about: "Lists the devices of the log.",
  flags: { data, json },
} as const satisfies CommandSpec;

const statusSpec = {
  usage: "kerbstone hub status [--data DIR]",
  about: "Prints what the running hub says of itself, as JSON.",
  flags: { data },
} as const satisfies CommandSpec;

/** Runs `kerbstone hub enrol …`. */
export async function enrol(io: ProgramIo, argv: readonly string[]): Promise<number> {
  const { flags, positionals, help } = parseFlags(argv, enrolSpec);
  if (help) return showHelp(io, enrolSpec);
  if (flags.from !== undefined) {
    if (positionals.length > 0 || flags.file !== undefined) {
      throw new UserError("--from stands alone: it names a file of requests.");
    }
    return enrolFrom(io, resolve(io.cwd, flags.data ?? "data"), resolve(io.cwd, flags.from));
  }
  const request = await requestText(io, positionals[0], flags.file);
  const made = (await askOperatorOf(io, flags.data, { command: "enrol", request })) as MadeEntry;
  io.stdout.write(
    made.isKnown === true
      ? `${made.name} is enrolled with this key already, as entry ${made.entry}; nothing was done.\n`
      : `Enrolled ${made.name} with key ${made.kid} as entry ${made.entry}.\n`,
  );
  return 0;
}

async function requestText(
  io: ProgramIo,
  word: string | undefined,
  file: string | undefined,
): Promise<string> {
  if ((word === undefined) === (file === undefined)) {
    throw new UserError(
      "Give the enrolment request either as an argument or with --file, or many with --from.",
    );
  }
  if (file === undefined) return word!;
  return readGivenText(io.files, resolve(io.cwd, file));
}

/** Runs `kerbstone hub revoke …`. */
export async function revoke(io: ProgramIo, argv: readonly string[]): Promise<number> {
  const { flags, positionals, help } = parseFlags(argv, revokeSpec);
  if (help) return showHelp(io, revokeSpec);
  if (flags.reason === undefined) throw new UserError("A revocation needs a --reason.");
  const last = flags.last === undefined ? {} : { last: sequenceNumber(flags.last) };
  const request = { command: "revoke", name: positionals[0], reason: flags.reason, ...last };
  const made = (await askOperatorOf(io, flags.data, request)) as MadeEntry;
  io.stdout.write(`Revoked key ${made.kid} of ${made.name} by entry ${made.entry}.\n`);
  return 0;
}

function sequenceNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new UserError(`--last needs a whole number, not "${text}".`);
  return Number(text);
}

/** Runs `kerbstone hub devices …`. */
export async function devices(io: ProgramIo, argv: readonly string[]): Promise<number> {
  const { flags, help } = parseFlags(argv, devicesSpec);
  if (help) return showHelp(io, devicesSpec);
  const lines: DeviceLine[] = [];
  for (let isMore = true; isMore;) {
    const request = { command: "devices", from: lines.length };
    const page = (await askOperatorOf(io, flags.data, request)) as DeviceLine[];
    lines.push(...page);
    isMore = page.length === DEVICES_PAGE;
  }
  io.stdout.write(flags.json ? `${JSON.stringify(lines, null, 2)}\n` : formatDevices(lines));
  return 0;
}

/** Runs `kerbstone hub status …`. */
export async function status(io: ProgramIo, argv: readonly string[]): Promise<number> {
  const { flags, help } = parseFlags(argv, statusSpec);
  if (help) return showHelp(io, statusSpec);
  const answer = await askOperatorOf(io, flags.data, { command: "status" });
  io.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
  return 0;
}

function showHelp(io: ProgramIo, spec: CommandSpec): number {
  io.stdout.write(formatHelp(spec));
  return 0;
}

/** Writes the table that people read: one device a line, columns as wide as their widest word. */
export function formatDevices(lines: readonly DeviceLine[]): string {
  if (lines.length === 0) return "No device is enrolled yet.\n";
  const rows = lines.map((line) => [
    line.name,
    line.kid,
    line.isRevoked ? "revoked" : line.online === true ? "online" : "offline",
    line.visibility,
    line.streams.join(","),
    line.lastSeq < 0 ? "-" : String(line.lastSeq),
    line.lastIat === 0 ? "-" : new Date(line.lastIat * 1000).toISOString(),
  ]);
  return formatTable([
    ["NAME", "KEY", "STATE", "SEEN BY", "STREAMS", "SEQ", "LAST SIGNED"],
    ...rows,
  ]);
}
