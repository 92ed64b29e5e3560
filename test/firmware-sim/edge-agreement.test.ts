/**
 * Simulated boards against the edge's own drivers: two programs written apart that have to meet on the wire.
 */
import { describe, expect, test } from "vitest";
import { DRIVERS } from "../../edge/sensors/drivers/drivers.ts";
import type { Driver, SensorEvent } from "../../edge/sensors/driver.ts";
import { LineBoard } from "../../firmware-sim/boards/line-board.ts";
import { NMEA_DIALECTS, NmeaGpsBoard } from "../../firmware-sim/boards/nmea-gps.ts";
import { P1_VERSIONS, P1MeterBoard, type P1Version } from "../../firmware-sim/boards/p1-meter.ts";
import { PLANTOWER_MODELS, type PlantowerModel } from "../../firmware-sim/boards/plantower.ts";
import { Sds011Board } from "../../firmware-sim/boards/sds011.ts";
import type { Board, BoardMessage } from "../../firmware-sim/boards/board.ts";
import { City, type ModelName } from "../../firmware-sim/models/city.ts";
import { StationFaults } from "../../firmware-sim/faults/station-faults.ts";
import type { Model } from "../../firmware-sim/models/model.ts";
import {
  makeBoard,
  makeMessageBoard,
  type MessageBoardName,
} from "../../firmware-sim/boards/workshop.ts";
import { formatMessage } from "../../edge/sensors/framers/message.ts";
import { seededRandom } from "../../platform/random.ts";

const EIGHT = Date.UTC(2026, 2, 3, 8);
const PLACE = { lat: 51.5877, lon: -2.9984 };

function model(name: ModelName): Model {
  const city = new City({ seed: 7, timeZone: "Europe/London", roads: [] });
  return city.model({ name, model: name, settings: {}, ...PLACE, intervalMs: 1000 });
}

function driver(name: string, options: Record<string, unknown> = {}): Driver {
  const kind = DRIVERS.get(name);
  if (kind === undefined) throw new Error(`no driver ${name}`);
  return kind.create(options, { notBeforeMs: Date.UTC(2026, 0, 1) });
}

/** Lets a board measure once a second, and a driver listen and speak, over a line that cuts and joins chunks. */
function talk(board: Board, name: ModelName, listener: Driver, seconds: number): SensorEvent[] {
  const line = new StationFaults(
    [
      // Joined first: half a frame kept back for a second would rightly be dropped.
      { kind: "merge", share: 0.3, afterMs: 0, forMs: (seconds - 2) * 1000 },
      { kind: "split", share: 0.5, afterMs: 0 },
    ],
    seededRandom(1),
    0,
  );
  const heard: SensorEvent[] = [];
  const take = (events: SensorEvent[], atMs: number): void => {
    for (const event of events) {
      heard.push(event);
      if (event.kind !== "write") continue;
      for (const answer of board.receive(event.bytes, EIGHT + atMs))
        take(listener.push(answer, atMs), atMs);
    }
  };
  const source = model(name);
  take(listener.opened(0), 0);
  for (let second = 0; second < seconds; second++) {
    const atMs = second * 1000;
    for (const chunk of board.measure(source.at(EIGHT + atMs), EIGHT + atMs)) {
      for (const bytes of line.bytes(chunk, atMs)) take(listener.push(bytes, atMs), atMs);
    }
    take(listener.tick(atMs), atMs);
  }
  return heard;
}

function readings(events: SensorEvent[]): { quantity: string; unit: string; value: unknown }[][] {
  return events.flatMap((event) =>
    event.kind === "readings"
      ? [event.readings.map(({ quantity, unit, value }) => ({ quantity, unit, value }))]
      : [],
  );
}

