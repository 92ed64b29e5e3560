/**
 * A camera's picture as MPEG-1, made by transcoder.ts while somebody looks, through a door of its own.
 */

import { execPath } from "node:process";
import { fileURLToPath } from "node:url";
import type { Clock } from "../../../platform/clock.ts";
import { Complaints } from "../child.ts";
import type { StartChild } from "../child.ts";
import type { PlayerEnd } from "../player.ts";
import { aborted, endOfPlayer, notStarted, withoutDoor } from "../player.ts";
import type { CameraState, PreviewRun, PreviewSource } from "../preview-source.ts";
import { printable } from "../rtsp/camera-fault.ts";
import type { CameraAccess } from "../rtsp/camera-access.ts";
import type { OpenDoor } from "../rtsp/rtsp-door.ts";
import type { TranscoderFailure, TranscoderOrder } from "./transcoder-order.ts";

/** What a preview is made of. */
export interface PreviewParts {
  readonly camera: string;
  readonly access: CameraAccess;
  readonly ffmpeg: string;
  readonly width: number;
  readonly framesPerSecond: number;
  /** How the camera is, as its recorder sees it. */
  readonly state: () => CameraState;
  readonly openDoor: OpenDoor;
  readonly startChild: StartChild;
  readonly clock: Clock;
  /** The compiled program, unless it lies beside this file. */
  readonly transcoder?: string;
}

/** A picture that has not come by then, or does not go on for so long, does not come any more. */
const PICTURE_LIMIT_MS = 45_000;
const LOOK_MS = 1_000;

const TRANSCODER = fileURLToPath(new URL("./transcoder.js", import.meta.url));

/** See the head of the file. */
export class TranscodedPreview implements PreviewSource {
  readonly camera: string;
  private readonly parts: PreviewParts;
  private isRunning = false;

  constructor(parts: PreviewParts) {
    this.camera = parts.camera;
    this.parts = parts;
  }

  state(): CameraState {
    return this.parts.state();
  }

  start(sink: (chunk: Uint8Array) => void): PreviewRun {
    if (this.isRunning) throw new RangeError(`the picture of ${this.camera} is already made`);
    this.isRunning = true;
    const stopping = new AbortController();
    const ended = this.run(sink, stopping.signal)
      .catch((error: unknown) => new Error(`no preview: ${String(error)}`, { cause: error }))
      .finally(() => (this.isRunning = false));
    return {
      ended,
      stop: async () => {
        stopping.abort();
        await ended;
      },
    };
  }

  private async run(
    sink: (chunk: Uint8Array) => void,
    signal: AbortSignal,
  ): Promise<Error | undefined> {
    const { access, ffmpeg, width, framesPerSecond, openDoor, startChild, clock } = this.parts;
    const door = await openDoor(access);
    if (signal.aborted) {
      door.close();
      return undefined;
    }
    const order: TranscoderOrder = { url: door.playerUrl, ffmpeg, width, framesPerSecond };
    const complaints = new Complaints((text) => withoutDoor(text, door, access));
    let heardMs = clock.monotonicMs();
    let failed: string | undefined;
    const child = startChild(
      { program: execPath, args: [this.parts.transcoder ?? TRANSCODER], message: order },
      {
        stdout: (chunk) => {
          heardMs = clock.monotonicMs();
          if (!signal.aborted) sink(chunk);
        },
        stderr: (chunk) => complaints.push(chunk),
        message: (said) => ({ failed } = said as TranscoderFailure),
      },
    );
    const over = new AbortController();
    const stalled = stalls(() => heardMs, clock, over.signal);
    const cut = Promise.race([aborted(signal), stalled]);
    const end = await endOfPlayer(door, child, cut, clock);
    over.abort();
    if (signal.aborted) return undefined;
    return new Error(faultOf(end, { failed, ffmpeg, said: complaints.last }));
  }
}

/** Settles when nothing has been heard for too long. */
async function stalls(heardMs: () => number, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && clock.monotonicMs() - heardMs() < PICTURE_LIMIT_MS) {
    await clock.sleep(LOOK_MS, signal).catch(() => undefined);
  }
}

/** What node-rtsp-stream prints of its own, behind what ffmpeg has said. */
const LIBRARY_COMPLAINT = "RTSP stream exited with error";

/** Why there is no picture any more. */
function faultOf(
  { door, exit, isCut }: PlayerEnd,
  about: { readonly failed: string | undefined; readonly ffmpeg: string; readonly said: string },
): string {
  const { failed, ffmpeg, said } = about;
  if (isCut) return "no picture came of it";
  if (failed !== undefined) return notStarted(ffmpeg, failed);
  if (door.kind === "camera") return door.fault.text;
  if (exit.error !== undefined) return `the transcoder does not start (${exit.error.message})`;
  if (said !== "" && said !== LIBRARY_COMPLAINT) return printable(said);
  return "the transcoder has ended";
}
