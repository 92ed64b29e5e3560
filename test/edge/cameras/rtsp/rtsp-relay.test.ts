import { beforeEach, describe, expect, test } from "vitest";
import { CameraLogin } from "../../../../edge/cameras/rtsp/rtsp-challenge.ts";
import type { Credentials } from "../../../../edge/cameras/rtsp/rtsp-challenge.ts";
import { bodyText, headerOf, RtspReader } from "../../../../edge/cameras/rtsp/rtsp-message.ts";
import type { RtspMessage } from "../../../../edge/cameras/rtsp/rtsp-message.ts";
import { RtspRelay } from "../../../../edge/cameras/rtsp/rtsp-relay.ts";
import { encodeUtf8 } from "../../../../ledger/bytes.ts";
import { seededRandom } from "../../../../platform/random.ts";
import {
  cameraAddress,
  DESCRIPTION,
  frame,
  lockedCamera,
  openCamera,
  request,
  ScriptedCamera,
} from "./scripted-rtsp.ts";
import type { Answer } from "./scripted-rtsp.ts";

const TOKEN = "00ff";
const DOOR = `rtsp://127.0.0.1:4321/${TOKEN}`;
const CAMERA = "rtsp://camera.example/street?channel=1";

let camera: ScriptedCamera;
let relay: RtspRelay;
let cut: (bytes: Uint8Array) => Uint8Array[];

function begin(
  answer: Answer = openCamera,
  credentials: Credentials | undefined = { username: "admin", password: "pa:ss wörd" },
  url = CAMERA,
): void {
  camera = new ScriptedCamera(answer);
  const login = new CameraLogin({ credentials, mayUseBasic: false, random: seededRandom(1) });
  relay = new RtspRelay({ token: TOKEN, address: cameraAddress(url), login });
}

beforeEach(() => {
  cut = (bytes) => [bytes];
  begin();
});

/** Hands bytes of the player through, and of the camera's answers back, until nobody says anything. */
function say(bytes: Uint8Array): Uint8Array[] {
  const toPlayer: Uint8Array[] = [];
  let toCamera = cut(bytes).flatMap((piece) => relay.fromPlayer(piece).toCamera.map(copy));
  while (toCamera.length > 0) {
    const answers = toCamera.flatMap((piece) => camera.push(piece));
    const steps = answers.flatMap(cut).map((piece) => relay.fromCamera(piece));
    toPlayer.push(...steps.flatMap((step) => step.toPlayer.map(copy)));
    toCamera = steps.flatMap((step) => step.toCamera.map(copy));
  }
  return toPlayer;
}

function copy(bytes: Uint8Array): Uint8Array {
  return bytes.slice();
}

function messages(pieces: readonly Uint8Array[]): RtspMessage[] {
  const reader = new RtspReader();
  return pieces
    .flatMap((piece) => reader.push(piece))
    .flatMap((part) => (part.kind === "message" ? [part.message] : []));
}

const TCP: [string, string][] = [["Transport", "RTP/AVP/TCP;interleaved=0-1"]];

/** A player's whole way to the picture. */
function play(): RtspMessage[] {
  return messages([
    ...say(request("OPTIONS", DOOR, 1)),
    ...say(request("DESCRIBE", DOOR, 2, [["Accept", "application/sdp"]])),
    ...say(request("SETUP", `${DOOR}/track=1`, 3, TCP)),
    ...say(request("PLAY", DOOR, 4, [["Session", "17"]])),
  ]);
}

