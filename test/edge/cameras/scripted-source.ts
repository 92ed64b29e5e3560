/** A camera whose picture the test makes: starts are counted, pieces and ends come when the test says so. */

import type {
  CameraState,
  PreviewRun,
  PreviewSource,
} from "../../../edge/cameras/preview-source.ts";

/** See the head of the file. A second picture before the first has ended throws, as the port forbids it. */
export class ScriptedSource implements PreviewSource {
  readonly camera: string;
  now: CameraState = "ok";
  starts = 0;
  stops = 0;
  /** Whether a stop is obeyed at once, or waits for `end`. */
  isObedient = true;
  #sink: ((chunk: Uint8Array) => void) | undefined;
  #end: ((error: Error | undefined) => void) | undefined;

  constructor(camera: string) {
    this.camera = camera;
  }

  get isRunning(): boolean {
    return this.#sink !== undefined;
  }

  state(): CameraState {
    return this.now;
  }

  start(sink: (chunk: Uint8Array) => void): PreviewRun {
    if (this.#sink !== undefined) throw new Error(`${this.camera} is started twice`);
    this.starts += 1;
    this.#sink = sink;
    const ended = new Promise<Error | undefined>((resolve) => {
      this.#end = resolve;
    });
    return {
      ended,
      stop: async () => {
        this.stops += 1;
        if (this.isObedient) this.end();
        await ended;
      },
    };
  }

  /** Gives a piece of the picture. */
  give(chunk: Uint8Array): void {
    this.#sink?.(chunk);
  }

  /** Ends the picture, by itself or after a stop. */
  end(error?: Error): void {
    this.#sink = undefined;
    this.#end?.(error);
  }
}
