/** Scenarios of virtual devices, and what is wrong with them. */
import { describe, expect, test } from "vitest";
import {
  parseFleetScenario,
  readFleetScenario,
} from "../../../firmware-sim/scenario/fleet-scenario.ts";

const GOOD = `
seed = 7
rate = 200
seconds = 60

[[devices]]
name = "load"
count = 500

[[devices]]
name = "thief"
count = 10
behaviour = "impostor"
readings = 2
`;

test("a whole file becomes a plan", () => {
  expect(parseFleetScenario(GOOD, {})).toEqual({
    seed: 7,
    perSecond: 200,
    loadMs: 60_000,
    groups: [
      { prefix: "load", count: 500, behaviour: "honest", readings: 6 },
      { prefix: "thief", count: 10, behaviour: "impostor", readings: 2 },
    ],
  });
});

test("what stands beside the file goes before it", () => {
  expect(parseFleetScenario(GOOD, { seed: "x", rate: 0 })).toMatchObject({
    seed: "x",
    perSecond: 0,
  });
});

describe("faults are told all at once, each with its place", () => {
  test.each<[string, Record<string, unknown>, string[]]>([
    ["nothing", {}, ["devices: expected a list of devices, [[devices]]; it is missing"]],
    [
      "an empty list",
      { devices: [] },
      ["devices: expected one group of devices at least, [[devices]]; not []"],
    ],
    [
      "several",
      { rate: -1, devices: [{ name: "Load", count: 0, behavior: "honest" }] },
      [
        "rate: expected statements a second, 0 to 100000; not -1",
        'devices[0].name: expected what the devices\' names begin with, at most 57 of a-z, 0-9 and "-"; not "Load"',
        "devices[0].count: expected a number of devices, 1 to 28000; not 0",
        "devices[0].behavior: there is no such field; did you mean behaviour?",
      ],
    ],
    [
      "a behaviour that is none",
      { devices: [{ name: "a", count: 1, behaviour: "rude" }] },
      [
        'devices[0].behaviour: expected one of "honest", "impostor", "replayer", "equivocator", "future-dated", "gap-abuser", "flooder", "half-open", "topic-abuser"; not "rude"',
      ],
    ],
    [
      "names twice",
      {
        devices: [
          { name: "a", count: 1 },
          { name: "a", count: 1 },
        ],
      },
      ['devices[1].name: "a" is taken by devices[0]'],
    ],
    [
      "more than one process has room for",
      {
        devices: [
          { name: "a", count: 20_000 },
          { name: "b", count: 20_000 },
        ],
      },
      ["devices: expected 28000 devices at most in all groups together; there are 40000"],
    ],
  ])("%s", (_name, raw, faults) => {
    expect(readFleetScenario(raw)).toEqual(faults);
  });

  test("boards", () => {
    expect(parseFleetScenario('[[boards]]\nname = "a"\n', {})).toEqual([
      expect.stringMatching(/^boards: /),
    ]);
  });

  test("what is no TOML", () => {
    expect(parseFleetScenario("rate =\n", {})).toEqual([
      expect.stringMatching(/^line 1, column \d+: /),
    ]);
  });
});
