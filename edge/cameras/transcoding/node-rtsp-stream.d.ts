/** The one part of node-rtsp-stream that is used, which comes without types. Only transcoder.ts imports it. */

declare module "node-rtsp-stream/mpeg1muxer.js" {
  import type { ChildProcess } from "node:child_process";
  import type { EventEmitter } from "node:events";

  /** ffmpeg, making MPEG-1 of a stream: `mpeg1data` and `ffmpegStderr` with bytes, `exitWithError` for exit code 1. */
  interface Mpeg1Muxer extends EventEmitter {
    /** ffmpeg itself. */
    readonly stream: ChildProcess;
  }

  const Mpeg1Muxer: new (options: {
    readonly url: string;
    readonly ffmpegPath: string;
    /** Flags with their values, empty for none; they come after the input. */
    readonly ffmpegOptions: Readonly<Record<string, string | number>>;
  }) => Mpeg1Muxer;

  export = Mpeg1Muxer;
}
