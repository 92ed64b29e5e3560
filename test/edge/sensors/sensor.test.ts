/** A sensor as the agent holds it: the line of a Modbus master, with streams, pauses and the state of its units. */
import { expect, test } from "vitest";
import { decodeHex, encodeUtf8 } from "../../../ledger/bytes.ts";
import { modbus } from "../../../edge/sensors/drivers/modbus.ts";
import { sds011 } from "../../../edge/sensors/drivers/sds011.ts";
import { formatMessage } from "../../../edge/sensors/framers/message.ts";
import type { ConnectionEvents } from "../../../edge/sensors/lines/line.ts";
import type { SensorReading } from "../../../edge/sensors/reading.ts";
import { Sensor } from "../../../edge/sensors/sensor.ts";
import { encodeModbusFrame, ModbusBus } from "../../../firmware-sim/boards/modbus-bus.ts";
import { ManualClock } from "../../../platform/clock.ts";
import type { Logger } from "../../../platform/log.ts";
import { seededRandom } from "../../../platform/random.ts";
import { openDriver } from "./drivers/message-line.ts";

const SILENT_LOGGER: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

test("writes after the pause that is asked for, and tells streams and units apart", async () => {
  const clock = new ManualClock(0);
  const bus = new ModbusBus([{ id: 1, registers: [{ register: 0, quantity: "level" }] }]);
  bus.measure({ level: 4.5 });
  const writtenMs: number[] = [];
  const heard: [string, readonly SensorReading[]][] = [];
  const level = { register: 0, quantity: "level", type: "f32" };
  const units = [
    { id: 1, registers: [{ ...level, stream: "river" }] },
    { id: 2, registers: [level] },
  ];
  const sensor = new Sensor({
    stream: "pumps",
    driverName: "modbus",
    address: "tcp://converter:4001",
    driver: modbus.create({ units, everySeconds: 5, gapMs: 7 }, { notBeforeMs: 0 }),
    connect: (events: ConnectionEvents) =>
      Promise.resolve({
        write: (bytes: Uint8Array): boolean => {
          writtenMs.push(clock.monotonicMs());
          for (const answer of bus.receive(bytes, clock.monotonicMs()))
            clock.after(20, () => events.bytes(answer));
          return true;
        },
        close: () => Promise.resolve(),
      }),
    clock,
    random: seededRandom(1),
    logger: SILENT_LOGGER,
    readings: (stream, readings) => heard.push([stream, readings]),
    fix: () => undefined,
  });
  const stopping = new AbortController();
  const running = sensor.run(stopping.signal);
  for (let second = 0; second < 12; second++) {
    await clock.advance(1000);
    sensor.tick(clock.monotonicMs());
  }
  // Unit 1 at once, unit 2 behind its answer; then unit 1 again after five seconds, and unit 2 after its silence.
  expect(writtenMs.slice(0, 3).map((ms) => ms - writtenMs[0]!)).toEqual([0, 27, 5000]);
  expect(writtenMs[0]! % 1000).toBe(7);
  expect(heard.map(([stream]) => stream)).toEqual(Array(heard.length).fill("river"));
  expect(heard[0]?.[1]).toMatchObject([{ quantity: "level", value: 4.5, unit: "m" }]);
  const status = sensor.status(0);
  expect(status.parts).toMatchObject([
    { name: "unit 1", state: "ok" },
    { name: "unit 2", state: "failing" },
  ]);
  stopping.abort();
  await running;
});

test("a float that is no number is no reading, and shows in its state", async () => {
  const clock = new ManualClock(0);
  const heard: string[] = [];
  const register = { type: "f32", register: 0 };
  const registers = [
    { ...register, quantity: "level" },
    { ...register, register: 2, quantity: "sludge", unit: "%" },
    { ...register, register: 4, quantity: "temp" },
  ];
  const answer = encodeModbusFrame([
    1, 3, 12, 0x7f, 0xc0, 0, 0, 0x7f, 0x80, 0, 0, 0x41, 0xa0, 0, 0,
  ]);
  const sensor = new Sensor({
    stream: "river",
    driverName: "modbus",
    address: "tcp://converter:4001",
    driver: modbus.create({ units: [{ id: 1, registers }] }, { notBeforeMs: 0 }),
    connect: (events: ConnectionEvents) =>
      Promise.resolve({
        write: () => {
          clock.after(20, () => events.bytes(answer));
          return true;
        },
        close: () => Promise.resolve(),
      }),
    clock,
    random: seededRandom(1),
    logger: SILENT_LOGGER,
    readings: (_, readings) =>
      heard.push(...readings.map(({ quantity, value }) => `${quantity} ${String(value)}`)),
    fix: () => undefined,
  });
  const stopping = new AbortController();
  const running = sensor.run(stopping.signal);
  await clock.advance(1000);
  expect(heard).toEqual(["temp 20"]);
  expect(sensor.status(0)).toMatchObject({ state: "out-of-range", quantities: ["level"] });
  stopping.abort();
  await running;
});

