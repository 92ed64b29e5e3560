/** ffmpeg's test picture as a camera of an edge: a real transcoder, started and stopped as the channel says. */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { CameraState, PreviewRun, PreviewSource } from "../../edge/cameras/preview-source.ts";
import { ffmpegPath } from "./programs.ts";
import { TEST_PICTURE } from "./test-picture.ts";

/** See the head of the file. Whatever is left of it ends with the test process. */
export class FfmpegSource implements PreviewSource {
  readonly camera: string;
  now: CameraState = "ok";
  /** Pictures that were begun. */
  starts = 0;
  /** Whether bytes are changed on the way, as by a camera that means ill; the packets' heads stay whole. */
  isDamaged = false;
  #running = 0;
  #child: ChildProcess | undefined;

  constructor(camera: string) {
    this.camera = camera;
  }

  /** Transcoders that run now. */
  get running(): number {
    return this.#running;
  }

  /** Lets the picture stand still, without an end; `thaw` lets it go on. */
  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  state(): CameraState {
    return this.now;
  }

  start(sink: (chunk: Uint8Array) => void): PreviewRun {
    this.starts += 1;
    this.#running += 1;
    const args = ["-re", ...TEST_PICTURE, "-g", "25", "-f", "mpegts", "-muxdelay", "0", "-"];
    const child = spawn(ffmpegPath(), args, { stdio: ["ignore", "pipe", "ignore"] });
    this.#child = child;
    const atExit = (): void => void child.kill("SIGKILL");
    process.once("exit", atExit);
    let at = 0;
    child.stdout.on("data", (chunk: Uint8Array) => {
      const piece = new Uint8Array(chunk);
      if (this.isDamaged) damage(piece, at);
      at += piece.length;
      sink(piece);
    });
    let isStopped = false;
    const ended = new Promise<Error | undefined>((resolve) => {
      child.once("close", (code) => {
        process.off("exit", atExit);
        this.#running -= 1;
        resolve(isStopped ? undefined : new Error(`ffmpeg ended with ${code}`));
      });
    });
    return {
      ended,
      stop: async () => {
        isStopped = true;
        child.kill("SIGKILL");
        await ended;
      },
    };
  }
}

const PACKET_BYTES = 188;
/** Head and adaptation field of most packets, and the head of a PES packet. */
const HEAD_BYTES = 40;
const DAMAGED_EVERY = 611;

/** Changes single bytes of payloads, always the same ones. `at` is where the piece begins in the stream. */
function damage(piece: Uint8Array, at: number): void {
  for (let i = 0; i < piece.length; i++) {
    const isHead = (at + i) % PACKET_BYTES < HEAD_BYTES;
    if (!isHead && (at + i) % DAMAGED_EVERY === 0) piece[i]! ^= 0xa5;
  }
}
