/** Doors on real sockets, between a player and a camera that the test plays; the clock is moved by hand. */

import { Buffer } from "node:buffer";
import { X509Certificate } from "node:crypto";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RtspDoor } from "../../../../edge/cameras/rtsp/rtsp-door.ts";
import type { CameraAccess } from "../../../../edge/cameras/rtsp/camera-access.ts";
import { ManualClock } from "../../../../platform/clock.ts";
import { seededRandom } from "../../../../platform/random.ts";
import { eventually } from "../../../support/process.ts";
import { CERTIFICATE, CERTIFICATE_KEY, OTHER_CERTIFICATE } from "./camera-certificate.ts";
import {
  cameraAddress,
  frame,
  lockedCamera,
  openCamera,
  request,
  ScriptedCamera,
} from "./scripted-rtsp.ts";

let clock: ManualClock;
let camera: ScriptedCamera;
let listener: Server;
let port: number;
let cameraSocket: Socket | undefined;
const open: { destroy(): void }[] = [];

beforeEach(async () => {
  clock = new ManualClock(0);
  camera = new ScriptedCamera();
  cameraSocket = undefined;
  await listen(createServer(serve));
});

function serve(socket: Socket): void {
  cameraSocket = socket;
  open.push(socket);
  socket.on("error", () => undefined);
  socket.on("data", (chunk: Uint8Array) => {
    for (const answer of camera.push(chunk)) socket.write(answer);
  });
}

async function listen(server: Server): Promise<void> {
  listener = server;
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  ({ port } = listener.address() as AddressInfo);
}

afterEach(() => {
  for (const one of open.splice(0)) one.destroy();
  listener.close();
});

async function openDoor(changes: Partial<CameraAccess> = {}): Promise<RtspDoor> {
  const access: CameraAccess = {
    address: cameraAddress(`rtsp://127.0.0.1:${port}/street`),
    credentials: { username: "admin", password: "secret" },
    plainPassword: false,
    certificate: undefined,
    silentMs: 10_000,
    ...changes,
  };
  const door = await RtspDoor.open({ access, clock, random: seededRandom(5) });
  open.push({ destroy: () => door.close() });
  return door;
}

/** The player's end. */
class Player {
  readonly socket: Socket;
  bytes = 0;
  text = "";
  isClosed = false;
  readonly base: string;

  constructor(door: RtspDoor) {
    this.base = door.playerUrl;
    this.socket = connect(Number(new URL(door.playerUrl).port), "127.0.0.1");
    open.push(this.socket);
    this.socket.on("error", () => undefined);
    this.socket.on("data", (chunk: Uint8Array) => {
      this.bytes += chunk.length;
      if (this.text.length < 10_000) this.text += new TextDecoder("latin1").decode(chunk);
    });
    this.socket.on("close", () => (this.isClosed = true));
  }

  async play(): Promise<void> {
    for (const [at, method] of ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"].entries()) {
      this.socket.write(request(method, this.base, at + 1, [["Transport", "RTP/AVP/TCP"]]));
      await eventually(`${method} is answered`, () =>
        this.text.includes(`CSeq: ${at + 1}\r\n`) ? true : undefined,
      );
    }
  }
}

test("a picture goes through, and the door knows how the camera is", async () => {
  const door = await openDoor();
  expect(door.state).toBe("starting");
  const player = new Player(door);
  await player.play();
  expect(door).toMatchObject({ state: "starting", codec: "H264", lastPictureMs: undefined });
  await clock.advance(100);
  cameraSocket!.write(frame(0, 1_000));
  await eventually("the picture is there", () => (player.bytes > 1_000 ? true : undefined));
  expect(door).toMatchObject({ state: "ok", frames: 1, lastPictureMs: 100 });
  player.socket.write(frame(1));
  await eventually("the player is heard", () => (camera.framesBytes > 0 ? true : undefined));
});

test("a player that leaves says goodbye to the camera", async () => {
  const door = await openDoor();
  const player = new Player(door);
  await player.play();
  player.socket.end(request("TEARDOWN", player.base, 9));
  expect(await door.ended).toEqual({ kind: "player" });
  await eventually("the camera heard it", () =>
    camera.asked.some(({ method }) => method === "TEARDOWN") ? true : undefined,
  );
  await eventually("the connection has ended", () => (cameraSocket!.closed ? true : undefined));
});

test("what the camera sent before it went still reaches the player", async () => {
  const door = await openDoor();
  const player = new Player(door);
  await player.play();
  const before = player.bytes;
  cameraSocket!.end(frame(0, 60_000));
  expect(await door.ended).toEqual({
    kind: "camera",
    fault: { state: "offline", text: "it has ended the connection" },
  });
  expect(door.state).toBe("offline");
  await eventually("the player is at the end", () => (player.isClosed ? true : undefined));
  expect(player.bytes - before).toBe(60_004);
});

