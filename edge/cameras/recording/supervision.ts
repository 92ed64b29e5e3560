/**
 * What becomes of a recording that ends: how the camera is said to be, when it is tried again, and whether anybody needs
 * to be told. Pure; recorder.ts does what it says.
 */

import { BackOff } from "../../../platform/back-off.ts";
import type { Random } from "../../../platform/random.ts";
import type { CameraState } from "../preview-source.ts";
import type { RingTrouble } from "./ring.ts";

/** Why a run of ffmpeg has ended, or was not begun. */
export type RunEnd =
  /** By the camera: as the door saw it. */
  | { readonly kind: "camera"; readonly state: CameraState; readonly text: string }
  /** ffmpeg is not there, or ended by itself. */
  | { readonly kind: "ffmpeg"; readonly text: string }
  /** There is no room, or the disk fails. */
  | { readonly kind: "disk"; readonly trouble: RecordingTrouble; readonly text: string }
  /** We have ended it. */
  | { readonly kind: "stopped" };

export type RecordingTrouble = RingTrouble | "disk-failed";

/** Whether anything is recorded, and if not, whether that is the disk's fault. */
export const RECORDING_STATES = [
  "disk-failed",
  "disk-full",
  "segment-too-large",
  "off",
  "on",
] as const;

export type RecordingState = (typeof RECORDING_STATES)[number];

/** Something that is to be said, once. */
export interface Notice {
  readonly level: "info" | "warn";
  readonly text: string;
}

/** A camera that comes back is seen again soon; one that is gone costs a try a minute. */
export const RESTART_LIMITS = { firstMs: 1_000, mostMs: 60_000 } as const;
/** So long a run counts as a success, and waits begin anew. */
const STEADY_MS = 60_000;

/** See the head of the file. */
export class Supervision {
  private readonly backOff: BackOff;
  private stateNow: CameraState = "starting";
  private recordingNow: RecordingState = "off";
  private textNow: string | undefined;
  private okSinceMs: number | undefined;
  private said = "";

  constructor(random: Random) {
    this.backOff = new BackOff(random, RESTART_LIMITS);
  }

  /** What is wrong stays said until a picture comes: a camera that refuses us is not now and then well. */
  get state(): CameraState {
    return this.stateNow;
  }

  get recording(): RecordingState {
    return this.recordingNow;
  }

  /** What is wrong, in words; absent where nothing is. */
  get text(): string | undefined {
    return this.textNow;
  }

  /** Says that pictures come and are written; may be called again and again. */
  records(nowMs: number): Notice | undefined {
    this.okSinceMs ??= nowMs;
    this.stateNow = "ok";
    this.recordingNow = "on";
    this.textNow = undefined;
    return this.say("info", "a camera is recorded");
  }

  /** Takes the end of a run; gives how long to wait before the next, and what to say. */
  ended(end: RunEnd, nowMs: number): { readonly waitMs: number; readonly notice?: Notice } {
    if (this.okSinceMs !== undefined && nowMs - this.okSinceMs >= STEADY_MS) this.backOff.reset();
    this.okSinceMs = undefined;
    this.recordingNow = end.kind === "disk" ? end.trouble : "off";
    if (end.kind === "stopped") {
      this.stateNow = "starting";
      this.textNow = undefined;
      return { waitMs: 0 };
    }
    this.stateNow = stateOf(end);
    this.textNow = end.text;
    const notice = this.say("warn", `a camera is not recorded: ${end.text}`);
    return { waitMs: this.backOff.nextMs(), ...(notice ? { notice } : {}) };
  }

  /** The first of a run of equal notices. */
  private say(level: Notice["level"], text: string): Notice | undefined {
    if (text === this.said) return undefined;
    this.said = text;
    return { level, text };
  }
}

function stateOf(end: Exclude<RunEnd, { kind: "stopped" }>): CameraState {
  switch (end.kind) {
    case "camera":
      return end.state;
    case "ffmpeg":
      return "no-ffmpeg";
    case "disk":
      // Nothing is known of the camera: it was left alone.
      return "starting";
  }
}
