/** `edge status`: from the running agent or its file, once or live. */

import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, beforeEach, expect, test } from "vitest";
import { newCounters } from "../../../edge/counters.ts";
import { LiveScreen } from "../../../edge/commands/live-screen.ts";
import { formatSettings } from "../../../edge/settings/settings-file.ts";
import { showStatus } from "../../../edge/commands/status-command.ts";
import { findStatus, serveStatus } from "../../../edge/status/status-socket.ts";
import { formatStatus } from "../../../edge/status/status.ts";
import type { SensorStatus } from "../../../edge/sensors/sensor.ts";
import type { AgentStatus } from "../../../edge/status/status.ts";
import { systemClock } from "../../../platform/clock.ts";
import { type Files, nodeFiles } from "../../../platform/files.ts";
import { exitCodeOf } from "../../../platform/lifecycle.ts";
import { seededRandom } from "../../../platform/random.ts";
import { testScope } from "../../support/scope.ts";

const scope = testScope();

const STATUS: AgentStatus = {
  device: "air-1",
  kid: "0123456789abcdef",
  atMs: Date.parse("2026-12-01T12:00:00Z"),
  isConnected: true,
  clockSource: "system",
  halted: undefined,
  isHubBehind: false,
  waitsFor: undefined,
  waitingReadings: 0,
  nextSeq: 7,
  oldestSeq: 5,
  storedSeq: 6,
  lastAckMs: undefined,
  outboxBytes: 512,
  outboxBytesMax: 65_536,
  counters: newCounters(),
  sensors: [],
};

let folder: string;
let out = "";

beforeEach(async () => {
  folder = await scope.folder("status");
  out = "";
  await mkdir(join(folder, "data"));
  const settings = formatSettings({
    origin: "kerbstone.example/test",
    name: "air-1",
    streams: ["air"],
    visibility: "public",
    everySeconds: 60,
    lat: 51,
    lon: -3,
    isMoving: false,
    hub: { mqtt: "mqtts://hub.example", vkey: "x", hasPolicy: false },
    sensors: [{ stream: "air", driver: "sds011", address: "/dev/ttyUSB0" }],
  });
  await writeFile(join(folder, "edge.toml"), settings);
});

const put = (status: AgentStatus): Promise<void> =>
  writeFile(join(folder, "data", "status.json"), JSON.stringify(status));

function status(argv: string[], terminal?: { signal: AbortSignal }): Promise<number> {
  return exitCodeOf((io) => showStatus(io, ["edge.toml", ...argv]), {
    argv,
    env: {},
    stdout: {
      write: (text: string) => (out += text),
      ...(terminal ? { isTTY: true, columns: 60, rows: 20 } : {}),
    },
    stderr: { write: (text: string) => (out += text) },
    signal: terminal?.signal ?? new AbortController().signal,
    clock: systemClock,
    random: seededRandom(1),
    files: nodeFiles,
    cwd: folder,
  });
}

test("an agent that has never run, one that has stopped, and one that runs", async () => {
  expect(await status([])).toBe(1);
  expect(out).toBe("air-1 has not run yet\n");
  await put({ ...STATUS, nextSeq: 7 });
  out = "";
  expect(await status([])).toBe(1);
  expect(out).toContain("not running");
  expect(out).toContain("next 7,");
  const server = await serveStatus(join(folder, "data"), () => ({ ...STATUS, nextSeq: 8 }));
  out = "";
  expect(await status([])).toBe(0);
  expect(out).not.toContain("not running");
  expect(out).toContain("next 8,");
  await server.close();
  expect((await findStatus(nodeFiles, join(folder, "data")))?.isLive).toBe(false);
});

test("clocks that contradict each other", async () => {
  await put({ ...STATUS, clockSource: "ntp", clockApartMs: 3_600_250 });
  await status([]);
  expect(out).toContain("clock      ntp, DISPUTED: the satellite receiver is 3600.3 s ahead\n");
  await put(STATUS);
  out = "";
  await status([]);
  expect(out).toContain("clock      system\n");
});

test("a device that was carried off", async () => {
  await put({ ...STATUS, movedMetres: 2_224 });
  await status([]);
  expect(out).toContain("place      MOVED: the satellite receiver is 2224 m from where");
});

test("a socket that a killed agent has left is in nobody's way", async () => {
  await writeFile(join(folder, "data", "status.sock"), "");
  const server = await serveStatus(join(folder, "data"), () => STATUS);
  expect((await findStatus(nodeFiles, join(folder, "data")))?.isLive).toBe(true);
  await server.close();
});

