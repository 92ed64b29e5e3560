/**
 * What a camera says it sends (SDP, RFC 8866), of which only the picture is let through.
 *
 * A player asks for the streams that it was told of. Sound that is never mentioned is never sent, so that no microphone
 * of a camera is heard on this machine at all. Pure; works on texts of which each character is a byte.
 */

/** The picture's stream, as the description names it. */
export interface VideoStream {
  /** `H264`, `H265`, `JPEG`, …; `unknown` where a payload type says nothing. */
  readonly codec: string;
}

/** Payload types that need no `rtpmap` (RFC 3551, section 6). */
const STATIC_CODECS: Readonly<Record<string, string>> = { 26: "JPEG", 32: "MPV", 33: "MP2T" };

/** Leaves out every stream but the first one of a picture; `undefined` where there is none. */
export function keepVideo(description: string): string | undefined {
  const [session, ...streams] = sectionsOf(description);
  const video = streams.find(isVideo);
  return video === undefined ? undefined : session! + video;
}

/** Finds the first stream of a picture. */
export function videoStream(description: string): VideoStream | undefined {
  const [, ...streams] = sectionsOf(description);
  const video = streams.find(isVideo);
  if (video === undefined) return undefined;
  const type = /^m=video\s+\S+\s+\S+\s+(\d+)/.exec(video)?.[1] ?? "";
  const mapped = new RegExp(`^a=rtpmap:${type}\\s+([^/\\s]+)`, "m").exec(video)?.[1];
  return { codec: mapped?.toUpperCase() ?? STATIC_CODECS[type] ?? "unknown" };
}

/** The part about the session as a whole, and one for each stream, with their line ends. */
function sectionsOf(description: string): string[] {
  // ffmpeg steps over blanks before a line, so a stream may hide behind some.
  return description.split(/^(?=[ \t]*m=)/m);
}

function isVideo(section: string): boolean {
  return section.startsWith("m=video ");
}
