/** `edge test-camera`, and what `edge doctor` says of cameras: over programs and doors that the test plays. */

import { beforeEach, describe, expect, test } from "vitest";
import { parseReport } from "../../../edge/cameras/camera-probe.ts";
import type { ProbePorts } from "../../../edge/cameras/camera-probe.ts";
import type { CameraStatus } from "../../../edge/cameras/camera-status.ts";
import { checkCameras } from "../../../edge/commands/camera-diagnosis.ts";
import type { Finding } from "../../../edge/commands/diagnosis.ts";
import { testCamera } from "../../../edge/commands/test-camera-command.ts";
import { loadEdgeConfig } from "../../../edge/settings/config.ts";
import type { FoundStatus } from "../../../edge/status/status-socket.ts";
import { encodeUtf8 } from "../../../ledger/bytes.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { exitCodeOf } from "../../../platform/lifecycle.ts";
import type { ProgramIo } from "../../../platform/lifecycle.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { seededRandom } from "../../../platform/random.ts";
import { NOT_FOUND, ScriptedDoors, ScriptedPrograms } from "../cameras/scripted-child.ts";

/** As ffmpeg 5.1 says it. */
const SEEN = `Input #0, rtsp, from 'rtsp://127.0.0.1:4321/70c30':
  Metadata:
    title           : Session streamed with GStreamer
  Duration: N/A, start: 0.300000, bitrate: N/A
  Stream #0:0: Video: h264 (High), yuv420p(tv, bt709, progressive), 1280x720 [SAR 1:1 DAR 16:9], 25 fps, 25 tbr, 90k tbn
Output #0, null, to 'pipe:':
  Stream #0:0: Video: h264 (High), yuv420p(tv, bt709, progressive), 1280x720 [SAR 1:1 DAR 16:9], q=2-31, 25 fps, 25 tbr, 90k tbn
frame=10
progress=continue
frame=75
progress=end
video:750kB audio:0kB subtitle:0kB other streams:0kB global headers:0kB muxing overhead: unknown
`;

let files: MemoryFiles;
let clock: ManualClock;
let programs: ScriptedPrograms;
let doors: ScriptedDoors;
let out: string;
let ports: ProbePorts;

beforeEach(async () => {
  files = new MemoryFiles();
  clock = new ManualClock(Date.parse("2026-12-01T12:00:00Z"));
  programs = new ScriptedPrograms();
  doors = new ScriptedDoors();
  out = "";
  ports = { openDoor: doors.open, startChild: programs.start, clock };
  await files.makeFolder("/home");
  await files.write("/home/password", encodeUtf8("hunter2\n"), { mode: 0o600 });
  await files.write(
    "/home/edge.toml",
    encodeUtf8(
      `name = "gate-1"\norigin = "kerbstone.example/test"\nhub = { mqtt = "mqtts://h", vkey = "x" }\n[[cameras]]\nname = "street"\nstream = "camera"\nurl = "rtsp://10.0.0.1/1"\nusername = "viewer"\npasswordFile = "password"\n`,
    ),
  );
});

/** What a program gets here. */
function io(): ProgramIo {
  return {
    argv: [],
    env: {},
    stdout: { write: (text: string) => (out += text) },
    stderr: { write: (text: string) => (out += text) },
    signal: new AbortController().signal,
    clock,
    random: seededRandom(1),
    files,
    cwd: "/home",
  };
}

function look(...argv: string[]): Promise<number> {
  return exitCodeOf((given) => testCamera(given, argv, ports), io());
}

const sees = (): void => {
  programs.prepare = (child) => {
    child.complain(SEEN);
    child.exit();
  };
};

const fails = (state: "refused" | "offline", text: string): void => {
  programs.prepare = (child) => {
    doors.last.fail({ state, text });
    child.exit({ code: 1 });
  };
};

