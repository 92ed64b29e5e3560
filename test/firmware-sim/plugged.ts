/**
 * A simulated board plugged into an edge's sensor, in one process: the whole of both sides but for the wire, with one
 * clock that is moved by hand.
 */
import { DRIVERS } from "../../edge/sensors/drivers/drivers.ts";
import type { Connect, Connection, ConnectionEvents } from "../../edge/sensors/lines/line.ts";
import type { Fix, SensorReading } from "../../edge/sensors/reading.ts";
import { Sensor, type SensorStatus } from "../../edge/sensors/sensor.ts";
import {
  type BoardDetails,
  BOARDS,
  makeBoard,
  type WireBoardName,
} from "../../firmware-sim/boards/workshop.ts";
import type { FaultPlan } from "../../firmware-sim/faults/fault-plan.ts";
import { CityClock } from "../../firmware-sim/models/city-clock.ts";
import { City, type ModelName } from "../../firmware-sim/models/city.ts";
import type { BytesReceived, Outlet } from "../../firmware-sim/outlet/outlet.ts";
import { BoardStation } from "../../firmware-sim/stations/board-station.ts";
import { ManualClock } from "../../platform/clock.ts";
import type { Logger } from "../../platform/log.ts";
import { seededRandom } from "../../platform/random.ts";

export const EIGHT: number = Date.UTC(2026, 2, 3, 8);
const PLACE = { lat: 51.5877, lon: -2.9984 };
const SILENT_LOGGER: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** A line in memory: the board's outlet on one side, the edge's connection on the other. */
class MemoryLine implements Outlet {
  readonly address = "tcp://memory:1";
  readonly ended: Promise<Error | undefined>;
  bytesLost = 0;
  readonly #clock: ManualClock;
  readonly #received: BytesReceived;
  #isPlugged = true;
  #reader: ConnectionEvents | undefined;
  #end: () => void = () => undefined;

  constructor(clock: ManualClock, received: BytesReceived) {
    this.#clock = clock;
    this.#received = received;
    this.ended = new Promise((resolve) => (this.#end = () => resolve(undefined)));
  }

  readonly connect: Connect = (events): Promise<Connection> => {
    if (!this.#isPlugged) return Promise.reject(new Error("ECONNREFUSED"));
    // Nothing comes before the other side knows that it is connected.
    this.#clock.after(0, () => (this.#reader = events));
    return Promise.resolve({
      write: (bytes) => {
        // Later, since an answer must not come while the other side still speaks.
        const copy = bytes.slice();
        this.#clock.after(1, () => {
          if (this.#isPlugged) this.#received(copy);
        });
        return true;
      },
      close: () => {
        if (this.#reader === events) this.#reader = undefined;
        return Promise.resolve();
      },
    });
  };

  write(bytes: Uint8Array): void {
    if (this.#reader === undefined) this.bytesLost += bytes.length;
    else this.#reader.bytes(bytes);
  }

  ready(): Promise<void> {
    return Promise.resolve();
  }

  unplug(): Promise<void> {
    this.#isPlugged = false;
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.closed(new Error("ECONNRESET"));
    return Promise.resolve();
  }

  plug(): Promise<void> {
    this.#isPlugged = true;
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#end();
    return Promise.resolve();
  }
}

/** What is plugged together. */
export interface PluggedSetup {
  readonly board: WireBoardName;
  readonly details?: BoardDetails;
  readonly model?: ModelName;
  readonly everySeconds?: number;
  readonly driver: string;
  readonly options?: Record<string, unknown>;
  readonly faults: readonly FaultPlan[];
  readonly seconds: number;
  readonly stuckMs?: number;
  readonly silentMs?: number;
}

/** What the edge heard, and how it was at the end of each second. Times are ms since the beginning. */
export interface Heard {
  readonly readings: { readonly atMs: number; readonly readings: readonly SensorReading[] }[];
  readonly fixes: { readonly atMs: number; readonly fix: Fix }[];
  readonly states: SensorStatus["state"][];
  readonly status: SensorStatus;
}

/** Lets both sides run for so many seconds. */
export async function plug(setup: PluggedSetup): Promise<Heard> {
  const clock = new ManualClock(EIGHT);
  const cityClock = new CityClock(clock, undefined, 1);
  const city = new City({ seed: 7, timeZone: "Europe/London", roads: [] });
  const { board, details = {}, everySeconds = BOARDS[board].everySeconds } = setup;
  const model = setup.model ?? BOARDS[board].model;
  if (model === undefined) throw new Error(`${board} needs a model`);
  let line: MemoryLine | undefined;
  const station = await BoardStation.open({
    plan: {
      kind: "board",
      name: "board",
      stream: "stream",
      everySeconds,
      board,
      details,
      feed: { kind: "model", model, settings: {} },
      outlet: { kind: "tcp", host: "memory", port: 1 },
      faults: setup.faults,
    },
    board: makeBoard(board, details, seededRandom(1)),
    feed: {
      kind: "model",
      model: city.model({
        name: "board",
        model,
        settings: {},
        ...PLACE,
        intervalMs: everySeconds * 1000,
      }),
    },
    clock: cityClock,
    random: seededRandom(2),
    openOutlet: (received) => {
      line = new MemoryLine(clock, received);
      return Promise.resolve(line);
    },
  });
  const kind = DRIVERS.get(setup.driver);
  if (kind === undefined || line === undefined) throw new Error(`no driver ${setup.driver}`);
  const heard: Omit<Heard, "status"> = { readings: [], fixes: [], states: [] };
  const sensor = new Sensor({
    stream: "stream",
    driverName: setup.driver,
    address: line.address,
    driver: kind.create(setup.options ?? {}, { notBeforeMs: Date.UTC(2026, 0, 1) }),
    connect: line.connect,
    ...(setup.stuckMs === undefined ? {} : { stuckMs: setup.stuckMs }),
    ...(setup.silentMs === undefined ? {} : { silentMs: setup.silentMs }),
    clock,
    random: seededRandom(3),
    logger: SILENT_LOGGER,
    readings: (_stream, readings) => heard.readings.push({ atMs: clock.monotonicMs(), readings }),
    fix: (fix) => heard.fixes.push({ atMs: clock.monotonicMs(), fix }),
  });
  const stop = new AbortController();
  const running = [sensor.run(stop.signal)];
  await clock.advance(0);
  running.push(station.run(stop.signal));
  for (let second = 1; second <= setup.seconds; second++) {
    // Boards measure on the second, the agent ticks in between.
    await clock.advance(second === 1 ? 500 : 1000);
    sensor.tick(clock.monotonicMs());
    heard.states.push(sensor.status(0).state);
  }
  const status = sensor.status(0);
  stop.abort();
  await Promise.all(running);
  return { ...heard, status };
}

/** The values of what was read from a moment on, by when: `{ 12000: { pm25: 7.5 } }`. */
export function valuesFrom(
  { readings }: Heard,
  fromMs: number,
): Record<number, Record<string, unknown>> {
  return Object.fromEntries(
    readings
      .filter(({ atMs }) => atMs >= fromMs)
      .map(({ atMs, readings: each }) => [
        atMs,
        Object.fromEntries(each.map(({ quantity, value }) => [quantity, value])),
      ]),
  );
}
