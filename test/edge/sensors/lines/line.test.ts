/** How a line is kept open: over connections that the test opens, feeds and cuts. */
import { describe, expect, test } from "vitest";
import { ManualClock } from "../../../../platform/clock.ts";
import { seededRandom } from "../../../../platform/random.ts";
import { type Connect, type ConnectionEvents, Line } from "../../../../edge/sensors/lines/line.ts";

/** One opening of the line, as the test sees it. */
interface Opening {
  readonly atMs: number;
  readonly events: ConnectionEvents;
  readonly signal: AbortSignal;
  readonly written: Uint8Array[];
  readonly isClosed: () => boolean;
  succeed(): void;
  fail(error: unknown): void;
}

/** A line with everything around it in the test's hands. `log` tells what its handlers heard. */
function makeLine(silentMs = 60_000): {
  clock: ManualClock;
  line: Line;
  openings: Opening[];
  log: string[];
  stop: () => Promise<void>;
} {
  const clock = new ManualClock(0);
  const openings: Opening[] = [];
  const log: string[] = [];
  const connect: Connect = (events, signal) =>
    new Promise((resolve, reject) => {
      const written: Uint8Array[] = [];
      let isClosed = false;
      signal.addEventListener("abort", () => reject(signal.reason as Error));
      openings.push({
        atMs: clock.monotonicMs(),
        events,
        signal,
        written,
        isClosed: () => isClosed,
        fail: reject,
        succeed: () => {
          const close = (): Promise<void> => {
            isClosed = true;
            return Promise.resolve();
          };
          const write = (bytes: Uint8Array): boolean => written.push(bytes) <= 2;
          resolve({ write, close });
        },
      });
    });
  const handlers = {
    opened: (atMs: number) => log.push(`${atMs} opened`),
    bytes: (chunk: Uint8Array, atMs: number) => log.push(`${atMs} bytes ${chunk.join()}`),
    closed: (atMs: number, cause: Error | undefined) =>
      log.push(`${atMs} closed ${cause?.message ?? "-"}`),
    silent: (atMs: number) => log.push(`${atMs} silent`),
  };
  const line = new Line({ connect, handlers, clock, random: seededRandom(1), silentMs });
  const abort = new AbortController();
  const running = line.run(abort.signal);
  const stop = async (): Promise<void> => {
    abort.abort();
    await running;
  };
  return { clock, line, openings, log, stop };
}

test("passes bytes on with the time of their arrival", async () => {
  const { clock, line, openings, log, stop } = makeLine();
  expect(line.state).toBe("closed");
  openings[0]!.succeed();
  await clock.advance(10);
  expect(line.state).toBe("open");
  openings[0]!.events.bytes(Uint8Array.of(1, 2));
  await clock.advance(5);
  openings[0]!.events.bytes(Uint8Array.of(3));
  await stop();
  expect(log).toEqual(["0 opened", "10 bytes 1,2", "15 bytes 3", "15 closed -"]);
  expect(line.counters()).toMatchObject({ opened: 1, lost: 0, bytesRead: 3 });
});

test("opens again after it was lost", async () => {
  const { clock, line, openings, log, stop } = makeLine();
  openings[0]!.succeed();
  await clock.advance(0);
  openings[0]!.events.closed(new Error("unplugged"));
  await clock.advance(0);
  expect(line.state).toBe("closed");
  expect(openings[0]!.isClosed()).toBe(true);
  await clock.advance(500);
  expect(openings).toHaveLength(2);
  expect(openings[1]!.atMs).toBeGreaterThanOrEqual(250);
  openings[1]!.succeed();
  await clock.advance(0);
  expect(log.map((entry) => entry.replace(/^\S+ /, ""))).toEqual([
    "opened",
    "closed unplugged",
    "opened",
  ]);
  expect(line.counters()).toMatchObject({ opened: 2, lost: 1 });
  await stop();
});

