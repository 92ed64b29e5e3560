/** `kerbstone sim --hub` as bin/ calls it, up to where a hub is needed; the rest is in fleet-command.real.test.ts. */
import { describe, expect, test } from "vitest";
import { isFleetCommand } from "../../firmware-sim/fleet-flags.ts";
import { formatTotals } from "../../firmware-sim/fleet-output.ts";
import { isGeneratorLate, isWell } from "../../firmware-sim/devices/totals.ts";
import type { FleetTotals } from "../../firmware-sim/devices/totals.ts";
import { parseBrokerAddress, formatBrokerAddress } from "../../firmware-sim/devices/transport.ts";
import { run } from "../../firmware-sim/main.ts";
import { systemClock } from "../../platform/clock.ts";
import { MemoryFiles } from "../../platform/memory-files.ts";
import { seededRandom } from "../../platform/random.ts";
import { freePort } from "../support/ports.ts";

async function faultOf(argv: string[], files: Record<string, string> = {}): Promise<string> {
  const disk = new MemoryFiles();
  await disk.makeFolder("/city");
  for (const [name, text] of Object.entries(files)) {
    await disk.write(`/city/${name}`, new TextEncoder().encode(text));
  }
  const output = { write: () => undefined };
  const error: unknown = await run({
    argv,
    env: {},
    stdout: output,
    stderr: output,
    signal: new AbortController().signal,
    clock: systemClock,
    random: seededRandom(1),
    files: disk,
    cwd: "/city",
  }).catch((reason: unknown) => reason);
  const { message, hint } = error as { message: string; hint?: string };
  return `${message} ${hint ?? ""}`;
}

const HUB = ["--hub", "http://127.0.0.1:9"];

describe("what is asked wrongly", () => {
  test.each<[string, string[], RegExp]>([
    [
      "a hub that is no address",
      ["--hub", "hub.example", "--devices", "5"],
      /--hub needs the hub's address/,
    ],
    ["no devices", HUB, /--devices: expected a number of devices, 1 to 28000; it is missing/],
    ["half a device", [...HUB, "--devices", "0.5"], /--devices: expected a number of devices/],
    ["a word for a number", [...HUB, "--devices", "ten"], /--devices: expected .* not "ten"/],
    [
      "a rate below nothing",
      [...HUB, "--devices", "5", "--rate", "-1"],
      /--rate: expected statements a second/,
    ],
    [
      "too many readings",
      [...HUB, "--devices", "5", "--readings", "255"],
      /--readings: expected readings in a pack, 1 to 254/,
    ],
    [
      "a behaviour that is none",
      [...HUB, "--devices", "5", "--behaviour", "rude"],
      /--behaviour: expected one of "honest"/,
    ],
    [
      "a prefix that is none",
      [...HUB, "--devices", "5", "--prefix", "Load_"],
      /--prefix: expected what the devices' names begin with/,
    ],
    [
      "a level that is none",
      [...HUB, "--devices", "5", "--until", "proved"],
      /--until is stored or sealed/,
    ],
    [
      "a window of nothing",
      [...HUB, "--devices", "5", "--window", "0"],
      /--window needs a number from 1 to 256/,
    ],
    [
      "devices beside a scenario",
      [...HUB, "--scenario", "a.toml", "--devices", "5"],
      /--devices cannot stand beside --scenario/,
    ],
    ["no scenario", [...HUB, "--scenario", "a.toml"], /There is no file \/city\/a\.toml/],
    ["boards with a hub", [...HUB, "--board", "sds011"], /no flag --board/],
    [
      "too few files",
      [...HUB, "--devices", "5000"],
      /5000 devices need 5064 open files.*1024.*ulimit -n 5064/,
    ],
    ["nobody there", [...HUB, "--devices", "5"], /The hub does not answer/],
  ])("%s", async (_name, argv, message) => {
    expect(await faultOf(argv)).toMatch(message);
  });

  test("nothing: it ends quietly when it is stopped before the hub has answered", async () => {
    const stop = new AbortController();
    const ended = run({
      argv: [...HUB, "--devices", "1"],
      env: {},
      stdout: { write: () => undefined },
      stderr: { write: () => undefined },
      signal: stop.signal,
      clock: systemClock,
      random: seededRandom(1),
      files: new MemoryFiles(),
      cwd: "/",
    });
    stop.abort(new Error("stopped by SIGINT"));
    expect(await ended).toBe(0);
  });

  test("a scenario of devices without a hub", async () => {
    const files = { "a.toml": '[[devices]]\nname = "a"\ncount = 1\n' };
    expect(await faultOf(["--scenario", "a.toml"], files)).toMatch(/--hub says where their hub is/);
  });

  test("a scenario with faults", async () => {
    const files = { "a.toml": '[[devices]]\nname = "a"\ncount = 0\nrude = true\n' };
    expect(await faultOf([...HUB, "--scenario", "a.toml"], files)).toMatch(
      /a\.toml has 2 faults:\ndevices\[0\]\.count: .*\ndevices\[0\]\.rude: /,
    );
  });

  test("a port on which something else answers", async () => {
    const port = await freePort();
    expect(await faultOf(["--hub", `http://127.0.0.1:${port}`, "--devices", "1"])).toMatch(
      /does not answer/,
    );
  });
});

