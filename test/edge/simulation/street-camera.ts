/**
 * A camera of the simulated agent, and what must become of each of its recordings: its clip is in the log once, under the
 * number that stands beside it, or what stands beside it says why it is not.
 */

import { Cameras } from "../../../edge/cameras/cameras.ts";
import type { MakeCameras } from "../../../edge/cameras/cameras.ts";
import type { CameraGround } from "../../../edge/cameras/camera.ts";
import { segmentName } from "../../../edge/cameras/recording/segment-list.ts";
import { parseRecord, recordName } from "../../../edge/cameras/recording/segment-record.ts";
import type { SegmentRecord } from "../../../edge/cameras/recording/segment-record.ts";
import { concatBytes, encodeHex } from "../../../ledger/bytes.ts";
import { Refusal } from "../../../ledger/errors.ts";
import { decodeClip } from "../../../ledger/kinds/clip.ts";
import { sha256 } from "../../../ledger/sha256.ts";
import type { Statement } from "../../../ledger/statement.ts";
import type { MemoryFiles } from "../../../platform/memory-files.ts";
import { box, recording, u32 } from "../cameras/recording/fragmented-mp4.ts";
import { cameraAddress } from "../cameras/rtsp/scripted-rtsp.ts";
import { ScriptedDoors, ScriptedPrograms } from "../cameras/scripted-child.ts";

/** What an agent hands to its cameras, but for what belongs to the camera itself. */
export type StreetGround = Pick<CameraGround, "device" | "files" | "clock" | "random" | "logger">;

const FOLDER = "/data/cameras/street";
export const CAMERA_STREAM = "view";

/** See the head of the file. */
export class StreetCamera {
  /** Recordings that ffmpeg has finished, by their hashes. */
  private readonly filmed = new Set<string>();
  private programs = new ScriptedPrograms();
  private doors = new ScriptedDoors();
  private growing = -1;

  /** The camera of another life; nothing is left of the one before. */
  begin(ground: StreetGround): MakeCameras {
    const programs = new ScriptedPrograms();
    const doors = new ScriptedDoors();
    programs.prepare = ({ command: { args } }) => {
      this.growing = Number(args[args.indexOf("-segment_start_number") + 1]);
    };
    [this.programs, this.doors] = [programs, doors];
    const access = {
      address: cameraAddress("rtsp://camera.example/1"),
      credentials: undefined,
      plainPassword: false,
      certificate: undefined,
      silentMs: 10_000,
    };
    const setup = {
      name: "street",
      stream: CAMERA_STREAM,
      access,
      segmentSeconds: 60,
      limits: { bytesMax: 1e9, ageMsMax: 1e12 },
    };
    return (surroundings) =>
      new Cameras(
        [setup],
        {
          ...ground,
          folder: "/data/cameras",
          ffmpeg: "ffmpeg",
          openDoor: doors.open,
          startChild: programs.start,
          freeBytes: () => Promise.resolve(1e12),
        },
        surroundings,
      );
  }

  /** Finishes a recording of so many seconds, if ffmpeg runs; `files` take it whole. */
  async film(files: MemoryFiles, nowMs: number, seconds: number): Promise<void> {
    const child = this.programs.children.at(-1);
    if (child?.isRunning !== true) return;
    const door = this.doors.last;
    door.picture(nowMs);
    const bytes = concatBytes(recording(seconds), box("free", u32(this.filmed.size)));
    const file = await files.open(`${FOLDER}/${segmentName(this.growing)}`);
    await file.append(bytes);
    await file.close();
    this.filmed.add(encodeHex(sha256(bytes)));
    const endSeconds = (nowMs - door.firstPictureMs!) / 1000;
    child.say(`${segmentName(this.growing)},0.000000,${endSeconds.toFixed(6)}\n`);
    this.growing += 1;
  }

  /** Checks the log, and what stands beside each recording, when all has been said. */
  async close(
    files: MemoryFiles,
    statements: readonly Statement[],
    nowMs: number,
    isExact: boolean,
  ): Promise<void> {
    const inLog = new Map<string, Statement>();
    for (const statement of statements) {
      const clip = statement.kind === "clip" ? decodeClip(statement.payload) : undefined;
      if (clip === undefined || clip instanceof Refusal) continue;
      const hash = encodeHex(clip.sha256);
      if (!this.filmed.has(hash)) throw new Error(`${statement.seq} is of nothing that was filmed`);
      if (inLog.has(hash) && isExact) throw new Error(`${hash} is in the log twice`);
      inLog.set(hash, statement);
    }
    if (!isExact) return;
    for (const name of await files.list(FOLDER).catch(() => [])) {
      if (!name.endsWith(".mp4")) continue;
      const number = Number(name.slice(0, -4));
      const bytes = await files.read(`${FOLDER}/${recordName(number)}`);
      const record = bytes && parseRecord(bytes, number);
      // The one that grows.
      if (record !== undefined) checkRecord(record, inLog.get(record.sha256 ?? ""), nowMs);
      else if (number < this.growing) throw new Error(`nothing stands beside recording ${number}`);
    }
  }
}

function checkRecord(
  { number, signing, toMs }: SegmentRecord,
  clip: Statement | undefined,
  nowMs: number,
): void {
  const isRight =
    signing.state === "signed"
      ? clip?.seq === signing.seq && encodeHex(clip.hash) === signing.statement
      : clip === undefined;
  if (!isRight)
    throw new Error(
      `recording ${number} is said to be ${JSON.stringify(signing)}, and its clip is ${clip?.seq ?? "nowhere"}`,
    );
  // What was filmed by a clock that was ahead waits until that time has come.
  if (signing.state === "waiting" && (toMs === undefined || toMs < nowMs - 60_000))
    throw new Error(`recording ${number} still waits`);
}
