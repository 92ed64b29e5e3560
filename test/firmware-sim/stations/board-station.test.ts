import { expect, test } from "vitest";
import { decodeHex } from "../../../ledger/bytes.ts";
import type { Board } from "../../../firmware-sim/boards/board.ts";
import { PlantowerBoard } from "../../../firmware-sim/boards/plantower.ts";
import type { FaultPlan } from "../../../firmware-sim/faults/fault-plan.ts";
import { CityClock } from "../../../firmware-sim/models/city-clock.ts";
import type { BytesReceived } from "../../../firmware-sim/outlet/outlet.ts";
import { BoardStation } from "../../../firmware-sim/stations/board-station.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { seededRandom } from "../../../platform/random.ts";
import { testScope } from "../../support/scope.ts";
import { NotingOutlet } from "./noting-outlet.ts";

const scope = testScope();
const PASSIVE = decodeHex("424de100000170") ?? new Uint8Array(0);

interface Running {
  outlet: NotingOutlet;
  clock: ManualClock;
  say: BytesReceived;
}

/** A board that measures each second, a Plantower unless another is given. */
async function start(
  faults: FaultPlan[],
  board: Board = new PlantowerBoard("pms5003"),
): Promise<Running> {
  const clock = new ManualClock(0);
  const outlet = new NotingOutlet();
  let say: BytesReceived = () => undefined;
  const station = await BoardStation.open({
    plan: {
      kind: "board",
      name: "dust",
      stream: "air",
      everySeconds: 1,
      board: "plantower",
      details: {},
      feed: { kind: "model", model: "air", settings: {} },
      outlet: { kind: "tcp", host: "memory", port: 1 },
      faults,
    },
    board,
    feed: { kind: "model", model: { at: () => ({ pm25: 5, pm10: 9 }) } },
    clock: new CityClock(clock, undefined, 1),
    random: seededRandom(1),
    openOutlet: (received) => {
      say = received;
      return Promise.resolve(outlet);
    },
  });
  const stop = new AbortController();
  const over = station.run(stop.signal);
  scope.defer(() => {
    stop.abort();
    return over;
  });
  return { outlet, clock, say };
}

test("a board without power neither measures nor hears, and has forgotten what it was told before", async () => {
  const { outlet, clock, say } = await start([{ kind: "reboot", afterMs: 3500, forMs: 2000 }]);
  await clock.advance(1500);
  say(PASSIVE);
  const quiet = outlet.notes.length;
  await clock.advance(1500);
  expect(outlet.notes).toHaveLength(quiet);
  await clock.advance(1500);
  // Told to be quiet while it is off, and again half a command, which the other half may not complete later.
  say(PASSIVE);
  say(PASSIVE.subarray(0, 4));
  await clock.advance(1200);
  say(PASSIVE.subarray(4));
  await clock.advance(3000);
  expect(outlet.notes).toHaveLength(quiet + 3);
});

test("a board that comes back says so at once, not at its next measurement", async () => {
  const { outlet, clock } = await start([{ kind: "reboot", afterMs: 500, forMs: 100 }], {
    bootMs: 0,
    measure: () => [],
    receive: () => [],
    restart: (timeMs) => [Uint8Array.of(timeMs >> 8, timeMs & 0xff)],
  });
  await clock.advance(599);
  expect(outlet.notes).toEqual([]);
  await clock.advance(5000);
  expect(outlet.notes).toEqual(["2 88"]);
});
