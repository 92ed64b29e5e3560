/**
 * A camera's port over real sockets, with a picture that is made by hand.
 */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { CameraServer, VIEWERS_MAX } from "../../../firmware-sim/camera/camera-server.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { seededRandom } from "../../../platform/random.ts";
import { testScope } from "../../support/scope.ts";
import { RtspClient } from "./rtsp-client.ts";
import { ScriptedVideo } from "./scripted-video.ts";

const scope = testScope();

async function open(): Promise<{ camera: CameraServer; video: ScriptedVideo; clock: ManualClock }> {
  const clock = new ManualClock(0);
  const place = { host: "127.0.0.1", port: 0 };
  const camera = await CameraServer.open({ place, clock, random: seededRandom(1) });
  scope.defer(() => camera.close());
  const video = new ScriptedVideo((packet) => camera.pass(packet));
  camera.describe(video.media);
  return { camera, video, clock };
}

function sequences(client: RtspClient): number[] {
  return client.frames
    .filter(({ channel }) => channel === 0)
    .map(({ bytes }) => bytes.readUInt16BE(2));
}

describe("a camera's port", () => {
  test("hands the same packets to all who play, from when they do", async () => {
    const { camera, video } = await open();
    const [first, second] = [
      await RtspClient.connect(scope, camera.address),
      await RtspClient.connect(scope, camera.address),
    ];
    await first.play(camera.address);
    video.make();
    await second.play(camera.address);
    video.make();
    video.report();
    await first.framesAtLeast(3);
    await second.framesAtLeast(2);
    expect(sequences(first)).toEqual([0, 1]);
    expect(sequences(second)).toEqual([1]);
    expect(second.frames[1]).toMatchObject({ channel: 1 });
    expect(camera.bytesSent).toBe(308);
  });

  test("sends to UDP ports, RTP and RTCP each from its own", async () => {
    const { camera, video } = await open();
    const [rtp, rtcp] = [await bind(), await bind()];
    const client = await RtspClient.connect(scope, camera.address);
    const { headers } = await client.ask("SETUP", `${camera.address}/trackID=0`, {
      Transport: `RTP/AVP;unicast;client_port=${rtp.address().port}-${rtcp.address().port}`,
    });
    const [, from, fromRtcp] = /server_port=(\d+)-(\d+)/.exec(headers.get("transport")?.[0] ?? "")!;
    expect(Number(from) % 2).toBe(0);
    expect(Number(fromRtcp)).toBe(Number(from) + 1);
    await client.ask("PLAY", camera.address, { Session: headers.get("session")![0]! });
    const [heardRtp, heardRtcp] = [once(rtp, "message"), once(rtcp, "message")];
    video.make();
    video.report();
    expect(await heardRtp).toMatchObject([{ length: 100 }, { port: Number(from) }]);
    expect(await heardRtcp).toMatchObject([{ length: 4 }, { port: Number(fromRtcp) }]);
    expect(client.frames).toEqual([]);
  });

  test("leaves packets out for a viewer that does not read, and spares the others", async () => {
    const { camera, video } = await open();
    const [slow, quick] = [
      await RtspClient.connect(scope, camera.address),
      await RtspClient.connect(scope, camera.address),
    ];
    await slow.play(camera.address);
    await quick.play(camera.address);
    slow.socket.pause();
    let sent = 0;
    while (camera.bytesLost === 0) {
      video.make(60_000);
      await quick.framesAtLeast(++sent);
    }
    expect(sequences(quick)).toEqual(Array.from({ length: sent }, (_, at) => at));
    slow.socket.resume();
    // What was cut off is whole packets: what follows them is understood.
    const whole = Math.round((camera.bytesSent - 60_000 * sent) / 60_000);
    await slow.framesAtLeast(whole);
    expect((await slow.ask("GET_PARAMETER", camera.address)).status).toBe(200);
  });

  test("lets a viewer go of whom nothing was heard for a minute", async () => {
    const { camera, clock } = await open();
    const client = await RtspClient.connect(scope, camera.address);
    await client.play(camera.address);
    await clock.advance(59_000);
    await client.ask("GET_PARAMETER", camera.address);
    await clock.advance(59_000);
    client.socket.write(Uint8Array.of(0x24, 1, 0, 1, 0));
    await client.ask("GET_PARAMETER", camera.address);
    await clock.advance(60_000);
    await client.closed();
  });

  test("answers nonsense, and hangs up", async () => {
    const { camera } = await open();
    const client = await RtspClient.connect(scope, camera.address);
    client.socket.write("GET / HTTP/1.1\r\n\r\n");
    expect((await client.answer()).status).toBe(400);
    await client.closed();
  });

  test("serves so many viewers and no more", async () => {
    const { camera } = await open();
    const statuses: number[] = [];
    for (let at = 0; at <= VIEWERS_MAX; at++) {
      const client = await RtspClient.connect(scope, camera.address);
      const transport = { Transport: "RTP/AVP/TCP" };
      statuses.push((await client.ask("SETUP", `${camera.address}/trackID=0`, transport)).status);
    }
    expect(statuses).toEqual([...Array<number>(VIEWERS_MAX).fill(200), 453]);
  });

  test("drops and refuses everybody while it is unplugged, and is there again", async () => {
    const { camera, video } = await open();
    const { address } = camera;
    const client = await RtspClient.connect(scope, address);
    await client.play(address);
    await camera.unplug();
    await client.closed();
    await expect(RtspClient.connect(scope, address)).rejects.toThrow("ECONNREFUSED");
    await camera.plug();
    expect(camera.address).toBe(address);
    const again = await RtspClient.connect(scope, address);
    await again.play(address);
    video.make();
    await again.framesAtLeast(1);
  });

  test("cannot be had twice", async () => {
    const { camera } = await open();
    const place = { host: "127.0.0.1", port: Number(new URL(camera.address).port) };
    await expect(
      CameraServer.open({ place, clock: new ManualClock(0), random: seededRandom(1) }),
    ).rejects.toThrow("EADDRINUSE");
  });
});

async function bind(): Promise<UdpSocket> {
  const socket = createSocket("udp4");
  scope.defer(() => socket.close());
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return socket;
}
