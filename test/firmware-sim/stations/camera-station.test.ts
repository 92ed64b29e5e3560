/**
 * A camera and what goes wrong with it, over real sockets, with time moved and pictures made by hand.
 */
import { expect, test } from "vitest";
import { CameraServer } from "../../../firmware-sim/camera/camera-server.ts";
import type { FaultPlan } from "../../../firmware-sim/faults/fault-plan.ts";
import { CAMERA_BOOT_MS, CameraStation } from "../../../firmware-sim/stations/camera-station.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { seededRandom } from "../../../platform/random.ts";
import { testScope } from "../../support/scope.ts";
import { RtspClient } from "../camera/rtsp-client.ts";
import { ScriptedVideo } from "../camera/scripted-video.ts";

const scope = testScope();
const VIDEO = { width: 640, height: 360, framesPerSecond: 10, kilobitsPerSecond: 500 };

interface Running {
  station: CameraStation;
  clock: ManualClock;
  videos: ScriptedVideo[];
  end: Promise<unknown>;
  stop: () => void;
}

async function start(faults: FaultPlan[], refuse?: (boot: number) => boolean): Promise<Running> {
  const clock = new ManualClock(0);
  const videos: ScriptedVideo[] = [];
  const place = { host: "127.0.0.1", port: 0 };
  let boots = 0;
  const station = await CameraStation.open({
    plan: { kind: "camera", name: "cam", stream: "camera", video: VIDEO, place, faults },
    clock,
    openServer: () => CameraServer.open({ place, clock, random: seededRandom(1) }),
    openVideo: (made) => {
      if (refuse?.(boots++) === true) return Promise.reject(new Error("no picture"));
      const video = new ScriptedVideo(made);
      videos.push(video);
      return Promise.resolve(video);
    },
  });
  const stop = new AbortController();
  const end = station.run(stop.signal).then(
    () => undefined,
    (error: unknown) => error,
  );
  scope.defer(() => {
    stop.abort();
    return end;
  });
  return { station, clock, videos, end, stop: () => stop.abort() };
}

async function view({ station }: Running): Promise<RtspClient> {
  const client = await RtspClient.connect(scope, station.address);
  await client.play(station.address);
  return client;
}

test("in a stall it is connected, answers, and sends nothing", async () => {
  const running = await start([{ kind: "stall", afterMs: 1000, forMs: 1000 }]);
  const client = await view(running);
  running.videos[0]?.make();
  await running.clock.advance(1000);
  running.videos[0]?.make();
  const late = await view(running);
  await running.clock.advance(1000);
  running.videos[0]?.make();
  await client.framesAtLeast(2);
  await late.framesAtLeast(1);
  expect(client.frames.map(({ bytes }) => bytes.readUInt16BE(2))).toEqual([0, 2]);
});

test("unplugged it goes on filming where nobody sees it", async () => {
  const running = await start([{ kind: "unplug", afterMs: 1000, forMs: 500, everyMs: 2000 }]);
  for (let round = 0; round < 2; round++) {
    const client = await view(running);
    await running.clock.advance(1000);
    await client.closed();
    await expect(view(running)).rejects.toThrow("ECONNREFUSED");
    await running.clock.advance(1000);
  }
  expect(running.videos).toHaveLength(1);
  expect(running.videos[0]?.isOpen).toBe(true);
});

test("after a reboot it takes its time, and begins a new picture", async () => {
  const running = await start([{ kind: "reboot", afterMs: 1000 }]);
  const client = await view(running);
  await running.clock.advance(1000);
  await client.closed();
  expect(running.videos[0]?.isOpen).toBe(false);
  await running.clock.advance(CAMERA_BOOT_MS - 1);
  await expect(view(running)).rejects.toThrow("ECONNREFUSED");
  await running.clock.advance(1);
  const again = await view(running);
  running.videos[1]?.make();
  await again.framesAtLeast(1);
});

test("unplugged while it boots it stays away until it is plugged in", async () => {
  const running = await start([
    { kind: "reboot", afterMs: 1000, forMs: 1000 },
    { kind: "unplug", afterMs: 1500, forMs: 1000 },
  ]);
  await running.clock.advance(2400);
  expect(running.videos).toHaveLength(2);
  await expect(view(running)).rejects.toThrow("ECONNREFUSED");
  await running.clock.advance(100);
  await view(running);
});

test("it ends with the error of a picture that breaks, and leaves nothing open", async () => {
  const running = await start([]);
  const client = await view(running);
  running.videos[0]?.fail(new Error("ffmpeg: out of paint"));
  expect(await running.end).toMatchObject({ message: "ffmpeg: out of paint" });
  await client.closed();
});

test("it ends with the error of a boot that fails", async () => {
  const running = await start(
    [{ kind: "reboot", afterMs: 1000, forMs: 1000 }],
    (boot) => boot === 1,
  );
  await running.clock.advance(2000);
  expect(await running.end).toMatchObject({ message: "no picture" });
});

test("it cannot be opened without a picture, and then holds no port", async () => {
  let port = 0;
  const place = { host: "127.0.0.1", port: 0 };
  const opening = CameraStation.open({
    plan: { kind: "camera", name: "cam", stream: "camera", video: VIDEO, place, faults: [] },
    clock: new ManualClock(0),
    openServer: async () => {
      const server = await CameraServer.open({
        place,
        clock: new ManualClock(0),
        random: seededRandom(1),
      });
      port = Number(new URL(server.address).port);
      return server;
    },
    openVideo: () => Promise.reject(new Error("no picture")),
  });
  await expect(opening).rejects.toThrow("no picture");
  await expect(RtspClient.connect(scope, `rtsp://127.0.0.1:${port}/live`)).rejects.toThrow(
    "ECONNREFUSED",
  );
});

test("stopped it closes picture and port", async () => {
  const running = await start([{ kind: "stall", afterMs: 1000, forMs: 1000, everyMs: 2000 }]);
  const client = await view(running);
  running.stop();
  expect(await running.end).toBeUndefined();
  await client.closed();
  expect(running.videos[0]?.isOpen).toBe(false);
});
