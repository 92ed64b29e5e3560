/**
 * The command line of `kerbstone sim`: a scenario file, or one board described by flags.
 *
 * Flags are put into the shape of a scenario file and checked by the same rules, so that a file and a command line
 * with the same content behave alike and complain alike.
 */
import {
  type CommandSpec,
  type FlagValues,
  formatHelp,
  parseFlags,
} from "../platform/command-line.ts";
import { UserError } from "../platform/user-error.ts";
import { CAMERA_SCHEMES } from "./camera/camera-login.ts";
import { MODEL_NAMES } from "./models/city.ts";
import { parsePairs } from "./replay/column-mapping.ts";
import { BOARD_NAMES } from "./boards/workshop.ts";

const SIM_COMMAND = {
  usage:
    "kerbstone sim --scenario FILE | (--board NAME | --firmware FILE.hex) (--listen HOST:PORT | --serial PATH | --pty PATH | --broker URL | --push URL) [options]",
  about:
    "Simulates sensor boards that speak their real protocols, fed by models of a city, recorded CSV files or captured bytes; also with firmware of your own. And cameras. With --hub or --devices it runs virtual devices for load instead: see `kerbstone sim --devices N --help`.",
  flags: {
    scenario: {
      heading: "The board",
      type: "text",
      value: "FILE",
      about: "takes all boards from a scenario file",
    },
    board: { type: "text", value: "NAME", about: `one of ${BOARD_NAMES.join(", ")}` },
    name: { type: "text", value: "NAME", about: "the board's name, sim unless given" },
    dialect: {
      type: "text",
      value: "NAME",
      about: "which of the forms that such boards have, as docs/simulate.md lists them",
    },
    quantities: {
      type: "text",
      value: "A,B",
      about: "what a board reports that can report anything; everything unless given",
    },
    every: { type: "text", value: "SECONDS", about: "how often the board measures" },
    lat: { type: "text", value: "DEGREES", about: "where the board stands" },
    lon: { type: "text", value: "DEGREES", about: "where the board stands" },
    listen: {
      heading: "Its line",
      type: "text",
      value: "HOST:PORT",
      about: "serves the board's line there; port 0 takes a free one",
    },
    serial: {
      type: "text",
      value: "PATH",
      about: "drives a serial device or one end of a PTY pair",
    },
    pty: {
      type: "text",
      value: "PATH",
      about: "makes a serial port there, for somebody else to open; needs socat",
    },
    baud: {
      type: "text",
      value: "N",
      about: "speed of the serial device or of a capture, 9600 unless given",
    },
    broker: {
      type: "text",
      value: "URL",
      about: "publishes the messages of a zigbee2mqtt, tasmota or esphome board there",
    },
    topic: {
      type: "text",
      value: "TOPIC",
      about: "where it publishes, or the part of it that is the board's own name",
    },
    push: { type: "text", value: "URL", about: "posts the messages of an airrohr board there" },
    model: {
      heading: "What it measures, by a model",
      type: "text",
      value: "NAME",
      about: `one of ${MODEL_NAMES.join(", ")}`,
    },
    setting: {
      type: "list",
      value: "NAME=N",
      about: "sets a number of the model, such as capacity=650",
    },
    replay: {
      heading: "What it measures, by a recording",
      type: "text",
      value: "FILE",
      about: "plays a recorded CSV file",
    },
    columns: {
      type: "text",
      value: "time=0,pm25=3",
      about: "which column is which quantity, by number or name",
    },
    where: {
      type: "list",
      value: "COLUMN=TEXT",
      about: "plays only rows with this text in the column",
    },
    delimiter: {
      type: "text",
      value: "CHAR",
      about: "what separates columns, a comma unless given",
    },
    gap: {
      type: "text",
      value: "SECONDS",
      about: "does not wait for longer pauses of a recording, 21600 unless given",
    },
    capture: { type: "text", value: "FILE", about: "plays captured bytes unchanged" },
    format: {
      type: "text",
      value: "NAME",
      about: "bytes or hexdump, by the name of the capture unless given",
    },
    step: {
      type: "text",
      value: "SECONDS",
      about: "between rows without time, and between lines of a hexdump",
    },
    loop: { type: "switch", about: "begins again at the end of a recording or capture" },
    firmware: {
      heading: "Firmware of your own",
      type: "text",
      value: "FILE.hex",
      about: "runs this program, instruction by instruction, in place of a board",
    },
    mcu: { type: "text", value: "NAME", about: "the processor: atmega328p, also unless given" },
    "clock-hz": { type: "text", value: "N", about: "of its crystal, 16000000 unless given" },
    adc: {
      type: "text",
      value: "A0=temp,A1=rh",
      about: "which sensors are at its analog inputs; what there is for the model unless given",
    },
    username: {
      heading: "A camera",
      type: "text",
      value: "NAME",
      about: "who may look at the camera; anybody unless given",
    },
    password: { type: "text", value: "TEXT", about: "the password to that name" },
    authentication: {
      type: "text",
      value: "NAME",
      about: `how the camera asks for them: ${CAMERA_SCHEMES.join(", ")}`,
    },
    video: {
      type: "text",
      value: "FILE",
      about: "what the camera shows, again and again; a test pattern unless given",
    },
    size: { type: "text", value: "640x360", about: "how large the camera's picture is" },
    "frames-per-second": { type: "text", value: "N", about: "10 unless given" },
    "kilobits-per-second": { type: "text", value: "N", about: "500 unless given" },
    fault: {
      heading: "Faults, time and output",
      type: "list",
      value: "kind=K,share=S",
      about: "adds a fault, such as kind=bit-flips,share=0.001",
    },
    seed: { type: "text", value: "SEED", about: "repeats a city; drawn and printed unless given" },
    start: {
      type: "text",
      value: "TIME",
      about: "the city's time at the beginning, now unless given",
    },
    "time-zone": { type: "text", value: "NAME", about: "the city's time zone, UTC unless given" },
    speed: { type: "text", value: "N", about: "lets N seconds pass in one" },
    json: { type: "switch", about: "prints one JSON object a line" },
  },
} as const satisfies CommandSpec;

