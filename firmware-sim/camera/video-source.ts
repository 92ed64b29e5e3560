/**
 * A moving picture, encoded once and cut into packets, whoever looks at it and however many do.
 *
 * The port between what makes pictures (ffmpeg-video.ts) and what hands them out (camera-server.ts).
 */

/** A packet of RTP, or of RTCP that belongs to it (RFC 3550). Not to be changed. */
export interface MediaPacket {
  readonly kind: "rtp" | "rtcp";
  readonly bytes: Uint8Array;
}

/** Called with each packet as it is made. */
export type PacketMade = (packet: MediaPacket) => void;

/** A picture under way; packets come without being asked for. */
export interface VideoSource {
  /** The lines of its one medium in SDP (RFC 8866), from `m=` on, without where to fetch it. */
  readonly media: readonly string[];

  /** Settles when no more packets come: with the error, or with nothing after `close`. Never rejects. */
  readonly ended: Promise<Error | undefined>;

  /** Ends it, and resolves when nothing of it is left. May be called twice. */
  close(): Promise<void>;
}

/** What a camera shows, and how it encodes it. */
export interface VideoPlan {
  /** An absolute path, played in a loop; a test pattern without. */
  readonly file?: string;
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  readonly kilobitsPerSecond: number;
}
