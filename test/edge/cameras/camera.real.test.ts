/**
 * A camera by GStreamer, ffmpeg and the transcoder, all of them real: what is recorded plays, what goes wrong has a
 * name, and nothing is left behind.
 */

import { Buffer } from "node:buffer";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Camera } from "../../../edge/cameras/camera.ts";
import type { CameraGround, CameraSetup } from "../../../edge/cameras/camera.ts";
import { startNodeChild } from "../../../edge/cameras/node-child.ts";
import { RtspDoor } from "../../../edge/cameras/rtsp/rtsp-door.ts";
import { TranscodedPreview } from "../../../edge/cameras/transcoding/transcoded-preview.ts";
import { systemClock } from "../../../platform/clock.ts";
import { nodeFiles } from "../../../platform/files.ts";
import { freeBytes } from "../../../platform/free-space.ts";
import { withFields } from "../../../platform/log.ts";
import type { Logger } from "../../../platform/log.ts";
import { systemRandom } from "../../../platform/random.ts";
import { isAlive } from "../../support/kerbstone.ts";
import { eventually, runProcess, startProcess } from "../../support/process.ts";
import { descendants } from "../../support/processes.ts";
import { ffmpeg } from "../../support/programs.ts";
import { lacks } from "../../support/requirements.ts";
import { RtspCamera, rtspServer } from "../../support/rtsp-camera.ts";
import { testScope } from "../../support/scope.ts";
import { cameraAddress } from "./rtsp/scripted-rtsp.ts";

const LOGIN = { username: "viewer", password: "hunter2-4711" };
const TRANSCODER = join(process.cwd(), "dist/edge/cameras/transcoding/transcoder.js");