test("as JSON, also in a terminal; an agent that has stopped signing is 1", async () => {
  await put({ ...STATUS, halted: { reason: "counter-lost", text: "holds none" } });
  expect(await status(["--json"], { signal: new AbortController().signal })).toBe(1);
  expect(JSON.parse(out)).toMatchObject({ device: "air-1", halted: { text: "holds none" } });
});

test("as JSON it says whether the agent runs, also of one that never has", async () => {
  const said = async (): Promise<unknown> => {
    out = "";
    const code = await status(["--json"]);
    return { code, ...(JSON.parse(out) as object) };
  };
  expect(await said()).toEqual({ code: 1, presence: "never-run", device: "air-1" });
  await put(STATUS);
  expect(await said()).toMatchObject({ code: 1, presence: "not-running", nextSeq: 7 });
  const server = await serveStatus(join(folder, "data"), () => STATUS);
  expect(await said()).toMatchObject({ code: 0, presence: "running", nextSeq: 7 });
  await server.close();
});

test("an agent that takes the question and does not answer is not called gone", async () => {
  await put(STATUS);
  const mute = createServer();
  mute.listen(join(folder, "data", "status.sock"));
  await once(mute, "listening");
  try {
    expect(await status(["--once"])).toBe(1);
    expect(out).toContain("DOES NOT ANSWER");
    expect(out).not.toContain("not running");
    expect(await findStatus(nodeFiles, join(folder, "data"))).toMatchObject({
      isLive: false,
      unheard: "silent",
    });
  } finally {
    mute.close();
  }
});

test("a data folder under a long path has its own socket, and leaves none elsewhere", async () => {
  const long = join(folder, "x".repeat(100), "data");
  await mkdir(long, { recursive: true });
  const server = await serveStatus(long, () => STATUS);
  expect((await readdir(long)).toSorted()).toEqual(["status.sock"]);
  expect((await findStatus(nodeFiles, long))?.isLive).toBe(true);
  // As a killed agent would leave it: nobody removes the socket.
  const again = await serveStatus(long, () => ({ ...STATUS, nextSeq: 8 }));
  expect((await findStatus(nodeFiles, long))?.status.nextSeq).toBe(8);
  await again.close();
  await server.close();
  expect(await readdir(folder)).toEqual(["data", "edge.toml", "x".repeat(100)]);
});

test.each(["null", "[]", "{}", '"x"', '{"device":"air-1"}', '{"device":', ""])(
  "a status file that is none is as good as missing: %j",
  async (text) => {
    await writeFile(join(folder, "data", "status.json"), text);
    expect(await status([])).toBe(1);
    expect(out).toBe("air-1 has not run yet\n");
  },
);

test("a device that may not be looked at does not hide the others", async () => {
  await put(STATUS);
  const read = nodeFiles.read.bind(nodeFiles);
  const files: Files = {
    ...nodeFiles,
    read: (path) =>
      path.includes("/secret/")
        ? Promise.reject(Object.assign(new Error("no"), { code: "EACCES", path }))
        : read(path),
  };
  await writeFile(
    join(folder, "other.toml"),
    `data = "secret/data"\n${await readFile(join(folder, "edge.toml"), "utf8")}`,
  );
  const io = { argv: [], env: {}, stderr: { write: () => 0 }, cwd: folder, files };
  const stdout = { write: (text: string) => (out += text) };
  const more = { stdout, clock: systemClock, random: seededRandom(1) };
  const { signal } = new AbortController();
  expect(await showStatus({ ...io, ...more, signal }, ["other.toml", "edge.toml"])).toBe(1);
  expect(out).toMatch(/^air-1: .*secret\/data\/status.json cannot be used: permission denied/);
  expect(out).toContain("air-1 (key");
});

test("in a terminal it is shown again and again, until the signal", async () => {
  await put(STATUS);
  const stop = new AbortController();
  const running = status([], { signal: stop.signal });
  const watch = setInterval(() => {
    if (out.split("Ctrl-C").length > 2) stop.abort();
  }, 20);
  expect(await running).toBe(0);
  clearInterval(watch);
  expect(out.startsWith("\u001b[?1049h")).toBe(true);
  expect(out.endsWith("\u001b[?1049l")).toBe(true);
  expect(out).toContain("air-1 (key 0123456789abcdef)");
});

