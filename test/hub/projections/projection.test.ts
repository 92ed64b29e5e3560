/** How projections follow a log: the real log over a disk in memory, and projections that can be made to fail. */

import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { NOTHING_TAKEN } from "../../../hub/index-db.ts";
import type { Cursor } from "../../../hub/index-db.ts";
import type { HubLog } from "../../../hub/log.ts";
import { HubLog as Log } from "../../../hub/log.ts";
import { EntryFeed } from "../../../hub/projections/entry-feed.ts";
import type { FeedLimits, ProjectedEntry } from "../../../hub/projections/entry-feed.ts";
import {
  cursorAfter,
  ProjectionRunner,
  RUNNER_LIMITS,
} from "../../../hub/projections/projection.ts";
import type { Projection, RunnerLimits } from "../../../hub/projections/projection.ts";
import { Projections } from "../../../hub/projections/projections.ts";
import { systemClock } from "../../../platform/clock.ts";
import { silentLogger } from "../../../platform/log.ts";
import type { Logger } from "../../../platform/log.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { seededRandom } from "../../../platform/random.ts";
import { Scope } from "../../support/scope.ts";
import { accepted, createLog, enrolDevice, logParts, START_MS } from "../support/log-bench.ts";
import type { TestChain } from "../support/log-maker.ts";

const LIMITS: RunnerLimits = { ...RUNNER_LIMITS, paceMs: 0, firstWaitMs: 1, waitMsMax: 4 };
const ALL = AbortSignal.timeout(60_000);

const scope = new Scope();
afterAll(() => scope.end());

let files: MemoryFiles;
let log: HubLog;
let chain: TestChain;

beforeEach(async () => {
  files = new MemoryFiles();
  log = await createLog(logParts(files));
  chain = enrolDevice(log, "air-1");
  await log.durable();
});

async function say(count: number): Promise<void> {
  for (let i = 0; i < count; i++) accepted(log.decide(chain.readings(i, START_MS)));
  await log.durable();
}

/** Remembers what it took; fails as often as it is told. */
class Recorder implements Projection {
  readonly name = "recorder";
  cursor: Cursor = NOTHING_TAKEN;
  taken: ProjectedEntry[] = [];
  failures = 0;
  resets = 0;
  tries = 0;

  take(entries: readonly ProjectedEntry[]): Promise<void> {
    this.tries += 1;
    if (this.failures > 0) {
      this.failures -= 1;
      return Promise.reject(new Error("out of order"));
    }
    this.taken.push(...entries);
    this.cursor = cursorAfter(entries);
    return Promise.resolve();
  }

  reset(): Promise<void> {
    this.cursor = NOTHING_TAKEN;
    this.taken = [];
    this.resets += 1;
    return Promise.resolve();
  }
}

async function follow(
  recorder: Recorder,
  limits: RunnerLimits = LIMITS,
  feedLimits?: FeedLimits,
): Promise<{ runner: ProjectionRunner; feed: EntryFeed }> {
  const feed = await EntryFeed.open(log, feedLimits);
  const ports = { feed, clock: systemClock, random: seededRandom(1), logger: silentLogger };
  const runner = new ProjectionRunner(recorder, ports, limits);
  runner.start();
  scope.defer(() => runner.stop());
  return { runner, feed };
}

const indexes = ({ taken }: Recorder): number[] => taken.map(({ index }) => index);
const upTo = (size: number): number[] => Array.from({ length: size }, (_, i) => i);

