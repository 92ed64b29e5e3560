/** Whole agents over a scripted hub: sensors in memory, clocks and disks that fail. */

import { Buffer } from "node:buffer";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { AgentParts } from "../../edge/agent-parts.ts";
import { DRIVERS } from "../../edge/sensors/drivers/drivers.ts";
import { Refusal } from "../../ledger/errors.ts";
import { kidHex } from "../../ledger/key.ts";
import { openPack } from "../../ledger/preimage.ts";
import type { Pack } from "../../ledger/senml.ts";
import type { ManualClock } from "../../platform/clock.ts";
import { silentLogger } from "../../platform/log.ts";
import type { MemoryFiles } from "../../platform/memory-files.ts";
import { AgentSetup, signer, TRUE_MS } from "./agent-setup.ts";
import type { MemoryLine, RunningAgent } from "./agent-setup.ts";
import type { ScriptedHub } from "./delivery/scripted-hub.ts";

let setup: AgentSetup;
let clock: ManualClock;
let hub: ScriptedHub;
let line: MemoryLine;
let files: MemoryFiles;

beforeEach(async () => {
  setup = await AgentSetup.begin();
  ({ clock, hub, line, files } = setup);
});

afterEach(() => setup.end());

const until = (what: string, holds: () => boolean): Promise<void> => setup.until(what, holds);
const start = (changes?: Partial<AgentParts>, driverName?: string): Promise<RunningAgent> =>
  setup.start(changes, driverName);
const packs = (): Pack[] => setup.packs();
const values = (quantity: string): unknown[] => setup.values(quantity);

test("frames become packs in the log, with place and time, and are let go when cosigned", async () => {
  hub.enrol("air-1", signer);
  const { agent } = await start();
  await until("the line is open", () => line.events !== undefined);
  await until("it is enrolled", () => agent.status().nextSeq === 0);
  const measuredMs = clock.nowMs();
  line.sds011(123, 456);
  await clock.advance(1_000);
  line.sds011(99, 100);
  await until("a pack is there", () => packs().length === 1);
  const [pack] = packs();
  expect([pack!.lat, pack!.lon]).toEqual([51.5, -3]);
  expect(values("pm25")).toEqual([12.3, 9.9]);
  expect(pack!.readings[0]!.time * 1000).toBeCloseTo(measuredMs, 0);
  await hub.seal();
  await until("it is let go", () => agent.status().oldestSeq === 1);
  expect(agent.status().waitsFor).toBeUndefined();
});

test("before the clock is believed readings wait, and then get the times at which they were measured", async () => {
  hub.enrol("air-1", signer);
  clock.jump(-TRUE_MS);
  const { agent } = await start();
  await until("the line is open", () => line.events !== undefined);
  line.sds011(11, 12);
  await clock.advance(30_000);
  line.sds011(21, 22);
  await clock.advance(30_000);
  expect(hub.logins).toBe(0);
  expect(agent.status()).toMatchObject({ clockSource: "none", waitingReadings: 4 });
  clock.jump(TRUE_MS);
  await until("the packs are there", () => packs().length === 2);
  const times = packs().map(({ readings }) => readings[0]!.time);
  expect(times[1]! - times[0]!).toBeCloseTo(30, 3);
  expect(times[0]! * 1000).toBeGreaterThan(TRUE_MS);
});

test("a board without a clock asks the hub for the time, as a last resort", async () => {
  hub.enrol("air-1", signer);
  clock.jump(-TRUE_MS);
  await start({ askHubTime: () => Promise.resolve(TRUE_MS + clock.monotonicMs()) });
  await until("the line is open", () => line.events !== undefined);
  line.sds011(11, 12);
  await until("the pack is there", () => packs().length === 1);
});