/** What was asked for: the shape of a scenario file, or the path of one with what overrides it. */
export interface SimRequest {
  readonly scenario?: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly json: boolean;
}

/** Flags that may stand beside a scenario file, and override it. */
const CITY_FLAGS = ["seed", "start", "time-zone", "speed"] as const;
const BESIDE_SCENARIO: readonly string[] = [...CITY_FLAGS, "scenario", "json"];

/** Flags for fields whose names are not the flag's. */
const FLAG_OF_FIELD: Readonly<Record<string, string>> = {
  everySeconds: "every",
  stepSeconds: "step",
  gapSeconds: "gap",
  settings: "setting",
  timeZone: "time-zone",
  faults: "fault",
  clockHz: "clock-hz",
  framesPerSecond: "frames-per-second",
  kilobitsPerSecond: "kilobits-per-second",
};

type Flags = FlagValues<typeof SIM_COMMAND>;

/** Gives the help text. */
export function simHelp(): string {
  return formatHelp(SIM_COMMAND);
}

/** Reads the command line; `undefined` where help is asked for. Throws a `UserError` for what cannot be meant. */
export function readSimCommand(argv: readonly string[]): SimRequest | undefined {
  const { flags, help } = parseFlags(argv, SIM_COMMAND);
  if (help) return undefined;
  const { json } = flags;
  if (flags.scenario === undefined) {
    const board = boardValues(flags);
    const isModel = board["replay"] === undefined && board["capture"] === undefined;
    const pace = isModel ? numbers({ speed: flags.speed }) : {};
    return { values: { ...cityValues(flags), ...pace, boards: [board] }, json };
  }
  const foreign = Object.entries(flags)
    .filter(([name, value]) => !BESIDE_SCENARIO.includes(name) && given(value))
    .map(([name]) => `--${name}`);
  if (foreign.length > 0)
    throw new UserError(`${foreign.join(" and ")} cannot stand beside --scenario.`);
  return {
    scenario: flags.scenario,
    values: { ...cityValues(flags), ...numbers({ speed: flags.speed }) },
    json,
  };
}

