/**
 * Whole stations over real sockets, with time moved by hand.
 */
import { Buffer } from "node:buffer";
import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { BoardStation } from "../../../firmware-sim/stations/board-station.ts";
import { District, type StationEnd } from "../../../firmware-sim/stations/district.ts";
import { readScenario } from "../../../firmware-sim/scenario/scenario.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { nodeFiles } from "../../../platform/files.ts";
import {
  describeWithShared,
  sharedBytes,
  sharedFile,
  sharedText,
} from "../../support/shared-data.ts";
import { testScope } from "../../support/scope.ts";
import { BoardClient } from "../board-client.ts";

const scope = testScope();
const EIGHT = Date.UTC(2026, 2, 3, 8, 0, 0, 400);

interface Running {
  district: District;
  clock: ManualClock;
  clients: BoardClient[];
  ends: Promise<StationEnd[]>;
  stop: () => void;
}

/** Opens boards with outlets on free ports, connects to each, and runs them. */
async function start(
  boards: Record<string, unknown>[],
  {
    files = {},
    fields = {},
    isRead = true,
  }: {
    files?: Record<string, string>;
    fields?: Record<string, unknown>;
    isRead?: boolean;
  } = {},
): Promise<Running> {
  const scenario = readScenario({
    ...fields,
    boards: boards.map((board, at) => ({ name: `board-${at}`, listen: "127.0.0.1:0", ...board })),
  });
  if (Array.isArray(scenario)) throw new Error(scenario.join("\n"));
  const disk = new MemoryFiles();
  await disk.makeFolder("/recordings");
  for (const [name, text] of Object.entries(files)) {
    await disk.write(`/recordings/${name}`, new TextEncoder().encode(text));
  }
  const clock = new ManualClock(EIGHT);
  const onDisk = Object.keys(files).length === 0;
  const district = await District.open(scenario, {
    seed: 7,
    clock,
    files: onDisk ? nodeFiles : disk,
    folder: "/recordings",
  });
  const clients: BoardClient[] = [];
  for (const station of isRead ? district.stations : [])
    clients.push(await BoardClient.connect(scope, station.address));
  const stop = new AbortController();
  // Let the servers see their clients before anything is sent.
  for (const at of clients.keys()) await boardOf(district, at).ready(AbortSignal.timeout(10_000));
  const ends = district.run(stop.signal, () => undefined);
  scope.defer(() => {
    stop.abort();
    return ends;
  });
  return { district, clock, clients, ends, stop: () => stop.abort() };
}

function boardOf(district: District, at: number): BoardStation {
  const station = district.stations[at];
  if (!(station instanceof BoardStation)) throw new Error(`station ${at} is no board`);
  return station;
}

/** Moves time on until the stations have ended. */
async function toEnd(running: Running): Promise<StationEnd[]> {
  let over = false;
  void running.ends.then(() => {
    over = true;
  });
  while (!over) await running.clock.advance(1000);
  return running.ends;
}

function frames(bytes: Buffer): [number, number][] {
  return Array.from({ length: bytes.length / 10 }, (_, at) => [
    bytes.readUInt16LE(10 * at + 2) / 10,
    bytes.readUInt16LE(10 * at + 4) / 10,
  ]);
}

describe("a model station", () => {
  test("measures on its beat, at once and then every interval", async () => {
    const { clock, clients, stop, ends } = await start([{ board: "sds011" }]);
    await clock.advance(4999);
    stop();
    await ends;
    expect((await clients[0]?.toEnd())?.length).toBe(50);
  });

  test("repeats itself from the same seed", async () => {
    const run = async (): Promise<Buffer | undefined> => {
      const { clock, clients, stop } = await start([
        { board: "sds011", faults: [{ kind: "bit-flips", share: 0.1 }] },
      ]);
      await clock.advance(20_000);
      stop();
      return clients[0]?.toEnd();
    };
    expect(await run()).toEqual(await run());
  });

  test("answers commands between measurements", async () => {
    const { clients } = await start([{ board: "sds011", id: 0xa160 }]);
    clients[0]?.socket.write(Buffer.from("aab407000000000000000000000000a16008ab", "hex"));
    const bytes = await clients[0]?.atLeast(20);
    expect(bytes?.subarray(10).toString("hex")).toBe("aac507120b10a16035ab");
  });

  test("tells the clock's time on the whole second", async () => {
    const { clock, clients, stop } = await start([
      { board: "nmea-gps", lat: 51.5877, lon: -2.9984 },
    ]);
    await clock.advance(1500);
    stop();
    const times = [...String(await clients[0]?.toEnd()).matchAll(/RMC,([\d.]+),A/g)].map(
      (match) => match[1],
    );
    expect(times).toEqual(["080000.00", "080001.00"]);
  });

  test("tells the city's time where that is another and runs faster", async () => {
    const { clock, clients, stop } = await start(
      [{ board: "nmea-gps", lat: 51.5877, lon: -2.9984 }],
      {
        fields: { start: "2030-01-01T12:00:00Z", speed: 60 },
      },
    );
    await clock.advance(2500);
    stop();
    const times = [...String(await clients[0]?.toEnd()).matchAll(/RMC,([\d.]+),A.*?,(\d{6}),/g)];
    expect(times.map((match) => match[1])).toEqual(["120000.00", "120100.00", "120200.00"]);
    expect(times[0]?.[2]).toBe("010130");
  });

  test("falls silent in a stall and is stuck when told", async () => {
    const { clock, clients, stop } = await start([
      { board: "sds011", faults: [{ kind: "stall", afterSeconds: 5, forSeconds: 5 }] },
      { board: "sds011", faults: [{ kind: "stuck" }] },
    ]);
    await clock.advance(19_999);
    stop();
    expect((await clients[0]?.toEnd())?.length).toBe(150);
    const stuck = frames((await clients[1]?.toEnd()) ?? Buffer.alloc(0));
    expect(stuck).toHaveLength(20);
    expect(new Set(stuck.map(String)).size).toBe(1);
  });
});

