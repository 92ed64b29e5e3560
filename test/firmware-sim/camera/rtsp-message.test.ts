import { describe, expect, test } from "vitest";
import { concatBytes, decodeUtf8, encodeUtf8 } from "../../../ledger/bytes.ts";
import {
  encodeRtspAnswer,
  encodeRtspFrame,
  type RtspInput,
  RtspReader,
} from "../../../firmware-sim/camera/rtsp-message.ts";

const ANNOUNCE =
  "ANNOUNCE rtsp://h/live RTSP/1.0\r\nCSeq: 2\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n";
const FRAME = encodeRtspFrame({ channel: 7, bytes: Uint8Array.of(0x24, 1, 2, 3) });
const STREAM = concatBytes(
  encodeUtf8("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
  FRAME,
  encodeUtf8(ANNOUNCE),
  encodeUtf8("\r\n\r\n"),
  FRAME,
  encodeUtf8("PLAY rtsp://h/live RTSP/1.0\nCSEQ:3\nSession:  ab \n\n"),
);

function read(...chunks: Uint8Array[]): RtspInput[] {
  const reader = new RtspReader();
  return chunks.flatMap((chunk) => reader.push(chunk));
}

describe("a connection is taken apart", () => {
  test("into requests and frames", () => {
    const inputs = read(STREAM);
    expect(inputs.map((input) => (input.kind === "request" ? input.request.method : "-"))).toEqual([
      "OPTIONS",
      "-",
      "ANNOUNCE",
      "-",
      "PLAY",
    ]);
    expect(inputs[1]).toEqual({
      kind: "frame",
      frame: { channel: 7, bytes: Uint8Array.of(0x24, 1, 2, 3) },
    });
    expect(inputs[2]).toMatchObject({ request: { url: "rtsp://h/live", body: "v=0\r\n" } });
    const play = inputs[4];
    expect(play?.kind === "request" && [...play.request.headers]).toEqual([
      ["cseq", "3"],
      ["session", "ab"],
    ]);
  });

  test("wherever it is cut", () => {
    const whole = read(STREAM);
    for (let at = 1; at < STREAM.length; at++)
      expect(read(STREAM.subarray(0, at), STREAM.subarray(at))).toEqual(whole);
    expect(read(...Array.from(STREAM, (byte) => Uint8Array.of(byte)))).toEqual(whole);
  });

  test.each([
    ["a word of another protocol", "GET / HTTP/1.1\r\n\r\n"],
    ["a request without address", "PLAY RTSP/1.0\r\n\r\n"],
    ["a method in small letters", "play rtsp://h/ RTSP/1.0\r\n\r\n"],
    ["a header without colon", "PLAY rtsp://h/ RTSP/1.0\r\nCSeq 1\r\n\r\n"],
    ["a body that is far too long", "PLAY rtsp://h/ RTSP/1.0\r\nContent-Length: 65537\r\n\r\n"],
    ["a length that is no number", "PLAY rtsp://h/ RTSP/1.0\r\nContent-Length: -1\r\n\r\n"],
    ["a head without end", `PLAY rtsp://h/ RTSP/1.0\r\nX: ${"x".repeat(8200)}`],
  ])("up to %s", (_what, text) => {
    const inputs = read(encodeUtf8(`OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n${text}`), STREAM);
    expect(inputs.map(({ kind }) => kind)).toEqual(["request", "bad"]);
  });

  test("up to bytes that are no text", () => {
    expect(read(Uint8Array.of(0xff, 0xfe, 0x0a, 0x0a)).map(({ kind }) => kind)).toEqual(["bad"]);
  });
});

test("an answer says its request's number and how long it is", () => {
  const answer = encodeRtspAnswer({ status: 200, headers: [["A", "b"]], body: "ü" }, "9");
  expect(decodeUtf8(answer)).toBe(
    "RTSP/1.0 200 OK\r\nCSeq: 9\r\nA: b\r\nContent-Length: 2\r\n\r\nü",
  );
  expect(decodeUtf8(encodeRtspAnswer({ status: 461 }, undefined))).toBe(
    "RTSP/1.0 461 Unsupported Transport\r\n\r\n",
  );
});
