/**
 * The shape of a scenario file, field by field, each with what is expected of it and an example.
 *
 * Rules that span several fields or boards are in scenario-rules.ts and beside it.
 */
import { z } from "zod";
import { isName } from "../../ledger/name.ts";
import {
  MODBUS_ORDERS,
  MODBUS_TYPES,
  type ModbusOrder,
  type ModbusType,
} from "../boards/modbus-bus.ts";
import { MODEL_NAMES, type ModelName } from "../models/city.ts";
import { CAMERA_FIELDS } from "./camera-entry.ts";
import { oneOf, quoted, rule, whole, within } from "./expectation.ts";
import { FAULT_FIELDS, faultSchema } from "./fault-entry.ts";
import { FIRMWARE_FIELDS } from "./firmware-entry.ts";
import type { ScenarioFile } from "./scenario-file.ts";
import { parseTime } from "../replay/time-column.ts";
import { BOARD_NAMES, type BoardName, type DialectName, DIALECTS } from "../boards/workshop.ts";

const name = rule<string>(isName, 'a name of a-z, 0-9 and "-", such as "air-castle"');
const path = rule<string>(
  (value) => typeof value === "string" && /^[^\0]+$/.test(value),
  'a path, such as "data/pm.csv"',
);
const seconds = rule<number>(within(0, 31_622_400), "seconds, such as 30");
const speed = rule<number>(
  (value) => within(0.001, 1e9)(value),
  "how many seconds pass in one, 0.001 or more, such as 60",
);
/** Later than any clock of a board can show. */
const START_MS_MAX = Date.UTC(3000, 0) - 1;
const flag = rule<boolean>((value) => typeof value === "boolean", "true or false");
const baud = rule<number>(whole(100, 4_000_000), "a baud rate, such as 9600");

const columns = z.record(
  name,
  rule<string | number>(
    (value) => (typeof value === "string" && value !== "") || whole(0, 9999)(value),
    'the name or the number of a column, such as "PM 2.5" or 3',
  ),
  { error: "a table of quantities and columns, such as { time = 0, pm25 = 3 }" },
);

