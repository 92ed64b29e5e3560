/**
 * The firmware that comes with the simulator, built by its makefile and run in the simulated processor: what it says of
 * voltages at its inputs, against the edge's own driver.
 */
import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { DRIVERS } from "../../../edge/sensors/drivers/drivers.ts";
import type { SensorReading } from "../../../edge/sensors/reading.ts";
import { ANALOG_SENSORS, voltsAt } from "../../../firmware-sim/avr/analog-sensors.ts";
import { Atmega328p } from "../../../firmware-sim/avr/atmega328p.ts";
import { parseIntelHex } from "../../../firmware-sim/avr/intel-hex.ts";
import type { Values } from "../../../firmware-sim/models/model.ts";
import { seededRandom } from "../../../platform/random.ts";
import { buildAirStation } from "../../support/air-station.ts";
import { avrGcc } from "../../support/programs.ts";
import { lacks } from "../../support/requirements.ts";
import { testScope } from "../../support/scope.ts";
import { HALT } from "./assemble.ts";

const scope = testScope();
/** One step of the converter, 4.88 mV, and the rounding to tenths. */
const TEMP_STEP = 0.489 / 2 + 0.05;
const RH_STEP = 0.158 / 2 + 0.05;
const WATCHDOG_MS = 1024;
const WATCHDOG_VECTOR = 0x0c;

describe.skipIf(lacks(avrGcc))("the air station", () => {
  let hex: string;

  beforeAll(async () => {
    hex = await readFile(await buildAirStation(scope, ["SECONDS=1"]), "utf8");
  });

  /** Lets it run at the given values; gives its text, and what a driver that asks for checksums makes of it. */
  function listen(
    values: Values,
    ms: number,
    meanwhile: (chip: Atmega328p, flash: Uint16Array) => void = () => undefined,
  ): { text: string; readings: readonly SensorReading[]; bad: number; chip: Atmega328p } {
    const image = parseIntelHex(hex, 32_768);
    if (typeof image === "string") throw new Error(image);
    const driver = DRIVERS.get("line-protocol")!.create(
      { checksum: "required" },
      { notBeforeMs: 0 },
    );
    driver.opened(0);
    let text = "";
    const readings: SensorReading[] = [];
    const quantities = ["temp", "rh"];
    const chip: Atmega328p = new Atmega328p({
      flash: image.bytes,
      clockHz: 16_000_000,
      volts: (channel) => {
        const quantity = quantities[channel] ?? "";
        const line = ANALOG_SENSORS[quantity];
        return voltsAt(line && { quantity, ...line }, values);
      },
      sent: (byte) => {
        text += String.fromCharCode(byte);
        for (const event of driver.push(Uint8Array.of(byte), chip.timeMs))
          if (event.kind === "readings") readings.push(...event.readings);
      },
      random: seededRandom(1),
    });
    chip.run(ms / 2, 100_000_000);
    meanwhile(chip, new Uint16Array(image.bytes.buffer));
    chip.run(chip.timeMs + ms / 2, 100_000_000);
    return { text, readings, bad: driver.counters().framesBad, chip };
  }

  test.each([-39.9, -10, -0.4, 0, 0.3, 9.96, 21.37, 100, 124.9])(
    "says %d degrees to a step of its converter",
    (temp) => {
      const { readings, bad } = listen({ temp, rh: 50 }, 100);
      expect(bad).toBe(0);
      expect(readings.map(({ quantity }) => quantity)).toEqual(["temp", "rh"]);
      expect(Math.abs(Number(readings[0]!.value) - temp)).toBeLessThanOrEqual(TEMP_STEP);
    },
  );

  test.each([0, 0.1, 33.3, 77.7, 100])("says %d percent to a step of its converter", (rh) => {
    const { readings } = listen({ temp: 20, rh }, 100);
    expect(Math.abs(Number(readings[1]!.value) - rh)).toBeLessThanOrEqual(RH_STEP);
    expect(readings[1]!.unit).toBe("%RH");
    expect(readings[1]!.fault).toBeUndefined();
  });

  test("marks what cannot be believed: an input at either end", () => {
    const { text, readings } = listen({ temp: 1000 }, 100);
    expect(text).toMatch(/temp=449\.\dCel! rh=0\.0%RH!\*/);
    expect(readings.map(({ fault }) => fault)).toEqual([true, true]);
  });

  test("says a line a call of its watchdog, sleeps in between, and introduces itself", () => {
    const { text, readings, chip } = listen({ temp: 20, rh: 50 }, 20 * WATCHDOG_MS);
    expect(text).toMatch(/^\r\n# air station\r\ntemp=/);
    expect(readings).toHaveLength(2 * 20);
    expect(chip.sleptMs / chip.timeMs).toBeGreaterThan(0.95);
    expect(chip.watchdogResets).toBe(0);
  });

  test("is reset by its watchdog where it does not come to rest, and says so", () => {
    const { text, chip } = listen({ temp: 20, rh: 50 }, 8 * WATCHDOG_MS, (running, flash) => {
      const call = flash[WATCHDOG_VECTOR] ?? 0;
      flash[WATCHDOG_VECTOR] = HALT[0] ?? 0;
      while (running.watchdogResets === 0) running.run(running.timeMs + 10, 1_000_000);
      flash[WATCHDOG_VECTOR] = call;
    });
    expect(chip.watchdogResets).toBe(1);
    expect(text).toMatch(/# air station\r\n[^#]*# air station, started by its watchdog\r\ntemp=/);
  });

  test("begins anew after its power was away", () => {
    const { text } = listen({ temp: 20, rh: 50 }, 4 * WATCHDOG_MS, (chip) => chip.restart());
    expect(text.match(/# air station\r\n/g)).toHaveLength(2);
  });
});
