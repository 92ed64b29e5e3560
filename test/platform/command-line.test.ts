/** Command lines: what is read, what is refused, and the help text. */
import { describe, expect, test } from "vitest";
import {
  type CommandSpec,
  formatHelp,
  numberFlag,
  parseFlags,
} from "../../platform/command-line.ts";
import { nearestName } from "../../platform/near-name.ts";
import { UserError } from "../../platform/user-error.ts";

const spec = {
  usage: "kerbstone peer <url> [options]",
  about: "Follows a log.",
  flags: {
    data: { type: "text", short: "d", value: "DIR", about: "where the copy is kept" },
    peer: { type: "list", value: "URL", about: "another peer" },
    quiet: { type: "switch", about: "prints nothing" },
  },
  positionals: { min: 1, max: 1, about: "the log, such as https://a" },
} as const satisfies CommandSpec;

describe("parseFlags", () => {
  test("reads every form", () => {
    const argv = ["https://a", "--data=x", "--peer", "p", "--peer=q", "--quiet", "-d", "y"];
    const { flags, positionals, help } = parseFlags(argv, spec);
    expect(flags).toEqual({ data: "y", peer: ["p", "q"], quiet: true });
    expect(positionals).toEqual(["https://a"]);
    expect(help).toBe(false);
  });

  test("gives types by the spec, and neutral values for what is absent", () => {
    const { flags } = parseFlags(["u"], spec);
    const data: string | undefined = flags.data;
    const peers: string[] = flags.peer;
    const quiet: boolean = flags.quiet;
    expect([data, peers, quiet]).toEqual([undefined, [], false]);
  });

  test("takes what follows -- as words, and values that begin with one hyphen", () => {
    expect(parseFlags(["--", "--data"], spec).positionals).toEqual(["--data"]);
    expect(parseFlags(["u", "--data", "-1"], spec).flags.data).toBe("-1");
    expect(parseFlags(["u", "--data=--x"], spec).flags.data).toBe("--x");
  });

  test("asks for nothing else when help is asked for", () => {
    expect(parseFlags(["--help"], spec).help).toBe(true);
    expect(parseFlags(["-h", "--nonsense"], spec).help).toBe(true);
  });

  test.each([
    [["u", "--dta", "x"], "There is no flag --dta; did you mean --data?"],
    [["u", "--xyzzy"], "There is no flag --xyzzy."],
    [["u", "-z"], "There is no flag -z."],
    [["u", "--toString"], "There is no flag --toString."],
    [["u", "--data"], "--data needs a value: --data DIR."],
    [["u", "--data", "--quiet"], "--data needs a value: --data DIR."],
    [["u", "--quiet=maybe"], '--quiet is a switch and takes no value, but was given "maybe".'],
    [["u", "v"], '"v" is one word too many.'],
    [[], "Something is missing: the log, such as https://a."],
  ])("refuses %j", (argv, sentence) => {
    expect(() => parseFlags(argv, spec)).toThrow(sentence);
    expect(() => parseFlags(argv, spec)).toThrow(UserError);
  });
});

test("formatHelp shows usage, sentence and all flags", () => {
  expect(formatHelp(spec)).toBe(`Usage: kerbstone peer <url> [options]

Follows a log.

  -d, --data DIR    where the copy is kept
      --peer URL …  another peer
      --quiet       prints nothing
  -h, --help        prints this and ends
`);
});

test("formatHelp puts what belongs together under a heading", () => {
  const { data, peer, quiet } = spec.flags;
  const parts = {
    ...spec,
    flags: { data: { ...data, heading: "The copy" }, peer, quiet: { ...quiet, heading: "Output" } },
  };
  expect(formatHelp(parts)).toContain(`Follows a log.

The copy:
  -d, --data DIR    where the copy is kept
      --peer URL …  another peer

Output:
      --quiet       prints nothing
  -h, --help        prints this and ends
`);
});

test.each([
  ["prot", "port"],
  ["mqttPort", "mqtt-port"],
  ["dataFoldr", "dataFolder"],
  ["x", undefined],
  ["banana", undefined],
])("nearestName(%s)", (name, near) => {
  expect(nearestName(name, ["port", "mqtt-port", "dataFolder"])).toBe(near);
});

describe("numberFlag", () => {
  const bounds = { min: -90, max: 90 };

  test.each([
    ["51.5", 51.5],
    ["-90", -90],
    [undefined, 7],
  ])("%s is %s", (text, value) => {
    expect(numberFlag("lat", text, { ...bounds, preset: 7 })).toBe(value);
  });

  test.each(["", " ", "north", "90.1", "NaN", "Infinity"])(
    "%j is refused by its bounds",
    (text) => {
      expect(() => numberFlag("lat", text, { ...bounds, preset: 7 })).toThrow(
        `--lat needs a number from -90 to 90, not "${text}".`,
      );
    },
  );

  test("what is missing is refused, and so is a preset beyond the bounds", () => {
    expect(() => numberFlag("lat", undefined, bounds)).toThrow("--lat needs a number");
    expect(() => numberFlag("lat", undefined, { ...bounds, preset: 91 })).toThrow(UserError);
  });
});
