/** The hub's words to an edge, and where the hub is to be found. */

import { describe, expect, test } from "vitest";
import { previewUrlOf } from "../../../edge/cameras/preview-address.ts";
import { formatAnnouncement, parseOrder } from "../../../edge/cameras/preview-words.ts";

test("cameras are announced by name and state, and nothing else that a source may have", () => {
  const camera = { camera: "front", state: "ok" as const, address: "rtsp://admin:1234@10.0.0.9/" };
  expect(formatAnnouncement([camera])).toBe('{"cameras":[{"camera":"front","state":"ok"}]}');
});

describe("an order", () => {
  test("names a camera by its number", () => {
    expect(parseOrder('{"start":0}')).toEqual({ order: "start", index: 0 });
    expect(parseOrder('{"stop":15}')).toEqual({ order: "stop", index: 15 });
  });

  test.each([
    "",
    "start",
    "null",
    "7",
    "[]",
    "{}",
    '{"start":-1}',
    '{"start":1.5}',
    '{"stop":"0"}',
  ])("is not %j", (text) => {
    expect(parseOrder(text)).toBeUndefined();
  });
});

describe("the channel's address", () => {
  test.each([
    ["https://hub.example", "wss://hub.example/preview/v1/edge"],
    ["https://hub.example:8443/", "wss://hub.example:8443/preview/v1/edge"],
    ["https://hub.example/newport", "wss://hub.example/newport/preview/v1/edge"],
    ["http://127.0.0.1:8080", "ws://127.0.0.1:8080/preview/v1/edge"],
    ["http://localhost:8080/", "ws://localhost:8080/preview/v1/edge"],
    ["http://[::1]:8080", "ws://[::1]:8080/preview/v1/edge"],
  ])("of %s is %s", (hubUrl, url) => {
    expect(previewUrlOf(hubUrl)).toEqual({ url });
  });

  test.each<[string | undefined, RegExp]>([
    [undefined, /need hub\.url/],
    ["http://hub.example", /over https only, and hub\.url is http:\/\/hub\.example/],
    ["http://127.0.0.1.evil.example", /over https only/],
    ["http://10.0.0.1", /over https only/],
  ])("there is none with %s", (hubUrl, words) => {
    expect(previewUrlOf(hubUrl)).toEqual({ fault: expect.stringMatching(words) as string });
  });
});
