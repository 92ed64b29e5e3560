/**
 * One camera of a device: its recordings, and its preview if one is wanted.
 */

import { BackOff } from "../../platform/back-off.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Files } from "../../platform/files.ts";
import type { Logger } from "../../platform/log.ts";
import type { Random } from "../../platform/random.ts";
import type { CameraStatus } from "./camera-status.ts";
import type { StartChild } from "./child.ts";
import type { PreviewSource } from "./preview-source.ts";
import { Recorder } from "./recording/recorder.ts";
import { Ring } from "./recording/ring.ts";
import type { RingLimits, RingParts } from "./recording/ring.ts";
import type { CameraAccess } from "./rtsp/camera-access.ts";
import type { OpenDoor } from "./rtsp/rtsp-door.ts";
import { TranscodedPreview } from "./transcoding/transcoded-preview.ts";

/** A camera as an agent gets it. */
export interface CameraSetup {
  readonly name: string;
  /** An enrolled one, on which its clips are signed. */
  readonly stream: string;
  readonly access: CameraAccess;
  readonly segmentSeconds: number;
  readonly limits: RingLimits;
  /** Absent where there is to be no preview. */
  readonly preview?: { readonly width: number; readonly framesPerSecond: number } | undefined;
}

/** What all cameras of an agent work with. */
export interface CameraGround {
  readonly device: string;
  /** Of all cameras; each has one of its own in it. */
  readonly folder: string;
  readonly ffmpeg: string;
  readonly openDoor: OpenDoor;
  readonly startChild: StartChild;
  readonly freeBytes: RingParts["freeBytes"];
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** What a camera needs to know of its agent. */
export interface CameraSurroundings {
  readonly reserveBytes: RingParts["reserveBytes"];
  readonly nowMs: RingParts["nowMs"];
  readonly removed: NonNullable<RingParts["removed"]>;
  /** Called with the ring as it was found, before anything else is done with it. */
  readonly opened: (ring: Ring) => Promise<void>;
}

const OPEN_AGAIN = { firstMs: 1_000, mostMs: 60_000 };

/** See the head of the file. */
export class Camera {
  readonly setup: CameraSetup;
  /** Absent while no preview is wanted. */
  readonly preview: PreviewSource | undefined;
  private readonly ground: CameraGround;
  private readonly surroundings: CameraSurroundings;
  private recorder: Recorder | undefined;
  private ringNow: Ring | undefined;
  private diskText: string | undefined;

  constructor(setup: CameraSetup, ground: CameraGround, surroundings: CameraSurroundings) {
    const { name: camera, access, preview } = setup;
    const { ffmpeg, openDoor, startChild, clock } = ground;
    this.setup = setup;
    this.ground = ground;
    this.surroundings = surroundings;
    this.preview =
      preview &&
      new TranscodedPreview({
        camera,
        access,
        ffmpeg,
        ...preview,
        state: () => this.recorder?.state ?? "starting",
        openDoor,
        startChild,
        clock,
      });
  }

  /** Absent while the disk does not let it be opened. */
  get ring(): Ring | undefined {
    return this.ringNow;
  }

  /** Looks at what is on disk, if the disk lets it; `run` tries again. Never rejects for the disk's faults. */
  async open(): Promise<void> {
    const { setup, ground, surroundings } = this;
    const { device, files, freeBytes, clock, logger } = ground;
    const folder = `${ground.folder}/${setup.name}`;
    try {
      const ring = await Ring.open({
        device,
        camera: setup.name,
        files,
        folder,
        limits: setup.limits,
        freeBytes,
        ...surroundings,
        clock,
        logger,
      });
      await surroundings.opened(ring);
      this.recorder = new Recorder({ ...ground, ...setup, camera: setup.name, folder, ring });
      this.ringNow = ring;
      this.diskText = undefined;
    } catch (error) {
      const { message } = error as Error;
      if (this.diskText !== message)
        logger.error({ camera: setup.name, error }, "a camera's recordings cannot be opened");
      this.diskText = message;
    }
  }

  /** Records until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.ground;
    const backOff = new BackOff(random, OPEN_AGAIN);
    while (!signal.aborted && this.recorder === undefined) {
      await clock.sleep(backOff.nextMs(), signal).catch(() => undefined);
      if (!signal.aborted) await this.open();
    }
    await this.recorder?.run(signal);
  }

  /** How it is; `waitingClips` is the signer's to know. */
  status(waitingClips: number): CameraStatus {
    const { setup, recorder, ringNow: ring, diskText } = this;
    const times = (ring?.segments ?? []).map(({ record }) => record);
    return {
      camera: setup.name,
      stream: setup.stream,
      address: setup.access.address.shown,
      state: recorder?.state ?? "starting",
      recording: recorder?.recording ?? (diskText === undefined ? "off" : "disk-failed"),
      text: recorder?.text ?? diskText,
      codec: recorder?.codec,
      runs: recorder?.runs ?? 0,
      segments: times.length,
      bytes: ring?.bytes ?? 0,
      bytesMax: setup.limits.bytesMax,
      waitingClips,
      oldestMs: times.find(({ fromMs }) => fromMs !== undefined)?.fromMs,
      newestMs: times.findLast(({ toMs }) => toMs !== undefined)?.toMs,
    };
  }
}
