/** A camera being looked at, before hubs that come and go: what is said, what is shown, when it is tried again. */

import { beforeEach, describe, expect, test } from "vitest";
import { CameraWatch } from "../../dashboards/web/cameras/camera-watch.ts";
import type { ViewerSocketEvents, WatchView } from "../../dashboards/web/cameras/camera-watch.ts";
import { listCameras } from "../../dashboards/web/cameras/camera-list.ts";
import type { FetchWithToken } from "../../dashboards/web/cameras/camera-list.ts";
import {
  continuesSequence,
  readSequenceHeader,
} from "../../dashboards/web/cameras/sequence-header.ts";
import { stateWords } from "../../dashboards/web/cameras/state-words.ts";
import { CAMERA_STATES } from "../../edge/cameras/preview-source.ts";
import { ManualTimers } from "./support/manual-timers.ts";

/** A socket of which the test holds the other end. */
class ScriptedSocket {
  readonly path: string;
  readonly events: ViewerSocketEvents;
  readonly sent: string[] = [];
  isClosed = false;

  constructor(path: string, events: ViewerSocketEvents) {
    this.path = path;
    this.events = events;
  }

  send(word: string): void {
    this.sent.push(word);
  }

  close(): void {
    this.isClosed = true;
  }
}

let timers: ManualTimers;
let sockets: ScriptedSocket[];
let views: WatchView[];
let bytes: Uint8Array[];
let watch: CameraWatch;

beforeEach(() => {
  timers = new ManualTimers();
  sockets = [];
  views = [];
  bytes = [];
  watch = new CameraWatch({
    camera: { device: "cam-1", camera: "front" },
    token: "secret",
    timers,
    open: (path, events) => {
      const socket = new ScriptedSocket(path, events);
      sockets.push(socket);
      return socket;
    },
    onBytes: (chunk) => bytes.push(chunk),
    onChange: (view) => views.push(view),
  });
});

const STATE = JSON.stringify({ device: "cam-1", camera: "front", state: "ok" });

describe("a watch", () => {
  test("says the token once the line is open, and nowhere else", () => {
    const [socket] = sockets;
    expect([socket!.path, socket!.sent]).toEqual(["/preview/v1/devices/cam-1/cameras/front", []]);
    socket!.events.opened();
    expect(socket!.sent).toEqual(['{"token":"secret"}']);
    socket!.events.text(STATE);
    expect(watch.view).toEqual({ phase: "watching", state: "ok", words: "" });
    socket!.events.bytes(Uint8Array.of(1, 2));
    expect(bytes).toEqual([Uint8Array.of(1, 2)]);
  });

  test.each(["", "null", "[]", "{}", '{"state":7}', "hello"])("passes over the word %j", (word) => {
    sockets[0]!.events.text(word);
    expect(views).toEqual([]);
  });

  test.each([
    [1001, "The hub is being stopped."],
    [1006, "The connection is gone."],
    [4007, "This camera is not connected."],
    [4008, "As many people look already as may."],
    [4009, "The line is too slow for this picture."],
  ])("tries again after an end by %i", async (code, words) => {
    sockets[0]!.events.closed(code);
    expect(watch.view).toEqual({ phase: "waiting", state: undefined, words });
    await timers.advance(1_000);
    expect(sockets).toHaveLength(2);
    sockets[1]!.events.opened();
    sockets[1]!.events.text(STATE);
    expect(watch.view.phase).toBe("watching");
  });

  test.each([4002, 4003])("ends with its token, by %i", async (code) => {
    sockets[0]!.events.closed(code);
    expect(watch.view.phase).toBe("refused");
    await timers.advance(600_000);
    expect(sockets).toHaveLength(1);
  });

  test("tries ever more rarely while the hub is away, and soon again after it was there", async () => {
    for (let i = 0; i < 12; i++) {
      sockets.at(-1)!.events.closed(1006);
      await timers.advance(30_000);
      expect(sockets).toHaveLength(i + 2);
    }
    sockets.at(-1)!.events.closed(1006);
    await timers.advance(15_000);
    expect(sockets).toHaveLength(13);
    await timers.advance(15_000);
    expect(sockets).toHaveLength(14);
    sockets.at(-1)!.events.text(STATE);
    sockets.at(-1)!.events.closed(1006);
    await timers.advance(1_000);
    expect(sockets).toHaveLength(15);
  });

  test("that was stopped says and does nothing more", async () => {
    watch.stop();
    const { events, isClosed } = sockets[0]!;
    expect(isClosed).toBe(true);
    events.text(STATE);
    events.bytes(Uint8Array.of(1));
    events.closed(1005);
    await timers.advance(600_000);
    expect([views, bytes, sockets.length]).toEqual([[], [], 1]);
  });

  test("that was stopped while it waited does not come back", async () => {
    sockets[0]!.events.closed(1006);
    watch.stop();
    await timers.advance(600_000);
    expect(sockets).toHaveLength(1);
  });
});

