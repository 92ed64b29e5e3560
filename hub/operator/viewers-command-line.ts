/** `kerbstone hub viewers add|list|remove`: who may look at live pictures (docs/preview.md, "Viewers"). */

import { runGroup } from "../../platform/command-group.ts";
import type { CommandGroup } from "../../platform/command-group.ts";
import { formatHelp, parseFlags } from "../../platform/command-line.ts";
import type { CommandSpec } from "../../platform/command-line.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { UserError } from "../../platform/user-error.ts";
import { VIEWER_DAYS_MAX } from "./viewer-commands.ts";
import type { MadeViewer, ViewerLine } from "./viewer-commands.ts";
import { askOperatorOf } from "./client.ts";
import { formatTable } from "./table.ts";

const data = { type: "text", value: "DIR", about: "the hub's data folder (data)" } as const;
const DAYS = 30;

const addSpec = {
  usage: "kerbstone hub viewers add NAME [--device DEVICE …] [--days N] [--data DIR]",
  about:
    "Lets somebody look at live pictures, and prints the token for it, once. It is kept nowhere: who loses it gets a new one.",
  flags: {
    data,
    device: {
      type: "list",
      value: "DEVICE",
      about: "only this device's cameras; all unless given",
    },
    days: {
      type: "text",
      value: "N",
      about: `how long, at most ${VIEWER_DAYS_MAX} days (${DAYS})`,
    },
  },
  positionals: { min: 1, max: 1, about: "the viewer's name, such as mara" },
} as const satisfies CommandSpec;

const listSpec = {
  usage: "kerbstone hub viewers list [--json] [--data DIR]",
  about: "Lists who may look at live pictures, and who does.",
  flags: { data, json: { type: "switch", about: "prints JSON" } },
} as const satisfies CommandSpec;

const removeSpec = {
  usage: "kerbstone hub viewers remove NAME [--data DIR]",
  about: "Lets somebody look no longer, and ends what they look at.",
  flags: { data },
  positionals: { min: 1, max: 1, about: "the viewer's name, such as mara" },
} as const satisfies CommandSpec;

const VIEWERS: CommandGroup = {
  name: "kerbstone hub viewers",
  about: "Who may look at live pictures.",
  sections: [
    {
      commands: {
        add: { about: "lets somebody look, and prints the token for it", run: add },
        list: { about: "lists who may look, and who does", run: list },
        remove: { about: "lets somebody look no longer", run: remove },
      },
    },
  ],
};

/** Runs `kerbstone hub viewers …`. */
export function viewers(io: ProgramIo, argv: readonly string[]): Promise<number> {
  return runGroup(io, argv, VIEWERS);
}

async function add(io: ProgramIo, argv: readonly string[]): Promise<number> {
  const { flags, positionals, help } = parseFlags(argv, addSpec);
  if (help) return showHelp(io, addSpec);
  const made = (await askOperatorOf(io, flags.data, {
    command: "viewers-add",
    name: positionals[0],
    days: daysOf(flags.days),
    ...(flags.device.length > 0 ? { devices: flags.device } : {}),
  })) as MadeViewer;
  const whose =
    flags.device.length > 0 ? `the cameras of ${flags.device.join(", ")}` : "all cameras";
  io.stdout.write(`${made.name} may look at ${whose} until ${formatTime(made.expiresMs)}.\n`);
  io.stdout.write(`The token, shown only now: ${made.token}\n`);
  return 0;
}

function daysOf(text: string | undefined): number {
  if (text === undefined) return DAYS;
  const days = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (days >= 1 && days <= VIEWER_DAYS_MAX) return days;
  throw new UserError(`--days needs a whole number from 1 to ${VIEWER_DAYS_MAX}, not "${text}".`);
}

async function list(io: ProgramIo, argv: readonly string[]): Promise<number> {
  const { flags, help } = parseFlags(argv, listSpec);
  if (help) return showHelp(io, listSpec);
  const lines = (await askOperatorOf(io, flags.data, { command: "viewers-list" })) as ViewerLine[];
  const text = flags.json
    ? `${JSON.stringify(lines, null, 2)}\n`
    : formatViewers(lines, io.clock.nowMs());
  io.stdout.write(text);
  return 0;
}

async function remove(io: ProgramIo, argv: readonly string[]): Promise<number> {
  const { flags, positionals, help } = parseFlags(argv, removeSpec);
  if (help) return showHelp(io, removeSpec);
  const request = { command: "viewers-remove", name: positionals[0] };
  const { name } = (await askOperatorOf(io, flags.data, request)) as { name: string };
  io.stdout.write(`${name} may look no longer.\n`);
  return 0;
}

/** Writes the table that people read: one viewer a line. */
export function formatViewers(lines: readonly ViewerLine[], nowMs: number): string {
  if (lines.length === 0) return "Nobody may look at live pictures yet.\n";
  const rows = lines.map(({ name, devices, createdMs, expiresMs, views }) => [
    name,
    devices?.join(",") ?? "all",
    formatTime(createdMs),
    expiresMs <= nowMs ? `${formatTime(expiresMs)}, over` : formatTime(expiresMs),
    String(views),
  ]);
  return formatTable([["NAME", "DEVICES", "SINCE", "UNTIL", "LOOKING NOW"], ...rows]);
}

function formatTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.\d+Z$/, "Z");
}

function showHelp(io: ProgramIo, spec: CommandSpec): number {
  io.stdout.write(formatHelp(spec));
  return 0;
}