describe.skipIf(lacks(rtspServer, ffmpeg))("a real camera", () => {
  const scope = testScope();
  let rtsp: RtspCamera;
  let logged: string;
  const stops: (() => Promise<void>)[] = [];

  const write = (fields: object, message: string): void => {
    logged += `${message} ${JSON.stringify(fields, (_, value: unknown) => (value instanceof Error ? String(value.stack) : value))}\n`;
  };
  const logger: Logger = withFields({ debug: write, info: write, warn: write, error: write }, {});

  beforeAll(async () => {
    const login = ["--user", LOGIN.username, "--password", LOGIN.password];
    // With sound, so that it would show if any of it came through.
    rtsp = await RtspCamera.start(scope, [
      ...login,
      "--sound",
      "--rate",
      "25",
      "--key-every",
      "12",
    ]);
  });

  beforeEach(() => {
    logged = "";
  });

  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
    expect(await children()).toEqual([]);
    expect(logged).not.toContain(LOGIN.password);
  });

  /** ffmpeg and transcoders of this process. */
  async function children(): Promise<string[]> {
    const all = await descendants(process.pid);
    return all.map(({ command }) => command).filter((each) => /ffmpeg|transcoder/.test(each));
  }

  interface Started {
    readonly camera: Camera;
    readonly folder: string;
    readonly stop: () => Promise<void>;
  }

  async function start(
    changes: Partial<CameraSetup["access"]> = {},
    program = "ffmpeg",
  ): Promise<Started> {
    const folder = await scope.folder("camera");
    const setup: CameraSetup = {
      name: "street",
      stream: "camera",
      access: {
        address: cameraAddress(rtsp.url),
        credentials: LOGIN,
        plainPassword: false,
        certificate: undefined,
        silentMs: 1_000,
        ...changes,
      },
      segmentSeconds: 1,
      limits: { bytesMax: 10_000_000, ageMsMax: 3_600_000 },
    };
    const ground: CameraGround = {
      device: "gate-1",
      folder,
      ffmpeg: program,
      openDoor: (access) => RtspDoor.open({ access, clock: systemClock, random: systemRandom }),
      startChild: startNodeChild,
      freeBytes,
      files: nodeFiles,
      clock: systemClock,
      random: systemRandom,
      logger,
    };
    const camera = new Camera(setup, ground, {
      reserveBytes: () => 0,
      nowMs: () => Date.now(),
      removed: () => undefined,
      opened: () => Promise.resolve(),
    });
    const stopping = new AbortController();
    await camera.open();
    const running = camera.run(stopping.signal);
    const stop = async (): Promise<void> => {
      stopping.abort();
      await running;
    };
    stops.push(stop);
    return { camera, folder: join(folder, "street"), stop };
  }

  const becomes = (camera: Camera, state: string): Promise<true> =>
    eventually(`it is ${state}`, () => (camera.status(0).state === state ? true : undefined));

  const segments = (camera: Camera, count: number): Promise<true> =>
    eventually(`${count} segments`, () =>
      (camera.ring?.segments.length ?? 0) >= count ? true : undefined,
    );

  /** What ffprobe sees in a file. */
  async function look(path: string): Promise<Record<string, string>[]> {
    const shown = "stream=codec_type,codec_name,width,height,nb_read_frames,r_frame_rate";
    const { stdout } = await runProcess(scope, {
      program: "ffprobe",
      args: ["-v", "error", "-count_frames", "-show_entries", shown, "-of", "json", path],
    });
    return (JSON.parse(stdout) as { streams: Record<string, string>[] }).streams;
  }

  test("is recorded: segments play, hold no sound, and say when they were made", async () => {
    const beganMs = performance.now();
    const { camera, folder, stop } = await start();
    await segments(camera, 2);
    await becomes(camera, "ok");
    expect(camera.status(0)).toMatchObject({ state: "ok", recording: "on", codec: "H264" });
    const seen = await children();
    expect(seen).toHaveLength(1);
    expect(seen[0]).toContain("-c copy");
    expect(seen[0]).not.toMatch(/hunter2|viewer/);
    await stop();
    const endedMs = performance.now();
    const { segments: all } = camera.ring!;
    for (const { record } of all) {
      expect(record.signing.state).toBe("waiting");
      const streams = await look(camera.ring!.pathOf(record.number));
      expect(streams).toMatchObject([{ codec_name: "h264", width: 320, height: 240 }]);
    }
    expect(Number((await look(camera.ring!.pathOf(0)))[0]!["nb_read_frames"])).toBeGreaterThan(20);
    // Each begins where the one before ended, unless the recorder had to begin anew on a machine that is too busy for it.
    const gapsMs = all.slice(1).map(({ span }, at) => span!.fromMs - all[at]!.span!.toMs);
    for (const { span } of all) expect(span!.toMs).toBeGreaterThan(span!.fromMs);
    expect(Math.min(...gapsMs)).toBeGreaterThan(-1_000);
    expect(Math.min(...gapsMs)).toBeLessThan(1_000);
    expect(all[0]!.span!.fromMs).toBeGreaterThan(beganMs);
    expect(all.at(-1)!.span!.toMs).toBeLessThanOrEqual(endedMs);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
  });

  test("whose password is wrong is refused, and is not asked again and again", async () => {
    const { camera } = await start({ credentials: { ...LOGIN, password: "hunter2-0815" } });
    await becomes(camera, "refused");
    expect(camera.status(0)).toMatchObject({
      text: "it refuses user name or password",
      segments: 0,
    });
    expect(logged).not.toContain("hunter2");
  });

  test("that wants a login which nobody gave", async () => {
    const { camera } = await start({ credentials: undefined });
    await becomes(camera, "refused");
    expect(camera.status(0).text).toMatch(/set username and passwordFile/);
  });

  test("that is killed is offline, and recorded again when it is back; nothing is lost of what was there", async () => {
    const { camera } = await start();
    await segments(camera, 1);
    await rtsp.kill();
    await becomes(camera, "offline");
    const before = camera.ring!.segments.length;
    expect(camera.ring!.segments.every(({ record }) => record.signing.state === "waiting")).toBe(
      true,
    );
    await rtsp.start();
    await becomes(camera, "ok");
    await segments(camera, before + 1);
    expect(camera.status(0).runs).toBeGreaterThan(1);
  });

  test("that hangs is silent, what it sent is kept, and its time is not stretched", async () => {
    const { camera } = await start();
    await segments(camera, 1);
    rtsp.order("hang");
    const hungMs = performance.now();
    await becomes(camera, "silent");
    expect(camera.status(0).text).toBe("it has sent no picture for 1 s");
    await eventually("the last segment is taken", async () =>
      (await children()).length === 0 ? true : undefined,
    );
    expect(camera.ring!.segments.at(-1)!.span!.toMs).toBeLessThan(hungMs + 1_000);
    rtsp.order("go-on");
  });

  test("without ffmpeg there is a clear state and no picture", async () => {
    const { camera } = await start({}, "/nowhere/ffmpeg");
    await becomes(camera, "no-ffmpeg");
    expect(camera.status(0).text).toMatch(/there is no \/nowhere\/ffmpeg/);
  });

  describe("its preview", () => {
    function previewOf(password: string, program = "ffmpeg"): TranscodedPreview {
      return new TranscodedPreview({
        camera: "street",
        access: {
          address: cameraAddress(rtsp.url),
          credentials: { ...LOGIN, password },
          plainPassword: false,
          certificate: undefined,
          silentMs: 1_000,
        },
        ffmpeg: program,
        width: 160,
        framesPerSecond: 5,
        state: () => "ok",
        openDoor: (access) => RtspDoor.open({ access, clock: systemClock, random: systemRandom }),
        startChild: startNodeChild,
        clock: systemClock,
        transcoder: TRANSCODER,
      });
    }

    test("is MPEG-1 in a transport stream, and ends without a trace", async () => {
      const pieces: Uint8Array[] = [];
      const run = previewOf(LOGIN.password).start((chunk) => pieces.push(chunk));
      await eventually("pictures come", () => (pieces.length >= 8 ? true : undefined));
      const seen = await children();
      expect(seen.join("\n")).not.toMatch(/hunter2|viewer/);
      expect(seen).toHaveLength(2);
      await run.stop();
      expect(await run.ended).toBeUndefined();
      expect(await children()).toEqual([]);
      const path = join(await scope.folder("preview"), "preview.ts");
      const bytes = Buffer.concat(pieces);
      expect(bytes[0]).toBe(0x47);
      await nodeFiles.write(path, new Uint8Array(bytes));
      const [stream, ...others] = await look(path);
      expect(stream).toMatchObject({ codec_name: "mpeg1video", width: 160, height: 120 });
      expect(stream!["r_frame_rate"]).toBe("25/1");
      expect(others).toEqual([]);
    });

    test("does not outlive its agent, however that ends", async () => {
      const dist = join(process.cwd(), "dist");
      const script = `
        import { RtspDoor } from "${dist}/edge/cameras/rtsp/rtsp-door.js";
        import { TranscodedPreview } from "${dist}/edge/cameras/transcoding/transcoded-preview.js";
        import { parseCameraAddress } from "${dist}/edge/cameras/camera-address.js";
        import { startNodeChild as startChild } from "${dist}/edge/cameras/node-child.js";
        import { systemClock as clock } from "${dist}/platform/clock.js";
        import { systemRandom as random } from "${dist}/platform/random.js";
        const access = {
          address: parseCameraAddress("${rtsp.url}"),
          credentials: ${JSON.stringify(LOGIN)},
          plainPassword: false,
          certificate: undefined,
          silentMs: 5_000,
        };
        const openDoor = (access) => RtspDoor.open({ access, clock, random });
        const preview = new TranscodedPreview({
          camera: "street", access, ffmpeg: "ffmpeg", width: 160, framesPerSecond: 5,
          state: () => "ok", openDoor, startChild, clock,
        });
        preview.start(() => console.log("picture"));
      `;
      const args = ["--input-type=module", "-e", script];
      const agent = await startProcess(scope, { program: process.execPath, args });
      await agent.output(/picture/);
      const all = await descendants(agent.pid);
      expect(all).toHaveLength(2);
      await agent.kill();
      for (const { pid, command } of all) {
        await eventually(`gone: ${command}`, async () => ((await isAlive(pid)) ? undefined : true));
      }
    });

    test("of a wrong password, a missing ffmpeg and a camera that goes ends with the reason", async () => {
      const [refused, missing] = await Promise.all([
        previewOf("hunter2-0815").start(() => undefined).ended,
        previewOf(LOGIN.password, "/nowhere/ffmpeg").start(() => undefined).ended,
      ]);
      expect(refused?.message).toBe("it refuses user name or password");
      expect(missing?.message).toMatch(/there is no \/nowhere\/ffmpeg/);
      let bytes = 0;
      const run = previewOf(LOGIN.password).start((chunk) => (bytes += chunk.length));
      await eventually("pictures come", () => (bytes > 0 ? true : undefined));
      rtsp.order("drop");
      expect((await run.ended)?.message).toBe("it has ended the connection");
    });
  });
});
