/**
 * A camera's moving picture at a low rate, made only while somebody looks.
 *
 * What makes it (a transcoder) and where it goes (the hub) know nothing of each other; they meet here.
 */

/** How a camera is, the gravest first; one word, as for sensors. */
export const CAMERA_STATES = [
  /** ffmpeg is not installed, or does not start. */
  "no-ffmpeg",
  /** The camera refuses user name or password. */
  "refused",
  /** It cannot be reached, or has gone. */
  "offline",
  /** It is connected and sends nothing. */
  "silent",
  /** Connecting, or between two tries. */
  "starting",
  "ok",
] as const;

export type CameraState = (typeof CAMERA_STATES)[number];

/** A picture under way. */
export interface PreviewRun {
  /** Settles when nothing more will come: with the error, or with nothing after `stop`. Never rejects. */
  readonly ended: Promise<Error | undefined>;

  /** Ends the transcoder, and resolves when it is gone. May be called twice. */
  stop(): Promise<void>;
}

/** A camera whose picture can be had. */
export interface PreviewSource {
  /** The camera's name in the settings. */
  readonly camera: string;

  state(): CameraState;

  /**
   * Starts the picture: an MPEG transport stream with MPEG-1 video, cut anywhere, goes to `sink` piece by piece.
   *
   * One picture at a time: to be called again only after `ended`. The bytes are the sink's.
   */
  start(sink: (chunk: Uint8Array) => void): PreviewRun;
}
