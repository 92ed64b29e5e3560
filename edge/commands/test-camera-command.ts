/** `kerbstone edge test-camera URL|CONFIG`: is there a picture, and of what kind? */

import { resolve } from "node:path";
import { formatHelp, parseFlags } from "../../platform/command-line.ts";
import type { CommandSpec, FlagValues } from "../../platform/command-line.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { readPassword } from "../../platform/secret-file.ts";
import { UserError } from "../../platform/user-error.ts";
import { parseCameraAddress } from "../cameras/camera-address.ts";
import { probeCamera } from "../cameras/camera-probe.ts";
import type { CameraReport, ProbePorts } from "../cameras/camera-probe.ts";
import type { CameraAccess } from "../cameras/rtsp/camera-access.ts";
import { readCameraAccess } from "../settings/camera-setup.ts";
import { loadDevice } from "../settings/device-settings.ts";
import { formatCamera } from "../settings/settings-file.ts";
import { cameraRemedy, systemCameraPorts } from "./camera-ports.ts";

const spec = {
  usage: "kerbstone edge test-camera URL|CONFIG [options]",
  about:
    "Looks at a camera for some seconds, in the way in which it would be recorded, and says what it sends: codec, size, frame rate; or what is wrong. A URL is rtsp://host/path without a password; of a CONFIG all cameras are looked at. 0 if there is a picture, else 1.",
  flags: {
    user: { type: "text", value: "NAME", about: "whom the camera knows" },
    "password-file": {
      type: "text",
      value: "FILE",
      about: "file with the password, mode 0600",
    },
    "plain-password": {
      type: "switch",
      about: "lets the password go over the network in clear, if the camera wants it so",
    },
    ffmpeg: { type: "text", value: "PATH", about: "the program that looks (ffmpeg)" },
    seconds: { type: "text", value: "N", about: "how long it looks (3)" },
  },
  positionals: {
    min: 1,
    max: 1,
    about: "an address such as rtsp://192.168.1.20/stream1, or a settings file",
  },
} as const satisfies CommandSpec;

type Flags = FlagValues<typeof spec>;

interface Subject {
  readonly name: string | undefined;
  readonly access: CameraAccess;
  readonly ffmpeg: string;
}

const SILENT_MS = 10_000;

/** Runs the command. */
export async function testCamera(
  io: ProgramIo,
  argv: readonly string[],
  ports: ProbePorts = systemCameraPorts(io),
): Promise<number> {
  const { flags, positionals, help } = parseFlags(argv, spec);
  if (help) {
    io.stdout.write(formatHelp(spec));
    return 0;
  }
  const seconds = Number(flags.seconds ?? 3);
  if (!(seconds > 0 && seconds <= 30)) throw new UserError("--seconds needs a number up to 30.");
  let exitCode = 0;
  for (const subject of await subjectsOf(io, flags, positionals[0]!)) {
    const { name, access, ffmpeg } = subject;
    const { shown } = access.address;
    io.stdout.write(`Looking at ${name === undefined ? "" : `${name}, `}${shown} …\n`);
    const found = await probeCamera(ports, access, ffmpeg, seconds, io.signal);
    if ("state" in found) {
      exitCode = 1;
      io.stdout.write(`No picture: ${found.text}.\n→ ${cameraRemedy(found.state)}\n`);
    } else {
      io.stdout.write(`${formatReport(found)}\n`);
      if (name === undefined) io.stdout.write(`\n${settingsOf(access)}`);
    }
  }
  return exitCode;
}

/** The camera of a URL, or those of a settings file. */
async function subjectsOf(io: ProgramIo, flags: Flags, text: string): Promise<Subject[]> {
  if (/^[a-z]+:\/\//i.test(text)) {
    const access = await accessOf(io, flags, text);
    return [{ name: undefined, access, ffmpeg: flags.ffmpeg ?? "ffmpeg" }];
  }
  const { config, folder } = await loadDevice(io, text);
  if (config.cameras.length === 0) throw new UserError(`${config.name} has no [[cameras]].`);
  return Promise.all(
    config.cameras.map(async (camera) => ({
      name: camera.name,
      access: await readCameraAccess(io.files, folder, camera),
      ffmpeg: flags.ffmpeg ?? config.ffmpeg,
    })),
  );
}

async function accessOf(io: ProgramIo, flags: Flags, text: string): Promise<CameraAccess> {
  const address = parseCameraAddress(text);
  // The address is not shown: somebody may have put a password into it.
  if (typeof address === "string") {
    throw new UserError(`That is no camera's address: ${address}.`, {
      hint: "For example: kerbstone edge test-camera rtsp://192.168.1.20/stream1 --user viewer --password-file FILE",
    });
  }
  const { user: username, "password-file": passwordFile } = flags;
  if ((username === undefined) !== (passwordFile === undefined)) {
    throw new UserError("--user and --password-file belong together.");
  }
  const credentials =
    username === undefined || passwordFile === undefined
      ? undefined
      : { username, password: await readPassword(io.files, resolve(io.cwd, passwordFile)) };
  return {
    address,
    credentials,
    plainPassword: flags["plain-password"],
    certificate: undefined,
    silentMs: SILENT_MS,
  };
}

function formatReport(report: CameraReport): string {
  const { codec, width, height, framesPerSecond, bitsPerSecond } = report;
  const megabits = (bitsPerSecond / 1e6).toFixed(2);
  const hourly = ((bitsPerSecond * 3_600) / 8 / 1e9).toFixed(2);
  return `It sends ${codec}, ${width}x${height}, ${framesPerSecond} frames a second, ${megabits} Mbit/s: an hour is ${hourly} GB.`;
}

function settingsOf({ address, credentials }: CameraAccess): string {
  const camera = { name: "street", stream: "camera", url: address.url };
  return `Its settings:\n\n${formatCamera(camera, credentials?.username)}`;
}
