/**
 * The whole way of a recording, through real programs: a camera by GStreamer, the agent with ffmpeg, the hub, and out
 * again as evidence that somebody holds against the file; and what the agent leaves behind when it is killed.
 */
import { spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { findStatus } from "../../edge/status/status-socket.ts";
import { nodeFiles } from "../../platform/files.ts";
import { openViewer } from "../hub/support/preview-peers.ts";
import { EdgeProgram } from "../support/edge-program.ts";
import { HubProgram } from "../support/hub-program.ts";
import { isAlive, kerbstone, runKerbstone } from "../support/kerbstone.ts";
import { eventually, startProcess } from "../support/process.ts";
import { descendants } from "../support/processes.ts";
import { ffmpeg, ffmpegPath } from "../support/programs.ts";
import { lacks } from "../support/requirements.ts";
import { RtspCamera, rtspServer } from "../support/rtsp-camera.ts";
import { testScope } from "../support/scope.ts";

const NAME = "gate-1";
const PASSWORD = "hunter2-4711";

interface Clip {
  readonly entry: number;
  readonly sha256: string;
  readonly bytes: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly level: string;
}

/** A line of `edge clips --json`. */
interface Listed {
  readonly path: string;
  readonly sha256: string | null;
  readonly signing: { readonly state: string; readonly seq?: number };
}

describe.skipIf(lacks(rtspServer, ffmpeg))("a camera at a device", () => {
  const scope = testScope();
  let camera: RtspCamera;
  let hub: HubProgram;
  let edge: EdgeProgram;

  beforeAll(async () => {
    const login = ["--user", "viewer", "--password", PASSWORD];
    camera = await RtspCamera.start(scope, [...login, "--rate", "25", "--key-every", "12"]);
    hub = await HubProgram.make(scope);
    await hub.start();
    const init = ["--camera", `street=${camera.url}`, "--hub", hub.url];
    edge = await EdgeProgram.make(scope, hub, { name: NAME, sensors: [], init });
    await writeFile(join(edge.folder, "password"), `${PASSWORD}\n`, { mode: 0o600 });
    await edge.edit(
      (text) =>
        `${text}username = "viewer"\npasswordFile = "password"\nsegmentSeconds = 2\nsilentSeconds = 2\nkeepHoursMax = 1\npreview = {}\n`,
    );
  });

  async function clips(): Promise<Clip[]> {
    const reply = await fetch(new URL(`api/v1/devices/${NAME}/clips`, hub.url));
    return ((await reply.json()) as { clips: Clip[] }).clips;
  }

  const clipsInLog = (count: number): Promise<Clip[]> =>
    eventually(`${count} clips are sealed`, async () => {
      const found = (await clips()).filter(({ level }) => level === "sealed");
      return found.length >= count ? found : undefined;
    });

  async function listed(): Promise<Listed[]> {
    return JSON.parse(
      await kerbstone(scope, ["edge", "clips", edge.settings, "--json"]),
    ) as Listed[];
  }

  /** Waits until the agent itself says so. */
  const stateIs = (state: string, text: RegExp): Promise<true> =>
    eventually(`the camera is ${state}`, async () => {
      const found = await findStatus(nodeFiles, join(edge.folder, "data"));
      const said = found?.status.cameras?.[0];
      return found?.isLive && said?.state === state && text.test(said.text ?? "")
        ? true
        : undefined;
    });

  test("what it records is in the log, and can be proved; what was changed cannot", async () => {
    const beganMs = Date.now();
    await edge.start();
    const [first, second] = await clipsInLog(2);
    expect(first!.fromMs).toBeGreaterThan(beganMs);
    expect(second!.toMs).toBeLessThan(Date.now());
    expect(second!.fromMs - first!.toMs).toBeLessThan(1_000);

    // Handed over: the recording, and the evidence.
    const out = join(await scope.folder("court"), "out");
    const to = new Date(second!.fromMs).toISOString();
    await kerbstone(scope, ["edge", "clips", edge.settings, "--to", to, "--export", out]);
    const own = (await listed()).find(({ sha256 }) => sha256 === first!.sha256)!;
    expect(own.signing).toMatchObject({ state: "signed", seq: 0 });
    const film = await readFile(own.path);
    expect(film).toHaveLength(first!.bytes);
    const path = join(await scope.folder("court"), "film.mp4");
    await writeFile(path, film);
    const evidence = join(await scope.folder("court"), "film.evidence.json");
    const reply = await fetch(new URL(`api/v1/entries/${first!.entry}/evidence`, hub.url));
    await writeFile(evidence, await reply.text());

    const verify = ["verify", "clip", path, "--vkey", hub.vkey];
    const offline = [...verify, "--evidence", evidence];
    const online = [...verify, "--from-hub", hub.url];
    for (const argv of [offline, online]) {
      const said = JSON.parse(await kerbstone(scope, [...argv, "--json"])) as object;
      expect(said).toMatchObject({
        ok: true,
        device: NAME,
        camera: "street",
        fromMs: first!.fromMs,
        toMs: first!.toMs,
        sha256: first!.sha256,
      });
    }
    film[1_000]! ^= 1;
    await writeFile(path, film);
    for (const [argv, code] of [
      [offline, "other-bytes"],
      [online, "not-signed"],
    ] as const) {
      const { code: exit, stdout } = await runKerbstone(scope, argv);
      expect([exit, stdout]).toEqual([1, expect.stringContaining(`DOES NOT HOLD: ${code}`)]);
    }
    await kerbstone(scope, ["audit", hub.url, "--vkey", hub.vkey]);
  });

  test("its live picture reaches who has a token, is made only meanwhile, and by nobody else is seen", async () => {
    const add = ["hub", "viewers", "add", "mara", "--device", NAME, "--data", hub.folder];
    const token = /[\w-]{40,}/.exec(await kerbstone(scope, add))![0];
    const stranger = await openViewer(
      scope,
      hub.httpPort,
      `${NAME}/street`,
      token.replace(/./, (first) => (first === "A" ? "B" : "A")),
    );
    expect(await stranger.closed).toEqual([4002, expect.any(String)]);
    const players = async (): Promise<number> => {
      const seen = await descendants(edge.running.pid);
      return seen.filter(({ command }) => command.includes("mpeg1video")).length;
    };
    expect(await players()).toBe(0);

    const viewer = await openViewer(scope, hub.httpPort, `${NAME}/street`, token);
    await viewer.count(20_000);
    expect(await players()).toBe(1);
    // Whole packets of a transport stream (ISO/IEC 13818-1, 2.4.3.2), that a decoder finds pictures in.
    for (const packets of viewer.got) {
      expect(packets.length % 188).toBe(0);
      for (let at = 0; at < packets.length; at += 188) expect(packets[at]).toBe(0x47);
    }
    const film = join(await scope.folder("viewer"), "live.ts");
    await writeFile(film, viewer.bytes);
    const frames = spawnSync(ffmpegPath(), ["-v", "error", "-i", film, "-f", "framemd5", "-"]);
    const lines = frames.stdout.toString("utf8").split("\n");
    expect(lines.filter((line) => line.startsWith("0,")).length).toBeGreaterThan(2);

    viewer.socket.close();
    await eventually("nobody makes pictures", async () =>
      (await players()) === 0 ? true : undefined,
    );
  });

  test("its password is in no command line, log, status or other file of the agent", async () => {
    const seen = await descendants(edge.running.pid);
    expect(seen.filter(({ command }) => command.includes("ffmpeg"))).toHaveLength(1);
    expect(seen.map(({ command }) => command).join("\n")).not.toMatch(/hunter2|viewer/);
    const status = await kerbstone(scope, ["edge", "status", edge.settings]);
    expect(status).toMatch(/camera {5}street \(camera\) at rtsp:/);
    const files = await Promise.all(
      (await listed()).map(({ path }) =>
        readFile(path.replace(/mp4$/, "json"), "utf8").catch(() => ""),
      ),
    );
    for (const text of [status, edge.running.stdout, edge.running.stderr, ...files]) {
      expect(text).not.toContain(PASSWORD);
    }
  });

  test("killed, the agent leaves no ffmpeg; started again it goes on, and signs nothing twice", async () => {
    const before = await descendants(edge.running.pid);
    const players = before.filter(({ command }) => command.includes("ffmpeg"));
    expect(players).toHaveLength(1);
    await edge.kill();
    for (const { pid } of players) {
      await eventually("ffmpeg is gone", async () => ((await isAlive(pid)) ? undefined : true));
    }
    const count = (await clips()).length;
    await edge.start();
    const found = await clipsInLog(count + 2);
    expect(new Set(found.map(({ sha256 }) => sha256)).size).toBe(found.length);
    const cutOff = (await listed()).filter(({ signing }) => signing.state === "unsigned");
    // The one being written, and perhaps the one before it, which was being hashed.
    expect(cutOff.length).toBeLessThanOrEqual(2);
  });

  test("a camera that goes and one that refuses have each their own word, in status and doctor", async () => {
    await camera.kill();
    await stateIs("offline", /nobody listens|it has ended/);
    const { code, stdout } = await runKerbstone(scope, ["edge", "doctor", edge.settings]);
    expect([code, stdout]).toEqual([1, expect.stringMatching(/WRONG +camera 1 +street is not/)]);
    await edge.stop();
    await camera.start();
    await writeFile(join(edge.folder, "password"), "hunter2-0815\n");
    await edge.start();
    await stateIs("refused", /it refuses user name or password/);
    await edge.stop();
    expect(edge.running.stderr).not.toContain("hunter2");
    await writeFile(join(edge.folder, "password"), `${PASSWORD}\n`);
  });

  test("where ffmpeg is not installed it says so, and the agent runs on", async () => {
    const program = join(process.cwd(), "dist/bin/kerbstone.js");
    const running = await startProcess(scope, {
      program: process.execPath,
      args: [program, "edge", "run", edge.settings, "--clock-wait-for-sync-seconds", "0"],
      env: { PATH: "/nowhere" },
    });
    await running.output(/there is no ffmpeg: install it/);
    await stateIs("no-ffmpeg", /install it/);
    expect(await running.stop()).toMatchObject({ code: 0 });
  });
});
