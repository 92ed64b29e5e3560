/** What commands that look at cameras use of the machine. */

import type { ProgramIo } from "../../platform/lifecycle.ts";
import type { ProbePorts } from "../cameras/camera-probe.ts";
import { startNodeChild } from "../cameras/node-child.ts";
import { RtspDoor } from "../cameras/rtsp/rtsp-door.ts";

/** Real programs, and doors on loopback. */
export function systemCameraPorts({
  clock,
  random,
}: Pick<ProgramIo, "clock" | "random">): ProbePorts {
  return {
    openDoor: (access) => RtspDoor.open({ access, clock, random }),
    startChild: startNodeChild,
    clock,
  };
}

/** What a person may do about a camera, by its state. */
export function cameraRemedy(state: string): string {
  switch (state) {
    case "no-ffmpeg":
      return "Install ffmpeg (sudo apt install ffmpeg), or give its path as ffmpeg.";
    case "refused":
      return "Check username and the file passwordFile; many cameras lock an account after some wrong tries.";
    case "silent":
      return "Look at the camera's own page, and restart it.";
    default:
      return "Check power, cable and address (`ping`), and the path in url, which the camera's manual names.";
  }
}
