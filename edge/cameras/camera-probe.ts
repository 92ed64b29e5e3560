/**
 * What is it that a camera sends? Asked for people who set one up, in the very way in which it is recorded.
 */

import type { Clock } from "../../platform/clock.ts";
import type { StartChild } from "./child.ts";
import { aborted, endOfPlayer, notStarted, withoutDoor } from "./player.ts";
import { cameraFault, printable } from "./rtsp/camera-fault.ts";
import type { CameraFault } from "./rtsp/camera-fault.ts";
import type { CameraAccess } from "./rtsp/camera-access.ts";
import type { OpenDoor } from "./rtsp/rtsp-door.ts";

/** What a probe works with. */
export interface ProbePorts {
  readonly openDoor: OpenDoor;
  readonly startChild: StartChild;
  readonly clock: Clock;
}

/** What a camera was seen to send. */
export interface CameraReport {
  /** In the words of ffmpeg: `h264 (High)`. */
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  /** As ffmpeg has found it. */
  readonly framesPerSecond: number;
  readonly bitsPerSecond: number;
}

const PROBE_LIMIT_MS = 60_000;
const OUTPUT_CHARACTERS_MAX = 65_536;

/** Looks at a camera for so many seconds of its picture; gives what it sends, or what is wrong. */
export async function probeCamera(
  ports: ProbePorts,
  access: CameraAccess,
  ffmpeg: string,
  seconds: number,
  signal: AbortSignal,
): Promise<CameraReport | CameraFault> {
  const { openDoor, startChild, clock } = ports;
  const door = await openDoor(access);
  const decoder = new TextDecoder();
  let said = "";
  const hear = (chunk: Uint8Array): void => {
    said = (said + decoder.decode(chunk, { stream: true })).slice(-OUTPUT_CHARACTERS_MAX);
  };
  const argv = [
    "-hide_banner",
    "-nostdin",
    "-nostats",
    "-i",
    door.playerUrl,
    "-t",
    String(seconds),
  ];
  argv.push("-map", "0:v:0", "-an", "-c", "copy", "-f", "null", "-progress", "pipe:1", "-");
  const child = startChild({ program: ffmpeg, args: argv }, { stdout: hear, stderr: hear });
  const over = new AbortController();
  const limit = clock.sleep(PROBE_LIMIT_MS, over.signal).catch(() => undefined);
  const stop = (): void => over.abort();
  signal.addEventListener("abort", stop, { once: true });
  const end = await endOfPlayer(door, child, Promise.race([limit, aborted(over.signal)]), clock);
  signal.removeEventListener("abort", stop);
  stop();
  if (end.door.kind === "camera") return end.door.fault;
  const { error } = end.exit;
  if (error !== undefined) {
    return cameraFault("no-ffmpeg", notStarted(ffmpeg, error.code ?? error.message));
  }
  const report = parseReport(said);
  if (report !== undefined) return report;
  const last = withoutDoor(said, door, access).trimEnd().split("\n").at(-1) ?? "";
  return cameraFault("no-ffmpeg", `ffmpeg makes nothing of it: ${printable(last)}`);
}

/** Takes what ffmpeg says apart; `undefined` where it has seen no picture. A camera's own words are in it, too. */
export function parseReport(said: string): CameraReport | undefined {
  const video =
    /^ *Stream #0:\d+.*?: Video: (?<codec>[^,\n]+), .*?(?<width>\d{2,5})x(?<height>\d{2,5}).*?, (?<rate>[\d.]+) (?:fps|tbr)/m.exec(
      said,
    );
  const frames = lastNumber(said, /^frame=\s*(\d+)/gm);
  const kibibytes = lastNumber(said, /\bvideo:\s*(\d+)\s*Ki?B/gi);
  const framesPerSecond = Number(video?.groups?.["rate"]);
  if (video?.groups === undefined || !(frames! > 0) || !(framesPerSecond > 0)) return undefined;
  const seconds = frames! / framesPerSecond;
  return {
    codec: printable(video.groups["codec"]!.trim()),
    width: Number(video.groups["width"]),
    height: Number(video.groups["height"]),
    framesPerSecond,
    bitsPerSecond: Math.round(((kibibytes ?? 0) * 8_192) / seconds),
  };
}

function lastNumber(text: string, pattern: RegExp): number | undefined {
  const last = [...text.matchAll(pattern)].at(-1)?.[1];
  return last === undefined ? undefined : Number(last);
}