describe("the list of cameras", () => {
  const answering =
    (status: number, body: string): FetchWithToken =>
    async (path, { headers }) => {
      expect([path, headers]).toEqual(["/preview/v1/cameras", { authorization: "Bearer secret" }]);
      return new Response(body, { status });
    };
  const camera = (device: string, name: string): object => ({
    device,
    camera: name,
    state: "ok",
    viewers: 3,
  });

  test("is sorted", async () => {
    const body = JSON.stringify({
      cameras: [camera("cam-2", "b"), camera("cam-1", "z"), camera("cam-2", "a")],
    });
    const cameras = await listCameras(answering(200, body), "secret");
    if (typeof cameras === "string") throw new Error(cameras);
    expect(cameras.map(({ device, camera: name }) => `${device}/${name}`)).toEqual([
      "cam-1/z",
      "cam-2/a",
      "cam-2/b",
    ]);
  });

  test.each<[number, string, string]>([
    [401, "{}", "refused"],
    [429, "{}", "too-many"],
    [500, "{}", "unreachable"],
    [200, "{}", "unreachable"],
    [200, '{"cameras":[{"device":"cam-1"}]}', "unreachable"],
    [200, "<html>", "unreachable"],
  ])("is none where the hub answers %i %s", async (status, body, reason) => {
    expect(await listCameras(answering(status, body), "secret")).toBe(reason);
  });

  test("is none where nobody answers", async () => {
    const away = (): Promise<Response> => Promise.reject(new TypeError("failed to fetch"));
    expect(await listCameras(away, "secret")).toBe("unreachable");
  });
});

describe("a sequence header", () => {
  // 320 × 180, 25 pictures a second, as ffmpeg writes it.
  const HEADER = [0, 0, 1, 0xb3, 0x14, 0x00, 0xb4, 0x13, 0xff, 0xff, 0xe0, 0x28];
  const read = (bytes: number[]) => readSequenceHeader(Uint8Array.from(bytes));

  test("says how large the pictures are", () => {
    expect(read([...HEADER, 9, 9])).toMatchObject({ width: 320, height: 180 });
    expect(read([0, 0, 1, 0xb3, 0xff, 0xff, 0xff, ...HEADER.slice(7)])).toMatchObject({
      width: 4095,
      height: 4095,
    });
  });

  test("is not found where none stands", () => {
    expect(read(HEADER.slice(0, 11))).toBeUndefined();
    expect(read([0, 0, 1, 0, ...HEADER.slice(4)])).toBeUndefined();
    expect(read([7, ...HEADER])).toBeUndefined();
  });

  test("lets a decoder go on if it says the same, without matrices of its own", () => {
    const first = read(HEADER)!;
    expect(continuesSequence(first, read([...HEADER, 1])!)).toBe(true);
    expect(continuesSequence(first, read([...HEADER.slice(0, 6), 0xb5, ...HEADER.slice(7)])!)).toBe(
      false,
    );
    const own = [...HEADER.slice(0, 11), 0x2a];
    expect(continuesSequence(read(own)!, read(own)!)).toBe(false);
  });
});

test("every state that an edge may say has its words", () => {
  for (const state of [...CAMERA_STATES, "away"]) expect(stateWords(state)).not.toBe(state);
  expect(stateWords("upside-down")).toBe("upside-down");
});
