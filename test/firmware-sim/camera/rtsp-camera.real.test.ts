/**
 * The whole camera, with the ffmpeg that makes its picture and the ffmpeg that looks at it.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startBoard } from "../../support/edge-program.ts";
import { isAlive } from "../../support/kerbstone.ts";
import { eventually, type Running, runProcess } from "../../support/process.ts";
import { ffmpeg } from "../../support/programs.ts";
import { lacks } from "../../support/requirements.ts";
import { testScope } from "../../support/scope.ts";

const scope = testScope();
const LOGIN = ["--username", "viewer", "--password", "se:cret"];
const SMALL = ["--size", "320x180", "--frames-per-second", "25"];

async function startCamera(...argv: string[]): Promise<{ running: Running; address: string }> {
  return startBoard(scope, ["--board", "rtsp-camera", ...SMALL, ...argv]);
}

/** The camera's address with a login in it. */
function as(address: string, user: string, password: string): string {
  return address.replace("//", `//${user}:${encodeURIComponent(password)}@`);
}

interface Look {
  code: number | null;
  stderr: string;
  /** A line a frame. */
  frames: string[];
}

/** Looks at so many frames, each of which is decoded. */
async function look(address: string, frames: number, ...options: string[]): Promise<Look> {
  const quick = ["-analyzeduration", "100000"];
  const argv = ["-nostdin", "-v", "error", ...quick, ...options, "-i", address];
  const { code, stderr, stdout } = await runProcess(scope, {
    program: "ffmpeg",
    args: [...argv, "-frames:v", `${frames}`, "-f", "framemd5", "-"],
  });
  return { code, stderr, frames: stdout.split("\n").filter((line) => /^\d/.test(line)) };
}

/** Process ids of the programs that a program has started. */
async function childrenOf({ pid }: Running): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.trim().split(" ").filter(Boolean).map(Number);
}

async function gone(pids: readonly number[]): Promise<void> {
  for (const pid of pids)
    await eventually(`the end of ${pid}`, async () => ((await isAlive(pid)) ? undefined : true));
}

describe.skipIf(lacks(ffmpeg))("ffmpeg sees the camera", () => {
  test("over TCP and UDP, two at once, with the right login alone", async () => {
    const { address } = await startCamera(...LOGIN);
    const right = as(address, "viewer", "se:cret");
    const [tcp, udp, probed, wrong, none] = await Promise.all([
      look(right, 30, "-rtsp_transport", "tcp"),
      look(right, 30, "-rtsp_transport", "udp"),
      runProcess(scope, {
        program: "ffprobe",
        args: [
          "-v",
          "error",
          "-show_entries",
          "stream=codec_name,width,height,r_frame_rate",
          right,
        ],
      }),
      look(as(address, "viewer", "secret"), 1),
      look(address, 1),
    ]);
    expect(tcp).toMatchObject({ code: 0, stderr: "" });
    expect(tcp.frames).toHaveLength(30);
    expect(new Set(tcp.frames.map((line) => line.split(",").at(-1))).size).toBe(30);
    expect(udp.code).toBe(0);
    expect(udp.frames).toHaveLength(30);
    for (const line of ["codec_name=h264", "width=320", "height=180", "r_frame_rate=25/1"])
      expect(probed.stdout).toContain(line);
    for (const refused of [wrong, none]) {
      expect(refused.code).not.toBe(0);
      expect(refused.stderr).toContain("401 Unauthorized");
    }
  });

  test.each(["digest", "basic"])("with a login by %s", async (scheme) => {
    const { address } = await startCamera(...LOGIN, "--authentication", scheme);
    const seen = await look(as(address, "viewer", "se:cret"), 2, "-rtsp_transport", "tcp");
    expect(seen).toMatchObject({ code: 0, stderr: "" });
  });

  test("showing a file again and again", async () => {
    const file = join(await scope.folder("video"), "one second.mp4");
    const source = ["-f", "lavfi", "-i", "testsrc=size=160x120:rate=25:duration=1"];
    await runProcess(scope, {
      program: "ffmpeg",
      args: ["-nostdin", "-v", "error", ...source, "-pix_fmt", "yuv420p", file],
    });
    const { address } = await startCamera("--video", file);
    const { code, frames } = await look(address, 40, "-rtsp_transport", "tcp");
    expect(code).toBe(0);
    expect(frames).toHaveLength(40);
  });

  test("connected and silent in a stall", async () => {
    const { address } = await startCamera("--fault", "kind=stall");
    const seen = await look(address, 1, "-rtsp_transport", "tcp", "-timeout", "1000000");
    expect(seen.frames).toEqual([]);
    expect(seen.stderr).not.toContain("refused");
  });
});

describe.skipIf(lacks(ffmpeg))("nothing is left", () => {
  test("of a camera that is stopped, nor of one that is killed", async () => {
    const [stopped, killed] = [await startCamera(), await startCamera()];
    const [first, second] = [await childrenOf(stopped.running), await childrenOf(killed.running)];
    expect([first.length, second.length]).toEqual([1, 1]);
    expect((await stopped.running.stop()).code).toBe(0);
    await gone(first);
    await killed.running.kill();
    await gone(second);
  });

  test("of a camera whose ffmpeg dies, which says so and ends", async () => {
    const { running } = await startCamera();
    const [pid] = await childrenOf(running);
    process.kill(pid!, "SIGKILL");
    expect((await running.exited).code).toBe(1);
    expect(running.stderr).toContain("sim: ffmpeg: it ended with");
  });

  test("where there is nothing to show", async () => {
    await expect(startCamera("--video", "/nonexistent.mp4")).rejects.toThrow(
      "kerbstone: sim: ffmpeg: file:/nonexistent.mp4: No such file or directory",
    );
  });
});
