import { describe, expect, test } from "vitest";
import type { FaultPlan } from "../../../firmware-sim/faults/fault-plan.ts";
import { StationFaults } from "../../../firmware-sim/faults/station-faults.ts";
import { StationLine } from "../../../firmware-sim/stations/station-line.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { seededRandom } from "../../../platform/random.ts";
import { NotingOutlet } from "./noting-outlet.ts";

async function open(
  plans: FaultPlan[],
): Promise<{ line: StationLine; outlet: NotingOutlet; clock: ManualClock }> {
  const clock = new ManualClock(0);
  const outlet = new NotingOutlet();
  const faults = new StationFaults(plans, seededRandom(1), 0);
  const line = await StationLine.open(
    { faults, clock, openOutlet: () => Promise.resolve(outlet) },
    () => undefined,
  );
  return { line, outlet, clock };
}

function send(line: StationLine, ...bytes: number[]): void {
  line.send(Uint8Array.from(bytes));
}

function never(signal: AbortSignal): Promise<void> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Error("aborted")));
  });
}

describe("a delayed line", () => {
  test("keeps its order, also when the delay ends", async () => {
    const { line, outlet, clock } = await open([{ kind: "delay", ms: 100, afterMs: 0, forMs: 50 }]);
    send(line, 1);
    await clock.advance(40);
    send(line, 2);
    await clock.advance(20);
    send(line, 3);
    await clock.advance(39);
    expect(outlet.notes).toEqual([]);
    await clock.advance(1);
    expect(outlet.notes).toEqual(["1"]);
    await clock.advance(40);
    expect(outlet.notes).toEqual(["1", "2", "3"]);
    send(line, 4);
    expect(outlet.notes.at(-1)).toBe("4");
  });

  test("holds a bounded amount, and loses what is under way at the end", async () => {
    const { line, outlet, clock } = await open([{ kind: "delay", ms: 100, afterMs: 0 }]);
    for (let at = 0; at < 20; at++) line.send(new Uint8Array(100_000));
    expect(line.bytesLost).toBe(1_000_000);
    await line.close();
    expect(line.bytesLost).toBe(2_000_000);
    await clock.advance(1000);
    expect(outlet.notes).toEqual(["close"]);
    expect(clock.pending).toBe(0);
  });
});

describe("a line", () => {
  test("is pulled out and plugged in while its work goes on, and closed at its end", async () => {
    const { line, outlet, clock } = await open([
      { kind: "unplug", afterMs: 10, forMs: 10, everyMs: 30 },
    ]);
    const over = line.run(new AbortController().signal, (signal) => clock.sleep(75, signal));
    await clock.advance(100);
    await over;
    expect(outlet.notes).toEqual(["unplug", "plug", "unplug", "plug", "unplug", "close"]);
    expect(clock.pending).toBe(0);
  });

  test("ends with the error of its outlet, of its work, or of what goes on beside", async () => {
    const signal = new AbortController().signal;
    const lost = await open([]);
    const over = lost.line.run(signal, never);
    lost.outlet.fail(new Error("pulled"));
    await expect(over).rejects.toThrow("pulled");
    const failing = (): Promise<void> => Promise.reject(new Error("failed"));
    for (const isWork of [true, false]) {
      const { line, outlet } = await open([]);
      const [work, beside] = isWork ? [failing, never] : [never, failing];
      await expect(line.run(signal, work, beside)).rejects.toThrow("failed");
      expect(outlet.notes).toEqual(["close"]);
    }
  });

  test("ends without one at the signal", async () => {
    const { line, outlet } = await open([{ kind: "unplug", afterMs: 1000 }]);
    const stop = new AbortController();
    const over = line.run(stop.signal, never);
    stop.abort();
    await over;
    expect(outlet.notes).toEqual(["close"]);
  });
});