describe("an edge hears", () => {
  test("every measurement of an SDS011, having set it up", () => {
    const listener = driver("sds011");
    const heard = talk(
      new Sds011Board({ id: 0xa160, firmware: [18, 11, 16] }),
      "air",
      listener,
      60,
    );
    expect(heard.filter((event) => event.kind === "write").length).toBeGreaterThan(1);
    expect(listener.counters()).toMatchObject({ framesBad: 0, bytesSkipped: 0 });
    const air = model("air");
    const sent = Array.from({ length: 60 }, (_, second) => {
      const { pm25 = 0, pm10 = 0 } = air.at(EIGHT + second * 1000);
      return [
        { quantity: "pm25", unit: "ug/m3", value: Math.round(pm25 * 10) / 10 },
        { quantity: "pm10", unit: "ug/m3", value: Math.round(pm10 * 10) / 10 },
      ];
    });
    expect(readings(heard)).toEqual(sent);
  });

  test.each(Object.entries(NMEA_DIALECTS))(
    "position and time of a receiver: %s",
    (_name, dialect) => {
      const fixes = talk(new NmeaGpsBoard(dialect), "position", driver("nmea"), 30).flatMap(
        (event) => (event.kind === "fix" ? [event.fix] : []),
      );
      expect(fixes.length).toBeGreaterThan(25);
      for (const fix of fixes) {
        expect(Math.abs(fix.lat - PLACE.lat)).toBeLessThan(1e-4);
        expect(Math.abs(fix.lon - PLACE.lon)).toBeLessThan(2e-4);
        expect(fix.quality).toBe(1);
        expect((fix.timeMs ?? 0) - EIGHT).toBeLessThan(30_000);
        expect((fix.timeMs ?? 0) - EIGHT).toBeGreaterThanOrEqual(0);
      }
    },
  );

  test.each(["noise", "traffic", "water", "parking", "air"] as const)(
    "lines of a home-made board: %s",
    (name) => {
      const listener = driver("line-protocol", { checksum: "required" });
      const heard = readings(talk(new LineBoard(), name, listener, 30));
      expect(listener.counters()).toEqual({ framesGood: 30, framesBad: 0, bytesSkipped: 0 });
      const values = model(name).at(EIGHT);
      expect(heard[0]?.map(({ quantity }) => quantity)).toEqual(Object.keys(values));
      for (const { quantity, value } of heard[0] ?? [])
        expect(value).toBeCloseTo(values[quantity] ?? Number.NaN, 3);
    },
  );

  test.each(Object.keys(PLANTOWER_MODELS) as PlantowerModel[])(
    "every measurement of a Plantower: %s",
    (dialect) => {
      const board = makeBoard("plantower", { dialect }, seededRandom(1));
      const listener = driver("plantower", { model: dialect });
      const heard = readings(talk(board, "air", listener, 40));
      expect(listener.counters()).toMatchObject({ framesBad: 0, bytesSkipped: 0 });
      const air = model("air");
      const sent = Array.from({ length: 40 }, (_, second) => {
        const { pm25 = 0, pm10 = 0, temp = 0, rh = 0 } = air.at(EIGHT + second * 1000);
        const hasClimate = dialect === "pms5003t" || dialect === "pms5003st";
        const tenths = (value: number): number => Math.round(value * 10) / 10;
        const climate = hasClimate ? [tenths(temp), tenths(rh)] : [];
        return [Math.round(pm25), Math.round(pm10), ...climate];
      });
      const quantities = ["pm25", "pm10", "temp", "rh"];
      expect(
        heard.map((each) =>
          each.flatMap(({ quantity, value }) => (quantities.includes(quantity) ? [value] : [])),
        ),
      ).toEqual(sent);
    },
  );

  test("an MH-Z19B, as often as it asks", () => {
    const board = makeBoard("mhz19", {}, seededRandom(1));
    const heard = readings(talk(board, "air", driver("mhz19", { abc: "off" }), 60));
    expect(heard).toHaveLength(6);
    const { co2 = 0 } = model("air").at(EIGHT + 59_000);
    expect(Math.abs(Number(heard.at(-1)?.[0]?.value) - co2)).toBeLessThan(20);
  });

  test.each(Object.keys(P1_VERSIONS) as P1Version[])("a smart meter: %s", (version) => {
    const listener = driver("dsmr");
    const heard = readings(talk(new P1MeterBoard(version), "energy", listener, 30));
    expect(listener.counters()).toEqual({ framesGood: 30, framesBad: 0, bytesSkipped: 0 });
    const said = Object.fromEntries(
      (heard[0] ?? []).map(({ quantity, value }) => [quantity, value]),
    );
    const { power = 0, energy = 0, gas = 0 } = model("energy").at(EIGHT);
    expect(Math.abs(Number(said["power"]) - power)).toBeLessThan(10);
    expect(said["energy"]).toBeCloseTo(energy, 2);
    expect(said["gas"]).toBeCloseTo(gas, 2);
    expect(heard.filter((each) => each.some(({ quantity }) => quantity === "gas"))).toHaveLength(1);
  });

  test("all units of a Modbus line, whatever their numbers look like", () => {
    const forms = ["f32/ABCD", "f32/CDAB", "i32/BADC", "u32/DCBA", "i16/ABCD", "u16/ABCD"];
    const registers = forms.map((form, at) => {
      const [type, wordOrder] = form.split("/") as ["f32", "ABCD"];
      const kind = at % 2 === 0 ? ("holding" as const) : ("input" as const);
      return { register: at * 2, quantity: "level", kind, type, wordOrder, scale: 0.01 };
    });
    const units = [5, 247].map((id) => ({ id, registers }));
    const board = makeBoard("modbus-bus", { units }, seededRandom(1));
    board.measure(model("water").at(EIGHT), EIGHT);
    const listener = driver("modbus", {
      everySeconds: 5,
      units: units.map(({ id }) => ({
        id,
        registers: registers.map((register, at) => ({ ...register, stream: `u${id}-${at}` })),
      })),
    });
    const heard = readings(talk(board, "water", listener, 30)).flat();
    expect(heard).toHaveLength(2 * forms.length * 6);
    expect(listener.counters()).toMatchObject({ framesBad: 0, bytesSkipped: 0 });
    const { level = 0 } = model("water").at(EIGHT + 15_000);
    for (const { unit, value } of heard) {
      expect(unit).toBe("m");
      expect(Math.abs(Number(value) - level)).toBeLessThan(0.2);
    }
  });
});

