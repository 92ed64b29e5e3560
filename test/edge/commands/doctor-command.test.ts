/** `edge doctor`: each thing that can be wrong is found, named, and comes with what to do. */

import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer as createTcpServer } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { newCounters } from "../../../edge/counters.ts";
import { judgeClock, judgeSpace, judgeStatus } from "../../../edge/commands/diagnosis.ts";
import { runDoctor } from "../../../edge/commands/doctor-command.ts";
import type { DoctorPorts } from "../../../edge/commands/doctor-command.ts";
import { formatSettings } from "../../../edge/settings/settings-file.ts";
import type { AgentStatus } from "../../../edge/status/status.ts";
import { decodeUtf8, encodeUtf8 } from "../../../ledger/bytes.ts";
import { formatVkey, TYPE_ED25519, vkeyOf } from "../../../ledger/note.ts";
import { nobleSigner } from "../../../ledger/signature.ts";
import { systemClock } from "../../../platform/clock.ts";
import { createKey } from "../../../platform/key-file.ts";
import { exitCodeOf } from "../../../platform/lifecycle.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { seededRandom } from "../../../platform/random.ts";
import { UserError } from "../../../platform/user-error.ts";
import { testScope } from "../../support/scope.ts";

const scope = testScope();

const ORIGIN = "kerbstone.example/test";
const VKEY = vkeyFor(1);
const PORT = "/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0";

let files: MemoryFiles;
let ports: DoctorPorts;
let hub: Server;
let said: unknown;
let broker: ReturnType<typeof createTcpServer>;
/** What the broker answers to CONNECT: its return code. */
let connack = 0;

function vkeyFor(seed: number): string {
  const { publicKey } = nobleSigner(new Uint8Array(32).fill(seed));
  return formatVkey(vkeyOf(ORIGIN, TYPE_ED25519, publicKey));
}

beforeAll(async () => {
  hub = createServer((_, response) => response.end(JSON.stringify(said)));
  broker = createTcpServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.write(Uint8Array.of(0x20, 2, 0, connack)));
  });
  for (const server of [hub, broker])
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterAll(() => {
  hub.close();
  broker.close();
});

const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;

beforeEach(async () => {
  said = { origin: ORIGIN, vkey: VKEY };
  connack = 0;
  files = new MemoryFiles();
  await files.makeFolder("/home/air-1/data");
  await createKey(files, "/home/air-1/key.pem", seededRandom(1));
  await settings({});
  ports = {
    lines: () => () => () => Promise.resolve({ write: () => true, close: () => Promise.resolve() }),
    freeBytes: () => Promise.resolve(2 ** 40),
    userName: () => "pi",
    askTimeSync: () => Promise.resolve(true),
  };
});

async function settings(changes: {
  vkey?: string;
  addresses?: string[];
  mqtt?: string;
}): Promise<void> {
  const { vkey = VKEY, addresses = [PORT] } = changes;
  const text = formatSettings({
    origin: ORIGIN,
    name: "air-1",
    streams: ["air"],
    visibility: "public",
    everySeconds: 60,
    lat: 51,
    lon: -3,
    isMoving: false,
    hub: {
      mqtt: changes.mqtt ?? `mqtt://127.0.0.1:${portOf(broker)}`,
      url: `http://127.0.0.1:${portOf(hub)}`,
      vkey,
      hasPolicy: false,
    },
    sensors: addresses.map((address) => ({ stream: "air", driver: "sds011", address })),
  });
  await files.write("/home/air-1/edge.toml", encodeUtf8(text));
}

async function doctor(
  cwd = "/home/air-1",
  stop = new AbortController(),
): Promise<{ code: number; out: string }> {
  let out = "";
  const io = {
    argv: [],
    env: {},
    stdout: { write: (text: string) => (out += text) },
    stderr: { write: (text: string) => (out += text) },
    signal: stop.signal,
    clock: systemClock,
    random: seededRandom(1),
    files,
    cwd,
  };
  const code = await exitCodeOf((given) => runDoctor(given, ["edge.toml"], ports), io);
  expect(out).not.toContain("internal error");
  return { code, out };
}

