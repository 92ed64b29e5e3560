/** The mirror into a real InfluxDB 1: outages, types, retention, awkward values, rebuilding. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { InfluxMirror } from "../../../hub/projections/influx.ts";
import { InfluxTarget, parseInfluxUrl } from "../../../hub/projections/influx-target.ts";
import { ProjectionRunner, RUNNER_LIMITS } from "../../../hub/projections/projection.ts";
import { EntryFeed } from "../../../hub/projections/entry-feed.ts";
import type { HubLog } from "../../../hub/log.ts";
import { systemClock } from "../../../platform/clock.ts";
import { silentLogger } from "../../../platform/log.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { seededRandom } from "../../../platform/random.ts";
import { influxRows } from "../../support/influx-points.ts";
import type { InfluxRow } from "../../support/influx-points.ts";
import { influxd, startInflux } from "../../support/programs.ts";
import type { InfluxServer } from "../../support/programs.ts";
import { lacks } from "../../support/requirements.ts";
import { Scope } from "../../support/scope.ts";
import { accepted, createLog, enrolDevice, logParts, START_MS } from "../support/log-bench.ts";
import type { TestChain } from "../support/log-maker.ts";
import { IAT, packEntries, packEntry } from "../support/unsigned-packs.ts";

const { signal } = new AbortController();
const scope = new Scope();
afterAll(() => scope.end());

describe.skipIf(lacks(influxd))("the mirror in InfluxDB", () => {
  let influx: InfluxServer;
  let database = "";
  let databases = 0;

  const rows = (query: string): Promise<InfluxRow[]> => influxRows(influx, database, query);
  const open = (files = new MemoryFiles()): Promise<InfluxMirror> => {
    const target = new InfluxTarget(parseInfluxUrl(`${influx.url}/${database}`), systemClock);
    const limits = { pointsMax: 500, bytesMax: 100_000, countEvery: 2 };
    const parts = { target, files, path: "/hub/mirror/influx", logger: silentLogger };
    return InfluxMirror.open(parts, limits);
  };

  beforeAll(async () => {
    influx = await startInflux(scope);
  });

  beforeEach(() => {
    database = `city-${++databases}`;
  });

  test("an outage leaves nothing out and nothing twice", async () => {
    const log: HubLog = await createLog(logParts(new MemoryFiles()));
    scope.defer(() => log.close());
    const chain: TestChain = enrolDevice(log, "air-1");
    const say = async (values: readonly number[]): Promise<void> => {
      for (const value of values) {
        accepted(log.decide(chain.readings(value, START_MS + value * 1000)));
      }
      await log.durable();
    };
    const feed = await EntryFeed.open(log);
    const ports = { feed, clock: systemClock, random: seededRandom(1), logger: silentLogger };
    const limits = { ...RUNNER_LIMITS, paceMs: 0, firstWaitMs: 5, waitMsMax: 50 };
    const mirror = await open();
    const runner = new ProjectionRunner(mirror, ports, limits);
    runner.start();
    scope.defer(() => runner.stop());
    const numbers = (from: number, to: number): number[] =>
      Array.from({ length: to - from }, (_, i) => from + i);

    await say(numbers(0, 50));
    await runner.reached(log.state.size, AbortSignal.timeout(30_000));
    await influx.stop();
    await say(numbers(50, 100));
    while (runner.status().failures < 3) await systemClock.sleep(5);
    expect(runner.status().lag).toBeGreaterThan(0);
    await influx.start();
    await runner.reached(log.state.size, AbortSignal.timeout(60_000));
    await influx.kill();
    await say(numbers(100, 150));
    await influx.start();
    await runner.reached(log.state.size, AbortSignal.timeout(60_000));

    const found = await rows(`SELECT * FROM "main"`);
    expect(found.map(({ temp }) => temp)).toEqual(numbers(0, 150));
    expect(found.map(({ time }) => time)).toEqual(numbers(0, 150).map((n) => START_MS + n * 1000));
    // Genesis, its seal and the enrolment come first.
    expect(found.map(({ entry }) => entry)).toEqual(numbers(3, 153));
    expect(mirror.figures.taken).toBeGreaterThanOrEqual(150);
    expect(Object.values(mirror.figures.refused).every((count) => count === 0)).toBe(true);
  });

  test("integers stay integers, floats floats, and awkward values what they are", async () => {
    const texts = [`say "no"`, "a,b=c d", "line\nbreak", "\\", `\\"`, "ünï", ",entry=9i 1", ""];
    const entries = packEntries([
      { readings: [{ quantity: "temp", value: 21, time: IAT }] },
      { readings: [{ quantity: "temp", value: 21.5, time: IAT + 0.001 }] },
      { readings: [{ quantity: "temp", value: -1.5e-9, time: IAT + 1 }] },
      { readings: [{ quantity: "temp", value: 1.5e300, time: IAT + 2 }] },
      { readings: [{ quantity: "temp", value: true, time: IAT + 3 }] },
      { readings: [{ quantity: "temp", value: "warm", time: IAT + 4 }] },
      ...texts.map((value, i) => ({
        stream: "words",
        readings: [{ quantity: "note", value, time: IAT + i }],
      })),
    ]);
    const mirror = await open();
    await mirror.take(entries, signal);
    await mirror.take(entries, signal);
    const found = await rows(`SELECT * FROM "main"`);
    expect(found.map(({ temp }) => temp)).toEqual([21, 21.5, -1.5e-9, 1.5e300, null, null]);
    expect(found.map(({ entry }) => entry)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(found[4]).toMatchObject({ temp_flag: true, device: "air-1" });
    expect(found[5]).toMatchObject({ temp_text: "warm" });
    const words = await rows(`SELECT "note_text" FROM "words"`);
    expect(words.map(({ note_text }) => note_text)).toEqual(texts);
    const keys = await rows(`SHOW FIELD KEYS FROM "main"`);
    expect(keys.map(({ fieldKey, fieldType }) => `${fieldKey} ${fieldType}`).sort()).toEqual([
      "entry integer",
      "lat float",
      "lon float",
      "temp float",
      "temp_flag boolean",
      "temp_text string",
    ]);
    const tags = await rows(`SHOW TAG KEYS`);
    expect(new Set(tags.map(({ tagKey }) => tagKey))).toEqual(new Set(["device"]));
  });

  test("what is older than the database keeps is counted and let go", async () => {
    const target = new InfluxTarget(parseInfluxUrl(`${influx.url}/${database}`), systemClock);
    await target.ensure();
    const policy = `ALTER RETENTION POLICY "autogen" ON "${database}" DURATION 1d SHARD DURATION 1h`;
    await fetch(`${influx.url}/query`, {
      method: "POST",
      body: new URLSearchParams({ q: policy }),
    });
    const nowSeconds = Math.floor(Date.now() / 1000);
    const old = { quantity: "temp", value: 1, time: IAT };
    const entries = packEntries([
      { readings: [old, { ...old, time: IAT + 1 }] },
      {
        readings: [
          { ...old, time: nowSeconds },
          { ...old, time: IAT + 2 },
        ],
      },
      { readings: [{ ...old, time: nowSeconds + 1 }] },
    ]);
    const mirror = await open();
    await mirror.take(entries, signal);
    expect(mirror.cursor.next).toBe(3);
    expect(mirror.figures).toMatchObject({ taken: 2, refused: { "beyond-retention": 3 } });
    expect(await rows(`SELECT * FROM "main"`)).toHaveLength(2);
  });

  test("a field that somebody else made of another type costs its points, and no others", async () => {
    const write = `${influx.url}/write?db=${database}&precision=ms`;
    const target = new InfluxTarget(parseInfluxUrl(`${influx.url}/${database}`), systemClock);
    await target.ensure();
    const body = `main,device=x temp="warm" ${IAT * 1000}`;
    expect((await fetch(write, { method: "POST", body })).status).toBe(204);
    const entries = packEntries([
      { readings: [{ quantity: "temp", value: 1, time: IAT + 1 }] },
      { readings: [{ quantity: "rh", value: 40, time: IAT + 2 }] },
    ]);
    const mirror = await open();
    await mirror.take(entries, signal);
    expect(mirror.cursor.next).toBe(2);
    expect(mirror.figures).toMatchObject({ taken: 1, refused: { "field-type": 1 } });
  });

  test("a database that is dropped behind its back is filled again", async () => {
    const files = new MemoryFiles();
    const specs = [1, 2, 3].map((value) => ({
      readings: [{ quantity: "temp", value, time: IAT + value }],
    }));
    const entries = packEntries(specs);
    const mirror = await open(files);
    await mirror.take(entries, signal);
    const drop = new URLSearchParams({ q: `DROP DATABASE "${database}"` });
    await fetch(`${influx.url}/query`, { method: "POST", body: drop });
    const next = packEntry(3, { readings: [{ quantity: "temp", value: 4, time: IAT + 4 }] });
    await expect(mirror.take([next], signal)).rejects.toThrow();
    await mirror.take([next], signal);
    expect(mirror.cursor.next).toBe(0);
    await mirror.take([...entries, next], signal);
    expect(await rows(`SELECT * FROM "main"`)).toHaveLength(4);
    expect((await open(files)).cursor.next).toBe(4);
    await mirror.drop();
    const names = await rows("SHOW DATABASES");
    expect(names.map(({ name }) => name)).not.toContain(database);
  });
});
