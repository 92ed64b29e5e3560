import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ffmpegArguments, openFfmpegVideo } from "../../../firmware-sim/camera/ffmpeg-video.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { seededRandom } from "../../../platform/random.ts";
import { UserError } from "../../../platform/user-error.ts";
import { testScope } from "../../support/scope.ts";

const scope = testScope();

const PLAN = { width: 320, height: 240, framesPerSecond: 12, kilobitsPerSecond: 300 };

function open(program: string, clock = new ManualClock(0)): Promise<unknown> {
  const parts = { clock, random: seededRandom(1), program };
  return openFfmpegVideo(PLAN, () => undefined, parts).catch((error: unknown) => error);
}

describe("a picture is not to be had", () => {
  test("without ffmpeg, which has to be installed", async () => {
    const error = await open("no-such-ffmpeg");
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({
      message: "no-such-ffmpeg is not installed, and makes the picture",
      hint: "Install it, on Debian with: apt-get install ffmpeg",
    });
  });

  test("from a program that does not understand what it is told, in its own words", async () => {
    const error = await open(process.execPath);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toMatch(/^ffmpeg: .*bad option/);
  });

  test("from a program that ends in silence", async () => {
    expect(await open("false")).toMatchObject({ message: "ffmpeg: it ended with 1" });
  });

  test("from a program that does nothing", async () => {
    const clock = new ManualClock(0);
    const idle = join(await scope.folder("program"), "idle");
    await writeFile(idle, "#!/bin/sh\nexec sleep 60\n", { mode: 0o755 });
    const opening = open(idle, clock);
    while (clock.pending === 0) await clock.advance(0);
    await clock.advance(20_000);
    expect(await opening).toMatchObject({ message: "ffmpeg made no picture within 20 s" });
  });
});

test("a file is played as a file, whatever its name looks like", () => {
  const argv = ffmpegArguments({ ...PLAN, file: "/city/http://x.mp4" }, "rtsp://127.0.0.1:1/p");
  expect(argv[argv.indexOf("-i") + 1]).toBe("file:/city/http://x.mp4");
  expect(argv.at(-1)).toBe("rtsp://127.0.0.1:1/p");
});
