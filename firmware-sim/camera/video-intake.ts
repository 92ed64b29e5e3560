/**
 * The other side of RTSP: somebody announces a picture and records it here (RFC 2326, sections 10.3 and 10.11).
 *
 * Just as much of it as ffmpeg needs, with the packets in frames of the connection.
 */
import type { RtspAnswer, RtspFrame, RtspRequest } from "./rtsp-message.ts";
import type { MediaPacket } from "./video-source.ts";

const SESSION = ["Session", "1"] as const;
const RTP_CHANNEL = 0;
const TRANSPORT = "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record";

/** Takes one picture in, at one path. */
export class VideoIntake {
  readonly #path: string;
  #media: readonly string[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  /** The lines of the announced medium, from `m=` on, without its control address. */
  get media(): readonly string[] {
    return this.#media;
  }

  /** Gives the answer to a request; 404 for one that is not meant for here. */
  answer({ method, url, body }: RtspRequest): RtspAnswer {
    if (!URL.canParse(url) || !new URL(url).pathname.startsWith(this.#path)) return { status: 404 };
    switch (method) {
      case "ANNOUNCE":
        this.#media = mediaOf(body);
        return { status: this.#media.length === 0 ? 400 : 200 };
      case "SETUP":
        return { status: 200, headers: [["Transport", TRANSPORT], SESSION] };
      case "OPTIONS":
      case "RECORD":
      case "TEARDOWN":
        return { status: 200, headers: [SESSION] };
      default:
        return { status: 501 };
    }
  }

  /** What a frame holds. */
  packetOf({ channel, bytes }: RtspFrame): MediaPacket {
    return { kind: channel === RTP_CHANNEL ? "rtp" : "rtcp", bytes };
  }
}

function mediaOf(sdp: string): string[] {
  const lines = sdp.split(/\r?\n/).filter((line) => line !== "");
  const first = lines.findIndex((line) => line.startsWith("m="));
  return first < 0 ? [] : lines.slice(first).filter((line) => !line.startsWith("a=control:"));
}