test("tries for ever, ever more slowly, until bytes come", async () => {
  const { clock, openings, log, line, stop } = makeLine();
  for (let turn = 0; turn < 12; turn++) {
    openings[turn]!.fail(new Error("no such port"));
    await clock.advance(15_000);
    expect(openings).toHaveLength(turn + 2);
  }
  expect(log.filter((entry) => entry.endsWith("closed no such port"))).toHaveLength(12);
  expect(line.counters()).toMatchObject({ opened: 0, openingsFailed: 12, lost: 0 });
  const waitAfterLoss = async (): Promise<number> => {
    const last = openings.at(-1)!;
    last.events.closed(undefined);
    const lostMs = clock.monotonicMs();
    await clock.advance(15_000);
    return openings.at(-1)!.atMs - lostMs;
  };
  // Open, but without a byte: that is no success.
  openings.at(-1)!.succeed();
  await clock.advance(0);
  expect(await waitAfterLoss()).toBeGreaterThanOrEqual(7500);
  openings.at(-1)!.succeed();
  await clock.advance(0);
  openings.at(-1)!.events.bytes(Uint8Array.of(1));
  expect(await waitAfterLoss()).toBeLessThanOrEqual(500);
  await stop();
});

test("gives up on an opening that takes too long", async () => {
  const { clock, openings, log, stop } = makeLine();
  await clock.advance(15_000);
  expect(openings[0]!.signal.aborted).toBe(true);
  await clock.advance(500);
  expect(openings).toHaveLength(2);
  expect(log).toEqual(["15000 closed did not open within 15000 ms"]);
  await stop();
});

describe("silence", () => {
  test("is said once, and is over with the next byte", async () => {
    const { clock, line, openings, log, stop } = makeLine(1000);
    openings[0]!.succeed();
    await clock.advance(600);
    openings[0]!.events.bytes(Uint8Array.of(1));
    await clock.advance(999);
    expect(line.state).toBe("open");
    await clock.advance(1);
    expect(line.state).toBe("silent");
    await clock.advance(10_000);
    openings[0]!.events.bytes(Uint8Array.of(2));
    expect(line.state).toBe("open");
    await clock.advance(1000);
    expect(log).toEqual([
      "0 opened",
      "600 bytes 1",
      "1600 silent",
      "11600 bytes 2",
      "12600 silent",
    ]);
    await stop();
  });

  test("is not said of a line that is closed", async () => {
    const { clock, openings, log, stop } = makeLine(100);
    openings[0]!.succeed();
    await clock.advance(50);
    openings[0]!.events.closed(undefined);
    await clock.advance(200);
    expect(log).toEqual(["0 opened", "50 closed -"]);
    await stop();
    expect(clock.pending).toBe(0);
  });
});

test("what cannot be written is dropped and counted", async () => {
  const { clock, line, openings, stop } = makeLine();
  expect(line.write(Uint8Array.of(1))).toBe(false);
  openings[0]!.succeed();
  await clock.advance(0);
  expect([1, 2, 3].map((byte) => line.write(Uint8Array.of(byte, byte)))).toEqual([
    true,
    true,
    false,
  ]);
  expect(line.counters()).toMatchObject({ bytesWritten: 4, bytesDropped: 3 });
  await stop();
  expect(line.write(Uint8Array.of(1))).toBe(false);
});

describe("stops", () => {
  test("while opening", async () => {
    const { clock, openings, log, stop } = makeLine();
    await stop();
    expect(openings[0]!.signal.aborted).toBe(true);
    expect([log, clock.pending]).toEqual([[], 0]);
  });

  test("while open, and closes the connection", async () => {
    const { clock, openings, log, stop } = makeLine();
    openings[0]!.succeed();
    await clock.advance(1);
    await stop();
    expect(openings[0]!.isClosed()).toBe(true);
    expect([log, clock.pending]).toEqual([["0 opened", "1 closed -"], 0]);
  });

  test("while waiting for the next try", async () => {
    const { clock, openings, stop } = makeLine();
    openings[0]!.fail("not even an error");
    await clock.advance(1);
    await stop();
    expect([openings.length, clock.pending]).toEqual([1, 0]);
  });

  test("before it has begun", async () => {
    const { clock, log } = makeLine();
    const connect: Connect = () => Promise.reject(new Error("asked"));
    const handlers = {
      opened: () => log.push("opened"),
      bytes: () => log.push("bytes"),
      closed: () => log.push("closed"),
      silent: () => log.push("silent"),
    };
    const line = new Line({ connect, handlers, clock, random: seededRandom(1) });
    await line.run(AbortSignal.abort());
    expect(log).toEqual([]);
  });
});