test("a wrong password ends it", async () => {
  camera.answer = lockedCamera(() => false);
  const door = await openDoor();
  const player = new Player(door);
  player.socket.write(request("DESCRIBE", player.base, 1));
  expect(await door.ended).toMatchObject({ kind: "camera", fault: { state: "refused" } });
  await eventually("the player is at the end", () => (player.isClosed ? true : undefined));
});

test("nobody at the camera's address", async () => {
  listener.close();
  const door = await openDoor();
  const player = new Player(door);
  player.socket.write(request("DESCRIBE", player.base, 1));
  expect(await door.ended).toMatchObject({
    kind: "camera",
    fault: { state: "offline", text: `nobody listens at 127.0.0.1, port ${port}` },
  });
});

test("a name that nobody knows", async () => {
  const door = await openDoor({ address: cameraAddress("rtsp://no-such-camera.invalid/1") });
  const player = new Player(door);
  player.socket.write(request("DESCRIBE", player.base, 1));
  expect(await door.ended).toMatchObject({ kind: "camera", fault: { state: "offline" } });
});

describe("what hangs", () => {
  test("a camera that sends no picture any more, though it goes on talking", async () => {
    const door = await openDoor();
    const player = new Player(door);
    await player.play();
    await clock.advance(5_000);
    cameraSocket!.write(frame(0));
    await eventually("the picture is there", () => (door.frames === 1 ? true : undefined));
    await clock.advance(9_000);
    const before = player.bytes;
    cameraSocket!.write(frame(1));
    await eventually("its clock is heard", () => (player.bytes > before ? true : undefined));
    expect(door.state).toBe("ok");
    await clock.advance(2_000);
    expect(await door.ended).toEqual({
      kind: "camera",
      fault: { state: "silent", text: "it has sent no picture for 10 s" },
    });
  });

  test("a camera that has never sent one", async () => {
    const door = await openDoor();
    await new Player(door).play();
    await clock.advance(11_000);
    expect(await door.ended).toMatchObject({ fault: { state: "silent" } });
  });

  test("a camera that takes the connection and does not answer", async () => {
    camera.answer = () => undefined;
    const door = await openDoor();
    const player = new Player(door);
    player.socket.write(request("OPTIONS", player.base, 1));
    await eventually("it was asked", () => (camera.asked.length === 1 ? true : undefined));
    await clock.advance(11_000);
    expect(await door.ended).toMatchObject({ fault: { state: "silent" } });
  });

  test("a camera that answers byte by byte and never ends", async () => {
    camera.answer = () => undefined;
    const door = await openDoor();
    const player = new Player(door);
    player.socket.write(request("OPTIONS", player.base, 1));
    await eventually("it was asked", () => (camera.asked.length === 1 ? true : undefined));
    let isOver = false;
    void door.ended.then(() => (isOver = true));
    await eventually("it is cut off", async () => {
      cameraSocket!.write("R");
      await clock.advance(1_000);
      // What answers all the time for a minute and a half has had its time.
      expect(clock.monotonicMs()).toBeLessThan(90_000);
      return isOver ? true : undefined;
    });
    expect(await door.ended).toMatchObject({ fault: { state: "silent" } });
  });

  test("a camera that asks without end and takes no answer: nothing piles up", async () => {
    const door = await openDoor();
    const player = new Player(door);
    await player.play();
    const questions = Buffer.from("OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n".repeat(2_000));
    cameraSocket!.pause();
    let sent = 0;
    const more = (): void => {
      while (sent < 64_000_000 && cameraSocket!.writable) {
        sent += questions.length;
        if (!cameraSocket!.write(questions)) break;
      }
    };
    cameraSocket!.on("drain", more);
    more();
    let before = -1;
    let looks = 0;
    await eventually(
      "the camera is not read any more",
      () => {
        // Much is read in one turn, so that a single look may come before anything could be sent on.
        looks = sent === before ? looks + 1 : 0;
        before = sent;
        return looks === 40 ? true : undefined;
      },
      30_000,
    );
    expect(sent).toBeLessThan(64_000_000);
    cameraSocket!.off("drain", more);
    cameraSocket!.write(frame(0, 1_000));
    cameraSocket!.resume();
    await eventually("it is read again once it listens", () =>
      door.frames === 1 ? true : undefined,
    );
  });

  test("a player that takes nothing any more: not the camera's fault, and nothing piles up", async () => {
    const door = await openDoor();
    const player = new Player(door);
    await player.play();
    player.socket.pause();
    let sent = 0;
    const more = (): void => {
      while (sent < 64_000_000 && cameraSocket!.writable) {
        sent += 60_004;
        if (!cameraSocket!.write(frame(0, 60_000))) break;
      }
    };
    cameraSocket!.on("drain", more);
    more();
    let before = -1;
    await eventually(
      "the camera is not read any more",
      async () => {
        await clock.advance(500);
        if (sent === before) return true;
        before = sent;
        return undefined;
      },
      30_000,
      200,
    );
    expect(sent).toBeLessThan(64_000_000);
    await clock.advance(11_000);
    expect(await door.ended).toEqual({ kind: "stuck" });
  });
});

