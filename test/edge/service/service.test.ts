/** The agent as a service: when it counts as getting on, what systemd is told, and the unit. */

import { beforeEach, expect, test } from "vitest";
import { newCounters } from "../../../edge/counters.ts";
import type { Counters } from "../../../edge/counters.ts";
import { installService } from "../../../edge/commands/install-service-command.ts";
import type { InstallPorts } from "../../../edge/commands/install-service-command.ts";
import { Progress } from "../../../edge/status/progress.ts";
import type { ProgressView } from "../../../edge/status/progress.ts";
import { ServiceNotice } from "../../../edge/service/service-notice.ts";
import { formatSettings } from "../../../edge/settings/settings-file.ts";
import { watchdogSeconds } from "../../../edge/service/watchdog.ts";
import { formatUnit } from "../../../edge/service/systemd-unit.ts";
import type { UnitPlan } from "../../../edge/service/systemd-unit.ts";
import { decodeUtf8, encodeUtf8 } from "../../../ledger/bytes.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { createKey } from "../../../platform/key-file.ts";
import { exitCodeOf } from "../../../platform/lifecycle.ts";
import { silentLogger } from "../../../platform/log.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { seededRandom } from "../../../platform/random.ts";

const BUSY: ProgressView = {
  isConnected: true,
  halted: undefined,
  isHubBehind: false,
  waitsFor: undefined,
  waitingReadings: 5,
  nextSeq: 10,
  storedSeq: 7,
  counters: newCounters(),
};

const counting = (changes: Partial<Counters>): Counters => ({ ...newCounters(), ...changes });

test.each<[string, boolean, Partial<ProgressView>]>([
  ["the hub acknowledges more", true, { storedSeq: 8 }],
  ["the hub is connected and says nothing", false, {}],
  [
    "it takes one login after another and says nothing",
    false,
    { isConnected: false, counters: counting({ connections: 9 }) },
  ],
  [
    "the network is away, and it is tried",
    true,
    { isConnected: false, counters: counting({ connectionsFailed: 1 }) },
  ],
  [
    "the hub wants it again later",
    true,
    { counters: { ...newCounters(), nacksByCode: { quota: 1 } } },
  ],
  ["the hub refuses it", false, { counters: { ...newCounters(), nacksByCode: { malformed: 1 } } }],
  ["the network is away, and nothing is tried", false, { isConnected: false }],
  ["the sensors are silent, and all is acknowledged", true, { waitingReadings: 0, nextSeq: 8 }],
  ["the sensors are silent, and something is not", false, { waitingReadings: 0 }],
  ["it is not enrolled", true, { waitsFor: "not-enrolled", nextSeq: undefined }],
  ["the outbox is full", true, { waitsFor: "full" }],
  ["a gap is due and never signed", false, { waitsFor: "gap-due" }],
  [
    "the disk fails, and is tried",
    true,
    { waitsFor: "disk", counters: counting({ flushesFailed: 1 }) },
  ],
  ["the disk hangs", false, { waitsFor: "disk" }],
  ["it was stopped", true, { halted: { reason: "counter-lost", text: "" } }],
  ["the hub has to be restored", true, { isHubBehind: true }],
])("%s: %s", (_, isProgress, changes) => {
  const progress = new Progress();
  expect(progress.look(BUSY)).toBe(true);
  expect(progress.look({ ...BUSY, ...changes })).toBe(isProgress);
});

interface Told {
  readonly notice: ServiceNotice;
  readonly clock: ManualClock;
  readonly told: string[];
}

function noticeIn(env: Record<string, string>, fails = false, watchdogMsMin = 0): Told {
  const clock = new ManualClock(0);
  const told: string[] = [];
  const notify = (args: readonly string[]): Promise<void> => {
    told.push(args.join(" "));
    return fails ? Promise.reject(new Error("no such program")) : Promise.resolve();
  };
  const notice = new ServiceNotice({
    env,
    processId: 42,
    watchdogMsMin,
    notify,
    clock,
    logger: silentLogger,
  });
  return { notice, clock, told };
}

const WATCHED = { NOTIFY_SOCKET: "/run/x", WATCHDOG_USEC: "900000000", WATCHDOG_PID: "42" };

