/**
 * Scenario files of virtual devices: which groups of devices there are, how they behave, how much they say.
 *
 * Read as a whole, all faults at once, each with its place, what was expected and what is there instead. The command line
 * makes scenarios of one group in the same shape (fleet-flags.ts).
 */
import { parse, TomlError } from "smol-toml";
import { z } from "zod";
import { isName } from "../../ledger/name.ts";
import { BEHAVIOUR_NAMES } from "../devices/behaviours/behaviour.ts";
import type { BehaviourName } from "../devices/behaviours/behaviour.ts";
import type { FleetPlan, GroupPlan } from "../devices/fleet-plan.ts";
import { READINGS_MAX } from "../devices/pack-source.ts";
import { describeIssue } from "./scenario-faults.ts";

/** What a scenario says of a run; the rest is said on the command line. */
export type FleetScenario = Pick<FleetPlan, "groups" | "perSecond" | "loadMs"> & {
  readonly seed?: number | string | undefined;
};

/** More connections than one process has files and ports for. */
const DEVICES_MAX = 28_000;
/** So that a hyphen and five digits fit into a name of 63. */
const PREFIX_LENGTH_MAX = 57;
const RATE_MAX = 100_000;
const SECONDS_MAX = 31_622_400;

const whole = (min: number, max: number, error: string): z.ZodType<number> =>
  z.number({ error }).int({ error }).min(min, { error }).max(max, { error });

const number = (min: number, max: number, error: string): z.ZodType<number> =>
  z.number({ error }).min(min, { error }).max(max, { error });

const behaviours = BEHAVIOUR_NAMES.map((each) => `"${each}"`).join(", ");

const group = z.strictObject({
  name: z.custom<string>(
    (value) => typeof value === "string" && isName(value) && value.length <= PREFIX_LENGTH_MAX,
    `what the devices' names begin with, at most ${PREFIX_LENGTH_MAX} of a-z, 0-9 and "-"`,
  ),
  count: whole(1, DEVICES_MAX, `a number of devices, 1 to ${DEVICES_MAX}`),
  behaviour: z
    .enum(BEHAVIOUR_NAMES, { error: `one of ${behaviours}` })
    .exactOptional() satisfies z.ZodType<BehaviourName | undefined>,
  readings: whole(1, READINGS_MAX, `readings in a pack, 1 to ${READINGS_MAX}`).exactOptional(),
});

const shape = z.strictObject({
  seed: z
    .union([z.number().int().min(0), z.string().min(1)], {
      error: "a whole number or a text, such as 7",
    })
    .exactOptional(),
  rate: number(0, RATE_MAX, `statements a second, 0 to ${RATE_MAX}`).exactOptional(),
  seconds: number(0.1, SECONDS_MAX, "seconds of load, such as 60").exactOptional(),
  devices: z
    .array(group, { error: "a list of devices, [[devices]]" })
    .min(1, { error: "one group of devices at least, [[devices]]" }),
});

const FIELDS = [...Object.keys(shape.shape), ...Object.keys(group.shape)];
const READINGS_USUAL = 6;

/** Parses a scenario file, with top-level fields that `overrides` replaces. Gives one sentence for each fault of it. */
export function parseFleetScenario(
  text: string,
  overrides: Readonly<Record<string, unknown>>,
): FleetScenario | string[] {
  let raw: object;
  try {
    raw = parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [first = ""] = error.message.split("\n");
    return [`line ${error.line}, column ${error.column}: ${first}`];
  }
  if ("boards" in raw)
    return ["boards: boards are served by a run without --hub; put them into a file of their own"];
  return readFleetScenario({ ...raw, ...overrides });
}

/** Reads a scenario from plain values in the shape of a file. Gives one sentence for each fault of them. */
export function readFleetScenario(raw: unknown): FleetScenario | string[] {
  const parsed = shape.safeParse(raw);
  if (!parsed.success)
    return parsed.error.issues.flatMap((issue) => describeIssue(issue, raw, FIELDS));
  const { seed, rate = 0, seconds, devices } = parsed.data;
  const faults = [...repeatedNames(devices), ...tooMany(devices)];
  if (faults.length > 0) return faults;
  const groups = devices.map(
    ({ name, count, behaviour = "honest", readings = READINGS_USUAL }): GroupPlan => ({
      prefix: name,
      count,
      behaviour,
      readings,
    }),
  );
  return {
    seed,
    groups,
    perSecond: rate,
    loadMs: seconds === undefined ? undefined : seconds * 1000,
  };
}

function repeatedNames(groups: readonly { name: string }[]): string[] {
  return groups.flatMap(({ name }, at) => {
    const before = groups.findIndex((each) => each.name === name);
    return before < at ? [`devices[${at}].name: "${name}" is taken by devices[${before}]`] : [];
  });
}

function tooMany(groups: readonly { count: number }[]): string[] {
  const total = groups.reduce((sum, { count }) => sum + count, 0);
  return total > DEVICES_MAX
    ? [
        `devices: expected ${DEVICES_MAX} devices at most in all groups together; there are ${total}`,
      ]
    : [];
}