test("warms up for as long as its driver says, which is no fault of it, and then is well", async () => {
  const clock = new ManualClock(0);
  const log: string[] = [];
  const note = (level: string) => (_: object, message: string) =>
    void log.push(`${level} ${message}`);
  const flags: (boolean | undefined)[] = [];
  const sensor = new Sensor({
    stream: "air",
    driverName: "sds011",
    address: "/dev/ttyUSB0",
    driver: sds011.create({}, { notBeforeMs: 0 }),
    connect: (events: ConnectionEvents) => {
      const speak = (): void => {
        events.bytes(decodeHex("aac0d4043a0aa1601dab")!);
        clock.after(1_000, speak);
      };
      clock.after(500, speak);
      return Promise.resolve({ write: () => true, close: () => Promise.resolve() });
    },
    clock,
    random: seededRandom(1),
    logger: { ...SILENT_LOGGER, info: note("info"), warn: note("warn") },
    readings: (_, readings) => flags.push(readings[0]!.fault),
    fix: () => undefined,
  });
  const stopping = new AbortController();
  const running = sensor.run(stopping.signal);
  const pass = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second++) {
      await clock.advance(1_000);
      sensor.tick(clock.monotonicMs());
    }
  };
  await pass(20);
  expect(sensor.status(0)).toMatchObject({ state: "faulty", warmUpLeftMs: 10_000 });
  expect(flags.every((flag) => flag === true)).toBe(true);
  await pass(12);
  expect(sensor.status(0).state).toBe("ok");
  expect(sensor.status(0)).not.toHaveProperty("warmUpLeftMs");
  expect(flags.at(-1)).toBeUndefined();
  expect(log).toEqual([
    "info the line to a sensor is open",
    "info a sensor warms up; until then its values are flagged",
    "info a sensor is well again",
  ]);
  stopping.abort();
  await running;
});

test("is offline while its board is said to be gone, and counts the readings of each message", async () => {
  const clock = new ManualClock(0);
  const log: string[] = [];
  const note = (_: object, message: string): void => void log.push(message);
  let events: ConnectionEvents | undefined;
  const sensor = new Sensor({
    stream: "yard",
    driverName: "tasmota",
    address: "mqtt:tele/yard/SENSOR",
    driver: openDriver("tasmota"),
    connect: (given: ConnectionEvents) => {
      events = given;
      return Promise.resolve({ write: () => false, close: () => Promise.resolve() });
    },
    clock,
    random: seededRandom(1),
    logger: { ...SILENT_LOGGER, info: note, warn: note },
    readings: () => undefined,
    fix: () => undefined,
  });
  const stopping = new AbortController();
  const running = sensor.run(stopping.signal);
  const say = async (topic: string, payload: string): Promise<number | undefined> => {
    const readings = events!.bytes(formatMessage(topic, encodeUtf8(payload))!);
    await clock.advance(1000);
    sensor.tick(clock.monotonicMs());
    return readings;
  };
  await clock.advance(0);
  expect(await say("tele/yard/LWT", "Offline")).toBe(0);
  expect(sensor.status(0)).toMatchObject({ state: "offline", line: "open" });
  expect(await say("tele/yard/SENSOR", '{"AM2301":{"Temperature":20,"Humidity":40}}')).toBe(2);
  expect(sensor.status(0)).toMatchObject({ state: "ok", passedOver: { unusable: 0 } });
  events!.refused!(70);
  expect(sensor.status(0).lineCounters).toMatchObject({ bytesRefused: 70 });
  expect(log).toEqual([
    "the line to a sensor is open",
    "a board is said to be gone",
    "a sensor is well again",
  ]);
  stopping.abort();
  await running;
});
