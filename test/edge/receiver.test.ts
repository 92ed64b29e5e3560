/** A receiver at a fixed place, heard each second: what it says of itself is a reading once a minute, whatever happens. */

import { afterEach, beforeEach, expect, test } from "vitest";
import { formatNmea } from "../../firmware-sim/boards/nmea-gps.ts";
import { encodeUtf8 } from "../../ledger/bytes.ts";
import { AgentSetup, signer } from "./agent-setup.ts";
import type { RunningAgent } from "./agent-setup.ts";

let setup: AgentSetup;
let running: RunningAgent;
/** When readings were taken, seconds by the monotonic clock since the first. */
let taken: number[];
let firstMs: number | undefined;
/** How far the receiver is from true time. */
let receiverOffMs: number;

async function start(): Promise<void> {
  running = await setup.start({}, "nmea");
  await setup.until("the line is open", () => isOpen());
}

const isOpen = (): boolean => running.agent.status().sensors[0]!.line === "open";

beforeEach(async () => {
  setup = await AgentSetup.begin();
  setup.hub.enrol("air-1", signer);
  [taken, firstMs, receiverOffMs] = [[], undefined, 0];
  await start();
});

afterEach(() => setup.end());

/** Has the receiver say a sentence of each kind a second, a little unsteadily; `quality` 0 is no fix. */
async function hear(seconds: number, quality = 1): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    const at = new Date(setup.clock.monotonicMs() + 1.79e12 + receiverOffMs).toISOString();
    const date = at.slice(2, 10).split("-").toReversed().join("");
    const time = at.slice(11, 23).replaceAll(":", "");
    const gga = `GPGGA,${time},5130.000,N,00300.000,W,${quality},08,0.9,45.4,M,46.9,M,,`;
    const rmc = `GPRMC,${time},A,5130.000,N,00300.000,W,000.0,000.0,${date},,,A`;
    setup.line.events?.bytes(encodeUtf8(formatNmea(gga) + formatNmea(rmc)));
    const newest = running.agent.latest.find(({ quantity }) => quantity === "satellites")?.atMs;
    if (newest !== undefined) {
      firstMs ??= newest;
      const since = Math.round((newest - firstMs) / 1000);
      if (since !== taken.at(-1)) taken.push(since);
    }
    await setup.clock.advance(second % 2 === 0 ? 980 : 1_020);
  }
}

test("every minute, though fixes arrive a little unsteadily", async () => {
  await hear(601);
  expect(taken).toEqual([0, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600]);
});

test("over a line that was closed in between", async () => {
  await hear(90);
  setup.line.events!.closed(new Error("pulled out"));
  await setup.until("the line is open again", isOpen);
  await hear(90);
  // It was away for a second or two.
  expect(taken.slice(0, 2)).toEqual([0, 60]);
  expect(taken).toHaveLength(3);
  expect(taken[2]! - taken[1]!).toBeGreaterThanOrEqual(60);
  expect(taken[2]! - taken[1]!).toBeLessThanOrEqual(62);
});

test.each([7_200_000, -7_200_000, 40_000])(
  "whatever steps the clocks take: %d ms",
  async (stepMs) => {
    await hear(90);
    setup.clock.jump(stepMs);
    await hear(90);
    receiverOffMs += stepMs;
    await hear(121);
    expect(taken).toEqual([0, 60, 120, 180, 240, 300]);
  },
);

test("after a fix that was lost, at once, and from there on each minute", async () => {
  await hear(90);
  await hear(155, 0);
  await hear(121);
  expect(taken).toEqual([0, 60, 245, 305, 365]);
});

test("a restart begins with one, and counts from there", async () => {
  await hear(90);
  await running.stop();
  const stoppedMs = setup.clock.monotonicMs();
  await start();
  await hear(121);
  const restarted = taken.slice(2).map((each) => each - taken[2]!);
  expect([taken.slice(0, 2), restarted]).toEqual([
    [0, 60],
    [0, 60, 120],
  ]);
  expect(firstMs! + taken[2]! * 1000).toBeGreaterThanOrEqual(stoppedMs - 1_000);
});
