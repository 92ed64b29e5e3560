#!/usr/bin/env node
/** `kerbstone`: one command, a line a subcommand. */

import { hash } from "node:crypto";
import process from "node:process";
import { installSha256 } from "../ledger/sha256.ts";
import { runGroup } from "../platform/command-group.ts";
import type { CommandGroup, GroupedCommand } from "../platform/command-group.ts";
import { runProgram } from "../platform/lifecycle.ts";
import type { ProgramIo } from "../platform/lifecycle.ts";
import { VERSION } from "../platform/version.ts";

type Load = () => Promise<{ run(io: ProgramIo): Promise<number> }>;

// Loaded when asked for: an agent need not have the hub's libraries in memory.
const KERBSTONE: CommandGroup = {
  name: "kerbstone",
  about: "A tamper-evident ledger of sensor readings.",
  sections: [
    {
      title: "To look at it",
      commands: {
        start: program("a small city on this machine", () => import("./city/command.ts")),
        sim: program(
          "simulated sensor boards, and devices for load",
          () => import("../firmware-sim/main.ts"),
        ),
      },
    },
    {
      title: "To run it",
      commands: {
        edge: program("the agent beside the sensors", () => import("../edge/main.ts")),
        hub: program("the hub, and its operator's commands", () => import("../hub/main.ts")),
        peer: program("copies, checks and cosigns a log", () => import("../hub/peer/main.ts")),
      },
    },
    {
      title: "To check it",
      commands: {
        verify: program(
          "checks a proof or evidence file, or a recording",
          () => import("../hub/checking/verify-command.ts"),
        ),
        audit: program("checks a whole log", () => import("../hub/checking/audit-command.ts")),
      },
    },
  ],
};

function program(about: string, load: Load): GroupedCommand {
  return { about, run: async (io, argv) => (await load()).run({ ...io, argv }) };
}

async function main(io: ProgramIo): Promise<number> {
  const [first] = io.argv;
  if (first === "--version" || first === "-v") {
    io.stdout.write(`kerbstone ${VERSION}\n`);
    return 0;
  }
  return runGroup(io, io.argv, KERBSTONE);
}

installSha256((message) => hash("sha256", message, "buffer"));
// Started by another program of ours: end with it, however it ends.
process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));
// That channel alone keeps no program running.
process.channel?.unref();
await runProgram(main);
