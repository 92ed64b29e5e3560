/** `kerbstone edge`: one line a subcommand, in the order in which an installer comes to need them. */

import { runGroup } from "../platform/command-group.ts";
import type { CommandGroup } from "../platform/command-group.ts";
import type { ProgramIo } from "../platform/lifecycle.ts";

// Loaded when asked for: an agent has no use for what sets one up, and a small computer takes long to load it.
const EDGE: CommandGroup = {
  name: "kerbstone edge",
  about: "The agent beside the sensors. CONFIG is a device's settings file, edge.toml.",
  sections: [
    {
      title: "Before the device is made",
      commands: {
        "test-sensor": {
          about: "says what is heard at a port, over MQTT, or at an address that boards push to",
          run: async (io, argv) =>
            (await import("./commands/test-sensor-command.ts")).testSensor(io, argv),
        },
        "test-camera": {
          about: "says what a camera sends, and whether it can be recorded",
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
          run: async (io, argv) => (await import("./commands/init-command.ts")).initEdge(io, argv),
        },
        doctor: {
          about: "looks at everything that a device needs, and says what is wrong and what to do",
          run: async (io, argv) =>
            (await import("./commands/doctor-command.ts")).runDoctor(io, argv),
        },
        run: {
          about: "runs devices, here in the foreground",
          run: async (io, argv) => (await import("./commands/run-command.ts")).runEdge(io, argv),
        },
        "install-service": {
          about: "has systemd run a device, also after the machine has been started again",
          run: async (io, argv) =>
            (await import("./commands/install-service-command.ts")).installService(io, argv),
        },
      },
    },
    {
      title: "While it runs",
      commands: {
        status: {
          about: "shows how devices are, again every second",
          run: async (io, argv) =>
            (await import("./commands/status-command.ts")).showStatus(io, argv),
        },
        clips: {
          about: "lists a device's recordings, and copies them",
          run: async (io, argv) =>
            (await import("./commands/clips-command.ts")).showClips(io, argv),
        },
      },
    },
    {
      title: "When something has happened",
      commands: {
        recover: {
          about: "lets a device go on that has stopped signing",
          run: async (io, argv) =>
            (await import("./commands/recover-command.ts")).recoverEdge(io, argv),
        },
        renew: {
          about: "gives a device a new key, with the settings that it has",
          run: async (io, argv) =>
            (await import("./commands/renew-command.ts")).renewEdge(io, argv),
        },
      },
    },
  ],
};

/** Runs `kerbstone edge …`; `io.argv` begins with the subcommand. */
export function run(io: ProgramIo): Promise<number> {
  return runGroup(io, io.argv, EDGE);
}
