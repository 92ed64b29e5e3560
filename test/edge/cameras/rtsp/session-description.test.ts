import { expect, test } from "vitest";
import { keepVideo, videoStream } from "../../../../edge/cameras/rtsp/session-description.ts";

const lines = (...all: string[]): string => all.map((line) => `${line}\r\n`).join("");

const SESSION = lines("v=0", "o=- 1 1 IN IP4 10.0.0.5", "s=Street", "c=IN IP4 0.0.0.0", "t=0 0");
const AUDIO = lines("m=audio 0 RTP/AVP 8", "a=rtpmap:8 PCMA/8000", "a=control:track2");
const H265 = lines("m=video 0 RTP/AVP 96", "a=rtpmap:96 H265/90000", "a=control:track1");
const JPEG = lines("m=video 0 RTP/AVP 26", "a=control:track3");
const DATA = lines("m=application 0 RTP/AVP 107", "a=rtpmap:107 vnd.onvif.metadata/90000");

test("of all that is offered one picture is left, wherever it stands", () => {
  expect(keepVideo(SESSION + AUDIO + H265 + DATA + JPEG)).toBe(SESSION + H265);
  expect(keepVideo(SESSION + JPEG)).toBe(SESSION + JPEG);
});

test("sound alone is nothing", () => {
  expect(keepVideo(SESSION + AUDIO)).toBeUndefined();
  expect(keepVideo("")).toBeUndefined();
  expect(videoStream(SESSION + AUDIO)).toBeUndefined();
});

test("sound behind blanks is sound all the same: ffmpeg steps over them", () => {
  for (const blanks of [" ", "\t", " \t "]) {
    expect(keepVideo(SESSION + H265 + blanks + AUDIO)).toBe(SESSION + H265);
    expect(keepVideo(SESSION + blanks + AUDIO + H265)).toBe(SESSION + H265);
  }
});

test("the codec is that of the mapping, or of the payload type", () => {
  expect(videoStream(SESSION + AUDIO + H265)).toEqual({ codec: "H265" });
  expect(videoStream(SESSION + JPEG)).toEqual({ codec: "JPEG" });
  expect(videoStream(SESSION + lines("m=video 0 RTP/AVP 99"))).toEqual({ codec: "unknown" });
});

test("line ends of LF alone, and bytes that are no text, stay as they are", () => {
  const odd = `v=0\ns=\u00c9\u00ff\n${H265.replaceAll("\r", "")}`;
  expect(keepVideo(`${odd}${AUDIO}`)).toBe(odd);
});