describe("a station with faults", () => {
  const GPS = { board: "nmea-gps", lat: 51.5877, lon: -2.9984 };

  test("reboots: it is deaf and dumb for a while, and says so when it is back", async () => {
    const { clock, clients, stop } = await start([
      { ...GPS, faults: [{ kind: "reboot", afterSeconds: 3, forSeconds: 4 }] },
    ]);
    await clock.advance(8400);
    stop();
    const sentences = String(await clients[0]?.toEnd());
    const times = [...sentences.matchAll(/RMC,(\d+)/g)].map((match) => match[1]);
    expect(times).toEqual(["080000", "080001", "080002", "080007", "080008"]);
    expect(sentences).toMatch(/080002[^$]*\$GNGGA[^$]*\$GNTXT[^$]*\$GNTXT[^$]*\$GNRMC,080007/);
  });

  test("tells another time while its clock is wrong", async () => {
    const { clock, clients, stop } = await start([
      { ...GPS, faults: [{ kind: "clock-jump", seconds: -3600, afterSeconds: 2, forSeconds: 2 }] },
    ]);
    await clock.advance(4500);
    stop();
    const times = [...String(await clients[0]?.toEnd()).matchAll(/RMC,(\d+)/g)];
    expect(times.map((match) => match[1])).toEqual([
      "080000",
      "080001",
      "070002",
      "070003",
      "080004",
    ]);
  });

  test("drifts", async () => {
    const { clock, clients, stop } = await start([
      { board: "sds011", faults: [{ kind: "drift", quantity: "pm10", perHour: 360_000 }] },
      { board: "sds011" },
    ]);
    await clock.advance(4500);
    stop();
    const [drifted, own] = await Promise.all(clients.map((client) => client.toEnd()));
    const rise = frames(drifted ?? Buffer.alloc(0)).map(
      ([, coarse], at) => coarse - (frames(own ?? Buffer.alloc(0))[0]?.[1] ?? 0) - 100 * at,
    );
    for (const difference of rise) expect(Math.abs(difference)).toBeLessThan(30);
  });

  test("is cut off where somebody else has taken its port meanwhile", async () => {
    const { clock, district, clients, ends } = await start([
      { board: "sds011", faults: [{ kind: "unplug", afterSeconds: 2, forSeconds: 2 }] },
    ]);
    clients[0]?.socket.on("error", () => undefined);
    await clock.advance(2500);
    const { port } = new URL(district.stations[0]?.address ?? "");
    const thief = createServer();
    scope.defer(() => thief.close());
    await new Promise<void>((resolve) => thief.listen(Number(port), "127.0.0.1", resolve));
    await clock.advance(2000);
    const [end] = await ends;
    expect(end?.error?.message).toContain("EADDRINUSE");
  });
});