test("packs say who vouched for the time, and by how much the clock was moved", async () => {
  hub.enrol("air-1", signer);
  let isKept: boolean | undefined = true;
  await start({ askTimeSync: () => Promise.resolve(isKept) });
  await until("the line is open", () => line.events !== undefined);
  line.sds011(11, 12);
  await until("a pack is there", () => packs().length === 1);
  clock.jump(-7_200_000);
  isKept = undefined;
  await clock.advance(20_000);
  const measuredMs = clock.nowMs();
  line.sds011(21, 22);
  await until("another is there", () => packs().length === 2);
  expect(values("clock")).toEqual(["ntp", "system"]);
  expect(values("clock-step")).toEqual([-7_200]);
  expect(packs()[1]!.readings[0]!.time * 1000).toBeCloseTo(measuredMs, 0);
  line.sds011(31, 32);
  await until("a third is there", () => packs().length === 3);
  expect(values("clock-step")).toEqual([-7_200]);
});

test("a clock that is known not to be kept is waited for; what is read meanwhile gets its true time", async () => {
  hub.enrol("air-1", signer);
  // Where the board was switched off, as fake-hwclock keeps it: after the build date, and two days ago.
  clock.jump(-172_800_000);
  let isKept = false;
  const { agent } = await start({ askTimeSync: () => Promise.resolve(isKept) });
  await until("the line is open", () => line.events !== undefined);
  const measuredMs = clock.nowMs() + 172_800_000;
  line.sds011(11, 12);
  await clock.advance(30_000);
  expect(agent.status()).toMatchObject({ clockSource: "none", waitingReadings: 2 });
  clock.jump(172_800_000);
  isKept = true;
  await until("the pack is there", () => packs().length === 1);
  expect(packs()[0]!.readings[0]!.time * 1000).toBeCloseTo(measuredMs, 0);
  expect(values("clock")).toEqual(["ntp"]);
});

test("a clock that nobody ever keeps is used in the end, and called so", async () => {
  hub.enrol("air-1", signer);
  await start({ askTimeSync: () => Promise.resolve(false) });
  await until("the line is open", () => line.events !== undefined);
  line.sds011(11, 12);
  await clock.advance(110_000);
  expect(packs()).toEqual([]);
  await until("the pack is there", () => packs().length === 1);
  expect(values("clock")).toEqual(["system"]);
});

test.each([
  ["ntp", undefined, 0, 7_200],
  ["gps", "gps", 7_200, -7_200],
] as const)(
  "a receiver that lies beside a clock that is kept: %s is believed, and packs say that the other one contradicts",
  async (source, preferClock, aheadSeconds, apartSeconds) => {
    hub.enrol("air-1", signer);
    const warnings: string[] = [];
    const warn = (_: object, message: string): void => void warnings.push(message);
    const { agent } = await start(
      { askTimeSync: () => Promise.resolve(true), preferClock, logger: { ...silentLogger, warn } },
      "nmea",
    );
    await until("the line is open", () => line.events !== undefined);
    const measuredMs = clock.nowMs();
    for (let second = 10; second < 50; second++) {
      line.nmea(`GPGGA,1400${second},5130.000,N,00300.000,W,1,08,0.9,45.4,M,46.9,M,,`);
      line.nmea(`GPRMC,1400${second},A,5130.000,N,00300.000,W,000.0,000.0,011226,,,A`);
      await clock.advance(1_000);
    }
    await until("a pack is there", () => packs().length > 0);
    expect(values("clock")).toEqual([source]);
    expect(values("clock-apart")).toEqual([expect.closeTo(apartSeconds, -2)]);
    const { time } = packs()[0]!.readings[0]!;
    expect(Math.abs(time - measuredMs / 1000 - aheadSeconds)).toBeLessThan(20);
    const status = agent.status();
    expect(status.clockSource).toBe(source);
    expect(status.clockApartMs).toBe(1_000 * (values("clock-apart")[0] as number));
    const view = JSON.parse(hub.states.at(-1)!) as { clockApartSeconds: number };
    expect(view.clockApartSeconds).toBeCloseTo(apartSeconds, -2);
    expect(warnings.filter((text) => text.includes("contradict"))).toHaveLength(1);
  },
);

