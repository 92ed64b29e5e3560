/** `kerbstone edge`: one line a subcommand, in the order in which an installer comes to need them. */

import { runGroup } from "../platform/command-group.ts";
import type { CommandGroup } from "../platform/command-group.ts";
import type { ProgramIo } from "../platform/lifecycle.ts";
import { showClips } from "./commands/clips-command.ts";
import { runDoctor } from "./commands/doctor-command.ts";
import { initEdge } from "./commands/init-command.ts";
import { installService } from "./commands/install-service-command.ts";
import { renewEdge } from "./commands/renew-command.ts";
import { recoverEdge } from "./commands/recover-command.ts";
import { runEdge } from "./commands/run-command.ts";
import { showStatus } from "./commands/status-command.ts";
import { testSensor } from "./commands/test-sensor-command.ts";

const EDGE: CommandGroup = {
  name: "kerbstone edge",
  about: "The agent beside the sensors. CONFIG is a device's settings file, edge.toml.",
  sections: [
    {
      title: "Before the device is made",
      commands: {
        "test-sensor": {
          about: "says what is heard at a port, over MQTT, or at an address that boards push to",
          run: (io, argv) => testSensor(io, argv),
        },
        "test-camera": {
          about: "says what a camera sends, and whether it can be recorded",
          // What looks at cameras is loaded only where it is used.
          run: async (io, argv) =>
            (await import("./commands/test-camera-command.ts")).testCamera(io, argv),
        },
      },
    },
    {
      title: "To make it and to start it",
      commands: {
        init: {
          about: "makes a device's key and settings, and the line by which the operator enrols it",
          run: (io, argv) => initEdge(io, argv),
        },
        doctor: {
          about: "looks at everything that a device needs, and says what is wrong and what to do",
          run: (io, argv) => runDoctor(io, argv),
        },
        run: { about: "runs devices, here in the foreground", run: runEdge },
        "install-service": {
          about: "has systemd run a device, also after the machine has been started again",
          run: (io, argv) => installService(io, argv),
        },
      },
    },
    {
      title: "While it runs",
      commands: {
        status: { about: "shows how devices are, again every second", run: showStatus },
        clips: { about: "lists a device's recordings, and copies them", run: showClips },
      },
    },
    {
      title: "When something has happened",
      commands: {
        recover: { about: "lets a device go on that has stopped signing", run: recoverEdge },
        renew: {
          about: "gives a device a new key, with the settings that it has",
          run: renewEdge,
        },
      },
    },
  ],
};

/** Runs `kerbstone edge …`; `io.argv` begins with the subcommand. */
export function run(io: ProgramIo): Promise<number> {
  return runGroup(io, io.argv, EDGE);
}
