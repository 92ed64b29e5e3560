/** Commands behind a common word: which is run, with what, and the help text. */

import { beforeEach, describe, expect, test } from "vitest";
import { formatGroupHelp, runGroup } from "../../platform/command-group.ts";
import type { CommandGroup } from "../../platform/command-group.ts";
import { systemClock } from "../../platform/clock.ts";
import type { ProgramIo } from "../../platform/lifecycle.ts";
import { MemoryFiles } from "../../platform/memory-files.ts";
import { seededRandom } from "../../platform/random.ts";
import { UserError } from "../../platform/user-error.ts";

let ran: string[] = [];
let out = "";

const command = (about: string, name: string, code = 0) => ({
  about,
  run: (_: ProgramIo, argv: readonly string[]) => {
    ran.push([name, ...argv].join(" "));
    return Promise.resolve(code);
  },
});

const GROUP: CommandGroup = {
  name: "kerbstone edge",
  about: "The agent.",
  sections: [
    { commands: { init: command("makes a device", "init") } },
    {
      title: "Later",
      commands: {
        run: command("runs it", "run", 3),
        "test-sensor": command("listens", "test-sensor"),
      },
    },
  ],
};

beforeEach(() => {
  ran = [];
  out = "";
});

function typed(...argv: string[]): Promise<number> {
  const io: ProgramIo = {
    argv,
    env: {},
    stdout: { write: (text) => (out += text) },
    stderr: { write: () => undefined },
    signal: new AbortController().signal,
    clock: systemClock,
    random: seededRandom(1),
    files: new MemoryFiles(),
    cwd: "/",
  };
  return runGroup(io, argv, GROUP);
}

test("the help has a line for each command, in their order", () => {
  expect(formatGroupHelp(GROUP)).toBe(`Usage: kerbstone edge <command> [options]

The agent.

  init         makes a device

Later:
  run          runs it
  test-sensor  listens

kerbstone edge <command> --help says more.
`);
});

describe("runGroup", () => {
  test("runs the command that is named, with what follows, and gives its exit code", async () => {
    expect(await typed("run", "air-1/edge.toml", "--help")).toBe(3);
    expect(ran).toEqual(["run air-1/edge.toml --help"]);
    expect(out).toBe("");
  });

  test.each<[readonly string[], number]>([
    [["--help"], 0],
    [["-h"], 0],
    [["help"], 0],
    [[], 2],
  ])("prints the help for %j", async (argv, code) => {
    expect(await typed(...argv)).toBe(code);
    expect(out).toBe(formatGroupHelp(GROUP));
    expect(ran).toEqual([]);
  });

  test("takes help before a command for help after it", async () => {
    expect(await typed("help", "init")).toBe(0);
    expect(ran).toEqual(["init --help"]);
  });

  test.each<[string, string]>([
    ["tset-sensor", "Did you mean kerbstone edge test-sensor?"],
    ["xyzzy", "Known are init, run, test-sensor."],
    ["toString", "Known are init, run, test-sensor."],
  ])("refuses %s, and says what there is", async (name, hint) => {
    const refused = await typed(name).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(UserError);
    expect(refused).toMatchObject({ message: `There is no command edge ${name}.`, hint });
  });
});
