/**
 * Real firmware, the whole way: C for an ATmega328P, compiled, run in a simulated processor, its serial port on a line that
 * a real agent reads, which signs what it reads for a real hub. What the model put to the processor's inputs comes out of
 * the hub's log.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { City } from "../../firmware-sim/models/city.ts";
import type { Model } from "../../firmware-sim/models/model.ts";
import { decodePack } from "../../ledger/senml.ts";
import { Refusal } from "../../ledger/errors.ts";
import { buildAirStation } from "../support/air-station.ts";
import { EdgeProgram } from "../support/edge-program.ts";
import { HubProgram } from "../support/hub-program.ts";
import { startKerbstone } from "../support/kerbstone.ts";
import { readLog } from "../support/log-folder.ts";
import { eventually, type Running } from "../support/process.ts";
import { avrGcc, type SerialPair, socat, startSerialPair } from "../support/programs.ts";
import { lacks } from "../support/requirements.ts";
import { testScope } from "../support/scope.ts";

const SEED = 7;
const READINGS = 8;
/** A step of the converter, half of it to either side, and the firmware's rounding to tenths. */
const TOLERANCE = { temp: 0.489 / 2 + 0.06, rh: 0.158 / 2 + 0.06 };

describe.skipIf(lacks(avrGcc, socat))("an air station with firmware of its own", () => {
  const scope = testScope();
  let hub: HubProgram;
  let edge: EdgeProgram;
  let line: SerialPair;
  let sim: Running;

  beforeAll(async () => {
    const hex = await buildAirStation(scope, ["SECONDS=1"]);
    line = await startSerialPair(scope);
    hub = await HubProgram.make(scope);
    await hub.start();
    edge = await EdgeProgram.make(scope, hub, {
      name: "station",
      sensors: [`air:line-protocol=${line.edge}`],
      run: ["--pack-seconds", "1"],
    });
    await edge.edit((text) => `${text}options = { checksum = "required" }\n`);
    await edge.start();
    const argv = ["sim", "--firmware", hex, "--serial", line.board, "--seed", `${SEED}`, "--json"];
    sim = await startKerbstone(scope, argv);
  });

  test("what the model measured is in the hub's log, to a step of the converter", async () => {
    const air: Model = new City({ seed: SEED, timeZone: "UTC", roads: [] }).model({
      name: "sim",
      model: "air",
      settings: {},
      lat: 0,
      lon: 0,
      intervalMs: 1000,
    });
    const logged = await eventually("enough readings are in the log", async () => {
      const readings = await readingsOf(hub);
      return readings.length >= 2 * READINGS ? readings : undefined;
    });
    for (const { quantity, value, timeMs, unit } of logged) {
      const name = quantity as keyof typeof TOLERANCE;
      // The edge's time is that of the line's end; the model moves no tenth of a step meanwhile.
      const measured = air.at(timeMs)[name] ?? Number.NaN;
      expect(Math.abs(Number(value) - measured)).toBeLessThanOrEqual(TOLERANCE[name]);
      expect(unit).toBe({ temp: "Cel", rh: "%RH" }[name]);
    }
    const { nacks, packsRefused } = (await stopped(edge)).counters;
    expect({ nacks, packsRefused }).toEqual({ nacks: 0, packsRefused: 0 });
  });

  test("it says of itself how it spoke and slept", async () => {
    expect(sim.stdout).toContain('"text":"its serial port speaks at 9615 baud, 8N1"');
    expect((await sim.stop()).code).toBe(0);
    const [, firmware = "{}"] = /"firmware":(\{[^}]*\})/.exec(sim.stdout.split("\n").at(-2) ?? "")!;
    const { seconds, asleepSeconds, watchdogResets } = JSON.parse(firmware) as Record<
      string,
      number
    >;
    expect(asleepSeconds! / seconds!).toBeGreaterThan(0.9);
    expect(watchdogResets).toBe(0);
  });
});

interface LoggedReading {
  readonly quantity: string;
  readonly unit: string | undefined;
  readonly value: unknown;
  readonly timeMs: number;
}

/** All that the firmware has measured, out of the hub's log, which is audited on the way. */
async function readingsOf(hub: HubProgram): Promise<LoggedReading[]> {
  const entries = await readLog(hub.log);
  return entries.flatMap(({ kind, payload, issuer, iat }) => {
    if (kind !== "readings") return [];
    const pack = decodePack(payload, issuer, iat);
    if (pack instanceof Refusal) throw new Error(pack.text);
    return pack.readings
      .filter(({ quantity }) => Object.hasOwn(TOLERANCE, quantity))
      .map(({ quantity, unit, value, time }) => ({ quantity, unit, value, timeMs: time * 1000 }));
  });
}

async function stopped(edge: EdgeProgram): ReturnType<EdgeProgram["status"]> {
  await edge.stop();
  return edge.status();
}
