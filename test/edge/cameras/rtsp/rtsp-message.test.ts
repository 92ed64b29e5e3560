import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bodyText,
  formatMessage,
  headerOf,
  headersOf,
  parseRequestLine,
  parseStatusLine,
  RtspReader,
  withBody,
  withHeader,
} from "../../../../edge/cameras/rtsp/rtsp-message.ts";
import type { RtspMessage, RtspPart } from "../../../../edge/cameras/rtsp/rtsp-message.ts";
import { concatBytes, encodeUtf8, joinBytes } from "../../../../ledger/bytes.ts";

const text = (...lines: string[]): Uint8Array => encodeUtf8(lines.join("\r\n"));

const OPTIONS = text("OPTIONS rtsp://127.0.0.1:1/a RTSP/1.0", "CSeq: 1", "", "");
const DESCRIBED = text(
  "RTSP/1.0 200 OK",
  "CSeq: 2",
  "Content-Type: application/sdp",
  "Content-Length: 5",
  "",
  "v=0\r\n",
);

function frame(channel: number, ...bytes: number[]): Uint8Array {
  return longFrame(channel, Uint8Array.from(bytes));
}

function longFrame(channel: number, bytes: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(0x24, channel, bytes.length >> 8, bytes.length & 0xff), bytes);
}

/** What a reader makes of pieces: messages as text, frames as bytes put together again. */
function read(...pieces: Uint8Array[]): { parts: RtspPart[]; said: unknown[]; frames: number[] } {
  const reader = new RtspReader();
  // A piece's memory is used again at once, as a connection may do.
  const parts = pieces.flatMap((piece) => {
    const lent = piece.slice();
    const got = reader
      .push(lent)
      .map((part) => (part.kind === "frames" ? { ...part, bytes: part.bytes.slice() } : part));
    lent.fill(0xee);
    return got;
  });
  const said = parts.flatMap((part): unknown[] =>
    part.kind === "message"
      ? [[part.message.startLine, part.message.headers, bodyText(part.message)]]
      : part.kind === "fault"
        ? [part.text]
        : [],
  );
  const frames = parts.flatMap((part) => (part.kind === "frames" ? [...part.bytes] : []));
  return { parts, said, frames };
}

describe("messages", () => {
  test("a request and an answer with a body", () => {
    expect(read(OPTIONS, DESCRIBED).said).toEqual([
      ["OPTIONS rtsp://127.0.0.1:1/a RTSP/1.0", [["CSeq", "1"]], ""],
      [
        "RTSP/1.0 200 OK",
        [
          ["CSeq", "2"],
          ["Content-Type", "application/sdp"],
          ["Content-Length", "5"],
        ],
        "v=0\r\n",
      ],
    ]);
  });

  test("line ends of LF alone, empty lines between messages, folded headers", () => {
    const odd = encodeUtf8(
      "\r\n\nRTSP/1.0 200 OK\nCSeq: 3\nWWW-Authenticate: Digest a=1,\n  b=2\n\n",
    );
    expect(read(odd).said).toEqual([
      [
        "RTSP/1.0 200 OK",
        [
          ["CSeq", "3"],
          ["WWW-Authenticate", "Digest a=1, b=2"],
        ],
        "",
      ],
    ]);
  });

  test("cut at every byte they say the same", () => {
    const stream = concatBytes(OPTIONS, frame(0, 1, 2, 3), DESCRIBED, frame(1), frame(0, 0x24, 9));
    const whole = read(stream);
    for (let cut = 1; cut < stream.length; cut++) {
      const { said, frames } = read(stream.subarray(0, cut), stream.subarray(cut));
      expect(said).toEqual(whole.said);
      expect(frames).toEqual(whole.frames);
    }
    const { said, frames, parts } = read(...Array.from(stream, (byte) => Uint8Array.of(byte)));
    expect(said).toEqual(whole.said);
    expect(frames).toEqual(whole.frames);
    const channels = parts.flatMap((part) => (part.kind === "frames" ? part.channels : []));
    expect(channels).toEqual([0, 1, 0]);
  });

  test("a long body that comes byte by byte is not read anew for each of them", () => {
    const lines = Array.from({ length: 600 }, (_, at) => `X-${at}: ${"a".repeat(18)}`);
    const head = ["RTSP/1.0 200 OK", ...lines, "Content-Length: 60000", "", ""].join("\r\n");
    const reader = new RtspReader();
    // Reading the head for each byte of the body takes some twenty seconds, longer than a test may.
    const parts = [encodeUtf8(head), ...Array.from({ length: 60_000 }, () => encodeUtf8("v"))];
    const [part, ...others] = parts.flatMap((piece) => reader.push(piece));
    expect(part).toMatchObject({ kind: "message", message: { startLine: "RTSP/1.0 200 OK" } });
    expect((part as { message: RtspMessage }).message.body).toHaveLength(60_000);
    expect(others).toEqual([]);
    expect(reader.push(OPTIONS)).toMatchObject([{ kind: "message" }]);
  });

  test("what is written is read again as it was", () => {
    const word = fc.stringMatching(/^[A-Za-z][A-Za-z-]{0,12}$/);
    const value = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/);
    const headers = fc.array(fc.tuple(word, value), { maxLength: 6 });
    const body = fc.uint8Array({ maxLength: 60 });
    fc.assert(
      fc.property(headers, body, fc.nat(), (given, bytes, cut) => {
        const usable = given.filter(([name]) => name.toLowerCase() !== "content-length");
        const text = bodyText({ startLine: "", headers: [], body: bytes });
        const plain = { startLine: "RTSP/1.0 200 OK", headers: usable, body: bytes };
        const message = withBody(plain, text);
        const written = formatMessage(message);
        const at = cut % (written.length + 1);
        const [part] = read(written.subarray(0, at), written.subarray(at)).parts;
        expect(part).toEqual({ kind: "message", message });
      }),
    );
  });

  test("headers are found whatever their case, replaced and removed", () => {
    const message: RtspMessage = {
      startLine: "RTSP/1.0 200 OK",
      headers: [
        ["cseq", "1"],
        ["WWW-Authenticate", "Digest"],
        ["www-authenticate", "Basic"],
      ],
      body: new Uint8Array(0),
    };
    expect(headerOf(message, "CSeq")).toBe("1");
    expect(headersOf(message, "WWW-authenticate")).toEqual(["Digest", "Basic"]);
    expect(headersOf(withHeader(message, "CSEQ", "7"), "cseq")).toEqual(["7"]);
    expect(
      headersOf(withHeader(message, "www-authenticate", undefined), "www-authenticate"),
    ).toEqual([]);
  });

  test("start lines", () => {
    expect(parseRequestLine("PLAY rtsp://a/b RTSP/1.0")).toEqual({
      method: "PLAY",
      url: "rtsp://a/b",
    });
    expect(parseRequestLine("GET / HTTP/1.1")).toBeUndefined();
    expect(parseStatusLine("RTSP/1.0 404 Not Found")).toEqual({ code: 404, text: "Not Found" });
    expect(parseStatusLine("RTSP/1.0 200")).toEqual({ code: 200, text: "" });
    expect(parseStatusLine("RTSP/1.0 0200 OK")).toBeUndefined();
  });
});