test("a device that is not enrolled yet keeps what it reads until it is", async () => {
  const { agent } = await start();
  await until("the line is open", () => line.events !== undefined);
  line.sds011(1, 2);
  await clock.advance(120_000);
  expect(agent.status().waitsFor).toBe("not-enrolled");
  hub.enrol("air-1", signer);
  await until("the pack is there", () => packs().length === 1);
  expect(values("pm25")).toEqual([0.1]);
});

test("position and time by a receiver: packs wait for the first fix", async () => {
  hub.enrol("air-1", signer);
  clock.jump(-TRUE_MS);
  await start({ position: undefined }, "nmea");
  await until("the line is open", () => line.events !== undefined);
  for (let second = 10; second < 40; second++) {
    line.nmea(`GPGGA,1200${second},5130.000,N,00300.000,W,1,08,0.9,45.4,M,46.9,M,,`);
    line.nmea(`GPRMC,1200${second},A,5130.000,N,00300.000,W,000.0,000.0,011226,,,A`);
    await clock.advance(1_000);
  }
  await until("a pack is there", () => packs().length > 0);
  expect(packs()[0]!.lat).toBeCloseTo(51.5, 6);
  expect(packs()[0]!.lon).toBeCloseTo(-3, 6);
  const { time } = packs()[0]!.readings[0]!;
  expect(Math.abs(time * 1000 - Date.parse("2026-12-01T12:00:10Z"))).toBeLessThan(2_000);
});

test("a receiver beside a place in the settings says when the device was carried off", async () => {
  hub.enrol("air-1", signer);
  const warnings: string[] = [];
  const warn = (_: object, message: string): void => void warnings.push(message);
  const { agent } = await start({ logger: { ...silentLogger, warn } }, "nmea");
  await until("the line is open", () => line.events !== undefined);
  // 51.5 north and 3 west is where it was enrolled; then it is 2,224 m north of there.
  const fix = async (at: number, lat: string): Promise<void> => {
    const time = new Date(at * 1_000).toISOString().slice(11, 19).replaceAll(":", "");
    line.nmea(`GPGGA,${time},${lat},N,00300.000,W,1,08,0.9,45.4,M,46.9,M,,`);
    line.nmea(`GPRMC,${time},A,${lat},N,00300.000,W,000.0,000.0,011226,,,A`);
    await clock.advance(1_000);
  };
  for (let second = 0; second < 15; second++) await fix(second, "5130.000");
  await until("a pack is there", () => packs().length > 0);
  expect(values("moved")).toEqual([]);
  // The place itself is read once a minute.
  for (let second = 15; second < 90; second++) await fix(second, "5131.200");
  await until("a second pack is there", () => packs().length > 1);
  expect(values("moved").at(-1)).toBe(2_224);
  expect(packs().every(({ lat, lon }) => lat === 51.5 && lon === -3)).toBe(true);
  expect(agent.status().movedMetres).toBe(2_224);
  await until(
    "the live view says so",
    () => hub.states.at(-1)?.includes('"movedMetres":2224') === true,
  );
  expect(warnings.filter((text) => text.includes("where the settings put"))).toHaveLength(1);
});

test("each pack says where the device was, however long it waited to be signed", async () => {
  await start({ position: undefined }, "nmea");
  await until("the line is open", () => line.events !== undefined);
  for (let second = 0; second < 90; second++) {
    const time = new Date(TRUE_MS + second * 1_000).toISOString().slice(11, 19).replaceAll(":", "");
    const north = second < 30 ? "5130.000" : "5230.000";
    line.nmea(`GPGGA,${time},${north},N,00300.000,W,1,08,0.9,45.4,M,46.9,M,,`);
    line.nmea(`GPRMC,${time},A,${north},N,00300.000,W,000.0,000.0,011226,,,A`);
    await clock.advance(1_000);
  }
  expect(packs()).toEqual([]);
  hub.enrol("air-1", signer);
  await until("the packs are there", () => packs().length === 2);
  expect(packs().map(({ lat }) => Math.round(10 * lat) / 10)).toEqual([51.5, 52.5]);
});

