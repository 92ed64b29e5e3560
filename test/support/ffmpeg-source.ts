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
    child.stdout.on("data", (chunk: Uint8Array) => sink(new Uint8Array(chunk)));
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
