/**
 * One camera's recorder: one ffmpeg at a time, started again after whatever ends it, and watched.
 *
 * ffmpeg copies the picture into segments and does not look at it, so that this costs a Raspberry Pi little; sound is
 * left out, since it is a graver intrusion than pictures. Supervision (when again, what to say) is supervision.ts's, the
 * segments are ring.ts's.
 */

import { join } from "node:path";
import type { Clock } from "../../../platform/clock.ts";
import type { Logger } from "../../../platform/log.ts";
import type { Random } from "../../../platform/random.ts";
import { Complaints } from "../child.ts";
import type { ChildExit, StartChild } from "../child.ts";
import { aborted, endOfPlayer, notStarted, withoutDoor } from "../player.ts";
import type { CameraState } from "../preview-source.ts";
import { printable } from "../rtsp/camera-fault.ts";
import type { CameraAccess } from "../rtsp/camera-access.ts";
import type { Door, OpenDoor } from "../rtsp/rtsp-door.ts";
import type { Ring, RingTrouble } from "./ring.ts";
import { SegmentClock } from "./segment-clock.ts";
import { SEGMENT_PATTERN, SegmentListReader } from "./segment-list.ts";
import type { ListedSegment } from "./segment-list.ts";
import { Supervision } from "./supervision.ts";
import type { Notice, RecordingState, RunEnd } from "./supervision.ts";

/** What a recorder is made of. */
export interface RecorderParts {
  readonly camera: string;
  readonly access: CameraAccess;
  readonly ring: Ring;
  readonly folder: string;
  readonly segmentSeconds: number;
  /** A path, or a name on PATH. */
  readonly ffmpeg: string;
  readonly openDoor: OpenDoor;
  readonly startChild: StartChild;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

const LOOK_MS = 1_000;
/** A run that has no picture by then has none later; what the camera itself does wrong, the door finds out sooner. */
const START_LIMIT_MS = 45_000;
/** Pictures come, and nothing is written: some streams never have a whole picture. */
const WRITE_LIMIT_MS = 60_000;
/** A picture whose time runs ahead of ours would end recordings without end, and each becomes a statement for ever. */
const FASTER_MAX = 4;
/** Beyond that rate, since a busy machine may get some at once. */
const SEGMENTS_AHEAD_MAX = 8;
/** Recordings end at key frames. Where none comes for so many lengths, another start may bring one. */
const LENGTHS_MAX = 5;

/** See the head of the file. */
export class Recorder {
  /** Runs of ffmpeg that were begun. */
  runs = 0;
  private readonly parts: RecorderParts;
  private readonly supervision: Supervision;
  private codecNow: string | undefined;
  /** What is done to the ring, one after another. */
  private turn: Promise<void> = Promise.resolve();

  constructor(parts: RecorderParts) {
    this.parts = parts;
    this.supervision = new Supervision(parts.random);
  }

  get state(): CameraState {
    return this.supervision.state;
  }

  get recording(): RecordingState {
    return this.supervision.recording;
  }

  /** What is wrong, in words; absent where nothing is. */
  get text(): string | undefined {
    return this.supervision.text;
  }

  /** As the camera names it; absent before it first has. */
  get codec(): string | undefined {
    return this.codecNow;
  }

  /** Records until the signal, then resolves with nothing left running. To be called once. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.parts;
    while (!signal.aborted) {
      const end = await this.attempt(signal);
      const { waitMs, notice } = this.supervision.ended(end, clock.monotonicMs());
      this.say(notice);
      await this.wait(waitMs, signal);
    }
  }

  /** Does something to the ring when it is the only one who does; rejects with what that rejects with. */
  withRing<T>(work: (ring: Ring) => Promise<T>): Promise<T> {
    const done = this.turn.then(() => work(this.parts.ring));
    this.turn = done.then(
      () => undefined,
      () => undefined,
    );
    return done;
  }

  /** Waits for the next try, and keeps the ring within its bounds meanwhile: what is old must go, camera or not. */
  private async wait(ms: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.parts;
    const endMs = clock.monotonicMs() + ms;
    while (!signal.aborted && clock.monotonicMs() < endMs) {
      await this.keepBounds(undefined).catch(() => undefined);
      const leftMs = Math.min(LOOK_MS * 10, endMs - clock.monotonicMs());
      await clock.sleep(Math.max(1, leftMs), signal).catch(() => undefined);
    }
  }