test("a restricted device commits to its packs, and the preimage travels beside", async () => {
  hub.enrol("air-1", signer, ["air"], "restricted");
  await start({ isRestricted: true });
  await until("the line is open", () => line.events !== undefined);
  line.sds011(123, 456);
  await until("a statement is there", () => hub.statements().length === 1);
  const { statement } = hub.statements()[0]!;
  expect(statement.kind).toBe("salted");
  const pack = openPack(statement, hub.preimages.get(statement.seq)!);
  expect(pack).not.toBeInstanceOf(Refusal);
  expect((pack as Pack).readings.map(({ value }) => value)).toEqual([12.3, 45.6, "system"]);
});

test("preimages are kept until the hub says that they are held, also before a gap, which has none", async () => {
  hub.enrol("air-1", signer, ["air"], "restricted");
  hub.bodiesHeld = -1;
  const { agent } = await start({ isRestricted: true });
  await until("it is enrolled", () => agent.status().nextSeq === 0);
  line.sds011(1, 1);
  await until("a statement is there", () => hub.statements().length === 1);
  hub.refuse = ({ kind }) => (kind === "gap" ? undefined : "malformed");
  line.sds011(2, 2);
  await until("a gap is the last", () => hub.statements().length === 2);
  await hub.seal();
  await clock.advance(60_000);
  expect(agent.status()).toMatchObject({ storedSeq: 2, oldestSeq: 0 });
  hub.bodiesHeld = 0;
  await hub.ack();
  await until("the first is let go", () => agent.status().oldestSeq === 1);
  hub.bodiesHeld = Infinity;
  await hub.ack();
  await until("all is let go", () => agent.status().oldestSeq === 3);
});

test("at its bounds it drops new readings unsigned, counts them, and owns up in the next pack", async () => {
  hub.enrol("air-1", signer);
  const { agent } = await start({ outboxBytesMax: 4_000, waitingReadingsMax: 100 });
  await until("it is enrolled", () => agent.status().nextSeq === 0);
  hub.isSilent = true;
  hub.cut();
  for (let second = 0; second < 600; second++) {
    line.sds011(second, second);
    await clock.advance(1_000);
  }
  const full = agent.status();
  expect(full.waitsFor).toBe("full");
  expect(full.outboxBytes).toBeLessThan(5_000);
  expect(full.waitingReadings).toBeLessThanOrEqual(100);
  expect(full.counters.readingsDropped).toBeGreaterThan(500);
  hub.isSilent = false;
  for (let round = 0; round < 30; round++) {
    await clock.advance(10_000);
    await hub.seal();
  }
  line.sds011(7, 7);
  await until("the last one is there", () => values("pm25").at(-1) === 0.7);
  const { counters } = agent.status();
  const said = values("dropped") as number[];
  expect(said.reduce((sum, count) => sum + count, 0)).toBe(counters.readingsDropped);
  // Two readings a frame; what was not dropped is in the log, once.
  expect(2 * values("pm25").length).toBe(counters.readings - counters.readingsDropped);
});

test("a disk that fails stops signing, not sampling, and nothing is lost when it comes back", async () => {
  hub.enrol("air-1", signer);
  const { agent } = await start();
  await until("it is enrolled", () => agent.status().nextSeq === 0);
  files.setFaults((operation) => (operation.path.includes("/outbox/") ? "undone" : undefined));
  for (let second = 0; second < 60; second++) {
    line.sds011(second + 1, second + 1);
    await clock.advance(1_000);
  }
  expect(packs()).toHaveLength(0);
  expect(agent.status().waitsFor).toBe("disk");
  files.setFaults();
  await until("all is there", () => values("pm25").length === 60);
  expect(values("pm25")).toEqual(Array.from({ length: 60 }, (_, i) => (i + 1) / 10));
});

