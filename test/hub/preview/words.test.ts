/** Words of control, and what is none; heads of requests. */

import { describe, expect, test } from "vitest";
import { CAMERA_STATES as EDGE_STATES } from "../../../edge/cameras/preview-source.ts";
import * as edge from "../../../edge/cameras/preview-words.ts";
import { PICTURE_MESSAGE_BYTES_MAX } from "../../../hub/preview/limits.ts";
import { bearerOf, isOwnPage, namesProtocol } from "../../../hub/preview/request-head.ts";
import {
  CAMERA_STATES,
  PROTOCOL,
  formatOrder,
  formatState,
  parseAnnouncement,
  parseLogin,
} from "../../../hub/preview/words.ts";

const list = (...cameras: unknown[]): string => JSON.stringify({ cameras });

test("both sides mean the same by the same words", () => {
  expect([PROTOCOL, PICTURE_MESSAGE_BYTES_MAX]).toEqual([
    edge.PREVIEW_PROTOCOL,
    edge.PICTURE_MESSAGE_BYTES_MAX,
  ]);
  expect(CAMERA_STATES).toEqual(EDGE_STATES);
  expect(edge.parseOrder(formatOrder("start", 3))).toEqual({ order: "start", index: 3 });
  const cameras = EDGE_STATES.map((state, i) => ({ camera: `camera-${i}`, state }));
  expect(parseAnnouncement(edge.formatAnnouncement(cameras), 16)).toEqual(cameras);
});

describe("an edge's list of cameras", () => {
  test("names each with its state", () => {
    const text = list({ camera: "front", state: "ok" }, { camera: "yard", state: "no-ffmpeg" });
    expect(parseAnnouncement(text, 2)).toEqual([
      { camera: "front", state: "ok" },
      { camera: "yard", state: "no-ffmpeg" },
    ]);
  });

  test.each<[string, string]>([
    ["no JSON", "front"],
    ["nothing", ""],
    ["a list", "[]"],
    ["no cameras", list()],
    ["too many", list(...["a", "b", "c"].map((camera) => ({ camera, state: "ok" })))],
    ["one twice", list({ camera: "a", state: "ok" }, { camera: "a", state: "ok" })],
    ["a name that is none", list({ camera: "Front Door", state: "ok" })],
    ["a state that is none", list({ camera: "front", state: "<b>" })],
    ["more than that", list({ camera: "front", state: "ok", url: "rtsp://admin:1234@" })],
    ["something beside", JSON.stringify({ cameras: [{ camera: "a", state: "ok" }], x: 1 })],
  ])("is not %s", (_name, text) => {
    expect(parseAnnouncement(text, 2)).toBeUndefined();
  });
});

test("a viewer's first word is its token", () => {
  expect(parseLogin('{"token":"abc"}')).toBe("abc");
  for (const text of ["", "abc", "null", "{}", '{"token":1}', '{"token":"a","x":1}', "[]"]) {
    expect(parseLogin(text)).toBeUndefined();
  }
});

test("the hub's words are JSON", () => {
  expect(formatOrder("start", 3)).toBe('{"start":3}');
  expect(formatOrder("stop", 0)).toBe('{"stop":0}');
  expect(formatState("cam-1", "front", "ok")).toBe(
    '{"device":"cam-1","camera":"front","state":"ok"}',
  );
});

describe("the head of a request", () => {
  test.each<[string | undefined, boolean]>([
    ["kerbstone.preview.v1", true],
    ["other, kerbstone.preview.v1", true],
    ["kerbstone.preview.v2", false],
    ["xkerbstone.preview.v1", false],
    ["", false],
    [undefined, false],
  ])("names the protocol: %s", (header, names) => {
    const headers = header === undefined ? {} : { "sec-websocket-protocol": header };
    expect(namesProtocol({ headers })).toBe(names);
  });

  test.each<[string | undefined, string | undefined]>([
    ["Bearer abc.def", "abc.def"],
    ["bearer   abc ", "abc"],
    ["Basic abc", undefined],
    ["Bearer", undefined],
    ["Bearer a b", undefined],
    [undefined, undefined],
  ])("brings a token: %s", (authorization, token) => {
    const headers = authorization === undefined ? {} : { authorization };
    expect(bearerOf({ headers })).toBe(token);
  });

  test.each<[string | undefined, string | undefined, boolean]>([
    [undefined, "hub.example", true],
    ["https://hub.example", "hub.example", true],
    ["https://hub.example:443", "hub.example", true],
    ["https://hub.example", "hub.example:443", true],
    ["http://127.0.0.1:8080", "127.0.0.1:8080", true],
    ["https://HUB.example", "hub.example", true],
    ["https://evil.example", "hub.example", false],
    ["https://hub.example.evil.example", "hub.example", false],
    ["https://hub.example:8443", "hub.example", false],
    ["http://127.0.0.1:8081", "127.0.0.1:8080", false],
    ["null", "hub.example", false],
    ["file://", "hub.example", false],
    ["https://hub.example", undefined, false],
    ["https://hub.example", "a b", false],
    ["chrome-extension://hub.example", "hub.example", false],
  ])("is of a page of %s, asked for at %s", (origin, host, isOwn) => {
    const headers = {
      ...(origin === undefined ? {} : { origin }),
      ...(host === undefined ? {} : { host }),
    };
    expect(isOwnPage({ headers })).toBe(isOwn);
  });
});
