/**
 * The command line of `kerbstone sim` with a hub: virtual devices for load, by flags or by a scenario file.
 */
import {
  type CommandSpec,
  type FlagValues,
  formatHelp,
  numberFlag,
  parseFlags,
} from "../platform/command-line.ts";
import { UserError } from "../platform/user-error.ts";
import { compact, numberOrText } from "./command.ts";
import { BEHAVIOUR_NAMES } from "./devices/behaviours/behaviour.ts";

/** Where `npm start` and `kerbstone hub run` serve unless told otherwise. */
const LOCAL_HUB = "http://127.0.0.1:8080";

const FLEET_COMMAND = {
  usage:
    "kerbstone sim [--hub URL] --devices N [options]\n       kerbstone sim --hub URL --scenario FILE [options]",
  about:
    "Puts load on a hub: virtual devices with keys, chains and MQTT connections of their own, honest or not, and a report of what was acked, nacked and lost. Their keys come from the seed and are for tests alone.",
  flags: {
    hub: { type: "text", value: "URL", about: `the hub's address, ${LOCAL_HUB} unless given` },
    devices: { type: "text", value: "N", about: "how many devices" },
    rate: {
      type: "text",
      value: "R",
      about: "statements a second over all devices; 0, as unless given, for all that the hub takes",
    },
    seconds: { type: "text", value: "S", about: "how long they sign; until Ctrl-C unless given" },
    readings: { type: "text", value: "N", about: "readings in each pack, 6 unless given" },
    behaviour: { type: "text", value: "NAME", about: `one of ${BEHAVIOUR_NAMES.join(", ")}` },
    prefix: {
      type: "text",
      value: "NAME",
      about: "what their names begin with; load, or the behaviour, unless given",
    },
    seed: {
      type: "text",
      value: "SEED",
      about: "makes the same names and keys again; drawn and printed unless given",
    },
    scenario: {
      type: "text",
      value: "FILE",
      about: "takes groups of devices from a scenario file",
    },
    claims: {
      type: "text",
      value: "FILE",
      about: "writes what `kerbstone hub enrol --from` takes, and waits until they are enrolled",
    },
    "enrol-wait": {
      type: "text",
      value: "S",
      about: "how long to wait for that, 900 seconds unless given",
    },
    vkey: { type: "text", value: "VKEY", about: "the log's key: a hub that shows another is left" },
    mqtt: {
      type: "text",
      value: "URL",
      about: "the broker, mqtt(s)://host:port; where the hub says unless given",
    },
    ca: { type: "text", value: "FILE", about: "PEM of the authority behind the broker's TLS" },
    "connect-rate": {
      type: "text",
      value: "R",
      about: "connections a second, at first and after cuts, 200 unless given",
    },
    window: {
      type: "text",
      value: "N",
      about: "statements of a device under way at the same time, 4 unless given",
    },
    until: {
      type: "text",
      value: "LEVEL",
      about: "what is waited for at the end, stored (unless given) or sealed",
    },
    wait: {
      type: "text",
      value: "S",
      about: "how long nothing may move before that is given up, 60 seconds unless given",
    },
    json: { type: "switch", about: "prints one JSON object a line" },
  },
} as const satisfies CommandSpec;

type Flags = FlagValues<typeof FLEET_COMMAND>;

/** What was asked for, besides the devices themselves. */
export interface FleetRequest {
  readonly hub: string;
  /** The path of a scenario; else `values` is one. */
  readonly scenario?: string | undefined;
  /** The shape of a scenario file, or what overrides one. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly claims?: string | undefined;
  readonly enrolWaitMs: number;
  readonly vkey?: string | undefined;
  readonly mqtt?: string | undefined;
  readonly ca?: string | undefined;
  readonly connectionsPerSecond: number;
  readonly windowStatements: number;
  readonly until: "stored" | "sealed";
  readonly waitMs: number;
  readonly json: boolean;
}

/** Flags that make a command line one of this kind. */
const MARKS = ["--hub", "--devices", "--behaviour", "--claims"];
/** Flags that describe a group, which a scenario does itself. */
const GROUP_FLAGS = ["devices", "readings", "behaviour", "prefix"] as const;

/** Flags for fields whose names are not the flag's. */
const FLAG_OF_FIELD: Readonly<Record<string, string>> = { name: "prefix", count: "devices" };

/** Whether a command line asks for virtual devices rather than boards. */
export function isFleetCommand(argv: readonly string[]): boolean {
  return argv.some((word) => MARKS.includes(word.split("=")[0]!));
}

/** Gives the help text. */
export function fleetHelp(): string {
  return formatHelp(FLEET_COMMAND);
}

/** Reads the command line; `undefined` where help is asked for. Throws a `UserError` for what cannot be meant. */
export function readFleetCommand(argv: readonly string[]): FleetRequest | undefined {
  const { flags, help } = parseFlags(argv, FLEET_COMMAND);
  if (help) return undefined;
  const { hub = LOCAL_HUB, scenario, claims, vkey, mqtt, ca, json } = flags;
  if (!/^https?:/.test(hub) || !URL.canParse(hub)) {
    throw new UserError(`--hub needs the hub's address, such as ${LOCAL_HUB}.`);
  }
  const until = flags.until ?? "stored";
  if (until !== "stored" && until !== "sealed") {
    throw new UserError(`--until is stored or sealed, not ${until}.`);
  }
  return {
    hub,
    scenario,
    values: valuesOf(flags),
    claims,
    vkey,
    mqtt,
    ca,
    json,
    until,
    enrolWaitMs:
      numberFlag("enrol-wait", flags["enrol-wait"], { min: 0, max: 86_400, preset: 900 }) * 1000,
    connectionsPerSecond: numberFlag("connect-rate", flags["connect-rate"], {
      min: 0.1,
      max: 10_000,
      preset: 200,
    }),
    windowStatements: Math.floor(
      numberFlag("window", flags.window, { min: 1, max: 256, preset: 4 }),
    ),
    waitMs: numberFlag("wait", flags.wait, { min: 0, max: 86_400, preset: 60 }) * 1000,
  };
}

/** Puts the names of flags in place of a scenario's fields in a sentence about one. */
export function describeByFleetFlags(fault: string): string {
  return fault.replace(/^(?:devices\[0\]\.)?(\w+):/, (_whole, field: string) => {
    return `--${FLAG_OF_FIELD[field] ?? field}:`;
  });
}

function valuesOf(flags: Flags): Record<string, unknown> {
  const run = compact({
    seed: numberOrText(flags.seed),
    rate: numberOrText(flags.rate),
    seconds: numberOrText(flags.seconds),
  });
  if (flags.scenario !== undefined) {
    const foreign = GROUP_FLAGS.filter((name) => flags[name] !== undefined);
    if (foreign.length === 0) return run;
    const names = foreign.map((name) => `--${name}`).join(" and ");
    throw new UserError(`${names} cannot stand beside --scenario.`);
  }
  const { behaviour } = flags;
  const usual = behaviour === undefined || behaviour === "honest" ? "load" : behaviour;
  const group = compact({
    name: flags.prefix ?? usual,
    count: numberOrText(flags.devices),
    readings: numberOrText(flags.readings),
    behaviour,
  });
  return { ...run, devices: [group] };
}