test("a clock that jumps back reorders nothing that was signed", async () => {
  hub.enrol("air-1", signer);
  await start({ pack: { seconds: 5, readingsMax: 64 } });
  await until("the line is open", () => line.events !== undefined);
  for (let second = 1; second <= 60; second++) {
    if (second === 30) clock.jump(-120_000);
    line.sds011(second, second);
    await clock.advance(1_000);
  }
  await until("all is there", () => values("pm25").length === 60);
  expect(values("pm25")).toEqual(Array.from({ length: 60 }, (_, i) => (i + 1) / 10));
  expect(hub.received.every(({ outcome }) => outcome === "accepted")).toBe(true);
});

test("stopping signs what was read, and the next start sends it", async () => {
  hub.enrol("air-1", signer);
  const first = await start();
  await until("it is enrolled", () => first.agent.status().nextSeq === 0);
  line.sds011(42, 42);
  await clock.advance(10);
  await first.stop();
  expect(packs()).toHaveLength(0);
  files.crash();
  await start();
  await until("the pack is there", () => packs().length === 1);
  expect(values("pm25")).toEqual([4.2]);
});

test("the live view shows the newest values, and the status file how the agent is", async () => {
  hub.enrol("air-1", signer);
  const running = await start();
  await until("the line is open", () => line.events !== undefined);
  line.sds011(42, 50);
  await until("a view with values is there", () => hub.states.some((text) => text.includes("4.2")));
  const view = JSON.parse(hub.states.at(-1)!) as { device: string; values: { timeMs: number }[] };
  expect(view.device).toBe("air-1");
  expect(view.values[0]!.timeMs).toBeGreaterThan(TRUE_MS);
  await running.stop();
  const status = JSON.parse(Buffer.from((await files.read("/data/status.json"))!).toString()) as {
    kid: string;
    sensors: unknown[];
  };
  expect(status.kid).toBe(kidHex(signer.publicKey));
  expect(status.sensors).toHaveLength(1);
});

test("how the sensors are stands in the live view; a stuck value is flagged in the ledger", async () => {
  hub.enrol("air-1", signer);
  const notBeforeMs = Date.parse("2026-11-01");
  const driver = DRIVERS.get("sds011")!.create({ warmUpSeconds: 0 }, { notBeforeMs });
  const sensor = {
    stream: "air",
    driverName: "sds011",
    address: "memory",
    driver,
    stuckMs: 60_000,
  };
  const { agent } = await start({ sensors: [{ ...sensor, connect: line.connect }] });
  const stateOf = (): unknown =>
    (JSON.parse(hub.states.at(-1) ?? "{}") as { sensors?: unknown[] }).sensors?.[0];
  await until("it is enrolled", () => agent.status().nextSeq === 0);
  for (let second = 0; second < 70; second++) {
    line.sds011(123, 200 + second);
    await clock.advance(1_000);
  }
  expect(agent.status().sensors[0]).toMatchObject({ state: "stuck", quantities: ["pm25"] });
  await until("the view says so", () => JSON.stringify(stateOf()).includes("stuck"));
  expect(stateOf()).toEqual({
    stream: "air",
    driver: "sds011",
    state: "stuck",
    quantities: ["pm25"],
  });
  await until("all is there", () => values("pm25").length === 70);
  expect(values("pm25-fault")).toEqual(Array.from({ length: 10 }, () => true));
  expect(values("pm10-fault")).toEqual([]);
  await until("it is silent", () => JSON.stringify(stateOf()).includes("silent"));
  line.events!.closed(new Error("pulled out"));
  await clock.advance(100);
  expect(agent.status().sensors[0]!.state).toBe("offline");
});
