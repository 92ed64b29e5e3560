/**
 * What the edge makes of faults: a board with a fault on one side, the edge's own sensor on the other.
 *
 * Nothing good may be lost once a fault is over, and nobody may be told that all is well while it is not.
 */
import { describe, expect, test } from "vitest";
import type { FaultPlan } from "../../firmware-sim/faults/fault-plan.ts";
import { EIGHT, type Heard, plug, type PluggedSetup, valuesFrom } from "./plugged.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Boards that speak by themselves, with the drivers that listen to them. */
const SPEAKERS: Record<string, Omit<PluggedSetup, "faults" | "seconds">> = {
  sds011: { board: "sds011", driver: "sds011", options: { warmUpSeconds: 0 } },
  plantower: { board: "plantower", driver: "plantower" },
  dsmr: { board: "p1-meter", driver: "dsmr", options: { everySeconds: 0 } },
  lines: {
    board: "line-board",
    driver: "line-protocol",
    model: "air",
    everySeconds: 1,
    options: { checksum: "required" },
  },
};
const DURING = { afterMs: 20 * SECOND, forMs: 20 * SECOND };
const BYTE_FAULTS: FaultPlan[] = [
  { kind: "bit-flips", share: 0.02, ...DURING },
  { kind: "split", share: 0.7, ...DURING },
  { kind: "merge", share: 0.5, ...DURING },
  { kind: "duplicate", share: 0.5, ...DURING },
  { kind: "garbage", share: 0.7, bytesMax: 40, ...DURING },
  { kind: "stall", ...DURING },
  { kind: "reboot", ...DURING },
  { kind: "brown-out", share: 0.2, resets: 3, ...DURING },
  { kind: "unplug", ...DURING },
];

function faulty({ readings }: Heard, quantity: string): boolean[] {
  return readings.flatMap(({ readings: each }) =>
    each.filter((reading) => reading.quantity === quantity).map(({ fault }) => fault === true),
  );
}

describe.each(Object.entries(SPEAKERS))("of %s", (_name, setup) => {
  test.each(BYTE_FAULTS)("nothing is lost after $kind", async (fault) => {
    const seconds = 90;
    const [good, bad] = [
      await plug({ ...setup, faults: [], seconds }),
      await plug({ ...setup, faults: [fault], seconds }),
    ];
    expect(valuesFrom(bad, 0)).not.toEqual({});
    // Boots last up to five seconds; a converter is dialled again within fifteen.
    const overMs = DURING.afterMs + DURING.forMs + (fault.kind === "unplug" ? 15 : 6) * SECOND;
    const after = valuesFrom(good, overMs);
    expect(Object.keys(after).length).toBeGreaterThanOrEqual(5);
    expect(valuesFrom(bad, overMs)).toEqual(after);
    expect(bad.states.at(-1)).toBe(good.states.at(-1));
  });

  test("damage on the line costs frames, and never makes a value", async () => {
    const faults: FaultPlan[] = [
      { kind: "bit-flips", share: 0.01, afterMs: 0 },
      { kind: "garbage", share: 0.3, bytesMax: 40, afterMs: 0 },
    ];
    const [good, bad] = [
      await plug({ ...setup, faults: [], seconds: 120 }),
      await plug({ ...setup, faults, seconds: 120 }),
    ];
    const { framesBad } = bad.status.frameCounters;
    expect(framesBad).toBeGreaterThan(0);
    const sent = valuesFrom(good, 0);
    // Gas is told once for each time that the meter had it: another telegram may be the first.
    const known = { gas: valuesFrom(good, 0)[0]?.["gas"] };
    for (const [atMs, values] of Object.entries(valuesFrom(bad, 0)))
      expect({ ...known, ...sent[Number(atMs)] }).toMatchObject(values);
  });
});