test("boards are served without a hub, devices run with one", () => {
  expect(isFleetCommand(["--board", "sds011", "--listen", "127.0.0.1:0"])).toBe(false);
  expect(isFleetCommand(["--scenario", "a.toml"])).toBe(false);
  expect(isFleetCommand(["--scenario", "a.toml", "--hub=http://127.0.0.1:1"])).toBe(true);
  expect(isFleetCommand(["--devices", "5"])).toBe(true);
});

test.each([
  ["mqtt://hub.example", { isTls: false, host: "hub.example", port: 1883 }],
  ["mqtts://hub.example", { isTls: true, host: "hub.example", port: 8883 }],
  ["mqtts://[::1]:99", { isTls: true, host: "::1", port: 99 }],
])("%s is an address of a broker", (text, address) => {
  expect(parseBrokerAddress(text)).toEqual(address);
  expect(parseBrokerAddress(formatBrokerAddress(address))).toEqual(address);
});

test.each(["http://hub.example", "hub.example", "mqtt://", ""])("%j is none", (text) => {
  expect(() => parseBrokerAddress(text)).toThrow(/--mqtt expects/);
});

const LATENCY = { count: 1, p50Ms: 1, p99Ms: 2, maxMs: 3 };
const TRIAL = {
  behaviour: "equivocator" as const,
  expectation: "second-refused",
  text: "the second is refused",
  kept: 3,
  broken: 0,
  instead: undefined,
};
const TOTALS: FleetTotals = {
  devices: 2,
  misbehaving: 1,
  connected: 2,
  connectSeconds: 0.5,
  connections: 2,
  reconnections: 0,
  connectionsEnded: {},
  loginsRefused: {},
  loadSeconds: 1,
  signed: 10,
  gaps: 0,
  published: 10,
  confirmed: 10,
  stored: 10,
  sealed: 8,
  nacked: {},
  withdrawn: 0,
  lost: 0,
  unanswered: 0,
  undelivered: 0,
  halted: 0,
  signedPerSecond: 10,
  storedPerSecond: 10,
  toPuback: LATENCY,
  toStored: LATENCY,
  heldBack: 0,
  lag: LATENCY,
  missed: 0,
  busiest: 0.1,
  faultCount: 0,
  faults: [],
  trials: [TRIAL],
};

describe("a report", () => {
  test("says that all is well", () => {
    const text = formatTotals(TOTALS, false);
    expect(text).toMatch(/^lost {11}0$/m);
    expect(text).toMatch(/^kept {6}equivocator: the second is refused; 3 times$/m);
    expect(text).toMatch(/^The hub has kept every promise\.$/m);
    expect(text).not.toMatch(/bottleneck/);
  });

  test.each<[string, Partial<FleetTotals>, RegExp]>([
    ["a loss", { lost: 1 }, /^lost {11}1$/m],
    [
      "a fault",
      { faultCount: 1, faults: ["load-00001: stored fell from 2 to 1"] },
      /^BROKEN {2}load-00001: stored fell/m,
    ],
    ["more faults than are shown", { faultCount: 30, faults: ["x"] }, /30 promises in all/],
    [
      "a broken expectation",
      { trials: [{ ...TRIAL, broken: 2, instead: "it was let in" }] },
      /^BROKEN {4}equivocator: .*; 2 of 5 times: it was let in$/m,
    ],
    [
      "disturbed others",
      { nacked: { malformed: 2 } },
      /^BROKEN {2}the honest devices are not disturbed: 2 × malformed$/m,
    ],
  ])("says that all is not, with %s", (_name, changes, line) => {
    const totals = { ...TOTALS, ...changes };
    expect(isWell(totals)).toBe(false);
    const text = formatTotals(totals, false);
    expect(text).toMatch(line);
    expect(text).toMatch(/^The hub has NOT kept its promises\.$/m);
    expect(JSON.parse(formatTotals(totals, true))).toMatchObject({
      event: "totals",
      isWell: false,
    });
  });

  test.each<[string, Partial<FleetTotals>]>([
    ["it was busy all the time", { busiest: 0.99 }],
    ["it missed turns", { missed: 1 }],
    ["it was late", { lag: { ...LATENCY, p99Ms: 200 } }],
  ])("blames nobody where %s", (_name, changes) => {
    const totals = { ...TOTALS, ...changes };
    expect(isGeneratorLate(totals)).toBe(true);
    expect(isWell(totals)).toBe(true);
    expect(formatTotals(totals, false)).toMatch(/The generator itself was the bottleneck/);
  });

  test("refusals alone are no broken promise, where nobody misbehaves", () => {
    expect(isWell({ ...TOTALS, misbehaving: 0, trials: [], nacked: { "revoked-key": 1 } })).toBe(
      true,
    );
  });
});
