/**
 * Hundreds of virtual devices as a program, on a hub as a program: enrolled by the file, honest and otherwise, and the hub
 * killed meanwhile.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { FleetTotals } from "../../firmware-sim/devices/totals.ts";
import { HubProgram } from "../support/hub-program.ts";
import { kerbstone, runKerbstone, startKerbstone } from "../support/kerbstone.ts";
import { testScope } from "../support/scope.ts";

const scope = testScope();

const SCENARIO = `
rate = 250

[[devices]]
name = "load"
count = 300
readings = 2

[[devices]]
name = "twin"
count = 3
behaviour = "equivocator"

[[devices]]
name = "thief"
count = 3
behaviour = "impostor"

[[devices]]
name = "parrot"
count = 3
behaviour = "replayer"
`;

test("three hundred devices lose nothing to a hub that is killed, and the bad ones get their answers", async () => {
  const hub = await HubProgram.make(scope, { flags: ["--ack-interval-ms", "100"] });
  await hub.start();
  const folder = await scope.folder("fleet");
  const [scenario, claims] = [join(folder, "fleet.toml"), join(folder, "claims.txt")];
  await writeFile(scenario, SCENARIO);
  const flags = ["sim", "--hub", hub.url, "--scenario", scenario, "--seed", "real", "--json"];
  const asked = [...flags, "--vkey", hub.vkey, "--connect-rate", "600", "--until", "sealed"];

  // Without claims it says what to do.
  const early = await runKerbstone(scope, flags);
  expect(early).toMatchObject({ code: 2 });
  expect(early.stderr).toMatch(/load-00300 is not enrolled.*\n.*--claims FILE/);

  const sim = await startKerbstone(scope, [...asked, "--claims", claims]);
  await sim.output(/"event":"claims"/);
  const enrol = ["hub", "enrol", "--from", claims, "--data", hub.folder];
  expect(await kerbstone(scope, enrol)).toMatch(
    /^309 claims: 309 enrolled, 0 enrolled before, 0 refused\.$/m,
  );
  expect(await kerbstone(scope, enrol)).toMatch(
    /^309 claims: 0 enrolled, 309 enrolled before, 0 refused\.$/m,
  );
  await sim.output(/"event":"progress","phase":"load"/);

  await hub.kill();
  await hub.start();
  await sim.output(/"reconnections":(?:[3-9]\d\d)\b/);
  const exit = await sim.stop("SIGINT", 60_000);
  expect(sim.stderr).toBe("");
  expect(exit).toEqual({ code: 0, signal: null });

  const totals = JSON.parse(sim.stdout.trim().split("\n").at(-1)!) as FleetTotals;
  expect(totals).toMatchObject({
    event: "totals",
    isWell: true,
    devices: 300,
    misbehaving: 9,
    lost: 0,
    unanswered: 0,
    undelivered: 0,
    nacked: {},
    faults: [],
    halted: 0,
  });
  expect(totals.stored).toBe(totals.signed);
  expect(totals.sealed).toBe(totals.signed);
  expect(totals.trials.filter(({ broken }) => broken > 0)).toEqual([]);
  const kept = (name: string): number =>
    totals.trials.find(({ expectation }) => expectation === name)!.kept;
  expect(kept("evidence-kept")).toBe(3);
  expect(kept("stolen-login")).toBeGreaterThan(0);
  expect(kept("own-again")).toBeGreaterThan(0);

  const devices = await kerbstone(scope, ["hub", "devices", "--json", "--data", hub.folder]);
  expect((JSON.parse(devices) as unknown[]).length).toBe(309);
  await hub.stop();
  expect(await kerbstone(scope, ["audit", hub.folder, "--vkey", hub.vkey])).toMatch(/^All holds/);
});

test("what is wrong with a file of claims, or with a hub, is said in a sentence", async () => {
  const hub = await HubProgram.make(scope);
  await hub.start();
  const folder = await scope.folder("fleet");
  const claims = join(folder, "claims.txt");
  const flags = ["sim", "--hub", hub.url, "--devices", "3", "--seconds", "0.5", "--seed", "a"];

  const other = await runKerbstone(scope, [...flags, "--vkey", "x+00000000+AAAA"]);
  expect(other).toMatchObject({ code: 1 });
  expect(other.stderr).toMatch(/The hub shows another key than the one given/);

  const hurried = await runKerbstone(scope, [...flags, "--claims", claims, "--enrol-wait", "0"]);
  expect(hurried).toMatchObject({ code: 1 });
  expect(hurried.stderr).toMatch(/has not enrolled load-00003 within 0 s/);

  const lines = (await readFile(claims, "utf8")).split("\n");
  await writeFile(claims, [...lines.slice(0, 3), "noise", ...lines.slice(3)].join("\n"));
  const enrol = ["hub", "enrol", "--from", claims, "--data", hub.folder];
  const refused = await runKerbstone(scope, enrol);
  expect(refused).toMatchObject({ code: 2 });
  expect(refused.stderr).toMatch(/1 line is wrong, so nothing was enrolled:\n {2}line 4: /);
  expect(await hub.devices()).toEqual([]);

  await writeFile(claims, lines.join("\n"));
  await kerbstone(scope, enrol);
  expect(await kerbstone(scope, flags)).toMatch(/^The hub has kept every promise\.$/m);
  // Another seed makes other keys for the same names.
  const stranger = await runKerbstone(scope, [...flags, "--seed", "b"]);
  expect(stranger.stderr).toMatch(/load-00003 is enrolled with another key than this seed makes/);
  const taken = await runKerbstone(scope, [...flags, "--seed", "b", "--claims", claims]);
  expect(taken).toMatchObject({ code: 1 });
  await hub.stop();
});