describe("after a reboot", () => {
  const reboot: FaultPlan = { kind: "reboot", afterMs: 30 * SECOND, forMs: 90 * SECOND };

  test("a sensor was silent, and is well again", async () => {
    const { states } = await plug({ ...SPEAKERS["sds011"]!, faults: [reboot], seconds: 130 });
    expect(states.slice(0, 30)).toEqual(Array(30).fill("ok"));
    expect(states[100]).toBe("silent");
    expect(states.at(-1)).toBe("ok");
  });

  test("a sleeping Plantower that came back talking is asked again, as before", async () => {
    const heard = await plug({
      board: "plantower",
      driver: "plantower",
      options: { everySeconds: 120, sleeps: true },
      faults: [{ kind: "reboot", afterMs: 200 * SECOND }],
      seconds: 900,
    });
    const intervals = heard.readings.map(
      ({ atMs }, at) => atMs - (heard.readings[at - 1]?.atMs ?? 0),
    );
    expect(heard.readings.length).toBeGreaterThanOrEqual(6);
    for (const interval of intervals.slice(1)) expect(interval).toBeGreaterThan(100 * SECOND);
  });

  test("carbon dioxide is not believed until it has warmed up", async () => {
    const heard = await plug({ board: "mhz19", driver: "mhz19", faults: [reboot], seconds: 600 });
    const flags = faulty(heard, "co2");
    const backMs = 120 * SECOND;
    const before = heard.readings.filter(({ atMs }) => atMs < backMs).length;
    expect(flags.slice(before, before + 17)).toEqual(Array(17).fill(true));
    expect(flags.at(-1)).toBe(false);
  });

  test.each([
    ["mhz19", "co2", { abc: "off" }],
    ["plantower", "pm25", {}],
    ["sds011", "pm25", {}],
  ] as const)(
    "however short, what a %s says is not believed until it has warmed up",
    async (board, quantity, options) => {
      const heard = await plug({
        board,
        driver: board,
        options,
        faults: [{ kind: "reboot", afterMs: 301 * SECOND, forMs: 25 * SECOND }],
        seconds: 600,
      });
      const flagsAt = (fromMs: number, toMs: number): boolean[] =>
        heard.readings
          .filter(({ atMs }) => atMs >= fromMs && atMs < toMs)
          .flatMap(({ readings }) =>
            faulty({ ...heard, readings: [{ atMs: 0, readings }] }, quantity),
          );
      expect(flagsAt(200 * SECOND, 300 * SECOND)).not.toContain(true);
      expect(flagsAt(327 * SECOND, 355 * SECOND)).not.toContain(false);
      expect(flagsAt(520 * SECOND, 600 * SECOND)).not.toContain(true);
    },
  );

  test("a receiver has no fix for a while, but is heard", async () => {
    const { fixes, states } = await plug({
      board: "nmea-gps",
      driver: "nmea",
      faults: [{ kind: "reboot", afterMs: 30 * SECOND }],
      seconds: 90,
    });
    const gaps = fixes.map(({ atMs }, at) => atMs - (fixes[at - 1]?.atMs ?? 0));
    expect(Math.max(...gaps)).toBe(28 * SECOND);
    expect(states.slice(1)).toEqual(Array(89).fill("ok"));
  });

  test("what a boot loader prints is no reading", async () => {
    const { status } = await plug({
      ...SPEAKERS["lines"]!,
      faults: [{ kind: "reboot", afterMs: 30 * SECOND }],
      seconds: 60,
    });
    expect(status.frameCounters).toMatchObject({ framesBad: 3, framesGood: 58 });
  });

  test("Modbus units say nothing measured but zero until they have measured", async () => {
    const registers = [{ register: 0, quantity: "level" }];
    const heard = await plug({
      board: "modbus-bus",
      model: "water",
      everySeconds: 30,
      details: { units: [{ id: 1, registers }] },
      driver: "modbus",
      options: {
        everySeconds: 5,
        units: [{ id: 1, registers: registers.map((each) => ({ ...each, type: "f32" })) }],
      },
      faults: [{ kind: "reboot", afterMs: 32 * SECOND }],
      seconds: 90,
    });
    const zeros = heard.readings.filter(({ readings }) => readings[0]?.value === 0);
    expect(zeros.length).toBeGreaterThan(2);
    expect(zeros.every(({ atMs }) => atMs > 34 * SECOND && atMs < 60 * SECOND)).toBe(true);
    expect(heard.states.at(-1)).toBe("ok");
  });
});

