/**
 * The bounds of live pictures (docs/preview.md, "Bounds"): what strangers, cameras and viewers can make a hub hold or do.
 */

/** See the head of the file. */
export interface PreviewLimits {
  /** Devices that are connected for the sake of their cameras. */
  readonly edgesMax: number;
  readonly camerasPerEdgeMax: number;
  readonly viewersMax: number;
  readonly viewersPerCameraMax: number;
  /** Views with one token, and of them at one camera: one person must not take the places of all. */
  readonly viewsPerTokenMax: number;
  readonly viewsPerTokenAndCameraMax: number;
  /** Connections that have not shown a token yet: of all viewers, and from one address. */
  readonly strangersMax: number;
  readonly strangersPerAddressMax: number;
  /** From the opening of a connection to the viewer's token, or to the edge's list of cameras. */
  readonly firstWordMsMax: number;
  /** Each side of each connection is asked for a sign of life so often. */
  readonly pingEveryMs: number;
  /** A connection from which nothing came for so long is gone. */
  readonly silenceMsMax: number;
  /** How long a picture goes on after its last viewer has left. */
  readonly lingerMs: number;
  /** How long pictures may still come after a stop, and then again after the reminder. */
  readonly strayMsMax: number;
  /** What is read from one edge; a message counts as `MESSAGE_BYTES_MIN` at least. */
  readonly edgeBytesPerSecondMax: number;
  /** What goes out to all viewers together. */
  readonly viewerBytesPerSecondMax: number;
  /** Words of control in a second, of one edge. */
  readonly wordsPerSecondMax: number;
  /** Of one encoded picture. */
  readonly pictureBytesMax: number;
  /** Unsent bytes of a viewer above which pictures are left out, and below which they go on. */
  readonly queueBytesMax: number;
  readonly queueBytesLow: number;
  /** A viewer that lags for so long is cut off. */
  readonly lagMsMax: number;
  /** Failed logins of one address in a window, after which it is not listened to until the window ends. */
  readonly failuresMax: number;
  readonly failureWindowMs: number;
}

export const PREVIEW_LIMITS: PreviewLimits = {
  edgesMax: 512,
  camerasPerEdgeMax: 16,
  viewersMax: 64,
  viewersPerCameraMax: 16,
  viewsPerTokenMax: 32,
  viewsPerTokenAndCameraMax: 4,
  strangersMax: 64,
  strangersPerAddressMax: 16,
  firstWordMsMax: 5_000,
  pingEveryMs: 15_000,
  silenceMsMax: 45_000,
  lingerMs: 5_000,
  strayMsMax: 5_000,
  edgeBytesPerSecondMax: 1_000_000,
  viewerBytesPerSecondMax: 8_000_000,
  wordsPerSecondMax: 4,
  pictureBytesMax: 524_288,
  queueBytesMax: 131_072,
  queueBytesLow: 32_768,
  lagMsMax: 10_000,
  failuresMax: 20,
  failureWindowMs: 600_000,
};

/** Many small messages cost as much as few large ones. */
export const MESSAGE_BYTES_MIN = 1_024;

/** Of one message with pictures: camera and packets. */
export const PICTURE_MESSAGE_BYTES_MAX = 65_536;

/** Of one word of control in either direction. */
export const WORD_BYTES_MAX = 4_096;

/** Fits the bounds into the connections that HTTP may have: page and log keep at least an eighth for themselves. */
export function previewLimitsFor(connectionsMax: number): PreviewLimits {
  const share = (wanted: number, part: number): number =>
    Math.min(wanted, Math.max(1, Math.floor(connectionsMax / part)));
  const { edgesMax, viewersMax, strangersMax } = PREVIEW_LIMITS;
  return {
    ...PREVIEW_LIMITS,
    edgesMax: share(edgesMax, 4),
    viewersMax: share(viewersMax, 16),
    strangersMax: share(strangersMax, 16),
  };
}
