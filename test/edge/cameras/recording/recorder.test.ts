/** A recorder over programs, doors and a disk that the test plays. */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Recorder } from "../../../../edge/cameras/recording/recorder.ts";
import { Ring } from "../../../../edge/cameras/recording/ring.ts";
import { segmentName } from "../../../../edge/cameras/recording/segment-list.ts";
import type { CameraFault } from "../../../../edge/cameras/rtsp/camera-fault.ts";
import { ManualClock } from "../../../../platform/clock.ts";
import type { Logger } from "../../../../platform/log.ts";
import { MemoryFiles } from "../../../../platform/memory-files.ts";
import { seededRandom } from "../../../../platform/random.ts";
import { cameraAddress } from "../rtsp/scripted-rtsp.ts";
import { NOT_FOUND, ScriptedDoors, ScriptedPrograms } from "../scripted-child.ts";
import { recording } from "./fragmented-mp4.ts";

const FOLDER = "/data/cameras/street";
const OFFLINE: CameraFault = { state: "offline", text: "it has ended the connection" };
const REFUSED: CameraFault = { state: "refused", text: "it refuses user name or password" };

let clock: ManualClock;
let files: MemoryFiles;
let ring: Ring;
let programs: ScriptedPrograms;
let doors: ScriptedDoors;
let recorder: Recorder;
let freeBytes: number;
let logged: string[];
let stopping: AbortController;
let running: Promise<void>;

const logger: Logger = {
  debug: () => undefined,
  info: (_, message) => logged.push(message),
  warn: (_, message) => logged.push(message),
  error: (_, message) => logged.push(message),
};

beforeEach(async () => {
  clock = new ManualClock(Date.parse("2026-12-01T12:00:00Z"));
  files = new MemoryFiles(seededRandom(1));
  freeBytes = 1_000_000_000;
  logged = [];
  programs = new ScriptedPrograms();
  doors = new ScriptedDoors();
  await files.makeFolder("/data");
  ring = await openRing();
  recorder = makeRecorder();
  stopping = new AbortController();
});

function openRing(): Promise<Ring> {
  return Ring.open({
    device: "gate-1",
    camera: "street",
    files,
    folder: FOLDER,
    limits: { bytesMax: 100_000, ageMsMax: 86_400_000 },
    freeBytes: () => Promise.resolve(freeBytes),
    reserveBytes: () => 1_000_000,
    nowMs: () => clock.nowMs(),
    clock,
    logger,
  });
}

function makeRecorder(): Recorder {
  return new Recorder({
    camera: "street",
    access: {
      address: cameraAddress("rtsp://camera.example/1"),
      credentials: { username: "admin", password: "hunter2" },
      plainPassword: false,
      certificate: undefined,
      silentMs: 10_000,
    },
    ring,
    folder: FOLDER,
    segmentSeconds: 60,
    ffmpeg: "ffmpeg",
    openDoor: doors.open,
    startChild: programs.start,
    clock,
    random: seededRandom(2),
    logger,
  });
}

afterEach(async () => {
  await stop();
  expect(programs.running).toBe(0);
});

function start(): void {
  running = recorder.run(stopping.signal);
}

async function stop(): Promise<void> {
  stopping.abort();
  let isOver = false;
  void running.then(() => (isOver = true));
  await until("it stops", () => isOver);
}

async function until(what: string, holds: () => boolean, limitMs = 300_000): Promise<void> {
  for (let ms = 0; ms < limitMs; ms += 250) {
    if (holds()) return;
    await clock.advance(250);
  }
  throw new Error(`it never came about: ${what}`);
}

/** ffmpeg comes to pictures and begins to write. */
async function record(number: number): Promise<void> {
  await until("ffmpeg runs", () => programs.running === 1 && doors.doors.length > 0);
  doors.last.picture(clock.monotonicMs());
  await write(number, recording(1));
  await until("it is recorded", () => recorder.recording === "on");
}

async function write(number: number, bytes: Uint8Array): Promise<void> {
  const file = await files.open(`${FOLDER}/${segmentName(number)}`);
  await file.append(bytes);
  await file.close();
}

const states = (): string[] => [recorder.state, recorder.recording];
const kept = (): [number, string][] =>
  ring.segments.map(({ record }) => [record.number, record.signing.state]);