describe("values that cannot be", () => {
  test("a drift leaves the range, is flagged there, and ends", async () => {
    const heard = await plug({
      ...SPEAKERS["sds011"]!,
      faults: [
        {
          kind: "drift",
          quantity: "pm25",
          perHour: 60_000,
          afterMs: 10 * SECOND,
          forMs: 2 * MINUTE,
        },
      ],
      seconds: 200,
    });
    expect(faulty(heard, "pm25").slice(0, 60)).toEqual(Array(60).fill(false));
    // The end of an SDS011's range is also its own sign of a fault.
    expect(heard.states[120]).toBe("faulty");
    expect(heard.states.at(-1)).toBe("ok");
  });

  test("a stuck value is flagged after its time, and the sensor is well when it is loose", async () => {
    const heard = await plug({
      ...SPEAKERS["sds011"]!,
      faults: [{ kind: "stuck", quantity: "pm10", afterMs: 10 * SECOND, forMs: 4 * MINUTE }],
      seconds: 300,
      stuckMs: 2 * MINUTE,
    });
    expect(heard.states[200]).toBe("stuck");
    expect(heard.states.at(-1)).toBe("ok");
    expect(faulty(heard, "pm10").filter(Boolean).length).toBeGreaterThan(60);
    expect(faulty(heard, "pm25")).not.toContain(true);
  });

  test("a receiver that lives twenty years ago says where it is, and not when", async () => {
    const week = 7 * 24 * HOUR;
    const { fixes } = await plug({
      board: "nmea-gps",
      driver: "nmea",
      faults: [{ kind: "clock-jump", ms: -1024 * week, ...DURING }],
      seconds: 60,
    });
    const during = fixes.filter(({ atMs }) => atMs >= 21 * SECOND && atMs < 40 * SECOND);
    expect(during).toHaveLength(19);
    expect(during.every(({ fix }) => fix.timeMs === undefined)).toBe(true);
    const last = fixes.at(-1)!;
    expect(last.fix.timeMs).toBe(EIGHT + last.atMs);
  });

  test("a meter whose clock jumps tells its gas once each time, and goes on", async () => {
    const { readings, status } = await plug({
      board: "p1-meter",
      driver: "dsmr",
      options: { everySeconds: 0 },
      faults: [{ kind: "clock-jump", ms: -HOUR, ...DURING }],
      seconds: 60,
    });
    const gas = readings.filter(({ readings: each }) =>
      each.some(({ quantity }) => quantity === "gas"),
    );
    expect(gas.map(({ atMs }) => atMs)).toEqual([0, 20 * SECOND, 40 * SECOND]);
    expect(status.frameCounters).toMatchObject({ framesGood: 60, framesBad: 0 });
  });
});

describe("a sensor that speaks seldom by its settings", () => {
  test.each([
    ["mhz19", { everySeconds: 300 }],
    ["plantower", { everySeconds: 300, sleeps: true }],
    ["sds011", { periodMinutes: 5 }],
  ] as const)("is not silent in between: %s", async (board, options) => {
    const setup = { board, driver: board, options };
    const well = await plug({ ...setup, faults: [], seconds: 1500 });
    expect(well.states).not.toContain("silent");
    const stall: FaultPlan = { kind: "stall", afterMs: 400 * SECOND };
    const gone = await plug({ ...setup, faults: [stall], seconds: 1500 });
    expect(gone.states.at(-1)).toBe("silent");
  });

  test("is silent when the settings say so", async () => {
    const setup = { board: "mhz19", driver: "mhz19", options: { everySeconds: 300 } } as const;
    const { states } = await plug({ ...setup, faults: [], seconds: 290, silentMs: 30 * SECOND });
    expect(states.at(-1)).toBe("silent");
  });
});

describe("the line", () => {
  test("unplugged the sensor is offline, and back soon after", async () => {
    const { states, status } = await plug({
      ...SPEAKERS["sds011"]!,
      faults: [{ kind: "unplug", ...DURING, everyMs: 60 * SECOND }],
      seconds: 120,
    });
    expect(states.slice(21, 40)).toEqual(Array(19).fill("offline"));
    expect(states[58]).toBe("ok");
    expect(states.slice(81, 100)).toEqual(Array(19).fill("offline"));
    expect(states.at(-1)).toBe("ok");
    expect(status.lineCounters).toMatchObject({ lost: 2, opened: 3 });
  });

  test("late comes all and in its order", async () => {
    const setup = SPEAKERS["sds011"]!;
    const [good, late] = [
      await plug({ ...setup, faults: [], seconds: 60 }),
      await plug({ ...setup, faults: [{ kind: "delay", ms: 3500, ...DURING }], seconds: 60 }),
    ];
    const values = (heard: Heard): unknown[] => Object.values(valuesFrom(heard, 0));
    expect(late.readings.map(({ readings }) => readings.map(({ value }) => value))).toEqual(
      good.readings.map(({ readings }) => readings.map(({ value }) => value)),
    );
    expect(values(late)).not.toEqual(values(good));
    expect(late.readings.some(({ atMs }) => atMs === 20 * SECOND)).toBe(false);
    expect(late.status.frameCounters.framesBad).toBe(0);
  });
});
