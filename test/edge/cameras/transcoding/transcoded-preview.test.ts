/** A preview over programs and doors that the test plays. */

import { beforeEach, expect, test } from "vitest";
import type { PreviewRun } from "../../../../edge/cameras/preview-source.ts";
import { TranscodedPreview } from "../../../../edge/cameras/transcoding/transcoded-preview.ts";
import { transcoderFlags } from "../../../../edge/cameras/transcoding/transcoder-order.ts";
import { ManualClock } from "../../../../platform/clock.ts";
import { cameraAddress } from "../rtsp/scripted-rtsp.ts";
import { NOT_FOUND, ScriptedDoors, ScriptedPrograms } from "../scripted-child.ts";

let clock: ManualClock;
let programs: ScriptedPrograms;
let doors: ScriptedDoors;
let preview: TranscodedPreview;
let got: string;

beforeEach(() => {
  clock = new ManualClock(0);
  programs = new ScriptedPrograms();
  doors = new ScriptedDoors();
  got = "";
  preview = new TranscodedPreview({
    camera: "street",
    access: {
      address: cameraAddress("rtsp://camera.example/1"),
      credentials: { username: "admin", password: "hunter2" },
      plainPassword: false,
      certificate: undefined,
      silentMs: 10_000,
    },
    ffmpeg: "/opt/ffmpeg",
    width: 640,
    framesPerSecond: 5,
    state: () => "ok",
    openDoor: doors.open,
    startChild: programs.start,
    clock,
    transcoder: "/dist/transcoder.js",
  });
});

async function begin(): Promise<PreviewRun> {
  const run = preview.start((chunk) => (got += new TextDecoder().decode(chunk)));
  await clock.advance(0);
  await clock.advance(0);
  return run;
}

/** How a run ended, in words; undefined where it was stopped. */
async function ending(run: PreviewRun): Promise<string | undefined> {
  let ended: Error | undefined | "not yet" = "not yet";
  void run.ended.then((error) => (ended = error));
  for (let turns = 0; turns < 2_000 && ended === "not yet"; turns++) await clock.advance(100);
  if (ended === "not yet") throw new Error("it never ended");
  return (ended as Error | undefined)?.message;
}

test("the picture goes to the sink while it is wanted, and nothing is secret in the command", async () => {
  const run = await begin();
  const { program, args, message } = programs.last.command;
  expect(program).toBe(process.execPath);
  expect(args).toEqual(["/dist/transcoder.js"]);
  expect(message).toEqual({
    url: doors.last.playerUrl,
    ffmpeg: "/opt/ffmpeg",
    width: 640,
    framesPerSecond: 5,
  });
  expect(JSON.stringify(programs.last.command)).not.toMatch(/hunter2|admin/);
  programs.last.say("pic");
  programs.last.say("ture");
  expect(got).toBe("picture");
  await run.stop();
  await run.stop();
  expect(await ending(run)).toBeUndefined();
  expect(programs.last.signals).toEqual(["SIGTERM"]);
  expect(doors.last.isClosed).toBe(true);
  programs.last.say("more");
  expect(got).toBe("picture");
});

test("one at a time, and another after it", async () => {
  const run = await begin();
  expect(() => preview.start(() => undefined)).toThrow(RangeError);
  await run.stop();
  const again = await begin();
  await again.stop();
  expect(programs.children).toHaveLength(2);
});

test("stopped before it has begun it leaves nothing behind", async () => {
  const run = preview.start(() => undefined);
  await run.stop();
  expect(programs.children).toEqual([]);
  expect(doors.last.isClosed).toBe(true);
});

test.each([
  [
    "the camera refuses",
    () => {
      doors.last.fail({ state: "refused", text: "it refuses user name or password" });
      programs.last.exit({ code: 1 });
    },
    "it refuses user name or password",
  ],
  [
    "ffmpeg is missing",
    () => {
      programs.last.tell({ failed: "ENOENT" });
      programs.last.exit({ code: 1 });
    },
    "there is no /opt/ffmpeg: install it, or give its path as ffmpeg",
  ],
  [
    "ffmpeg may not be started",
    () => {
      programs.last.tell({ failed: "EACCES" });
      programs.last.exit({ code: 1 });
    },
    "/opt/ffmpeg does not start (EACCES)",
  ],
  [
    "ffmpeg does not like it",
    () => {
      programs.last.complain(`${doors.last.playerUrl}: Invalid data\n`);
      programs.last.exit({ code: 1 });
    },
    "rtsp://camera.example/1: Invalid data",
  ],
  [
    "the library says no more than that",
    () => {
      programs.last.complain("RTSP stream exited with error\n");
      programs.last.exit({ code: 1 });
    },
    "the transcoder has ended",
  ],
  [
    "the process does not start",
    () => programs.last.exit(NOT_FOUND),
    /^the transcoder does not start/,
  ],
])("%s: the run ends with the reason", async (_, happen, expected) => {
  const run = await begin();
  happen();
  expect(await ending(run)).toEqual(
    typeof expected === "string" ? expected : expect.stringMatching(expected),
  );
  expect(programs.running).toBe(0);
});

test("a picture that never comes, or stops coming, is ended", async () => {
  const never = await begin();
  expect(await ending(never)).toBe("no picture came of it");
  const stalled = await begin();
  for (let ms = 0; ms < 120_000; ms += 10_000) {
    programs.last.say("x");
    await clock.advance(10_000);
  }
  expect(programs.running).toBe(1);
  expect(await ending(stalled)).toBe("no picture came of it");
});

test("a transcoder that does not end when asked is killed", async () => {
  const run = await begin();
  programs.last.isObedient = false;
  const stopped = run.stop();
  await clock.advance(6_000);
  await stopped;
  expect(programs.last.signals).toEqual(["SIGTERM", "SIGKILL"]);
});

test("the flags are ones that MPEG-1 and its players can do with", () => {
  const flags = transcoderFlags({ url: "", ffmpeg: "", width: 320, framesPerSecond: 2 });
  expect(flags).toMatchObject({ "-an": "", "-r": 25, "-bf": 0, "-b:v": 51_200 });
  expect(flags["-vf"]).toBe("fps=2,scale='min(320,iw)':-2");
});