describe("a projection", () => {
  test("takes what was there before, and what comes, each once and in order", async () => {
    await say(5);
    const recorder = new Recorder();
    const { runner } = await follow(recorder, { ...LIMITS, entriesMax: 3 });
    await say(20);
    await log.seal();
    await say(4);
    await runner.reached(log.state.size, ALL);
    expect(indexes(recorder)).toEqual(upTo(log.state.size));
    const [first] = recorder.taken.filter(({ measured }) => measured !== undefined);
    expect(first?.measured?.values).toEqual([
      { quantity: "temp", unit: "Cel", value: 0, timeMs: START_MS, isFault: false },
    ]);
  });

  test("reads the log itself where it is too far behind for memory", async () => {
    const recorder = new Recorder();
    const tight = { entriesMax: 4, bytesMax: 1000 };
    const { runner } = await follow(recorder, { ...LIMITS, entriesMax: 3 }, tight);
    await say(40);
    await log.seal();
    await say(3);
    await runner.reached(log.state.size, ALL);
    expect(indexes(recorder)).toEqual(upTo(log.state.size));
  });

  test("that fails is tried again, counted, and nobody waits for it", async () => {
    const recorder = new Recorder();
    recorder.failures = 1000;
    const { runner } = await follow(recorder);
    await say(10);
    expect(log.state.size).toBe(13);
    while (recorder.tries < 5) await systemClock.sleep(1);
    const status = runner.status();
    expect(status).toMatchObject({ next: 0, lag: 13, lastError: "out of order" });
    expect(status.failures).toBeGreaterThanOrEqual(4);
    recorder.failures = 0;
    await runner.reached(13, ALL);
    expect(indexes(recorder)).toEqual(upTo(13));
    expect(runner.status()).toMatchObject({ next: 13, lag: 0 });
  });

  test("that is stopped takes nothing, and goes on where it stood", async () => {
    const recorder = new Recorder();
    const { runner } = await follow(recorder);
    await runner.reached(3, ALL);
    await runner.stop();
    await say(5);
    expect(indexes(recorder)).toEqual(upTo(3));
    runner.start();
    await runner.reached(8, ALL);
    expect(indexes(recorder)).toEqual(upTo(8));
  });

  test.each([
    ["is of another log", { next: 2, hash: new Uint8Array(32).fill(1) }],
    ["is ahead of the log", { next: 50, hash: new Uint8Array(32) }],
  ])("whose cursor %s begins anew", async (_what, cursor) => {
    const recorder = new Recorder();
    recorder.cursor = cursor;
    const { runner } = await follow(recorder);
    while (recorder.resets === 0) await systemClock.sleep(1);
    await runner.reached(log.state.size, ALL);
    expect(indexes(recorder)).toEqual(upTo(log.state.size));
  });
});

describe("all projections", () => {
  test("catch up after a restart from where each stood", async () => {
    const indexPath = `${await scope.folder("index")}/projections`;
    const open = (): Promise<Projections> =>
      Projections.open({
        log,
        files,
        indexPath,
        mirrorPath: "/data/mirror/influx",
        clock: systemClock,
        random: seededRandom(2),
        logger: silentLogger,
      });
    let projections = await open();
    await say(10);
    await projections.settled(ALL);
    await projections.close();
    await say(10);
    await log.seal();
    await log.close();
    log = await Log.open(logParts(files));
    projections = await open();
    expect(projections.status().every(({ next }) => next === 13)).toBe(true);
    await projections.settled(ALL);
    expect(projections.status().map(({ lag }) => lag)).toEqual([0, 0, 0, 0]);
    expect(projections.latest.of("air-1")).toMatchObject([{ value: 9, entry: 22 }]);
    expect(projections.issuers.entriesOf("air-1", 0, 100)).toHaveLength(20);
    await projections.rebuild("index");
    await projections.settled(ALL);
    expect(projections.latest.of("air-1")).toMatchObject([{ value: 9, entry: 22 }]);
    await projections.close();
    await log.close();
  });

  test("tell what the journal has lost, once", async () => {
    const indexPath = `${await scope.folder("index")}/projections`;
    const errors: [object, string][] = [];
    const logger: Logger = {
      ...silentLogger,
      error: (fields, message) => errors.push([fields, message]),
    };
    const open = (): Promise<Projections> =>
      Projections.open({
        log,
        files,
        indexPath,
        mirrorPath: "/data/mirror/influx",
        clock: systemClock,
        random: seededRandom(2),
        logger,
      });
    let projections = await open();
    await log.seal();
    const kept = log.state.size;
    await say(10);
    await projections.settled(ALL);
    expect(projections.entriesLost).toBe(0);
    await projections.close();
    await log.close();
    for (const name of await files.list("/data/journal")) {
      await files.remove(`/data/journal/${name}`);
    }
    log = await Log.open(logParts(files));
    // What the hub says before anybody looks is not what was lost.
    await log.seal();
    projections = await open();
    expect(projections.entriesLost).toBe(10);
    expect(errors).toEqual([
      [{ entries: 10, from: kept }, expect.stringContaining("retention sealed or cosigned")],
    ]);
    await projections.settled(ALL);
    while (projections.status().some(({ next }) => next !== log.state.size)) {
      await systemClock.sleep(1);
    }
    await projections.close();
    await log.close();
    log = await Log.open(logParts(files));
    projections = await open();
    expect(projections.entriesLost).toBe(0);
    expect(errors).toHaveLength(1);
    await projections.close();
    await log.close();
  });
});