describe("strangers", () => {
  test("are turned away, and the player still comes in", async () => {
    const door = await openDoor();
    const stranger = new Player(door);
    stranger.socket.write(request("DESCRIBE", `${stranger.base}0`, 1));
    await eventually("it is out", () => (stranger.isClosed ? true : undefined));
    const player = new Player(door);
    await player.play();
    expect(camera.asked.map(({ method }) => method)).toEqual([
      "OPTIONS",
      "DESCRIBE",
      "SETUP",
      "PLAY",
    ]);
  });

  test("who knows the word and comes second is out", async () => {
    const door = await openDoor();
    const idle = new Player(door);
    await eventually("it is connected", () => (idle.socket.connecting ? undefined : true));
    await new Player(door).play();
    await eventually("the other is out", () => (idle.isClosed ? true : undefined));
    const late = new Player(door);
    await eventually("nobody listens any more", () => (late.isClosed ? true : undefined));
  });

  test("who says nothing is out after a while", async () => {
    const door = await openDoor();
    const idle = new Player(door);
    await eventually("it is connected", () => (idle.socket.connecting ? undefined : true));
    await eventually("it is out", async () => {
      await clock.advance(1_000);
      return idle.isClosed ? true : undefined;
    });
    await new Player(door).play();
  });
});

describe("over TLS", () => {
  const der = (pem: string): Uint8Array => new Uint8Array(new X509Certificate(pem).raw);

  beforeEach(async () => {
    listener.close();
    const server = createTlsServer({ cert: CERTIFICATE, key: CERTIFICATE_KEY }, serve);
    server.on("tlsClientError", () => undefined);
    await listen(server);
  });

  const secure = (certificate: string | undefined): Promise<RtspDoor> =>
    openDoor({
      address: cameraAddress(`rtsps://127.0.0.1:${port}/street`),
      certificate: certificate === undefined ? undefined : der(certificate),
    });

  test("with the certificate of its settings it is believed, and may have the password", async () => {
    const basic = `Basic ${btoa("admin:secret")}`;
    camera.answer = (asked) =>
      asked.message.headers.some(([, value]) => value === basic)
        ? openCamera(asked)
        : { code: 401, headers: [["WWW-Authenticate", `Basic realm="c"`]] };
    const door = await secure(CERTIFICATE);
    const player = new Player(door);
    await player.play();
    cameraSocket!.write(frame(0, 1_000));
    await eventually("the picture is there", () => (door.state === "ok" ? true : undefined));
  });

  test.each([
    ["another one", OTHER_CERTIFICATE, /another certificate/],
    ["one that nobody vouches for", undefined, /certificate is not believed \(DEPTH_ZERO_SELF/],
  ])("%s is not, and nobody is logged in", async (_, certificate, said) => {
    camera.answer = lockedCamera(() => true);
    const door = await secure(certificate);
    const player = new Player(door);
    player.socket.write(request("DESCRIBE", player.base, 1));
    expect(await door.ended).toMatchObject({
      fault: { state: "offline", text: expect.stringMatching(said) },
    });
    expect(
      camera.asked.every(({ message }) => !/Authorization/.test(String(message.headers))),
    ).toBe(true);
  });
});

test("closing closes everything, and may be done twice", async () => {
  const door = await openDoor();
  const player = new Player(door);
  await player.play();
  door.close();
  door.close();
  expect(await door.ended).toEqual({ kind: "closed" });
  await eventually("both are at the end", () =>
    player.isClosed && cameraSocket!.closed ? true : undefined,
  );
});

test("the word is another one for each door", async () => {
  const first = await openDoor();
  const random = seededRandom(6);
  const access = {
    address: cameraAddress(`rtsp://127.0.0.1:${port}/street`),
    credentials: undefined,
    plainPassword: false,
    certificate: undefined,
    silentMs: 10_000,
  };
  const second = await RtspDoor.open({ access, clock, random });
  open.push({ destroy: () => second.close() });
  const word = (door: RtspDoor): string => new URL(door.playerUrl).pathname;
  expect(word(first)).toMatch(/^\/[0-9a-f]{32}$/);
  expect(word(second)).not.toBe(word(first));
});
