/**
 * A program of its own: makes MPEG-1 of a camera's picture with node-rtsp-stream's transcoder, and passes it on by its
 * standard output.
 *
 * That library crashes its process where ffmpeg is missing, so that process is this one. It ends with its parent: when
 * the channel to it closes, however that came about, ffmpeg is killed.
 */

import process, { stderr, stdout } from "node:process";
import Mpeg1Muxer from "node-rtsp-stream/mpeg1muxer.js";
import { transcoderFlags } from "./transcoder-order.ts";
import type { TranscoderFailure, TranscoderOrder } from "./transcoder-order.ts";

function begin(order: TranscoderOrder): void {
  const { url, ffmpeg: ffmpegPath } = order;
  const muxer = new Mpeg1Muxer({ url, ffmpegPath, ffmpegOptions: transcoderFlags(order) });
  const { stream: ffmpeg } = muxer;
  muxer.on("mpeg1data", (chunk: Uint8Array) => {
    // Nothing piles up here: ffmpeg waits, and the door behind it.
    if (!stdout.write(chunk)) ffmpeg.stdout?.pause();
  });
  stdout.on("drain", () => ffmpeg.stdout?.resume());
  muxer.on("ffmpegStderr", (chunk: Uint8Array) => void stderr.write(chunk));
  ffmpeg.on("error", (error: NodeJS.ErrnoException) => {
    if (ffmpeg.pid === undefined) leave({ failed: error.code ?? error.message });
  });
  ffmpeg.once("close", (code) => end(code ?? 1));
  // Asked, ffmpeg says goodbye to the camera. Where it does not end, our parent kills this program and shuts the door.
  process.once("SIGTERM", () => void ffmpeg.kill("SIGTERM"));
  process.once("disconnect", () => {
    ffmpeg.kill("SIGKILL");
    process.exit(1);
  });
}

/** Says why nothing came of it, and ends. */
function leave(failure: TranscoderFailure): void {
  process.send?.(failure, () => process.exit(1));
}

/** Ends once what ffmpeg gave has been passed on. */
function end(code: number): void {
  process.exitCode = code;
  process.removeAllListeners("disconnect");
  if (process.connected) process.disconnect();
}

// Whoever read this has gone.
stdout.on("error", () => process.exit(1));
process.once("message", (order) => begin(order as TranscoderOrder));
// Ctrl-C in a terminal goes to all programs there; our parent is one of them, and ends this one in its turn.
process.on("SIGINT", () => undefined);
