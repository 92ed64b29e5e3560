/**
 * A picture that ffmpeg makes, encodes as H.264 and cuts into packets.
 *
 * ffmpeg sends them to a port of this machine by RTSP, as to a recorder (RFC 2326, sections 10.3 and 10.11). That
 * connection is also its lifeline: ffmpeg ends when it cannot write, so that it outlives this process in no case, not
 * even `kill -9`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Server, Socket } from "node:net";
import { encodeHex } from "../../ledger/bytes.ts";
import type { Clock } from "../../platform/clock.ts";
import { formatListenAddress } from "../../platform/listen-address.ts";
import type { Random } from "../../platform/random.ts";
import { UserError } from "../../platform/user-error.ts";
import { listenTcp } from "../outlet/tcp-server.ts";
import { encodeRtspAnswer, RtspReader } from "./rtsp-message.ts";
import { VideoIntake } from "./video-intake.ts";
import type { PacketMade, VideoPlan, VideoSource } from "./video-source.ts";

/** What it takes besides a plan. */
export interface FfmpegParts {
  readonly clock: Clock;
  /** Draws the path on which ffmpeg alone is expected. */
  readonly random: Random;
  /** Name or path of the program, `ffmpeg` unless given. */
  readonly program?: string;
}

/** How long ffmpeg may take to its first packet. */
const START_LIMIT_MS = 20_000;
/** Characters of ffmpeg's complaints that are kept, the first ones: what follows is mostly their echo. */
const COMPLAINT_LENGTH_MAX = 2000;

/**
 * Starts ffmpeg, and resolves when the first packet is there.
 *
 * Rejects with a `UserError` where ffmpeg is not installed or cannot do it, in its own words; nothing is left then.
 */
export async function openFfmpegVideo(
  plan: VideoPlan,
  made: PacketMade,
  parts: FfmpegParts,
): Promise<VideoSource> {
  const path = `/${encodeHex(parts.random.bytes(8))}`;
  const { server, place } = await listenTcp({ host: "127.0.0.1", port: 0 });
  const video = new FfmpegVideo(server, path, made);
  video.start(
    parts.program ?? "ffmpeg",
    ffmpegArguments(plan, `rtsp://${formatListenAddress(place)}${path}`),
  );
  const cancel = parts.clock.after(START_LIMIT_MS, () =>
    video.fail(new UserError(`ffmpeg made no picture within ${START_LIMIT_MS / 1000} s`)),
  );
  try {
    await video.begun;
  } catch (error) {
    await video.close();
    throw error;
  } finally {
    cancel();
  }
  return video;
}

/** Gives ffmpeg's arguments: a key frame each second, nothing that needs frames from later, at the pace of life. */
export function ffmpegArguments(plan: VideoPlan, target: string): string[] {
  const { file, width, height, framesPerSecond: rate, kilobitsPerSecond } = plan;
  const bits = `${kilobitsPerSecond}k`;
  const input =
    file === undefined
      ? ["-f", "lavfi", "-i", `testsrc2=size=${width}x${height}:rate=${rate}`]
      : ["-stream_loop", "-1", "-i", `file:${file}`];
  const picture = `scale=${width}:${height},fps=${rate},format=yuv420p`;
  const encoder = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"];
  const groups = ["-profile:v", "baseline", "-g", `${rate}`, "-keyint_min", `${rate}`];
  const flow = ["-sc_threshold", "0", "-b:v", bits, "-maxrate", bits, "-bufsize", bits];
  // Parameter sets in the description, and again before each key frame for whoever did not read it.
  const sets = ["-flags", "+global_header", "-bsf:v", "dump_extra"];
  const output = ["-f", "rtsp", "-rtsp_transport", "tcp", target];
  const general = ["-nostdin", "-hide_banner", "-loglevel", "error", "-re"];
  const coding = ["-map", "0:v:0", "-vf", picture, ...encoder, "-threads", "1", ...groups, ...flow];
  return [...general, ...input, ...coding, ...sets, ...output];
}

class FfmpegVideo implements VideoSource {
  readonly ended: Promise<Error | undefined>;
  /** Settles with the first packet, or rejects with why there is none. */
  readonly begun: Promise<void>;
  readonly #server: Server;
  readonly #made: PacketMade;
  readonly #intake: VideoIntake;
  #child: ChildProcess | undefined;
  #sender: Socket | undefined;
  #complaint = "";
  #isClosed = false;
  #hasBegun: () => void = () => undefined;
  #hasEnded: (error: Error | undefined) => void = () => undefined;

  constructor(server: Server, path: string, made: PacketMade) {
    this.#server = server;
    this.#intake = new VideoIntake(path);
    this.#made = made;
    this.ended = new Promise((resolve) => (this.#hasEnded = resolve));
    this.begun = Promise.race([
      new Promise<void>((resolve) => (this.#hasBegun = resolve)),
      this.ended.then((error) => {
        throw error ?? new Error("closed before the first packet");
      }),
    ]);
    server.on("connection", (socket) => this.#hear(socket));
  }

  get media(): readonly string[] {
    return this.#intake.media;
  }

  start(program: string, argv: readonly string[]): void {
    const child = spawn(program, argv, { stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#complaint = (this.#complaint + text).slice(0, COMPLAINT_LENGTH_MAX);
    });
    child.once("error", (cause: NodeJS.ErrnoException) => this.#failToStart(program, cause));
    child.once("close", (code) => {
      this.#end(new UserError(`ffmpeg: ${complaintOf(this.#complaint, code)}`));
    });
  }

  /** Gives up for this reason. */
  fail(reason: Error): void {
    this.#end(reason);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#sender?.destroy();
    if (this.#server.listening) this.#server.close();
    const child = this.#child;
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      // There is nothing that it would have to bring to an end.
      child.kill("SIGKILL");
      await gone;
    }
    this.#end(undefined);
  }

  #hear(socket: Socket): void {
    const reader = new RtspReader();
    socket.on("data", (chunk: Buffer) => {
      for (const input of reader.push(chunk)) {
        if (input.kind === "bad") socket.destroy();
        if (input.kind === "request") {
          const answer = this.#intake.answer(input.request);
          if (answer.status === 200) this.#sender = socket;
          socket.write(encodeRtspAnswer(answer, input.request.headers.get("cseq")));
        }
        if (input.kind === "frame" && socket === this.#sender && !this.#isClosed) {
          const packet = this.#intake.packetOf(input.frame);
          this.#made(packet);
          if (packet.kind === "rtp") this.#hasBegun();
        }
      }
    });
    socket.on("error", () => socket.destroy());
  }

  #failToStart(program: string, cause: NodeJS.ErrnoException): void {
    const error =
      cause.code === "ENOENT"
        ? new UserError(`${program} is not installed, and makes the picture`, {
            hint: "Install it, on Debian with: apt-get install ffmpeg",
            cause,
          })
        : new UserError(`${program} does not start: ${cause.message}`, { cause });
    this.#end(error);
  }

  #end(error: Error | undefined): void {
    this.#hasEnded(this.#isClosed ? undefined : error);
  }
}

/** What ffmpeg said first and last: mostly what it found, and what it gave up because of it. */
function complaintOf(stderr: string, code: number | null): string {
  const lines = stderr
    .split("\n")
    // Parts of it begin with their names and places in memory.
    .map((line) => line.replace(/^\[\S+ @ 0x[0-9a-f]+\] /, "").trim())
    .filter((line) => line !== "");
  const [first] = lines;
  const last = lines.at(-1);
  if (first === undefined) return `it ended with ${code}`;
  return first === last ? first : `${first}; ${last}`;
}