describe("what is wrong", () => {
  const sensor = {
    stream: "air",
    driver: "sds011",
    address: "/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0",
    state: "ok",
    quantities: [],
    lastSampleMs: undefined,
    line: "open",
    lineCounters: { bytesRead: 0 },
    frameCounters: { framesGood: 5, framesBad: 0, bytesSkipped: 0 },
  } as unknown as SensorStatus;
  const lines = (changes: Partial<AgentStatus>, pattern: RegExp): string[] =>
    formatStatus({ ...STATUS, ...changes }, STATUS.atMs, true)
      .split("\n")
      .filter((line) => pattern.test(line));

  test("with a sensor stands at the beginning of a line of its own, with the reason", () => {
    const gone = { text: "there is no port /dev/x", remedy: "Plug it in." };
    const sensors = [{ ...sensor, state: "offline", line: "closed", lineFault: gone }] as const;
    expect(lines({ sensors: [sensor] }, /sensor|OFFLINE/)).toEqual([
      `  sensor     air: sds011, open, 5 frames good, 0 bad, at ${sensor.address}`,
    ]);
    expect(lines({ sensors }, /sensor|OFFLINE/)).toEqual([
      `  sensor     air: sds011, closed, 5 frames good, 0 bad, at ${sensor.address}`,
      "             OFFLINE: there is no port /dev/x",
    ]);
  });

  test("is not said of a sensor that only warms up", () => {
    const quantities = ["pm10", "pm25"];
    const sensors = [{ ...sensor, state: "faulty", quantities, warmUpLeftMs: 11_200 }] as const;
    expect(lines({ sensors }, /WARMING|FAULTY/)).toEqual([
      "             WARMING UP: 12 s more, with its values flagged",
    ]);
  });

  test("with the hub says since when, and why", () => {
    const apart = { forMs: 12_300, reason: "connect ECONNREFUSED 127.0.0.1:1883" };
    expect(lines({ isConnected: false, apart }, /hub  /)).toEqual([
      "  hub        not connected for 12 s: connect ECONNREFUSED 127.0.0.1:1883",
    ]);
    expect(lines({ storedSeq: -1, nextSeq: 0 }, /statements/)).toEqual([
      "  statements next 0, stored by the hub none yet, kept from 5",
    ]);
  });
});

test("what stops it stands first, since a small terminal has no room for the last", () => {
  const halted = { reason: "counter-lost", text: "holds none" } as const;
  const about = { ...STATUS, halted, diskFault: "full", isHubBehind: true };
  const lines = formatStatus(about, STATUS.atMs, true).split("\n");
  expect(lines[1]).toBe("  STOPPED    holds none");
  expect(lines[2]).toBe("  DISK       full");
  expect(lines[3]).toMatch(/THE HUB HAS FORGOTTEN/);
});

test("an agent with cameras says how their channel is, and others nothing of it", () => {
  const preview = {
    isConnected: true,
    connections: 3,
    connectionsFailed: 1,
    bytesSent: 9_000,
    bytesDropped: 376,
    cameras: [
      { camera: "front", state: "ok", isWatched: true },
      { camera: "yard", state: "no-ffmpeg", isWatched: false },
    ],
  } as const;
  const lines = (status: AgentStatus): string[] =>
    formatStatus(status, STATUS.atMs, true)
      .split("\n")
      .filter((line) => /live|camera/.test(line));
  expect(lines({ ...STATUS, preview })).toEqual([
    "  live       connected, front watched now, 376 bytes lost to a slow line",
  ]);
  const lost = { ...preview, isConnected: false, bytesDropped: 0, cameras: [] };
  expect(lines({ ...STATUS, preview: lost })).toEqual(["  live       not connected, nobody looks"]);
  expect(lines(STATUS)).toEqual([]);
});

test("lines that are too long, and too many, are cut", () => {
  let written = "";
  const screen = new LiveScreen({ write: (text) => (written += text), columns: 10, rows: 3 });
  screen.show("one\ntwo is far too long\nthree\nfour\n");
  expect(written).toBe("\u001b[Hone\u001b[K\r\ntwo is fa…\u001b[K\r\n…\u001b[K\u001b[J");
});

test("the hub's words do not steer the terminal", () => {
  const halted = { reason: "key-refused" as const, text: "no\u001b[2J\u009b2J" };
  const text = formatStatus({ ...STATUS, halted }, STATUS.atMs, true);
  expect(text).toContain("no?[2J?2J");
});