describe("a replaying station", () => {
  const columns = { time: 0, pm25: 1, pm10: 2 };
  const text =
    "2026-01-01 00:00,1,2\n2026-01-01 00:01,3,4\n2026-01-01 00:02,,6\n2026-01-01 00:03,7,8\n";

  test("sends each row once, in its time, and ends", async () => {
    const running = await start(
      [{ board: "sds011", replay: { file: "pm.csv", columns, speed: 60 } }],
      {
        files: { "pm.csv": text },
      },
    );
    const sent: number[] = [];
    for (const ms of [0, 999, 1, 1999]) {
      await running.clock.advance(ms);
      sent.push(running.district.stations[0]?.report().bytesSent ?? 0);
    }
    expect(sent).toEqual([10, 10, 20, 20]);
    const [end] = await toEnd(running);
    expect(frames((await running.clients[0]?.toEnd()) ?? Buffer.alloc(0))).toEqual([
      [1, 2],
      [3, 4],
      [7, 8],
    ]);
    expect(end?.error).toBeUndefined();
    expect(end?.station.report()).toMatchObject({
      bytesSent: 30,
      bytesLost: 0,
      recording: { played: 3, incomplete: 1 },
    });
  });

  test("begins again, and goes on in time", async () => {
    const running = await start(
      [
        {
          board: "nmea-gps",
          replay: { file: "way.csv", columns: { time: 0, lat: 1, lon: 2 }, loop: true },
        },
      ],
      { files: { "way.csv": "2026-01-01 00:00:00,51,-3\n2026-01-01 00:00:10,52,-3\n" } },
    );
    await running.clock.advance(35_000);
    running.stop();
    const sentences = String(await running.clients[0]?.toEnd());
    expect([...sentences.matchAll(/RMC,(\d+)/g)].map((match) => match[1])).toEqual([
      "000000",
      "000010",
      "000020",
      "000030",
    ]);
  });

  test("waits for a reader, and keeps its pace from then on", async () => {
    const running = await start([{ board: "sds011", replay: { file: "pm.csv", columns } }], {
      files: { "pm.csv": text },
      isRead: false,
    });
    const [station] = running.district.stations;
    await running.clock.advance(600_000);
    expect(station?.report().bytesSent).toBe(0);
    const late = await BoardClient.connect(scope, station?.address ?? "");
    await late.atLeast(10);
    await running.clock.advance(59_000);
    expect(station?.report().bytesSent).toBe(10);
    await toEnd(running);
    expect(frames(await late.toEnd())).toEqual([
      [1, 2],
      [3, 4],
      [7, 8],
    ]);
    expect(station?.report().bytesLost).toBe(0);
  });

  test("runs in a loop without end even when its board sleeps", async () => {
    const running = await start(
      [{ board: "sds011", replay: { file: "one.csv", columns, loop: true, speed: 1e9 } }],
      { files: { "one.csv": "2026-01-01 00:00,1,2\n" } },
    );
    running.clients[0]?.socket.write(Buffer.from("aab406010000000000000000000000ffff05ab", "hex"));
    await running.clients[0]?.atLeast(20);
    await running.clock.advance(1000);
    running.stop();
    await running.ends;
  });

  test("that cannot be read is named with all the others, and nothing stays open", async () => {
    const boards = [
      { board: "sds011", replay: { file: "none.csv", columns } },
      { board: "sds011", replay: { file: "empty.csv", columns } },
      { board: "sds011", replay: { file: "pm.csv", columns: { ...columns, pm10: "PM 10" } } },
      { capture: { file: "pm.csv", format: "hexdump" } },
    ];
    await expect(start(boards, { files: { "pm.csv": text, "empty.csv": "" } })).rejects.toThrow(
      [
        "board-0: there is no file none.csv",
        "board-1: empty.csv: the recording is empty",
        'board-2: pm.csv: no column "PM 10" in "2026-01-01 00:00,1,2"',
        "board-3: pm.csv: line 1 is no line of a hex dump",
      ].join("\n"),
    );
  });
});

describeWithShared(
  "recordings of real boards",
  ["data/gpsd-nmea/neo-m8n.log", "data/pypms-captures"],
  () => {
    test("go out unchanged, as captures and by way of their values", async () => {
      const captured = "data/pypms-captures/captured_data/SDS01x";
      const running = await start([
        { capture: { file: sharedFile("data/gpsd-nmea/neo-m8n.log"), speed: 100 } },
        { capture: { file: sharedFile(`${captured}.hexdump`) } },
        {
          board: "sds011",
          id: 0x58d9,
          replay: {
            file: sharedFile(`${captured}.csv`),
            columns: { time: "time", pm25: "pm25", pm10: "pm10" },
          },
        },
      ]);
      await toEnd(running);
      const [log, dump, replayed] = await Promise.all(
        running.clients.map((client) => client.toEnd()),
      );
      expect(log?.equals(Buffer.from(sharedBytes("data/gpsd-nmea/neo-m8n.log")))).toBe(true);
      const hex = sharedText(`${captured}.hexdump`)
        .split("\n")
        .map((line) => line.slice(10, 39).replaceAll(" ", ""));
      expect(dump?.toString("hex")).toBe(hex.join(""));
      expect(replayed).toEqual(dump);
    });
  },
);

test("a port that is taken is named, and the other boards are closed again", async () => {
  const { district } = await start([{ board: "sds011" }]);
  const taken = district.stations[0]?.address.slice("tcp://".length) ?? "";
  await expect(
    start([{ board: "sds011" }, { board: "sds011", name: "second", listen: taken }]),
  ).rejects.toThrow(`second: ${taken} cannot be opened: listen EADDRINUSE`);
});