const replay = z.strictObject(
  {
    file: path,
    columns,
    where: z
      .record(z.string(), z.string(), {
        error: 'a table of columns and texts, such as { site = "A" }',
      })
      .exactOptional(),
    delimiter: rule<string>(
      (value) => typeof value === "string" && /^[^"\r\n]$/.test(value),
      'one character, such as ";"',
    ).exactOptional(),
    stepSeconds: seconds.exactOptional(),
    gapSeconds: seconds.exactOptional(),
    speed: speed.exactOptional(),
    loop: flag.exactOptional(),
  },
  { error: 'a table, such as { file = "pm.csv", columns = { time = 0, pm25 = 3 } }' },
);

const capture = z.strictObject(
  {
    file: path,
    format: rule<"bytes" | "hexdump">(
      oneOf(["bytes", "hexdump"]),
      '"bytes" or "hexdump"',
    ).exactOptional(),
    baud: baud.exactOptional(),
    stepSeconds: seconds.exactOptional(),
    speed: speed.exactOptional(),
    loop: flag.exactOptional(),
  },
  { error: 'a table, such as { file = "frames.hexdump" }' },
);

const register = z.strictObject(
  {
    register: rule<number>(whole(0, 0xffff), "an address of 0 to 65535"),
    quantity: name,
    kind: rule<"holding" | "input">(
      oneOf(["holding", "input"]),
      '"holding" or "input"',
    ).exactOptional(),
    type: rule<ModbusType>(oneOf(MODBUS_TYPES), `one of ${quoted(MODBUS_TYPES)}`).exactOptional(),
    wordOrder: rule<ModbusOrder>(
      oneOf(MODBUS_ORDERS),
      `one of ${quoted(MODBUS_ORDERS)}`,
    ).exactOptional(),
    scale: rule<number>(
      (value) => within(-1e9, 1e9)(value) && value !== 0,
      "a number other than 0, such as 0.1",
    ).exactOptional(),
  },
  { error: 'a table, such as { register = 0, quantity = "level" }' },
);

const unit = z.strictObject(
  {
    id: rule<number>(whole(1, 247), "an address of 1 to 247, such as 17"),
    registers: z.array(register, {
      error: 'a list of registers, such as [{ register = 0, quantity = "level" }]',
    }),
  },
  { error: "a table of a unit, [[boards.units]]" },
);

const allDialects = Object.values(DIALECTS).flat();

const board = z.strictObject(
  {
    name,
    board: rule<BoardName>(oneOf(BOARD_NAMES), `one of ${quoted(BOARD_NAMES)}`).exactOptional(),
    stream: name.exactOptional(),
    lat: rule<number>(within(-90, 90), "degrees of latitude, such as 51.5877").exactOptional(),
    lon: rule<number>(within(-180, 180), "degrees of longitude, such as -2.9984").exactOptional(),
    listen: rule<string>(
      (value) => typeof value === "string" && parseListen(value) !== undefined,
      'an address and port, such as "127.0.0.1:0" (0 takes a free port)',
    ).exactOptional(),
    serial: path.exactOptional(),
    pty: path.exactOptional(),
    baud: baud.exactOptional(),
    broker: rule<string>(
      isUrl(["mqtt:", "mqtts:"]),
      'the address of a broker, such as "mqtt://127.0.0.1:1883"',
    ).exactOptional(),
    topic: rule<string>(
      (value) => typeof value === "string" && /^[^+#\0/$][^+#\0]{0,199}$/.test(value),
      'a topic without wildcards, such as "zigbee2mqtt/kitchen"',
    ).exactOptional(),
    push: rule<string>(
      isUrl(["http:"]),
      'the address that takes pushes, such as "http://127.0.0.1:8093/"',
    ).exactOptional(),
    everySeconds: rule<number>(
      within(0.05, 86_400),
      "seconds of 0.05 to 86400, such as 10",
    ).exactOptional(),
    model: rule<ModelName>(oneOf(MODEL_NAMES), `one of ${quoted(MODEL_NAMES)}`).exactOptional(),
    road: name.exactOptional(),
    settings: z
      .record(z.string(), rule<number>(within(-1e9, 1e9), "a number"), {
        error: "a table of numbers, such as { capacity = 650 }",
      })
      .exactOptional(),
    quantities: z
      .array(name, { error: 'a list of quantities, such as ["pm25", "pm10"]' })
      .exactOptional(),
    id: rule<number>(
      whole(0, 0xffffff),
      "two bytes for an sds011, such as 0xa160, or three for an airrohr",
    ).exactOptional(),
    dialect: rule<DialectName>(oneOf(allDialects), `one of ${quoted(allDialects)}`).exactOptional(),
    units: z.array(unit, { error: "a list of units, [[boards.units]]" }).exactOptional(),
    replay: replay.exactOptional(),
    capture: capture.exactOptional(),
    ...CAMERA_FIELDS,
    ...FIRMWARE_FIELDS,
    faults: z.array(faultSchema, { error: "a list of faults, [[boards.faults]]" }).exactOptional(),
  },
  { error: "a table of a board, [[boards]]" },
);

const road = z.strictObject(
  {
    name,
    vehiclesPerHour: rule<number>(within(0, 20_000), "vehicles an hour, such as 1200"),
    freeSpeed: rule<number>(within(1, 60), "metres a second, such as 13.4"),
  },
  { error: "a table of a road, [[roads]]" },
);

const scenario = z.strictObject({
  seed: rule<number | string>(
    (value) =>
      whole(0, Number.MAX_SAFE_INTEGER)(value) || (typeof value === "string" && value !== ""),
    "a whole number or a text, such as 7",
  ).exactOptional(),
  timeZone: rule<string>(
    (value) => typeof value === "string" && isTimeZone(value),
    'a time zone, such as "Europe/London"',
  ).exactOptional(),
  start: rule<string>(
    (value) => typeof value === "string" && within(0, START_MS_MAX)(parseTime(value)),
    'a time in quotes, of 1970 to 2999, such as "2026-03-02T07:00:00Z"',
  ).exactOptional(),
  speed: speed.exactOptional(),
  roads: z.array(road, { error: "a list of roads, [[roads]]" }).exactOptional(),
  boards: z
    .array(board, { error: "a list of boards, [[boards]]" })
    .min(1, { error: "one board at least, [[boards]]" }),
});

/** A scenario file. */
export const scenarioSchema: z.ZodType<ScenarioFile> = scenario;

/** The names of all fields, wherever they stand. */
export const FIELD_NAMES: readonly string[] = [
  ...new Set([
    ...[scenario, road, board, replay, capture, unit, register].flatMap((table) =>
      Object.keys(table.shape),
    ),
    ...FAULT_FIELDS,
  ]),
];

/** Parses `host:port`, IPv6 hosts in brackets; `undefined` for anything else. */
export function parseListen(text: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port > 65_535 ? undefined : { host, port };
}

function isUrl(protocols: readonly string[]): (value: unknown) => boolean {
  return (value) =>
    typeof value === "string" && URL.canParse(value) && protocols.includes(new URL(value).protocol);
}

function isTimeZone(text: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: text });
    return true;
  } catch {
    return false;
  }
}