test("the watchdog is fed when there is progress, and not by time alone", async () => {
  const { notice, clock, told } = noticeIn(WATCHED);
  const stop = new AbortController();
  let progress = true;
  await notice.ready();
  const feeding = notice.feed(() => progress, stop.signal);
  await clock.advance(150_000);
  expect(told).toEqual(["--ready", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"]);
  progress = false;
  await clock.advance(3_600_000);
  expect(told).toHaveLength(4);
  progress = true;
  await clock.advance(60_000);
  expect(told).toHaveLength(5);
  stop.abort();
  await feeding;
});

test.each([{}, { NOTIFY_SOCKET: "" }, { WATCHDOG_USEC: "900000000" }])(
  "without systemd nothing is said: %j",
  async (env) => {
    const { notice, told } = noticeIn(env);
    await notice.ready();
    await notice.feed(() => true, new AbortController().signal);
    expect(told).toEqual([]);
  },
);

test("another process's watchdog is not ours; a notifier that fails ends nothing", async () => {
  expect(noticeIn({ ...WATCHED, WATCHDOG_PID: "41" }).notice.watchdogMs).toBeUndefined();
  const { notice, told } = noticeIn(WATCHED, true);
  await notice.ready();
  expect(told).toEqual(["--ready"]);
});

const PLAN: UnitPlan = {
  device: "air-1",
  command: ["/usr/bin/node", "/opt/kerbstone/dist/bin/kerbstone.js", "edge", "run", "/x/edge.toml"],
  user: "pi",
  dataFolder: "/var/lib/kerbstone/air-1/data",
  watchdogSeconds: 900,
  portGroup: "dialout",
  memoryMaxMebibytes: 256,
};

test("the unit names user, state, memory and watchdog", () => {
  const lines = formatUnit(PLAN).split("\n");
  for (const line of [
    "Type=notify",
    "NotifyAccess=all",
    "ExecStart=/usr/bin/node /opt/kerbstone/dist/bin/kerbstone.js edge run /x/edge.toml",
    "User=pi",
    "SupplementaryGroups=dialout",
    "StateDirectory=kerbstone/air-1/data",
    "ProtectSystem=strict",
    "MemoryMax=256M",
    "WatchdogSec=900",
  ])
    expect(lines).toContain(line);
});

test.each([
  [10, 60_000, 900],
  [3_600, 60_000, 10_800],
  [10, 3_600_000, 10_800],
])("packs of %d s, connections every %d ms: %d s", (packSeconds, reconnectMostMs, seconds) => {
  expect(watchdogSeconds({ packSeconds, reconnectMostMs })).toBe(seconds);
});

test("a unit that was written for quicker settings is told to be patient", async () => {
  const { notice, told, clock } = noticeIn(WATCHED, false, 10_800_000);
  const stop = new AbortController();
  await notice.ready();
  expect(told).toEqual(["--ready WATCHDOG_USEC=10800000000"]);
  expect(notice.watchdogMs).toBe(10_800_000);
  const feeding = notice.feed(() => true, stop.signal);
  await clock.advance(1);
  stop.abort();
  await feeding;
  const other = noticeIn({ NOTIFY_SOCKET: "/run/x" }, false, 10_800_000);
  await other.notice.ready();
  expect(other.told).toEqual(["--ready"]);
});

test("adapters that come later, and ports of any driver, are let in", () => {
  const unit = formatUnit(PLAN);
  // systemd leaves out device groups whose driver is not loaded when the unit starts.
  expect(unit).toMatch(/^Wants=modprobe@usbserial.service modprobe@cdc_acm.service$/m);
  expect(unit).toMatch(/^After=modprobe@usbserial.service modprobe@cdc_acm.service$/m);
  expect(unit).toMatch(/^DeviceAllow=char-tty\[A-Za-z\]\* rw$/m);
  expect(formatUnit({ ...PLAN, portGroup: undefined })).not.toContain("SupplementaryGroups");
});

test("data elsewhere may be written; words are escaped", () => {
  expect(formatUnit({ ...PLAN, dataFolder: "/var/lib/k/a:b" })).toContain(
    "ReadWritePaths=/var/lib/k/a:b\n",
  );
  const dataFolder = "/home/pi/my devices/50%";
  const command = ["/opt/a b/node", "$HOME"];
  const unit = formatUnit({ ...PLAN, dataFolder, command });
  expect(unit).toContain('ReadWritePaths="/home/pi/my devices/50%%"\n');
  expect(unit).not.toContain("StateDirectory");
  expect(unit).toContain('ExecStart="/opt/a b/node" $$HOME\n');
});

let files: MemoryFiles;
let out: string;
let calls: string[];
let ports: InstallPorts;

beforeEach(async () => {
  files = new MemoryFiles();
  out = "";
  calls = [];
  await files.makeFolder("/home/pi/air-1");
  await files.makeFolder("/etc/systemd/system");
  await files.write("/etc/passwd", encodeUtf8("root:x:0:0::/root:/bin/sh\npi:x:1000:1000::/:\n"));
  await createKey(files, "/home/pi/air-1/key.pem", seededRandom(1));
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
  await files.write("/home/pi/air-1/edge.toml", encodeUtf8(settings));
  ports = {
    ownerOf: () => Promise.resolve(1000),
    giveAs: (path, other) => {
      calls.push(`give ${path} as ${other}`);
      return Promise.resolve();
    },
    hasSystemd: () => Promise.resolve(true),
    systemctl: (args) => {
      calls.push(args.join(" "));
      return Promise.resolve();
    },
    command: ["/usr/bin/node", "/opt/kerbstone.js"],
  };
});

function install(argv: string[]): Promise<number> {
  return exitCodeOf((io) => installService(io, ["air-1/edge.toml", ...argv], ports), {
    argv,
    env: {},
    stdout: { write: (text: string) => (out += text) },
    stderr: { write: (text: string) => (out += text) },
    signal: new AbortController().signal,
    clock: new ManualClock(0),
    random: seededRandom(1),
    files,
    cwd: "/home/pi",
  });
}

const UNIT = "/etc/systemd/system/kerbstone-edge-air-1.service";

test("writes the unit for the key's owner, enables and starts it", async () => {
  expect(await install([])).toBe(0);
  const unit = decodeUtf8((await files.read(UNIT))!)!;
  expect(unit).toContain("User=pi\n");
  expect(unit).toContain(
    "ExecStart=/usr/bin/node /opt/kerbstone.js edge run /home/pi/air-1/edge.toml\n",
  );
  expect(unit).toContain("ReadWritePaths=/home/pi/air-1/data\n");
  const name = "kerbstone-edge-air-1.service";
  const started = ["daemon-reload", `enable ${name}`, `restart ${name}`];
  // The agent has never run, and systemd insists on the folders that a unit may write.
  const given = "give /home/pi/air-1/data as /home/pi/air-1/key.pem";
  expect(calls).toEqual([given, ...started]);
  expect(await files.facts("/home/pi/air-1/data")).toMatchObject({ mode: 0o700, isFolder: true });
  calls = [];
  expect(await install([])).toBe(0);
  expect(calls).toEqual(started);
});

test("folders above the data are the agent's, too, or it could not reach them", async () => {
  const settings = decodeUtf8((await files.read("/home/pi/air-1/edge.toml"))!)!;
  const data = `data = "/srv/kerbstone/air-1/data"\n${settings}`;
  await files.makeFolder("/srv");
  await files.write("/home/pi/air-1/edge.toml", encodeUtf8(data));
  expect(await install([])).toBe(0);
  const given = ["/srv/kerbstone", "/srv/kerbstone/air-1", "/srv/kerbstone/air-1/data"];
  expect(calls.slice(0, 3)).toEqual(
    given.map((folder) => `give ${folder} as /home/pi/air-1/key.pem`),
  );
});

test.each([
  ["root:x:0:\ndialout:x:20:\nuucp:x:10:\n", "SupplementaryGroups=dialout\n"],
  ["root:x:0:\nuucp:x:14:\n", "SupplementaryGroups=uucp\n"],
  ["root:x:0:\n", "User=pi\nReadWritePaths="],
])("the group of the ports is the system's: %j", async (groups, line) => {
  await files.write("/etc/group", encodeUtf8(groups));
  expect(await install(["--print"])).toBe(0);
  expect(out).toContain(line);
});

test("cameras have programs of their own, which need room", async () => {
  const camera = `[[cameras]]\nname = "street"\nstream = "camera"\nurl = "rtsp://10.0.0.1/1"\n`;
  const settings = decodeUtf8((await files.read("/home/pi/air-1/edge.toml"))!)!;
  await files.write("/home/pi/air-1/edge.toml", encodeUtf8(`${settings}\n${camera}`));
  expect(await install(["--print"])).toBe(0);
  expect(out).toContain("MemoryMax=512M\n");
  expect(out).toContain("TasksMax=112\n");
  out = "";
  await files.write("/home/pi/air-1/edge.toml", encodeUtf8(settings));
  expect(await install(["--print"])).toBe(0);
  expect(out).toContain("MemoryMax=256M\n");
  expect(out).toContain("TasksMax=64\n");
});

test("--print changes nothing; --no-start, and a machine without systemd, only write", async () => {
  expect(await install(["--print"])).toBe(0);
  expect(out).toContain("[Service]");
  expect(await files.exists(UNIT)).toBe(false);
  expect(await files.exists("/home/pi/air-1/data")).toBe(false);
  expect(await install(["--no-start"])).toBe(0);
  ports = { ...ports, hasSystemd: () => Promise.resolve(false) };
  expect(await install([])).toBe(0);
  expect(calls.filter((call) => !call.startsWith("give "))).toEqual([]);
  expect(out).toContain("systemctl enable --now kerbstone-edge-air-1.service");
});

test("root's key, another user's key, too little memory, no right to write", async () => {
  expect(await install(["--user", "www-data"])).toBe(2);
  expect(out).toContain("belongs to pi");
  expect(await install(["--memory-max", "10"])).toBe(2);
  expect(out).toContain("--memory-max");
  ports = { ...ports, ownerOf: () => Promise.resolve(0) };
  expect(await install([])).toBe(2);
  expect(out).toContain("should not run as root");
  ports = { ...ports, ownerOf: () => Promise.resolve(1000) };
  expect(await install(["--unit-folder", "/nowhere"])).toBe(2);
  expect(out).toContain("--print");
  expect(out).not.toContain("internal error");
});
