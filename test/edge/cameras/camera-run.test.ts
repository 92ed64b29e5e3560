/** When a transcoder is started, started anew, and stopped, whatever the hub and the camera do. */

import { beforeEach, describe, expect, test } from "vitest";
import { CameraRun } from "../../../edge/cameras/camera-run.ts";
import { joinBytes } from "../../../ledger/bytes.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { silentLogger } from "../../../platform/log.ts";
import { seededRandom } from "../../../platform/random.ts";
import { opening } from "../../support/transport-packets.ts";
import { ScriptedSource } from "./scripted-source.ts";

let clock: ManualClock;
let source: ScriptedSource;
let run: CameraRun;
let taken: Uint8Array[];

beforeEach(() => {
  clock = new ManualClock(0);
  source = new ScriptedSource("front");
  taken = [];
  run = new CameraRun({
    source,
    clock,
    random: seededRandom(7),
    logger: silentLogger,
    pieceBytesMax: 65_535,
    take: (packets) => taken.push(packets),
  });
});

describe("a picture", () => {
  test("is made while it is wanted, in whole packets", async () => {
    expect(source.starts).toBe(0);
    run.start();
    run.start();
    expect([source.starts, run.isWanted]).toEqual([1, true]);
    source.give(opening().slice(0, 300));
    source.give(opening().slice(300));
    expect(joinBytes(taken)).toEqual(opening());
    run.stop();
    run.stop();
    expect([source.stops, run.isWanted]).toEqual([1, false]);
    await clock.advance(600_000);
    expect([source.starts, source.isRunning]).toEqual([1, false]);
  });

  test("that ends by itself is started anew, at growing intervals", async () => {
    run.start();
    const startedMs: number[] = [];
    for (let tries = 2; tries <= 8; tries++) {
      source.end(new Error("the camera hung up"));
      while (source.starts < tries) await clock.advance(100);
      startedMs.push(clock.monotonicMs());
    }
    const waits = startedMs.slice(1).map((at, i) => at - startedMs[i]!);
    expect(Math.max(...waits)).toBeLessThanOrEqual(30_100);
    expect(waits.at(-1)!).toBeGreaterThanOrEqual(15_000);
    expect(waits[0]!).toBeLessThan(5_000);
  });

  test("that lasted is started anew soon", async () => {
    run.start();
    for (let tries = 2; tries <= 6; tries++) {
      source.end(new Error("the camera hung up"));
      while (source.starts < tries) await clock.advance(100);
    }
    await clock.advance(30_000);
    source.end();
    await clock.advance(1_000);
    expect(source.starts).toBe(7);
  });

  test("that is not wanted any more is not started anew", async () => {
    run.start();
    source.end(new Error("the camera hung up"));
    await clock.advance(0);
    run.stop();
    await clock.advance(600_000);
    expect([source.starts, clock.pending]).toEqual([1, 0]);
  });

  test("that is wanted again while it is being stopped begins once that is over", async () => {
    source.isObedient = false;
    run.start();
    run.stop();
    run.start();
    source.give(opening());
    await clock.advance(60_000);
    expect([source.starts, taken]).toEqual([1, []]);
    source.end();
    await clock.advance(0);
    expect(source.starts).toBe(2);
    source.give(opening());
    expect(joinBytes(taken)).toEqual(opening());
  });

  test("does not begin in the middle of the packet in which the last one ended", async () => {
    run.start();
    source.give(opening().slice(0, 300));
    source.end();
    while (source.starts < 2) await clock.advance(100);
    taken = [];
    source.give(opening());
    expect(joinBytes(taken)).toEqual(opening());
  });
});

test("a hub that changes its mind all the time starts few transcoders", async () => {
  for (let i = 0; i < 1_000; i++) {
    run.start();
    await clock.advance(5);
    run.stop();
    await clock.advance(5);
  }
  expect(source.starts).toBeLessThanOrEqual(5);
});

test("at the end the picture is waited for, and nothing begins again", async () => {
  source.isObedient = false;
  run.start();
  let isClosed = false;
  const closing = run.close().then(() => {
    isClosed = true;
  });
  await clock.advance(10_000);
  expect(isClosed).toBe(false);
  source.end();
  await closing;
  run.start();
  await clock.advance(60_000);
  expect(source.starts).toBe(1);
});
