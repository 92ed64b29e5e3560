/** `/metrics`: the text, the server, and that it says what the agent did. */

import { once } from "node:events";
import { connect } from "node:net";
import { noPushes } from "../../../edge/sensors/lines/push-server.ts";
import { expect, test } from "vitest";
import { newCounters } from "../../../edge/counters.ts";
import { countingFiles } from "../../../edge/outbox/counting-files.ts";
import { formatMetrics } from "../../../edge/status/exposition.ts";
import { parseListenAddress } from "../../../platform/listen-address.ts";
import { keepServing, serveMetrics } from "../../../edge/status/metrics-server.ts";
import { metricsOf, pushMetricsOf } from "../../../edge/status/metrics.ts";
import type { AgentStatus } from "../../../edge/status/status.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { silentLogger } from "../../../platform/log.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { eventually } from "../../support/process.ts";

const STATUS: AgentStatus = {
  device: "air-1",
  kid: "0123456789abcdef",
  atMs: 1_000,
  isConnected: true,
  clockSource: "gps",
  clockApartMs: -3_600_250,
  movedMetres: 2_224,
  halted: undefined,
  isHubBehind: false,
  waitsFor: "no-position",
  waitingReadings: 3,
  nextSeq: 12,
  oldestSeq: 5,
  storedSeq: 11,
  lastAckMs: 1_700_000_000_500,
  outboxBytes: 4_096,
  outboxBytesMax: 65_536,
  counters: { ...newCounters(), readings: 99, nacksByCode: { quota: 2, future: 1 } },
  sensors: [
    {
      stream: "air",
      driver: "sds011",
      address: '/dev/serial/by-id/usb-"odd"\\name',
      state: "stuck",
      quantities: ["pm25"],
      lastSampleMs: 1_700_000_001_250,
      line: "open",
      lineCounters: {
        opened: 1,
        openingsFailed: 0,
        lost: 0,
        bytesRead: 500,
        bytesWritten: 19,
        bytesDropped: 0,
        bytesRefused: 0,
      },
      frameCounters: { framesGood: 40, framesBad: 2, bytesSkipped: 7 },
    },
  ],
};

/** The lines of one metric. */
const linesOf = (text: string, name: string): string[] =>
  text.split("\n").filter((line) => line.startsWith(`kerbstone_edge_${name}{`));

test("every number of a status stands under its name, times as times", () => {
  const text = formatMetrics(metricsOf([STATUS]));
  const device = 'device="air-1"';
  const sensor = `${device},sensor="1",stream="air",driver="sds011",address="/dev/serial/by-id/usb-\\"odd\\"\\\\name"`;
  expect(linesOf(text, "readings_total")).toEqual([`kerbstone_edge_readings_total{${device}} 99`]);
  expect(linesOf(text, "nacks_total")).toEqual([
    `kerbstone_edge_nacks_total{${device},code="quota"} 2`,
    `kerbstone_edge_nacks_total{${device},code="future"} 1`,
  ]);
  expect(linesOf(text, "outbox_statements")[0]).toMatch(/ 7$/);
  expect(linesOf(text, "acknowledged_timestamp_seconds")[0]).toMatch(/ 1700000000\.5$/);
  expect(linesOf(text, "waits")).toEqual([
    `kerbstone_edge_waits{${device},reason="no-position"} 1`,
  ]);
  expect(linesOf(text, "clock").filter((line) => line.endsWith(" 1"))).toEqual([
    `kerbstone_edge_clock{${device},source="gps"} 1`,
  ]);
  expect(linesOf(text, "clock_apart_seconds")).toEqual([
    `kerbstone_edge_clock_apart_seconds{${device}} -3600.25`,
  ]);
  expect(linesOf(text, "moved_meters")).toEqual([`kerbstone_edge_moved_meters{${device}} 2224`]);
  expect(linesOf(text, "sensor_frames_bad_total")).toEqual([
    `kerbstone_edge_sensor_frames_bad_total{${sensor}} 2`,
  ]);
  expect(linesOf(text, "sensor_state").filter((line) => line.endsWith(" 1"))).toEqual([
    `kerbstone_edge_sensor_state{${sensor},state="stuck"} 1`,
  ]);
  expect(linesOf(text, "sensor_sample_timestamp_seconds")[0]).toMatch(/ 1700000001\.25$/);
});