describe("test-camera", () => {
  test("says what a camera sends, and how it is set up", async () => {
    sees();
    const argv = ["rtsp://10.0.0.1/1", "--user", "viewer", "--password-file", "password"];
    expect(await look(...argv)).toBe(0);
    expect(out).toContain("It sends h264 (High), 1280x720, 25 frames a second, 2.05 Mbit/s");
    expect(out).toContain(`[[cameras]]\nname = "street"`);
    expect(out).toContain(`username = "viewer"`);
    expect(JSON.stringify(programs.last.command)).not.toMatch(/hunter2|viewer/);
  });

  test("looks at the cameras of a device", async () => {
    sees();
    expect(await look("edge.toml")).toBe(0);
    expect(out).toContain("Looking at street, rtsp://10.0.0.1/1");
    expect(out).not.toContain("[[cameras]]");
  });

  test("says what is wrong, and what to do", async () => {
    fails("refused", "it refuses user name or password");
    expect(await look("edge.toml")).toBe(1);
    expect(out).toMatch(/No picture: it refuses user name or password\.\n→ Check username/);
    out = "";
    programs.prepare = (child) => child.exit(NOT_FOUND);
    expect(await look("edge.toml")).toBe(1);
    expect(out).toMatch(/there is no ffmpeg.*\n→ Install ffmpeg/);
    out = "";
    programs.prepare = (child) => {
      child.complain("Unknown decoder\n");
      child.exit({ code: 1 });
    };
    expect(await look("edge.toml")).toBe(1);
    expect(out).toMatch(/ffmpeg makes nothing of it: Unknown decoder/);
  });

  test("a program that hangs is ended", async () => {
    const running = look("edge.toml");
    await clock.advance(61_000);
    expect(await running).toBe(1);
    expect(programs.last.signals).toEqual(["SIGTERM"]);
  });

  test.each([
    [["rtsp://admin:hunter2@10.0.0.1/1"], /username and passwordFile/],
    [["http://10.0.0.1/1"], /expected rtsp:/],
    [["rtsp://10.0.0.1/1", "--user", "viewer"], /belong together/],
    [["edge.toml", "--seconds", "0"], /--seconds needs/],
  ])("%j is refused", async (argv, said) => {
    expect(await look(...argv)).toBe(2);
    expect(out).toMatch(said);
    expect(out).not.toContain("hunter2");
    expect(programs.children).toEqual([]);
  });

  test("the words of other versions of ffmpeg are understood", () => {
    const newer = SEEN.replace("Stream #0:0:", "Stream #0:0(und):")
      .replace("25 fps, 25 tbr", "12.5 tbr")
      .replace("750kB", "750KiB");
    expect(parseReport(newer)).toMatchObject({ width: 1280, framesPerSecond: 12.5 });
    expect(parseReport(SEEN.replaceAll(/frame=\d+/g, "frame=0"))).toBeUndefined();
    expect(parseReport("")).toBeUndefined();
  });
});

test("what a camera calls itself is not taken for what it sends", () => {
  const title = "    title           : Stream #0:0: Video: none, 99x99, 9 fps";
  expect(parseReport(SEEN.replace("\n", `\n${title}\n`))).toMatchObject(parseReport(SEEN)!);
});

describe("doctor", () => {
  async function findings(status?: Partial<CameraStatus>): Promise<Finding[]> {
    const config = await loadEdgeConfig({ file: "/home/edge.toml", env: {}, flags: {}, files });
    const found =
      status === undefined
        ? undefined
        : ({
            isLive: true,
            status: { cameras: [status], outboxBytes: 0 },
          } as unknown as FoundStatus);
    return checkCameras({
      io: io(),
      config,
      folder: "/home",
      dataFolder: "/home/data",
      status: found,
      freeBytes: 5e9,
      ports,
    });
  }

  test("a camera that is well, and room for what is to be kept", async () => {
    sees();
    expect(await findings()).toEqual([
      {
        subject: "camera 1",
        level: "ok",
        text: "street sends h264 (High), 1280x720, 25 frames a second",
      },
      {
        subject: "recordings",
        level: "ok",
        text: "0.0 of 4.3 GB are kept, there is room for 4.7",
      },
    ]);
  });

  test("what is wrong with one, and what to do", async () => {
    fails("offline", "nobody listens at 10.0.0.1, port 554");
    const [camera] = await findings();
    expect(camera).toMatchObject({
      level: "wrong",
      text: "street: nobody listens at 10.0.0.1, port 554",
      remedy: expect.stringMatching(/ping/),
    });
    await files.write("/home/password", encodeUtf8("hunter2\n"), { mode: 0o644 });
    const before = programs.children.length;
    const [open] = await findings();
    expect(open).toMatchObject({ level: "wrong", remedy: expect.stringMatching(/chmod 600/) });
    expect(programs.children).toHaveLength(before);
  });

  test.each<[Partial<CameraStatus>, Finding["level"], RegExp]>([
    [{ state: "ok", recording: "on" }, "ok", /is recorded/],
    [{ state: "starting", recording: "off" }, "unsure", /starting/],
    [{ state: "refused", recording: "off", text: "it refuses" }, "wrong", /it refuses/],
    [{ state: "starting", recording: "disk-full", text: "too little space" }, "wrong", /space/],
  ])("takes the word of a running agent: %j", async (said, level, text) => {
    const [camera] = await findings({ camera: "street", ...said });
    expect(camera).toMatchObject({ level, text: expect.stringMatching(text) });
    expect(programs.children).toEqual([]);
  });

  test("a camera that a running agent does not know yet", async () => {
    const [camera] = await findings({ camera: "other" });
    expect(camera).toMatchObject({ level: "unsure", text: expect.stringMatching(/restart/) });
  });
});
