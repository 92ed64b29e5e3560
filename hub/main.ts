/** `kerbstone hub`: one line a subcommand, in the order in which an operator comes to need them. */

import { runGroup } from "../platform/command-group.ts";
import type { CommandGroup } from "../platform/command-group.ts";
import type { ProgramIo } from "../platform/lifecycle.ts";
import { initHub } from "./init-command.ts";
import { devices, enrol, revoke, status } from "./operator/command-line.ts";
import { viewers } from "./operator/viewers-command-line.ts";
import { rebuildHub } from "./projections/rebuild.ts";
import { runHub } from "./run-command.ts";
import { printVkey } from "./vkey-command.ts";

const HUB: CommandGroup = {
  name: "kerbstone hub",
  about: "The hub, and its operator's commands.",
  sections: [
    {
      title: "To make a hub and to run it",
      commands: {
        init: { about: "makes a new log and its key, and prints the vkey", run: initHub },
        vkey: {
          about: "prints the vkey, which everybody needs who checks the log",
          run: printVkey,
        },
        run: { about: "runs the hub, here in the foreground", run: runHub },
      },
    },
    {
      title: "While it runs, on the same machine",
      commands: {
        enrol: { about: "enrols a device, or all those of a file", run: enrol },
        devices: { about: "lists the devices", run: devices },
        revoke: { about: "revokes a device's key", run: revoke },
        viewers: { about: "who may look at live pictures: add, list, remove", run: viewers },
        status: { about: "prints what the hub says of itself, as JSON", run: status },
      },
    },
    {
      title: "When something has happened",
      commands: {
        rebuild: {
          about: "makes the index, or the mirror in InfluxDB, again from the log",
          run: rebuildHub,
        },
      },
    },
  ],
};

/** Runs `kerbstone hub …`; `io.argv` begins with the subcommand. */
export function run(io: ProgramIo): Promise<number> {
  return runGroup(io, io.argv, HUB);
}
