import { describe, expect, test } from "vitest";
import { digestAnswer } from "../../../firmware-sim/camera/camera-login.ts";
import {
  CameraSession,
  type CameraView,
  type SessionPlan,
} from "../../../firmware-sim/camera/camera-session.ts";
import type { RtspAnswer } from "../../../firmware-sim/camera/rtsp-message.ts";

const URL = "rtsp://viewer@camera:8554/live";
const VIEW: CameraView = {
  media: ["m=video 0 RTP/AVP 96", "a=rtpmap:96 H264/90000"],
  ssrc: 0xcafe,
  sequence: 17,
  timestamp: 90_000,
  udpPorts: [6000, 6001],
  hasRoom: true,
};
const TCP = "RTP/AVP/TCP;unicast;interleaved=0-1";

class Viewer {
  readonly session: CameraSession;
  view = VIEW;

  constructor(plan: Partial<SessionPlan> = {}) {
    this.session = new CameraSession({ id: "abcd", nonce: "n", ...plan });
  }

  ask(method: string, url = URL, headers: Record<string, string> = {}, body = ""): RtspAnswer {
    const all = new Map(Object.entries({ cseq: "1", ...headers }));
    const request = { method, url, version: "RTSP/1.0", headers: all, body };
    return this.session.answer(request, this.view);
  }

  setUp(transport = TCP): RtspAnswer {
    return this.ask("SETUP", `${URL}/trackID=0`, { transport });
  }
}

function header(answer: RtspAnswer, name: string): string | undefined {
  return answer.headers?.find(([each]) => each === name)?.[1];
}

describe("a session", () => {
  test("describes what can be seen, by the name under which it was asked for", () => {
    const answer = new Viewer().ask("DESCRIBE");
    expect(header(answer, "Content-Base")).toBe("rtsp://camera:8554/live/");
    expect(answer.body?.split("\r\n").slice(-4)).toEqual([
      ...VIEW.media,
      "a=control:trackID=0",
      "",
    ]);
  });

  test("plays from SETUP and PLAY to TEARDOWN, and not while it is paused", () => {
    const viewer = new Viewer();
    const session = { session: "abcd;timeout=60" };
    expect(header(viewer.setUp(), "Session")).toBe("abcd;timeout=60");
    expect(viewer.session.isPlaying).toBe(false);
    const played = viewer.ask("PLAY", URL, session);
    expect(header(played, "RTP-Info")).toBe(
      "url=rtsp://camera:8554/live/trackID=0;seq=17;rtptime=90000",
    );
    expect(viewer.session.isPlaying).toBe(true);
    expect(viewer.session.transport).toEqual({ kind: "frames", rtp: 0, rtcp: 1 });
    viewer.ask("PAUSE", URL, session);
    expect(viewer.session.isPlaying).toBe(false);
    viewer.ask("PLAY", URL, session);
    expect(viewer.ask("TEARDOWN", URL, session).status).toBe(200);
    expect(viewer.session.isPlaying).toBe(false);
    expect(viewer.session.transport).toBeUndefined();
    expect(viewer.ask("PLAY", URL, session).status).toBe(454);
  });

  test("says its own ports for UDP", () => {
    expect(header(new Viewer().setUp("RTP/AVP;unicast;client_port=5000-5001"), "Transport")).toBe(
      "RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001;ssrc=0000CAFE",
    );
  });

  test("takes questions without a parameter for signs of life", () => {
    const viewer = new Viewer();
    expect(viewer.ask("GET_PARAMETER").status).toBe(200);
    expect(viewer.ask("SET_PARAMETER", URL, {}, "\r\n").status).toBe(200);
    expect(viewer.ask("GET_PARAMETER", URL, {}, "packets_received").status).toBe(451);
  });

  test.each<[number, string, (viewer: Viewer) => RtspAnswer]>([
    [404, "another path", (v) => v.ask("DESCRIBE", "rtsp://camera/other")],
    [404, "a path that only begins alike", (v) => v.ask("DESCRIBE", "rtsp://camera/live2")],
    [404, "another protocol", (v) => v.ask("DESCRIBE", "http://camera/live")],
    [404, "no address", (v) => v.ask("DESCRIBE", "*")],
    [404, "another track", (v) => v.ask("SETUP", `${URL}/trackID=1`, { transport: TCP })],
    [461, "a way that there is not", (v) => v.setUp("RTP/AVP;multicast")],
    [461, "no way at all", (v) => v.ask("SETUP", URL)],
    [455, "PLAY before SETUP", (v) => v.ask("PLAY")],
    [
      454,
      "PLAY of somebody else's session",
      (v) => (v.setUp(), v.ask("PLAY", URL, { session: "x" })),
    ],
    [454, "PLAY without its session", (v) => (v.setUp(), v.ask("PLAY"))],
    [
      455,
      "SETUP while it plays",
      (v) => (v.setUp(), v.ask("PLAY", URL, { session: "abcd" }), v.setUp()),
    ],
    [
      453,
      "one viewer too many",
      (v) => {
        v.view = { ...VIEW, hasRoom: false };
        return v.setUp();
      },
    ],
    [501, "an unknown method", (v) => v.ask("RECORD")],
    [551, "an extension", (v) => v.ask("OPTIONS", URL, { require: "feature" })],
  ])("answers %i to %s", (status, _what, ask) => {
    expect(ask(new Viewer()).status).toBe(status);
  });

  test("answers nothing else without number and version", () => {
    const { session } = new Viewer();
    const request = {
      method: "OPTIONS",
      url: "*",
      version: "RTSP/1.0",
      headers: new Map(),
      body: "",
    };
    expect(session.answer(request, VIEW).status).toBe(400);
    expect(session.answer({ ...request, version: "RTSP/2.0" }, VIEW).status).toBe(505);
  });
});

describe("with a login, a session", () => {
  const login = { username: "viewer", password: "secret", scheme: "both" } as const;

  function answerTo(challenged: RtspAnswer, method: string, uri: string): string {
    const challenge = header(challenged, "WWW-Authenticate") ?? "";
    const [, realm = ""] = /realm="([^"]*)"/.exec(challenge) ?? [];
    const [, nonce = ""] = /nonce="([^"]*)"/.exec(challenge) ?? [];
    const response = digestAnswer(login, { realm, nonce, method }, uri);
    return `Digest username="viewer", realm="${realm}", nonce="${nonce}", uri="${uri}", response="${response}"`;
  }

  test("asks for it at everything but OPTIONS, and says no word of what is there", () => {
    const viewer = new Viewer({ login });
    expect(viewer.ask("OPTIONS").status).toBe(200);
    for (const method of ["DESCRIBE", "SETUP", "PLAY", "PAUSE", "GET_PARAMETER", "TEARDOWN"])
      expect(viewer.ask(method)).toMatchObject({ status: 401 });
    expect(viewer.ask("DESCRIBE", "rtsp://camera/other").status).toBe(401);
    expect(viewer.ask("DESCRIBE").body).toBeUndefined();
  });

  test("lets in who answers, request by request", () => {
    const viewer = new Viewer({ login });
    const challenged = viewer.ask("DESCRIBE");
    const authorization = answerTo(challenged, "DESCRIBE", URL);
    expect(viewer.ask("DESCRIBE", URL, { authorization }).status).toBe(200);
    expect(viewer.ask("PLAY", URL, { authorization }).status).toBe(401);
    expect(
      viewer.ask("SETUP", `${URL}/trackID=0`, {
        authorization: answerTo(challenged, "SETUP", URL),
        transport: TCP,
      }).status,
    ).toBe(200);
  });
});