/** A message as the edge's own line hands it to a driver. */
function handedOn({ bytes, to }: BoardMessage): Uint8Array {
  if (to.kind === "publish") return formatMessage(to.topic, bytes)!;
  const pin = to.headers["X-PIN"];
  const board = to.headers["X-Sensor"]!;
  return formatMessage(pin === undefined ? board : `${board}/pin/${pin}`, bytes)!;
}

describe("an edge understands all messages of", () => {
  test.each([
    ["zigbee2mqtt", {}, 2],
    ["zigbee2mqtt", { quantities: ["temp", "rh"] }, 2],
    ["tasmota", {}, 1],
    ["esphome", {}, 1],
    ["airrohr", {}, 2],
    ["airrohr", { dialect: "community" }, 2],
  ] as const)("%s %j", (name: MessageBoardName, details, decimals) => {
    const board = makeMessageBoard(name, details, "yard", seededRandom(1));
    const listener = driver(name);
    const said: [string, unknown][] = [];
    const hear = (message: BoardMessage): void => {
      for (const event of listener.push(handedOn(message), 0))
        if (event.kind === "readings")
          said.push(
            ...event.readings.map(({ quantity, value }): [string, unknown] => [quantity, value]),
          );
    };
    for (const message of board.presence?.online ?? []) hear(message);
    const values = model("air").at(EIGHT);
    for (const message of board.report(values, EIGHT)) hear(message);
    const expected: readonly string[] | undefined =
      "quantities" in details ? details.quantities : undefined;
    const air: readonly string[] = [
      "temp",
      "rh",
      "pm25",
      "pm10",
      ...(name === "airrohr" ? [] : ["co2"]),
    ];
    expect(new Set(said.map(([quantity]) => quantity))).toEqual(new Set(expected ?? air));
    for (const [quantity, value] of said) {
      // Zigbee devices round what others do not.
      const step =
        10 **
        -(name === "zigbee2mqtt" && /^(pm|co2)/.test(quantity)
          ? 0
          : quantity === "co2"
            ? 0
            : decimals);
      expect(Math.abs(Number(value) - values[quantity]!)).toBeLessThanOrEqual(step / 2 + 1e-9);
    }
    expect(listener.counters().framesBad).toBe(0);
    expect(listener.isOffline!()).toBe(false);
    if (board.presence) {
      hear(board.presence.offline);
      expect(listener.isOffline!()).toBe(true);
    }
  });
});