test("what messages brought besides readings is counted by reason, and pushes by their answers", () => {
  const [first] = STATUS.sensors;
  const passedOver = { retained: 3, unknown: 0, unusable: 2, contested: 0 };
  const status = { ...STATUS, sensors: [first!, { ...first!, stream: "yard", passedOver }] };
  const pushes = { ...noPushes(), 200: 7, 403: 1 };
  const text = formatMetrics([...metricsOf([status]), ...pushMetricsOf(pushes)]);
  const lines = linesOf(text, "sensor_passed_over_total");
  expect(lines).toHaveLength(4);
  expect(lines[0]).toMatch(/sensor="2",stream="yard",.*reason="retained"} 3$/);
  expect(linesOf(text, "pushes_total")).toContain('kerbstone_edge_pushes_total{code="403"} 1');
  expect(pushMetricsOf(undefined)).toEqual([]);
});

test("the channel of live pictures has its numbers, where there are cameras", () => {
  const preview = {
    isConnected: true,
    connections: 3,
    connectionsFailed: 1,
    bytesSent: 9_000,
    bytesDropped: 376,
    cameras: [
      { camera: "front", state: "ok", isWatched: true },
      { camera: "yard", state: "offline", isWatched: false },
    ],
  } as const;
  const text = formatMetrics(metricsOf([{ ...STATUS, preview }]));
  const value = (name: string): string | undefined => linesOf(text, name)[0]?.split(" ").at(-1);
  expect(value("preview_connected")).toBe("1");
  expect(value("preview_watched_cameras")).toBe("1");
  expect(value("preview_connections_total")).toBe("3");
  expect(value("preview_connections_failed_total")).toBe("1");
  expect(value("preview_sent_bytes_total")).toBe("9000");
  expect(value("preview_dropped_bytes_total")).toBe("376");
  expect(formatMetrics(metricsOf([STATUS]))).not.toContain("preview");
});

test("the text is well formed: help and type once a name, before its samples", () => {
  const text = formatMetrics(metricsOf([STATUS, { ...STATUS, device: "air-2" }]));
  const seen = new Set<string>();
  let present = "";
  for (const line of text.trimEnd().split("\n")) {
    const [, kind, name, type] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (kind === "HELP") {
      expect(seen).not.toContain(name);
      seen.add(name!);
      present = name!;
    } else if (kind === "TYPE") {
      expect(name).toBe(present);
      expect(type).toBe(name!.endsWith("_total") ? "counter" : "gauge");
    } else {
      expect(line).toMatch(/^[a-z0-9_]+(\{([a-z]+="([^"\\]|\\["\\n])*",?)*\})? -?[0-9.e+]+$/);
      expect(line.startsWith(`${present}{`)).toBe(true);
    }
  }
  expect(seen.size).toBeGreaterThan(35);
});

test("no series comes twice, also where two agents have one name", () => {
  const text = formatMetrics(metricsOf([STATUS, { ...STATUS, kid: "fedcba9876543210" }]));
  const series = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const names = series.map((line) => line.slice(0, line.lastIndexOf(" ")));
  expect(new Set(names).size).toBe(names.length);
  expect(names).toContain('kerbstone_edge_connected{device="air-1",kid="fedcba9876543210"}');
  expect(formatMetrics(metricsOf([STATUS]))).not.toContain("kid=");
});

