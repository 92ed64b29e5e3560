/**
 * InfluxDB taken away under load, and given back: the hub does not feel it, and afterwards nothing is missing in InfluxDB
 * and nothing is there twice. In the middle of it the hub is killed too.
 */
import { describe, expect, test } from "vitest";
import { decodePack } from "../../ledger/senml.ts";
import { Refusal } from "../../ledger/errors.ts";
import { HubProgram } from "../support/hub-program.ts";
import { influxRows } from "../support/influx-points.ts";
import { LoadDevice } from "../support/load-device.ts";
import { readLog } from "../support/log-folder.ts";
import { eventually } from "../support/process.ts";
import { influxd, startInflux } from "../support/programs.ts";
import { lacks } from "../support/requirements.ts";
import { testScope } from "../support/scope.ts";

const DATABASE = "kerbstone";
/** Statements of each device during each part of the outage. */
const STATEMENTS = 200;
/** Without a stall, that many take a second or two. */
const LIMIT_MS = 15_000;

describe.skipIf(lacks(influxd))("an outage of InfluxDB", () => {
  const scope = testScope();

  test("stalls nobody; afterwards every value is there once", async () => {
    const influx = await startInflux(scope);
    const url = `${influx.url}/${DATABASE}`;
    const hub = await HubProgram.make(scope, { flags: ["--influx-url", url] });
    await hub.start();
    const devices = ["north", "south"].map((name) => new LoadDevice(name, hub.origin));
    for (const device of devices) await hub.enrol(device.request);
    const stop = new AbortController();
    let isSigning = true;
    const loads = devices.map((device) => device.run(hub.mqttPort, stop.signal, () => isSigning));
    scope.defer(() => stop.abort());

    await more(devices);
    await eventually("the mirror is at work", async () =>
      (await points()).length > 0 ? true : undefined,
    );
    await influx.stop();
    const { height } = await hub.status();
    await more(devices);
    await eventually("blocks are sealed all the same", async () =>
      (await hub.status()).height > height + 1 ? true : undefined,
    );
    await hub.kill();
    await hub.start();
    await more(devices);
    await influx.start();
    await more(devices);
    // A power cut of the database loses nothing that it had acknowledged.
    await influx.kill();
    await more(devices);
    await influx.start();
    isSigning = false;
    await eventually("all is sealed", () =>
      devices.every(({ sealed, statements }) => sealed === statements.length - 1)
        ? true
        : undefined,
    );
    stop.abort();
    await Promise.all(loads);

    const expected = pointsOf(await readLog(hub.log));
    expect(expected.length).toBeGreaterThanOrEqual(5 * STATEMENTS * devices.length);
    await eventually(
      "the mirror has caught up",
      async () => ((await points()).length >= expected.length ? true : undefined),
      90_000,
      500,
    );
    expect(await points()).toEqual(expected);
    expect(devices.flatMap(({ violations }) => violations)).toEqual([]);
    await hub.stop();

    /** Everything in InfluxDB, by entry. */
    async function points(): Promise<Point[]> {
      const query = `SELECT "pm25", "entry", "device" FROM "air"`;
      const rows = await influxRows(influx, DATABASE, query);
      return rows
        .map(({ time, pm25, entry, device }) => [entry, device, pm25, time] as Point)
        .toSorted(([a], [b]) => a - b);
    }
  });
});

/** Entry, device, value, time in milliseconds. */
type Point = [entry: number, device: string, value: number, timeMs: number];

/** What the mirror should hold of a log in which each pack has one reading. */
function pointsOf(entries: Awaited<ReturnType<typeof readLog>>): Point[] {
  return entries.flatMap(({ kind, payload, issuer, iat }, index) => {
    if (kind !== "readings") return [];
    const pack = decodePack(payload, issuer, iat);
    if (pack instanceof Refusal) throw new Error(pack.text);
    const { value, time } = pack.readings[0]!;
    return [[index, issuer, Number(value), time * 1000] satisfies Point];
  });
}

/** Waits until each device has had so many more statements confirmed. */
async function more(devices: readonly LoadDevice[]): Promise<void> {
  const goals = devices.map(({ confirmed }) => confirmed + STATEMENTS);
  await eventually(
    "the devices go on",
    () => (devices.every(({ confirmed }, i) => confirmed >= goals[i]!) ? true : undefined),
    LIMIT_MS,
  );
}