/** Puts the names of flags in place of a scenario's fields in a sentence about one. */
export function describeByFlags(fault: string): string {
  const said = fault
    .replace(/such as (\w+) = "([^"]*)"/g, "such as --$1 $2")
    .replace(/(columns: .*such as )(\w+) = (\w+)/, "$1--columns $2=$3");
  return said.replace(/^(?:boards\[0\])?\.?([A-Za-z0-9_.[\]-]*):/, (_whole, path: string) => {
    const [first = "", second, third] = path.split(/[.[\]]+/);
    const isSource = first === "replay" || first === "capture";
    if (first === "") return "The board:";
    const field = isSource && second !== undefined && second !== "file" ? second : first;
    const flag = `--${FLAG_OF_FIELD[field] ?? field}`;
    const part = { settings: second, adc: second, faults: third }[first];
    return part === undefined || part === "" ? `${flag}:` : `${flag} ${part}:`;
  });
}

function cityValues(flags: Flags): Record<string, unknown> {
  return compact({
    seed: numberOrText(flags.seed),
    start: flags.start,
    timeZone: flags["time-zone"],
  });
}

function boardValues(flags: Flags): Record<string, unknown> {
  const { listen, serial, pty, board, model, dialect, broker, topic, push } = flags;
  const pace = { ...numbers({ speed: flags.speed }), ...(flags.loop ? { loop: true } : {}) };
  const place = compact({
    ...numbers({ lat: flags.lat, lon: flags.lon, everySeconds: flags.every }),
  });
  const step = numbers({ stepSeconds: flags.step });
  const baud = numbers({ baud: flags.baud });
  const replay = compact({
    file: flags.replay,
    columns: flags.columns === undefined ? undefined : pairs("columns", [flags.columns]),
    where: flags.where.length === 0 ? undefined : pairs("where", flags.where),
    delimiter: flags.delimiter,
    ...numbers({ gapSeconds: flags.gap }),
  });
  const capture = compact({ file: flags.capture, format: flags.format });
  const isReplay = Object.keys(replay).length > 0;
  const isCapture = Object.keys(capture).length > 0;
  if (!isReplay && !isCapture && (flags.loop || flags.step !== undefined)) {
    throw new UserError("--loop and --step belong to --replay and --capture.");
  }
  return compact({
    name: flags.name ?? "sim",
    listen,
    serial,
    pty,
    broker,
    topic,
    push,
    board,
    model,
    dialect,
    ...place,
    ...(serial === undefined && isCapture ? {} : baud),
    settings: flags.setting.length === 0 ? undefined : toNumbers(pairs("setting", flags.setting)),
    quantities: flags.quantities?.split(","),
    ...cameraValues(flags),
    firmware: flags.firmware,
    mcu: flags.mcu,
    ...numbers({ clockHz: flags["clock-hz"] }),
    adc: flags.adc === undefined ? undefined : pairs("adc", [flags.adc]),
    replay: isReplay ? { ...replay, ...step, ...pace } : undefined,
    capture: isCapture ? { ...capture, ...step, ...baud, ...pace } : undefined,
    faults:
      flags.fault.length === 0
        ? undefined
        : flags.fault.map((text) => toNumbers(pairs("fault", [text]))),
  });
}

function cameraValues(flags: Flags): Record<string, unknown> {
  const { username, password, authentication, video, size } = flags;
  return {
    username,
    password,
    authentication,
    video,
    size,
    ...numbers({
      framesPerSecond: flags["frames-per-second"],
      kilobitsPerSecond: flags["kilobits-per-second"],
    }),
  };
}

function pairs(flag: string, texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.flatMap((text) => {
      const found = parsePairs(text);
      if (found === undefined)
        throw new UserError(`--${flag} expects pairs such as a=b,c=d; not "${text}".`);
      return found;
    }),
  );
}

/** What is no number stays as it is, for the scenario's rules to complain about. */
export function numberOrText(text: string | undefined): number | string | undefined {
  return text === undefined || text.trim() === "" || Number.isNaN(Number(text))
    ? text
    : Number(text);
}

function toNumbers(texts: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name, numberOrText(text)]),
  );
}

function numbers(texts: Readonly<Record<string, string | undefined>>): Record<string, unknown> {
  return compact(
    Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, numberOrText(text)])),
  );
}

/** Leaves out the fields that are not given. */
export function compact(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function given(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
}