describe("a player and a camera", () => {
  test("addresses are the camera's there, and numbers the player's here", () => {
    const answers = play();
    expect(camera.asked.map(({ method, url }) => [method, url])).toEqual([
      ["OPTIONS", CAMERA],
      ["DESCRIBE", CAMERA],
      ["SETUP", `${CAMERA}/track=1`],
      ["PLAY", CAMERA],
    ]);
    expect(answers.map((answer) => headerOf(answer, "CSeq"))).toEqual(["1", "2", "3", "4"]);
    expect(camera.asked[2]!.message.headers).toContainEqual([
      "Transport",
      "RTP/AVP/TCP;interleaved=0-1",
    ]);
    expect(relay).toMatchObject({ isPlaying: true, codec: "H264", fault: undefined });
  });

  test("only the picture is offered to the player, with a length that fits", () => {
    const [, described] = play();
    const body = bodyText(described!);
    expect(body).toContain("m=video");
    expect(body).not.toContain("m=audio");
    expect(headerOf(described!, "Content-Length")).toBe(String(body.length));
    expect(DESCRIPTION).toContain("m=audio");
  });

  test("a player that wants pictures by UDP is told to take this connection", () => {
    say(request("DESCRIBE", DOOR, 1));
    const udp = request("SETUP", `${DOOR}/track=1`, 2, [["Transport", "RTP/AVP/UDP;unicast"]]);
    const [answer] = messages(relay.fromPlayer(udp).toPlayer);
    expect(answer).toMatchObject({ startLine: "RTSP/1.0 461 Unsupported Transport" });
    expect(headerOf(answer!, "CSeq")).toBe("2");
    expect(camera.asked.map(({ method }) => method)).toEqual(["DESCRIBE"]);
  });

  test("a path that ends with a slash gets no second one", () => {
    begin(openCamera, undefined, "rtsp://camera.example/live/");
    play();
    expect(camera.asked[2]!.url).toBe("rtsp://camera.example/live/track=1");
  });

  test("addresses that the camera itself has named are asked as they are", () => {
    play();
    const own = "rtsp://10.0.0.5:554/other/track=1";
    say(request("SETUP", own, 5, TCP));
    expect(camera.asked.at(-1)!.url).toBe(own);
  });

  test("frames go through untouched in both directions; those of the picture count", () => {
    play();
    const pictures = relay.fromCamera(frame(0)).toPlayer;
    expect(pictures).toEqual([frame(0)]);
    relay.fromCamera(frame(1));
    expect(relay.frames).toBe(1);
    expect(relay.fromPlayer(frame(1)).toCamera).toEqual([frame(1)]);
  });

  test("the channel of the picture is the one that the camera gave", () => {
    begin((asked) =>
      asked.method === "SETUP"
        ? { code: 200, headers: [["Transport", "RTP/AVP/TCP;unicast;interleaved=6-7"]] }
        : openCamera(asked),
    );
    play();
    relay.fromCamera(frame(0));
    relay.fromCamera(frame(7));
    expect(relay.frames).toBe(0);
    relay.fromCamera(frame(6));
    expect(relay.frames).toBe(1);
  });

  test("whatever bytes come how, the same happens", () => {
    const whole = play();
    const asked = camera.asked.map(({ method, url }) => `${method} ${url}`);
    cut = (bytes) => Array.from(bytes, (byte) => Uint8Array.of(byte));
    begin();
    expect(play()).toEqual(whole);
    expect(camera.asked.map(({ method, url }) => `${method} ${url}`)).toEqual(asked);
  });

  test("what the camera asks is answered here, and answers that nobody waits for are dropped", () => {
    play();
    const ask = (line: string): string[] =>
      relay
        .fromCamera(encodeUtf8(`${line}\r\nCSeq: 99\r\n\r\n`))
        .toCamera.map((bytes) => new TextDecoder().decode(bytes));
    expect(ask("OPTIONS rtsp://x/ RTSP/1.0")).toEqual(["RTSP/1.0 200 OK\r\nCSeq: 99\r\n\r\n"]);
    expect(ask("ANNOUNCE rtsp://x/ RTSP/1.0")[0]).toMatch(/^RTSP\/1\.0 501 /);
    const late = relay.fromCamera(encodeUtf8("RTSP/1.0 200 OK\r\nCSeq: 999\r\n\r\n"));
    expect(late).toEqual({ toCamera: [], toPlayer: [] });
  });

  test("an answer without a number is the oldest request's", () => {
    const step = relay.fromPlayer(request("OPTIONS", DOOR, 8));
    expect(step.toCamera).toHaveLength(1);
    const { toPlayer } = relay.fromCamera(encodeUtf8("RTSP/1.0 200 OK\r\n\r\n"));
    expect(headerOf(messages(toPlayer)[0]!, "CSeq")).toBe("8");
  });
});