describe("frames", () => {
  test("many in one piece are one part", () => {
    const frames = joinBytes(Array.from({ length: 50 }, (_, i) => frame(i % 2, i, i, i)));
    const { parts } = read(frames);
    expect(parts).toHaveLength(1);
    expect(parts[0]).toMatchObject({ kind: "frames", bytes: frames });
  });

  test("a frame of the greatest length comes through while it is still coming", () => {
    const long = longFrame(0, new Uint8Array(65_535).fill(7));
    const { parts, frames } = read(long.subarray(0, 1_000), long.subarray(1_000), OPTIONS);
    expect(parts.map(({ kind }) => kind)).toEqual(["frames", "frames", "message"]);
    expect(frames).toEqual([...long]);
  });
});

describe("what is no RTSP, or too much", () => {
  const faults: [what: string, bytes: Uint8Array, said: RegExp][] = [
    ["a web server", text("HTTP/1.1 400 Bad Request", "", ""), /not RTSP/],
    ["an SSH server", encodeUtf8("SSH-2.0-OpenSSH_9.2\r\n\r\n"), /not RTSP/],
    [
      "an endless head",
      encodeUtf8(`RTSP/1.0 200 OK\r\nX: ${"a".repeat(20_000)}`),
      /without an end/,
    ],
    ["an endless line", new Uint8Array(20_000).fill(0x41), /without an end/],
    ["a huge body", text("RTSP/1.0 200 OK", "Content-Length: 65537", "", ""), /length/],
    ["a negative body", text("RTSP/1.0 200 OK", "Content-Length: -1", "", ""), /length/],
    ["a body of words", text("RTSP/1.0 200 OK", "Content-Length: much", "", ""), /length/],
  ];
  test.each(faults)("%s", (_, bytes, said) => {
    for (const pieces of [[bytes], Array.from(bytes, (byte) => Uint8Array.of(byte))]) {
      const { parts } = read(...pieces, OPTIONS);
      expect(parts).toHaveLength(1);
      expect(parts[0]).toMatchObject({ kind: "fault", text: expect.stringMatching(said) });
    }
  });

  test("any bytes at all are survived, and little is held", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 20 }), (pieces) => {
        read(...pieces);
      }),
    );
  });
});