test("a device that is well: every line ok, but that it has never run", async () => {
  const { code, out } = await doctor();
  expect(out).not.toContain("WRONG");
  for (const subject of [
    "settings",
    "key",
    "trust",
    "data folder",
    "disk",
    "hub",
    "clock",
    "login",
  ])
    expect(out).toMatch(new RegExp(`^ok +${subject} `, "m"));
  expect(out).toMatch(/^ok {6}sensor 1 .*can be opened/m);
  expect(out).toMatch(/^unsure {2}agent +has never run/m);
  expect(code).toBe(0);
});

test.each<[string, () => unknown, RegExp]>([
  ["no settings", () => files.remove("/home/air-1/edge.toml"), /WRONG +settings/],
  [
    "a key for all to read",
    async () => {
      const key = (await files.read("/home/air-1/key.pem"))!;
      await files.write("/home/air-1/key.pem", key, { mode: 0o644 });
    },
    /WRONG +key .*\n.*chmod 600/,
  ],
  ["no key", () => files.remove("/home/air-1/key.pem"), /WRONG +key +There is no key file/],
  ["another hub's vkey", () => settings({ vkey: "nonsense" }), /WRONG +trust/],
  [
    "a hub with another key",
    () => (said = { origin: ORIGIN, vkey: vkeyFor(2) }),
    /WRONG +hub .*another key/,
  ],
  [
    "a hub with another log",
    () => (said = { origin: "other", vkey: VKEY }),
    /WRONG +hub .*of other/,
  ],
  ["something that is no hub", () => (said = "hello"), /WRONG +hub .*no hub/],
  ["a login refused", () => (connack = 5), /WRONG +login .*refuses.*\n.*enrolled/],
  ["no broker", () => settings({ mqtt: "mqtt://127.0.0.1:1" }), /WRONG +login .*\n.*hub\.mqtt/],
  [
    "one port for two sensors",
    () => settings({ addresses: [PORT, PORT] }),
    /WRONG +settings .*sensors\[0\] has .* for itself/,
  ],
  [
    "one converter for two sensors",
    () => settings({ addresses: ["tcp://converter:4001", "tcp://converter:4001"] }),
    /WRONG +sensor 2 .*twice/,
  ],
  [
    "a disk that takes nothing",
    () => files.setFaults(({ path }) => (path.includes(".doctor") ? "undone" : undefined)),
    /WRONG +data folder .*\n.*chown/,
  ],
  [
    "a full disk",
    () => (ports = { ...ports, freeBytes: () => Promise.resolve(1_000_000) }),
    /WRONG +disk .*\n.*bytesMax/,
  ],
  [
    "no right to the port",
    () =>
      (ports = {
        ...ports,
        lines: () => () => () => Promise.reject(new Error("Error: Permission denied, cannot open")),
      }),
    /WRONG +sensor 1 .*\n.*dialout/,
  ],
])("%s", async (_, breakIt, expected) => {
  await breakIt();
  const { code, out } = await doctor();
  expect(out).toMatch(expected);
  expect(code).toBe(1);
});

test("a name that may change is worth knowing, and no fault", async () => {
  await settings({ addresses: ["/dev/ttyUSB0"] });
  const { code, out } = await doctor();
  expect(out).toMatch(/unsure +sensor 1 .*\n.*by-id/);
  expect(code).toBe(0);
});

const STATUS: AgentStatus = {
  device: "air-1",
  kid: "00",
  atMs: 1_000,
  isConnected: true,
  clockSource: "system",
  halted: undefined,
  isHubBehind: false,
  waitsFor: undefined,
  waitingReadings: 0,
  nextSeq: 1,
  oldestSeq: 0,
  storedSeq: 0,
  lastAckMs: undefined,
  outboxBytes: 0,
  outboxBytesMax: 1_000,
  counters: newCounters(),
  sensors: [],
};