  /** One run, from looking at the disk to the end of ffmpeg. */
  private async attempt(signal: AbortSignal): Promise<RunEnd> {
    const { access, openDoor, clock } = this.parts;
    let first: number;
    try {
      const trouble = await this.keepBounds(undefined);
      if (trouble !== undefined) return diskEnd(trouble);
      first = await this.withRing((ring) => ring.beginRun());
    } catch (error) {
      return diskFailed(error);
    }
    if (signal.aborted) return { kind: "stopped" };
    let door: Door;
    try {
      door = await openDoor(access);
    } catch (error) {
      return { kind: "ffmpeg", text: `there is no way for ffmpeg to it: ${String(error)}` };
    }
    this.runs += 1;
    const end = await this.follow(new Run(first, clock.monotonicMs()), door, signal);
    this.codecNow = door.codec ?? this.codecNow;
    await this.withRing((ring) => ring.adopt(first)).catch((error: unknown) => {
      this.complain(error);
    });
    return end;
  }

  /** Starts ffmpeg, and sees it to its end. */
  private async follow(run: Run, door: Door, signal: AbortSignal): Promise<RunEnd> {
    const { startChild, ffmpeg, clock, access } = this.parts;
    const complaints = new Complaints((text) => withoutDoor(text, door, access));
    const child = startChild(
      { program: ffmpeg, args: this.arguments(door.playerUrl, run.growing) },
      {
        stdout: (chunk) => {
          for (const segment of run.list.push(chunk)) this.close(run, door, segment);
        },
        stderr: (chunk) => complaints.push(chunk),
      },
    );
    const over = new AbortController();
    const stop = (): void => over.abort();
    signal.addEventListener("abort", stop, { once: true });
    let trouble: RunEnd | undefined;
    const looking = this.look(run, door, over.signal).then((found) => (trouble = found));
    const cut = Promise.race([looking, run.hasRunAhead, aborted(over.signal)]);
    const { exit, door: ending } = await endOfPlayer(door, child, cut, clock);
    signal.removeEventListener("abort", stop);
    stop();
    if (signal.aborted) return { kind: "stopped" };
    if (run.isAhead)
      return { kind: "ffmpeg", text: "the picture's time runs faster than time does" };
    if (trouble !== undefined) return trouble;
    if (ending.kind === "camera") return { kind: "camera", ...ending.fault };
    if (ending.kind === "stuck") return { kind: "ffmpeg", text: "ffmpeg takes no more pictures" };
    return endOf(exit, complaints, ffmpeg);
  }

  /** Looks again and again whether all is well; gives what is not, once something is not. */
  private async look(run: Run, door: Door, signal: AbortSignal): Promise<RunEnd | undefined> {
    const { clock } = this.parts;
    while (!signal.aborted) {
      await clock.sleep(LOOK_MS, signal).catch(() => undefined);
      if (signal.aborted) break;
      try {
        const trouble = await this.keepBounds(run.growing);
        if (trouble !== undefined) return diskEnd(trouble);
        run.note(await this.withRing((ring) => ring.sizeOf(run.growing)), clock.monotonicMs());
      } catch (error) {
        return diskFailed(error);
      }
      const nowMs = clock.monotonicMs();
      this.codecNow = door.codec ?? this.codecNow;
      if (door.state === "ok" && run.hasWritten) this.say(this.supervision.records(nowMs));
      if (door.state !== "ok" && nowMs - run.begunMs > START_LIMIT_MS) {
        return { kind: "ffmpeg", text: "ffmpeg has not come to a picture" };
      }
      if (door.state === "ok" && nowMs - run.grownMs > WRITE_LIMIT_MS) {
        return { kind: "ffmpeg", text: "ffmpeg gets pictures and writes none" };
      }
      const longMs = LENGTHS_MAX * this.parts.segmentSeconds * 1000 + WRITE_LIMIT_MS;
      if (nowMs - run.endedMs > longMs) {
        return {
          kind: "ffmpeg",
          text: "the picture has no key frames at which a recording can end",
        };
      }
    }
    return undefined;
  }

  private arguments(url: string, first: number): string[] {
    const { folder, segmentSeconds } = this.parts;
    const argv = ["-hide_banner", "-nostdin", "-nostats", "-loglevel", "error"];
    // The camera says what it sends; little more has to be found out before writing begins.
    argv.push("-analyzeduration", "2000000", "-i", url);
    argv.push("-map", "0:v:0", "-an", "-sn", "-dn", "-c", "copy");
    // Fragments are whole at each key frame: after a power cut all of them but the last can be played.
    const fragments = "movflags=+frag_keyframe+empty_moov+default_base_moof";
    argv.push("-f", "segment", "-segment_format", "mp4", "-segment_format_options", fragments);
    argv.push("-segment_time", String(segmentSeconds), "-reset_timestamps", "1");
    argv.push("-segment_start_number", String(first));
    argv.push("-segment_list", "pipe:1", "-segment_list_type", "csv");
    return [...argv, join(folder, SEGMENT_PATTERN)];
  }

