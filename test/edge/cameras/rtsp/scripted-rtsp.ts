/** A camera of which a test decides what it answers, and the words of a player, as ffmpeg says them. */

import { parseCameraAddress } from "../../../../edge/cameras/camera-address.ts";
import type { CameraAddress } from "../../../../edge/cameras/camera-address.ts";
import {
  formatMessage,
  headerOf,
  parseRequestLine,
  RtspReader,
} from "../../../../edge/cameras/rtsp/rtsp-message.ts";
import type { RtspMessage } from "../../../../edge/cameras/rtsp/rtsp-message.ts";
import { concatBytes, encodeUtf8 } from "../../../../ledger/bytes.ts";

/** Reads an address that is one. */
export function cameraAddress(url: string): CameraAddress {
  const address = parseCameraAddress(url);
  if (typeof address === "string") throw new Error(address);
  return address;
}

/** A request of the player to the path behind the door's port. */
export function request(
  method: string,
  url: string,
  seq: number,
  headers: readonly (readonly [string, string])[] = [],
): Uint8Array {
  return formatMessage({
    startLine: `${method} ${url} RTSP/1.0`,
    headers: [["CSeq", String(seq)], ["User-Agent", "Lavf59.27.100"], ...headers],
    body: new Uint8Array(0),
  });
}

/** A frame of the transport. */
export function frame(channel: number, size = 100): Uint8Array {
  const head = Uint8Array.of(0x24, channel, size >> 8, size & 0xff);
  return concatBytes(head, new Uint8Array(size).fill(channel + 1));
}

export const DESCRIPTION = [
  "v=0",
  "o=- 1 1 IN IP4 127.0.0.1",
  "s=Street",
  "t=0 0",
  "m=audio 0 RTP/AVP 8",
  "a=control:track=0",
  "m=video 0 RTP/AVP 96",
  "a=rtpmap:96 H264/90000",
  "a=control:track=1",
  "",
].join("\r\n");

/** What a camera says to a request: an answer, or nothing. */
export type Answer = (request: {
  readonly method: string;
  readonly url: string;
  readonly message: RtspMessage;
}) => { code: number; text?: string; headers?: [string, string][]; body?: string } | undefined;

/** Answers as a camera without a login does. */
export const openCamera: Answer = ({ method }) => {
  switch (method) {
    case "DESCRIBE":
      return { code: 200, headers: [["Content-Type", "application/sdp"]], body: DESCRIPTION };
    case "SETUP":
      return {
        code: 200,
        headers: [
          ["Transport", "RTP/AVP/TCP;unicast;interleaved=0-1"],
          ["Session", "17"],
        ],
      };
    default:
      return { code: 200 };
  }
};

/** Asks for a login once, and judges the answer by `isRight`. */
export function lockedCamera(isRight: (authorization: string) => boolean): Answer {
  return (asked) => {
    const given = headerOf(asked.message, "Authorization");
    if (given !== undefined && isRight(given)) return openCamera(asked);
    return {
      code: 401,
      text: "Unauthorized",
      headers: [["WWW-Authenticate", `Digest realm="Camera", nonce="n-17"`]],
    };
  };
}

/** Takes a camera's side of a connection apart, and answers. */
export class ScriptedCamera {
  /** What it was asked, as method and URL. */
  readonly asked: { method: string; url: string; message: RtspMessage }[] = [];
  /** Bytes of frames that it got. */
  framesBytes = 0;
  answer: Answer;
  private readonly reader = new RtspReader();

  constructor(answer: Answer = openCamera) {
    this.answer = answer;
  }

  /** Takes bytes and gives those that it answers. */
  push(bytes: Uint8Array): Uint8Array[] {
    return this.reader.push(bytes).flatMap((part) => {
      if (part.kind === "frames") this.framesBytes += part.bytes.length;
      if (part.kind !== "message") return [];
      const line = parseRequestLine(part.message.startLine);
      if (line === undefined) return [];
      const asked = { ...line, message: part.message };
      this.asked.push(asked);
      const said = this.answer(asked);
      if (said === undefined) return [];
      const body = encodeUtf8(said.body ?? "");
      return [
        formatMessage({
          startLine: `RTSP/1.0 ${said.code} ${said.text ?? "OK"}`,
          headers: [
            ["CSeq", headerOf(part.message, "CSeq") ?? "0"],
            ...(said.headers ?? []),
            ...(body.length > 0 ? ([["Content-Length", String(body.length)]] as const) : []),
          ],
          body,
        }),
      ];
    });
  }
}
