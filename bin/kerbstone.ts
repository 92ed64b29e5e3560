#!/usr/bin/env node
/** `kerbstone`: one command, a line a subcommand. */

import { hash } from "node:crypto";
import process from "node:process";
import { installSha256 } from "../ledger/sha256.ts";
import { runProgram } from "../platform/lifecycle.ts";
import type { ProgramIo } from "../platform/lifecycle.ts";
import { nearestName } from "../platform/near-name.ts";
import { UserError } from "../platform/user-error.ts";
import { VERSION } from "../platform/version.ts";

interface Subcommand {
  readonly about: string;
  readonly load: () => Promise<{ run(io: ProgramIo): Promise<number> }>;
}

// Loaded when asked for: an agent need not have the hub's libraries in memory.
const SUBCOMMANDS: Readonly<Record<string, Subcommand>> = {
  start: { about: "a small city on this machine", load: () => import("./city/command.ts") },
  hub: { about: "the hub, and its operator's commands", load: () => import("../hub/main.ts") },
  edge: { about: "the agent beside the sensors", load: () => import("../edge/main.ts") },
  peer: { about: "copies, checks and cosigns a log", load: () => import("../hub/peer/main.ts") },
  audit: { about: "checks a whole log", load: () => import("../hub/checking/audit-command.ts") },
  verify: {
    about: "checks a proof or evidence file",
    load: () => import("../hub/checking/verify-command.ts"),
  },
  sim: {
    about: "simulated sensor boards, and devices for load",
    load: () => import("../firmware-sim/main.ts"),
  },
};

async function main(io: ProgramIo): Promise<number> {
  const [name, ...argv] = io.argv;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    io.stdout.write(usage());
    return name === undefined ? 2 : 0;
  }
  if (name === "--version" || name === "-v") {
    io.stdout.write(`kerbstone ${VERSION}\n`);
    return 0;
  }
  const names = Object.keys(SUBCOMMANDS);
  if (!names.includes(name)) {
    const near = nearestName(name, names);
    throw new UserError(`There is no command ${name}.`, {
      hint: near === undefined ? usage() : `Did you mean kerbstone ${near}?`,
    });
  }
  const program = await SUBCOMMANDS[name]!.load();
  return program.run({ ...io, argv });
}

function usage(): string {
  const lines = Object.entries(SUBCOMMANDS).map(
    ([name, { about }]) => `  ${name.padEnd(8)}${about}\n`,
  );
  return `Usage: kerbstone <command> [options]\n\n${lines.join("")}\nkerbstone <command> --help says more.\n`;
}

installSha256((message) => hash("sha256", message, "buffer"));
// Started by another program of ours: end with it, however it ends.
process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));
// That channel alone keeps no program running.
process.channel?.unref();
await runProgram(main);