test.each<[Partial<AgentStatus>, string, RegExp]>([
  [{}, "ok", /runs/],
  [{ waitsFor: "full" }, "wrong", /outbox is full/],
  [{ waitsFor: "not-enrolled" }, "wrong", /enrolment/],
  [{ isConnected: false }, "wrong", /not connected/],
  [{ isHubBehind: true }, "wrong", /forgotten/],
  [{ clockSource: "ntp", clockApartMs: 9_000 }, "wrong", /ntp is .* receiver is 9\.0 s ahead/],
  [{ clockSource: "gps", clockApartMs: -9_000 }, "wrong", /gps is .* clock.* is 9\.0 s behind/],
  [{ movedMetres: 2_224 }, "wrong", /2224 m from where the settings/],
  [{ halted: { reason: "counter-lost", text: "holds none" } }, "wrong", /holds none/],
  [{ counters: { ...newCounters(), readingsDropped: 7 } }, "unsure", /7 dropped/],
])("a running agent that says %j", (changes, level, text) => {
  const found = { status: { ...STATUS, ...changes }, isLive: true };
  const findings = judgeStatus(found, 2_000);
  const said = findings.find((finding) => text.test(finding.text));
  expect(said?.level).toBe(level);
});

test.each([
  ["silent", "wrong", /does not answer/],
  ["denied", "unsure", /may not be asked by this user/],
] as const)("an agent that is %s is not called gone", (unheard, level, text) => {
  const findings = judgeStatus({ status: STATUS, isLive: false, unheard }, 2_000);
  expect(findings[0]).toMatchObject({ subject: "agent", level });
  expect(findings[0]!.text).toMatch(text);
});

test("beside an agent that does not answer it neither logs in nor opens ports", async () => {
  const folder = await scope.folder("doctor");
  const text = decodeUtf8((await files.read("/home/air-1/edge.toml"))!)!;
  await files.makeFolder(`${folder}/data`);
  await createKey(files, `${folder}/key.pem`, seededRandom(1));
  await files.write(`${folder}/edge.toml`, encodeUtf8(text));
  await files.write(`${folder}/data/status.json`, encodeUtf8(JSON.stringify(STATUS)));
  await mkdir(`${folder}/data`);
  const mute = createTcpServer().listen(`${folder}/data/status.sock`);
  await once(mute, "listening");
  ports = { ...ports, lines: () => () => () => Promise.reject(new Error("somebody opened it")) };
  try {
    const { code, out } = await doctor(folder);
    expect(code).toBe(1);
    expect(out).toMatch(/^WRONG +agent +runs, and does not answer/m);
    expect(out).toMatch(/^unsure +sensor 1 +not tried/m);
    expect(out).not.toMatch(/login|somebody opened it/);
  } finally {
    mute.close();
  }
});

test("a data folder that this user may not read is one finding among the others", async () => {
  const read = files.read.bind(files);
  files.read = (path) =>
    path.endsWith("status.json")
      ? Promise.reject(Object.assign(new Error("EACCES: permission denied"), { code: "EACCES" }))
      : read(path);
  const { code, out } = await doctor();
  expect(code).toBe(1);
  expect(out).toMatch(/^WRONG +agent +EACCES/m);
  expect(out).toMatch(/^ok +trust/m);
  expect(out).not.toContain("login");
});

test("Ctrl-C while it looks finds nothing wrong", async () => {
  const stop = new AbortController();
  const reason = new UserError("Stopped by SIGINT.", { exitCode: 130 });
  ports = { ...ports, freeBytes: () => Promise.resolve(2 ** 40).finally(() => stop.abort(reason)) };
  const { code, out } = await doctor("/home/air-1", stop);
  expect(out).toBe("kerbstone: Stopped by SIGINT.\n");
  expect(code).toBe(130);
});

test("clock and space are judged by numbers", () => {
  const nowMs = Date.parse("2026-12-01T12:00:00Z");
  expect(judgeClock(nowMs, nowMs + 1, undefined, true).level).toBe("wrong");
  expect(judgeClock(nowMs, nowMs, undefined, undefined).level).toBe("ok");
  expect(judgeClock(nowMs, 0, nowMs + 60_001, true).level).toBe("wrong");
  expect(judgeClock(nowMs, 0, nowMs - 5_000, true).level).toBe("ok");
  expect(judgeClock(nowMs, 0, nowMs - 5_000, false).level).toBe("unsure");
  expect(judgeSpace(100 * 2 ** 20, 0, 50 * 2 ** 20).level).toBe("ok");
  expect(judgeSpace(100 * 2 ** 20, 0, 200 * 2 ** 20).level).toBe("unsure");
  expect(judgeSpace(100 * 2 ** 20, 150 * 2 ** 20, 200 * 2 ** 20).level).toBe("ok");
  expect(judgeSpace(2 ** 20, 0, 200 * 2 ** 20).level).toBe("wrong");
});
