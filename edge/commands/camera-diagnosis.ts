/** What may be wrong with a device's cameras, for `kerbstone edge doctor`. */

import type { ProgramIo } from "../../platform/lifecycle.ts";
import { probeCamera } from "../cameras/camera-probe.ts";
import type { ProbePorts } from "../cameras/camera-probe.ts";
import type { CameraStatus } from "../cameras/camera-status.ts";
import { listSegments } from "../cameras/recording/segment-files.ts";
import { readCameraAccess } from "../settings/camera-setup.ts";
import type { CameraConfig } from "../settings/camera-config.ts";
import type { EdgeConfig } from "../settings/config.ts";
import type { FoundStatus } from "../status/status-socket.ts";
import { cameraRemedy } from "./camera-ports.ts";
import { find } from "./diagnosis.ts";
import type { Finding } from "./diagnosis.ts";

/** What is known of a device, and what its cameras are looked at with. */
export interface CameraCase {
  readonly io: ProgramIo;
  readonly config: EdgeConfig;
  /** Of the settings file. */
  readonly folder: string;
  readonly dataFolder: string;
  readonly status: FoundStatus | undefined;
  readonly freeBytes: number;
  readonly ports: ProbePorts;
}

/** The shortest look at which ffmpeg still sees a picture. */
const LOOK_SECONDS = 1;

/** Looks at all cameras, and at whether there is room for their recordings. */
export async function checkCameras(about: CameraCase): Promise<Finding[]> {
  const { config } = about;
  const findings: Finding[] = [];
  for (const [at, camera] of config.cameras.entries()) {
    findings.push(await checkCamera(about, camera, at));
  }
  if (config.cameras.length > 0) {
    findings.push(
      await find("recordings", () => judgeRoom(about), "Look at data/cameras, and who owns it."),
    );
  }
  return findings;
}

async function checkCamera(about: CameraCase, camera: CameraConfig, at: number): Promise<Finding> {
  const { io, config, folder, status, ports } = about;
  const subject = `camera ${at + 1}`;
  if (status?.isLive === true) {
    const said = status.status.cameras?.find((one) => one.camera === camera.name);
    return judgeRunning(subject, said);
  }
  // A password file that others can read is found before anything is asked.
  return find(subject, async () => {
    const access = await readCameraAccess(io.files, folder, camera);
    const found = await probeCamera(ports, access, config.ffmpeg, LOOK_SECONDS, io.signal);
    if ("state" in found) {
      const text = `${camera.name}: ${found.text}`;
      return { level: "wrong", text, remedy: cameraRemedy(found.state) };
    }
    const { codec, width, height, framesPerSecond } = found;
    return `${camera.name} sends ${codec}, ${width}x${height}, ${framesPerSecond} frames a second`;
  });
}

function judgeRunning(subject: string, said: CameraStatus | undefined): Finding {
  if (said === undefined)
    return { subject, level: "unsure", text: "is new in the settings: restart the agent" };
  const { camera, state, recording, text = state } = said;
  if (state === "ok" && recording === "on")
    return { subject, level: "ok", text: `${camera} is recorded` };
  const isDisk = recording !== "on" && recording !== "off";
  return {
    subject,
    level: state === "starting" && !isDisk ? "unsure" : "wrong",
    text: `${camera} is not recorded: ${text}`,
    ...(isDisk
      ? { remedy: "Free some space, or set keepBytesMax lower; see docs/cameras.md." }
      : state === "starting"
        ? {}
        : { remedy: cameraRemedy(state) }),
  };
}

/** Room for all that may be kept, beside what the outbox may still take. */
async function judgeRoom(about: CameraCase): Promise<Omit<Finding, "subject">> {
  const { io, config, dataFolder, status, freeBytes } = about;
  let keptBytes = 0;
  let wantedBytes = 0;
  for (const { name, keepBytesMax } of config.cameras) {
    const segments = await listSegments(io.files, `${dataFolder}/cameras/${name}`);
    keptBytes += segments.reduce((sum, { bytes }) => sum + bytes, 0);
    wantedBytes += keepBytesMax;
  }
  const outboxBytes = Math.max(0, config.outbox.bytesMax - (status?.status.outboxBytes ?? 0));
  const roomBytes = Math.max(0, freeBytes - outboxBytes) + keptBytes;
  const text = `${gigabytes(keptBytes)} of ${gigabytes(wantedBytes)} GB are kept, there is room for ${gigabytes(roomBytes)}`;
  if (roomBytes >= wantedBytes) return { level: "ok", text };
  return {
    level: "unsure",
    text,
    remedy: "Set keepBytesMax lower: recordings leave room for statements, and go sooner than set.",
  };
}

function gigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(1);
}
