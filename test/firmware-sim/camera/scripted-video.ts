/**
 * A picture without ffmpeg: packets when the test says so.
 */
import type { PacketMade, VideoSource } from "../../../firmware-sim/camera/video-source.ts";

export const SSRC = 0xcafe;

/** Makes an RTP packet with a number, as long as wanted. */
export function rtpPacket(sequence: number, length = 100): Uint8Array {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x8060);
  view.setUint16(2, sequence);
  view.setUint32(4, sequence * 9000);
  view.setUint32(8, SSRC);
  return bytes;
}

/** A picture that is started, stopped and broken by hand. */
export class ScriptedVideo implements VideoSource {
  readonly media = ["m=video 0 RTP/AVP 96", "a=rtpmap:96 H264/90000"];
  readonly ended: Promise<Error | undefined>;
  readonly #made: PacketMade;
  #end: (error?: Error) => void = () => undefined;
  isOpen = true;
  #sequence = 0;

  constructor(made: PacketMade) {
    this.#made = made;
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  /** Makes the next packet. */
  make(length?: number): void {
    this.#made({ kind: "rtp", bytes: rtpPacket(this.#sequence++, length) });
  }

  /** Makes a packet of RTCP. */
  report(): void {
    this.#made({ kind: "rtcp", bytes: Uint8Array.of(0x80, 200, 0, 0) });
  }

  /** Ends by itself. */
  fail(error: Error): void {
    this.isOpen = false;
    this.#end(error);
  }

  close(): Promise<void> {
    this.isOpen = false;
    this.#end();
    return Promise.resolve();
  }
}