describe("login", () => {
  test("the player never hears of it, and knows nothing of the password", () => {
    begin(lockedCamera((given) => given.includes(`username="admin"`)));
    const answers = play();
    expect(answers.map(({ startLine }) => startLine)).toEqual(
      Array.from({ length: 4 }, () => "RTSP/1.0 200 OK"),
    );
    // Asked once; from then on each request brings its own answer.
    expect(camera.asked.map(({ method }) => method)).toEqual([
      "OPTIONS",
      "OPTIONS",
      "DESCRIBE",
      "SETUP",
      "PLAY",
    ]);
    expect(JSON.stringify(answers)).not.toMatch(/admin|Authorization/i);
    const numbers = camera.asked.map(({ message }) => headerOf(message, "CSeq"));
    expect(numbers).toEqual(["1", "2", "3", "4", "5"]);
  });

  test("the player's own idea of a login does not get through", () => {
    say(request("OPTIONS", DOOR, 1, [["Authorization", "Basic eDp5"]]));
    expect(headerOf(camera.asked[0]!.message, "Authorization")).toBeUndefined();
  });

  test("a wrong password is tried once, not for ever", () => {
    begin(lockedCamera(() => false));
    say(request("DESCRIBE", DOOR, 1));
    expect(camera.asked).toHaveLength(2);
    expect(relay.fault).toEqual({ state: "refused", text: "it refuses user name or password" });
    expect(say(request("DESCRIBE", DOOR, 2))).toEqual([]);
    expect(camera.asked).toHaveLength(2);
  });

  test("a camera that gives a new nonce each time is not asked for ever either", () => {
    let nonce = 0;
    begin(() => ({
      code: 401,
      headers: [["WWW-Authenticate", `Digest realm="c", nonce="n${++nonce}", stale=true`]],
    }));
    say(request("DESCRIBE", DOOR, 1));
    expect(nonce).toBe(2);
    expect(relay.fault?.state).toBe("refused");
  });

  test("a nonce that grows old in the middle is no trouble", () => {
    let isOld = false;
    begin((asked) => {
      const given = headerOf(asked.message, "Authorization") ?? "";
      const wanted = isOld ? "second" : "first";
      if (given.includes(wanted)) return openCamera(asked);
      return {
        code: 401,
        headers: [["WWW-Authenticate", `Digest realm="c", nonce="${wanted}", stale=true`]],
      };
    });
    say(request("OPTIONS", DOOR, 1));
    isOld = true;
    const [answer] = messages(say(request("DESCRIBE", DOOR, 2)));
    expect(answer!.startLine).toBe("RTSP/1.0 200 OK");
    expect(relay.fault).toBeUndefined();
  });

  test.each([
    ["nobody to log in", undefined, `Digest realm="c", nonce="n"`, /set username and passwordFile/],
    ["the password in clear", { username: "a", password: "b" }, `Basic realm="c"`, /plainPassword/],
    ["something unknown", { username: "a", password: "b" }, "Kerberos x", /not known here/],
  ])("%s", (_, credentials, challenge, said) => {
    camera = new ScriptedCamera(() => ({ code: 401, headers: [["WWW-Authenticate", challenge]] }));
    const login = new CameraLogin({ credentials, mayUseBasic: false, random: seededRandom(1) });
    relay = new RtspRelay({ token: TOKEN, address: cameraAddress(CAMERA), login });
    say(request("DESCRIBE", DOOR, 1));
    expect(relay.fault).toMatchObject({ state: "refused", text: expect.stringMatching(said) });
  });
});