describe("while all is well", () => {
  test("ffmpeg is told what to do, and nothing that is secret", async () => {
    start();
    await record(0);
    const { program, args, message } = programs.last.command;
    expect(program).toBe("ffmpeg");
    expect(message).toBeUndefined();
    expect(args).toContain(doors.last.playerUrl);
    expect(args.join(" ")).toContain("-c copy -f segment");
    expect(args.join(" ")).toContain("-an");
    expect(args.at(-1)).toBe(`${FOLDER}/%010d.mp4`);
    expect(args.join(" ")).not.toMatch(/hunter2|admin/);
  });

  test("segments that it closes are taken, with the times at which their pictures came", async () => {
    start();
    await record(0);
    await clock.advance(60_000);
    await write(0, recording(59));
    const nowMs = clock.monotonicMs();
    doors.last.picture(nowMs);
    const endSeconds = (nowMs - doors.last.firstPictureMs!) / 1000;
    programs.last.say(`${segmentName(0)},0.000000,${endSeconds.toFixed(6)}\n`);
    await until("it is taken", () => ring.segments.length === 1);
    expect(kept()).toEqual([[0, "waiting"]]);
    const { fromMs, toMs } = ring.segments[0]!.span!;
    expect(Math.abs(toMs - nowMs)).toBeLessThan(10);
    expect(toMs - fromMs).toBeGreaterThan(59_000);
    expect(states()).toEqual(["ok", "on"]);
    expect(recorder).toMatchObject({ codec: "H264", runs: 1, text: undefined });
    expect(logged).toEqual(["a camera is recorded"]);
  });

  test("asked to end, the last segment is finished and taken", async () => {
    start();
    await record(0);
    programs.last.lastWords = () => programs.last.say(`${segmentName(0)},0.000000,1.000000\n`);
    await stop();
    expect(programs.last.signals).toEqual(["SIGTERM"]);
    expect(kept()).toEqual([[0, "waiting"]]);
    expect(doors.last.isClosed).toBe(true);
  });
});

describe("a camera", () => {
  test("that goes lets ffmpeg end by itself, and comes back", async () => {
    start();
    await record(0);
    doors.last.fail(OFFLINE);
    await clock.advance(100);
    programs.last.say(`${segmentName(0)},0.000000,1.000000\n`);
    programs.last.exit();
    await until("it is known", () => recorder.state === "offline");
    expect(programs.last.signals).toEqual([]);
    expect(states()).toEqual(["offline", "off"]);
    expect(recorder.text).toBe("it has ended the connection");
    expect(kept()).toEqual([[0, "waiting"]]);
    await record(1);
    expect(programs.last.command.args).toContain("1");
    expect(states()).toEqual(["ok", "on"]);
  });

  test("that refuses us stays refused while it is tried again, and is said once", async () => {
    start();
    const seen = new Set<string>();
    programs.prepare = (child) => {
      doors.last.fail(REFUSED);
      child.exit({ code: 1 });
    };
    for (let ms = 0; ms < 3_600_000; ms += 1_000) {
      await clock.advance(1_000);
      seen.add(recorder.state);
    }
    expect([...seen]).toEqual(["refused"]);
    expect(logged).toEqual(["a camera is not recorded: it refuses user name or password"]);
    // A try a minute at most, so that no camera locks the account for good.
    expect(recorder.runs).toBeLessThan(130);
  });

  test("that flaps is not tried more than a few times a minute", async () => {
    start();
    const startsMs: number[] = [];
    programs.prepare = (child) => {
      startsMs.push(clock.monotonicMs());
      doors.last.picture(clock.monotonicMs());
      clock.after(1_000, () => {
        doors.last.fail(OFFLINE);
        child.exit();
      });
    };
    await clock.advance(3_600_000);
    for (const begin of startsMs) {
      const within = startsMs.filter((ms) => ms >= begin && ms < begin + 60_000);
      expect(within.length).toBeLessThanOrEqual(8);
    }
    expect(startsMs.length).toBeGreaterThan(50);
  });

  test("that ran well for a minute is tried again at once when it goes", async () => {
    start();
    programs.prepare = (child) => {
      doors.last.fail(OFFLINE);
      child.exit();
    };
    await clock.advance(600_000);
    programs.prepare = () => undefined;
    const { runs } = recorder;
    await until("it is tried again", () => recorder.runs > runs);
    await record(0);
    for (let ms = 0; ms < 70_000; ms += 1_000) {
      doors.last.picture(clock.monotonicMs());
      await write(0, recording(0.1));
      await clock.advance(1_000);
    }
    const goneMs = clock.monotonicMs();
    doors.last.fail(OFFLINE);
    programs.last.exit();
    const before = recorder.runs;
    await until("it is tried again", () => recorder.runs > before);
    expect(clock.monotonicMs() - goneMs).toBeLessThan(3_000);
  });

  test("that is silent is said to be", async () => {
    start();
    await record(0);
    doors.last.fail({ state: "silent", text: "it has sent no picture for 10 s" });
    programs.last.exit();
    await until("it is known", () => recorder.state === "silent");
  });
});