test("what is not known is left out, not zero", () => {
  const [sensor] = STATUS.sensors;
  const text = formatMetrics(
    metricsOf([
      {
        ...STATUS,
        nextSeq: undefined,
        lastAckMs: undefined,
        waitsFor: undefined,
        sensors: [{ ...sensor!, lastSampleMs: undefined }],
      },
    ]),
  );
  for (const name of ["next_seq", "acknowledged_timestamp_seconds", "waits"])
    expect(linesOf(text, name)).toEqual([]);
  expect(text).not.toContain("sample_timestamp");
});

test.each([
  ["9464", { host: "127.0.0.1", port: 9464 }],
  ["0.0.0.0:9464", { host: "0.0.0.0", port: 9464 }],
  ["[::1]:1", { host: "::1", port: 1 }],
  ["pi.local:9464", { host: "pi.local", port: 9464 }],
  ["", undefined],
  ["65536", undefined],
  ["http://x:1", undefined],
  ["::1:1", undefined],
  ["host:", undefined],
])("the address %j", (text, address) => {
  expect(parseListenAddress(text)).toEqual(address);
});

test("the server answers GET and HEAD of /metrics, and nothing else", async () => {
  const server = await serveMetrics({ host: "127.0.0.1", port: 0 }, () => "up 1\n");
  try {
    const got = await fetch(server.url);
    expect([got.status, await got.text()]).toEqual([200, "up 1\n"]);
    expect(got.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    const head = await fetch(server.url, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect((await fetch(server.url, { method: "POST" })).status).toBe(405);
    expect((await fetch(new URL("/", server.url))).status).toBe(404);
    const { port } = new URL(server.url);
    const again = serveMetrics({ host: "127.0.0.1", port: Number(port) }, () => "");
    await expect(again).rejects.toThrow(/cannot be served/);
  } finally {
    await server.close();
  }
});

test("a port that is taken is waited for, and said once", async () => {
  const taken = await serveMetrics({ host: "127.0.0.1", port: 0 }, () => "other 1\n");
  const clock = new ManualClock(0);
  const stop = new AbortController();
  const address = { host: "127.0.0.1", port: Number(new URL(taken.url).port) };
  let said = 0;
  const logger = { ...silentLogger, error: () => void said++ };
  const url = new Promise<string>((listens) => {
    const parts = { address, render: () => "own 1\n", clock, logger, listens };
    void keepServing(parts, stop.signal).then(() => listens("ended"));
  });
  while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(15_000);
  while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
  expect(said).toBe(1);
  await taken.close();
  await clock.advance(15_000);
  expect(await (await fetch(await url)).text()).toBe("own 1\n");
  stop.abort();
});

test("those who take nothing of their answer do not keep all places", async () => {
  const much = `# ${"x".repeat(16_000_000)}\n`;
  const server = await serveMetrics({ host: "127.0.0.1", port: 0 }, () => much, { idleMs: 300 });
  const port = Number(new URL(server.url).port);
  try {
    const lazy = Array.from({ length: 16 }, () => connect(port, "127.0.0.1").pause());
    for (const socket of lazy) {
      socket.on("error", () => undefined);
      socket.write("GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n");
    }
    await Promise.all(lazy.map((socket) => once(socket, "connect")));
    const answer = async (): Promise<number | undefined> => {
      const head = await fetch(server.url, { method: "HEAD" }).catch(() => undefined);
      return head?.status;
    };
    expect(await eventually("a place", answer)).toBe(200);
    for (const socket of lazy) socket.destroy();
  } finally {
    await server.close();
  }
});

test("a disk's syncs and bytes are counted", async () => {
  const counters = newCounters();
  const files = countingFiles(new MemoryFiles(), counters);
  await files.makeFolder("/d");
  await files.write("/d/a", new Uint8Array(10));
  const file = await files.open("/d/b");
  await file.append(new Uint8Array(5));
  await file.sync();
  expect(file.size).toBe(5);
  await file.close();
  await files.remove("/d/a");
  expect(await files.list("/d")).toEqual(["b"]);
  expect([counters.bytesWritten, counters.syncs]).toEqual([15, 5]);
});