describe("what goes wrong", () => {
  test.each([
    ["DESCRIBE", 404, "Not Found", "offline", /answers DESCRIBE with 404 Not Found.*path/],
    ["DESCRIBE", 403, "Forbidden", "refused", /403 Forbidden/],
    ["SETUP", 461, "Unsupported transport", "offline", /461.*same connection/],
    ["PLAY", 454, "Session Not Found", "offline", /PLAY with 454/],
    ["PLAY", 500, "\u001b[2J\u0007Oh", "offline", /500 \?\[2J\?Oh/],
  ])("%s is answered with %i", (method, code, text, state, said) => {
    begin((asked) => (asked.method === method ? { code, text } : openCamera(asked)));
    play();
    expect(relay.fault).toMatchObject({ state, text: expect.stringMatching(said) });
  });

  test("a camera that cannot do OPTIONS can still be seen", () => {
    begin((asked) => (asked.method === "OPTIONS" ? { code: 501 } : openCamera(asked)));
    play();
    expect(relay).toMatchObject({ isPlaying: true, fault: undefined });
  });

  test.each([
    ["OPTIONS", 302],
    ["OPTIONS", 305],
    ["DESCRIBE", 301],
    ["GET_PARAMETER", 302],
  ])("a player is not led elsewhere by %s, nor shown a password in the address", (method, code) => {
    begin(() => ({ code, headers: [["Location", "rtsp://root:hunter2@10.9.9.9/x"]] }));
    expect(say(request(method, DOOR, 1))).toEqual([]);
    expect(relay.fault).toMatchObject({
      state: "offline",
      text: expect.stringMatching(/10\.9\.9\.9/),
    });
    expect(relay.fault!.text).not.toContain("hunter2");
  });

  test("the codec is a camera's own word: it is cut, and cannot steer a terminal", () => {
    const body = DESCRIPTION.replace("H264", `\u001b[2J${"X".repeat(5_000)}`);
    begin((asked) => (asked.method === "DESCRIBE" ? { code: 200, body } : openCamera(asked)));
    play();
    expect(relay.codec).toMatch(/^\?\[2JX{28}…$/);
  });

  test("a camera with nothing but sound", () => {
    const body = DESCRIPTION.slice(0, DESCRIPTION.indexOf("m=video"));
    begin((asked) => (asked.method === "DESCRIBE" ? { code: 200, body } : openCamera(asked)));
    play();
    expect(relay.fault).toMatchObject({ text: expect.stringMatching(/no picture/) });
  });

  test("something that is no camera", () => {
    relay.fromPlayer(request("OPTIONS", DOOR, 1));
    relay.fromCamera(encodeUtf8("HTTP/1.1 400 Bad Request\r\n\r\n"));
    expect(relay.fault).toMatchObject({
      state: "offline",
      text: expect.stringMatching(/no camera/),
    });
  });
});

describe("strangers at the door", () => {
  test.each([
    ["another word", "rtsp://127.0.0.1:4321/00fe"],
    ["no word", "rtsp://127.0.0.1:4321/"],
    ["the word and more", `rtsp://127.0.0.1:4321/${TOKEN}ff`],
    ["the word and an option", `rtsp://127.0.0.1:4321/${TOKEN}?udp`],
    ["the camera's own address", CAMERA],
    ["all addresses", "*"],
  ])("%s", (_, url) => {
    expect(relay.fromPlayer(request("DESCRIBE", url, 1)).toCamera).toEqual([]);
    expect(relay.isStranger).toBe(true);
  });

  test("a browser", () => {
    relay.fromPlayer(encodeUtf8(`GET /${TOKEN} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`));
    expect(relay.isStranger).toBe(true);
  });

  test("a player that asks and asks", () => {
    for (let seq = 0; seq < 40; seq++) relay.fromPlayer(request("OPTIONS", DOOR, seq));
    expect(relay.isStranger).toBe(true);
  });
});