describe("ffmpeg", () => {
  test("that is not there", async () => {
    start();
    programs.prepare = (child) => child.exit(NOT_FOUND);
    await until("it is known", () => recorder.state === "no-ffmpeg");
    expect(recorder.text).toMatch(/^there is no ffmpeg: install it/);
    programs.prepare = () => undefined;
    await record(0);
  });

  test("that ends by itself: its last words are said, without the door's", async () => {
    start();
    await until("it runs", () => programs.running === 1);
    programs.last.complain(`x\n${"noise\n".repeat(10_000)}`);
    programs.last.complain(
      `[mp4] Could not find tag for codec vp8\n${doors.last.playerUrl}: Invalid`,
    );
    programs.last.exit({ code: 1 });
    await until("it is known", () => recorder.state === "no-ffmpeg");
    expect(recorder.text).toBe("ffmpeg ended with code 1: rtsp://camera.example/1: Invalid");
    expect(recorder.text).not.toMatch(/70c3/);
  });

  test("that does not end when it is asked to is killed, and what it left stays unsigned", async () => {
    start();
    await record(0);
    programs.last.isObedient = false;
    await stop();
    expect(programs.last.signals).toEqual(["SIGTERM", "SIGKILL"]);
    expect(kept()).toEqual([[0, "unsigned"]]);
  });

  test("that hangs after its camera has gone is asked, and then killed", async () => {
    start();
    await record(0);
    programs.last.isObedient = false;
    const [first] = programs.children;
    doors.last.fail(OFFLINE);
    await until("it is gone", () => !first!.isRunning);
    expect(first!.signals).toEqual(["SIGTERM", "SIGKILL"]);
    expect(recorder.state).toBe("offline");
  });

  test("that gets pictures and writes none is ended", async () => {
    start();
    await until("it runs", () => programs.running === 1);
    const [first] = programs.children;
    for (let ms = 0; ms < 62_000; ms += 1_000) {
      doors.doors[0]!.picture(clock.monotonicMs());
      await clock.advance(1_000);
    }
    expect(first!.signals).toEqual(["SIGTERM"]);
    expect(recorder).toMatchObject({
      state: "no-ffmpeg",
      text: "ffmpeg gets pictures and writes none",
    });
  });

  test("that never asks for a picture is ended", async () => {
    start();
    await until("it runs", () => programs.running === 1);
    const [first] = programs.children;
    await until("it is ended", () => !first!.isRunning, 60_000);
    expect(recorder.state).toBe("no-ffmpeg");
  });

  test("whose picture has no key frames does not write one recording for ever", async () => {
    start();
    await record(0);
    programs.last.lastWords = () => programs.last.say(`${segmentName(0)},0.000000,360.000000\n`);
    const [first] = programs.children;
    for (let ms = 0; ms < 365_000 && first!.isRunning; ms += 1_000) {
      doors.doors[0]!.picture(clock.monotonicMs());
      await write(0, recording(0.1));
      await clock.advance(1_000);
    }
    expect(first!.signals).toEqual(["SIGTERM"]);
    expect(recorder.text).toMatch(/no key frames/);
    expect(kept()).toEqual([[0, "waiting"]]);
  });

  test("whose picture's time runs away is ended, and does not make statements without end", async () => {
    start();
    await record(0);
    const [first] = programs.children;
    for (let number = 0; number < 100 && first!.signals.length === 0; number++) {
      await write(number, recording(60));
      programs.last.say(`${segmentName(number)},0.000000,${(number + 1) * 60}.000000\n`);
      await clock.advance(40);
    }
    expect(first!.signals).toEqual(["SIGTERM"]);
    await until("it is known", () => recorder.state === "no-ffmpeg");
    expect(recorder.text).toBe("the picture's time runs faster than time does");
    const waiting = kept().filter(([, state]) => state === "waiting");
    expect(waiting).toHaveLength(8);
    // What came beyond is there, and stays unsigned.
    expect(kept().length).toBeGreaterThan(8);
  });

  test("that is heard late, of several recordings at once, is none of these", async () => {
    start();
    await record(0);
    for (const number of [1, 2, 3, 4, 5]) await write(number, recording(1));
    const lines = [0, 1, 2, 3, 4, 5].map((n) => `${segmentName(n)},${n}.000000,${n + 1}.000000\n`);
    programs.last.say(lines.join(""));
    await until("they are taken", () => ring.segments.length === 6);
    expect(kept().every(([, state]) => state === "waiting")).toBe(true);
    expect(states()).toEqual(["ok", "on"]);
  });

  test("that takes no more is ended", async () => {
    start();
    await record(0);
    const [first] = programs.children;
    doors.last.end({ kind: "stuck" });
    await until("it is ended", () => !first!.isRunning);
    expect(recorder.text).toBe("ffmpeg takes no more pictures");
  });
});