  /** Takes a segment that ffmpeg has closed. */
  private close(run: Run, door: Door, { number, endSeconds }: ListedSegment): void {
    const nowMs = this.parts.clock.monotonicMs();
    run.judgePace(nowMs, this.parts.segmentSeconds * 1000);
    // What comes too fast is kept as something that nobody has signed.
    if (run.isAhead) return;
    const { firstPictureMs = nowMs, lastPictureMs = nowMs } = door;
    const endMs = run.clock.endOf({ endSeconds, heardMs: nowMs, firstPictureMs, lastPictureMs });
    const closed = { number, endMs, notBeforeMs: run.endedMs };
    run.closed(number, endMs, nowMs);
    this.withRing((ring) => ring.take(closed)).catch((error: unknown) => this.complain(error));
  }

  private keepBounds(growing: number | undefined): Promise<RingTrouble | undefined> {
    return this.withRing(async (ring) => {
      // Room first: on a full disk nothing can be written before something is removed.
      const trouble = await ring.trim(growing);
      await ring.save();
      return trouble;
    });
  }

  private complain(error: unknown): void {
    const { logger, camera } = this.parts;
    logger.error({ camera, error }, "what is known of a recording could not be written");
  }

  private say(notice: Notice | undefined): void {
    const { logger, camera } = this.parts;
    if (notice !== undefined) logger[notice.level]({ camera }, notice.text);
  }
}

/** What is remembered of one run. */
class Run {
  readonly list = new SegmentListReader();
  readonly clock = new SegmentClock();
  readonly begunMs: number;
  /** The segment being written. */
  growing: number;
  /** When the pictures of the last segment ended, or the run began. */
  endedMs: number;
  grownMs: number;
  hasWritten = false;
  /** Whether segments have come faster than any true picture makes them. */
  isAhead = false;
  /** Settles once `isAhead` is so. */
  readonly hasRunAhead: Promise<void>;
  private sayAhead: () => void = () => undefined;
  private size = 0;
  private count = 0;

  constructor(first: number, nowMs: number) {
    this.growing = first;
    this.begunMs = nowMs;
    this.endedMs = nowMs;
    this.grownMs = nowMs;
    this.hasRunAhead = new Promise((resolve) => (this.sayAhead = resolve));
  }

  /** Counts a segment that ends now, and looks whether there may be so many by now. */
  judgePace(nowMs: number, segmentMs: number): void {
    this.count += 1;
    const ahead = this.count - ((nowMs - this.begunMs) * FASTER_MAX) / segmentMs;
    if (ahead <= SEGMENTS_AHEAD_MAX) return;
    this.isAhead = true;
    this.sayAhead();
  }

  closed(number: number, endMs: number, nowMs: number): void {
    this.growing = number + 1;
    this.endedMs = endMs;
    this.size = 0;
    this.grownMs = nowMs;
    this.hasWritten = true;
  }

  /** Takes note of the size of the segment being written. */
  note(size: number, nowMs: number): void {
    if (size > this.size) this.grownMs = nowMs;
    this.size = size;
    if (size > 0) this.hasWritten = true;
  }
}

function diskEnd(trouble: RingTrouble): RunEnd {
  const text =
    trouble === "disk-full"
      ? "there is too little space on the disk; recordings leave room for statements"
      : "one segment is larger than keepBytesMax: raise it, or lower segmentSeconds";
  return { kind: "disk", trouble, text };
}

function diskFailed(error: unknown): RunEnd {
  const { code, message } = error as NodeJS.ErrnoException;
  const isFull = code === "ENOSPC" || code === "EDQUOT";
  const trouble = isFull ? "disk-full" : "disk-failed";
  return { kind: "disk", trouble, text: `the disk takes no recordings: ${message}` };
}

/** What ffmpeg's own end means. */
function endOf(exit: ChildExit, complaints: Complaints, ffmpeg: string): RunEnd {
  const { error, code, signal } = exit;
  if (error !== undefined) {
    return { kind: "ffmpeg", text: notStarted(ffmpeg, error.code ?? error.message) };
  }
  // The reason stands somewhere in it, and often not last.
  const { all } = complaints;
  if (all.includes("No space left on device")) return diskEnd("disk-full");
  const failure = /Read-only file system|Permission denied/.exec(all)?.[0];
  if (failure !== undefined) {
    return {
      kind: "disk",
      trouble: "disk-failed",
      text: `the disk takes no recordings: ${failure}`,
    };
  }
  const said = printable(complaints.last);
  const how = signal === null ? `with code ${code}` : `by ${signal}`;
  return { kind: "ffmpeg", text: `ffmpeg ended ${how}${said === "" ? "" : `: ${said}`}` };
}