describe("the disk", () => {
  test("without room for statements: nothing is recorded, and it says why", async () => {
    freeBytes = 10;
    start();
    await until("it is known", () => recorder.recording === "disk-full");
    expect(states()).toEqual(["starting", "disk-full"]);
    expect(programs.children).toEqual([]);
    freeBytes = 1_000_000_000;
    await record(0);
    expect(states()).toEqual(["ok", "on"]);
  });

  test("that becomes full: the older segments go first, then recording stops", async () => {
    start();
    await record(0);
    await write(0, recording(1, 5_000));
    programs.last.say(`${segmentName(0)},0.000000,1.000000\n`);
    await until("it is taken", () => ring.segments.length === 1);
    freeBytes = 10;
    await until("it has stopped", () => recorder.recording === "disk-full");
    expect(programs.last.signals).toEqual(["SIGTERM"]);
    expect(ring.segments).toEqual([]);
  });

  test.each(["while it records", "before it begins"])(
    "that is full to the last byte %s gets room again: the oldest go before anything is written",
    async (when) => {
      await write(0, recording(60, 50_000));
      await write(1, recording(60, 50_000));
      freeBytes = 0;
      files.setFaults(({ kind, path }) => {
        if (kind === "remove" && path.endsWith(".mp4")) freeBytes = 1_000_000_000;
        return kind === "write" && freeBytes === 0 ? "undone" : undefined;
      });
      if (when === "while it records") await ring.adopt(0).catch(() => undefined);
      else ring = await openRing();
      recorder = makeRecorder();
      start();
      await record(2);
      expect(states()).toEqual(["ok", "on"]);
      expect(ring.segments.map((one) => one.record.number)).toEqual([1]);
    },
  );

  test("that takes nothing: a clear state, and again once it does", async () => {
    start();
    await record(0);
    files.setFaults(() => "undone");
    programs.last.say(`${segmentName(0)},0.000000,1.000000\n`);
    await until("it is known", () => recorder.recording === "disk-failed");
    const { children } = programs;
    await clock.advance(120_000);
    expect(programs.children).toBe(children);
    expect(programs.running).toBe(0);
    files.setFaults();
    await record(1);
    expect(states()).toEqual(["ok", "on"]);
  });

  test("that is full for ffmpeg, or read-only", async () => {
    start();
    for (const [said, recordingState] of [
      ["av_interleaved_write_frame(): No space left on device", "disk-full"],
      ["header: Read-only file system\nError initializing output stream 0:0 -- ", "disk-failed"],
    ] as const) {
      await until("it runs", () => programs.running === 1);
      programs.last.complain(`${said}\n`);
      programs.last.exit({ code: 1 });
      await until(said, () => recorder.recording === recordingState);
    }
  });

  test("a segment that alone is too large", async () => {
    start();
    await record(0);
    await write(0, recording(1, 100_100));
    await until("it is known", () => recorder.recording === "segment-too-large");
    expect(recorder.text).toMatch(/raise it, or lower segmentSeconds/);
  });

  test("what is old goes while the camera is away", async () => {
    start();
    await record(0);
    programs.last.say(`${segmentName(0)},0.000000,1.000000\n`);
    await until("it is taken", () => ring.segments.length === 1);
    programs.prepare = (child) => {
      doors.last.fail(OFFLINE);
      child.exit();
    };
    doors.last.fail(OFFLINE);
    programs.last.exit();
    await clock.advance(86_400_000 + 120_000);
    expect(ring.segments).toEqual([]);
  });
});
