/**
 * What must hold between the fields of a scenario: one outlet and one feed for each board, names that exist and are
 * given once, columns for what a board needs.
 *
 * The rules look at the file as it is written, whether or not its fields have their shapes, so that people see the
 * faults of both sorts together. Whatever has a wrong shape is passed over here.
 */
import { MODEL_NAMES, MODEL_QUANTITIES, MODEL_SETTINGS, type ModelName } from "../models/city.ts";
import { buildMapping, type ColumnMapping } from "../replay/column-mapping.ts";
import {
  BOARD_NAMES,
  type BoardName,
  BOARDS,
  CAMERA,
  DIALECTS,
  type ValueBoardName,
} from "../boards/workshop.ts";
import { CAMERA_FIELDS, cameraEntryFaults } from "./camera-entry.ts";
import { faultRules, type FaultOwner } from "./fault-rules.ts";
import { FIRMWARE_MODEL, firmwareEntryFaults, firmwareLacking } from "./firmware-entry.ts";
import { LINE_OUTLETS, outletFaults, repeatedTopics } from "./outlet-rules.ts";
import type { OutletSort } from "./outlet-rules.ts";

type Table = Readonly<Record<string, unknown>>;

/** Stands for whatever has another shape. */
const NO_TABLE: Table = {};

/** Which boards alone understand a field. */
const BOARDS_OF_FIELD: Readonly<Record<string, readonly BoardName[]>> = {
  id: ["sds011", "airrohr"],
  dialect: BOARD_NAMES.filter((name) => DIALECTS[name] !== undefined),
  quantities: ["line-board", "modbus-bus", "zigbee2mqtt", "tasmota", "esphome"],
  units: ["modbus-bus"],
  ...Object.fromEntries(Object.keys(CAMERA_FIELDS).map((field) => [field, [CAMERA]])),
};
/** What only a model needs: recordings and captures have times and values of their own. */
const MODEL_FIELDS = ["everySeconds", "settings", "road"];
/** What is said to a board, where a capture needs none. */
const DETAIL_FIELDS = ["id", "dialect", "quantities", "units"];
/** Only one of the boards may have it, where it is no port that the system chooses. */
const UNIQUE_FIELDS: readonly string[] = ["name", ...LINE_OUTLETS];
const REGISTER_MAX = 0xffff;
/** The greatest id of an SDS011. */
const SDS011_ID_MAX = 0xfffe;

/** Gives one sentence for each rule that is broken. */
export function ruleFaults(raw: unknown): string[] {
  const file = asTable(raw);
  const boards = asTables(file["boards"]);
  const roads = asTables(file["roads"]).map((road) => road["name"]);
  return [
    ...boards.flatMap((board, at) =>
      // What is no table at all is told by the schema.
      board === NO_TABLE ? [] : boardFaults(board, roads).map((fault) => `boards[${at}]${fault}`),
    ),
    ...UNIQUE_FIELDS.flatMap((field) => repeated(boards, field)),
    ...repeatedTopics(boards),
    ...repeatedNames(roads),
  ];
}

/** Makes the mapping of a replay's columns; gives a sentence for each fault. */
export function mappingOf(replay: {
  readonly columns?: unknown;
  readonly where?: unknown;
}): ColumnMapping | string[] {
  const columns = Object.entries(asTable(replay.columns)).map(
    ([quantity, column]) => [quantity, String(column)] as const,
  );
  const where = Object.entries(asTable(replay.where)).map(
    ([column, text]) => [column, String(text)] as const,
  );
  return buildMapping(columns, where);
}

function boardFaults(board: Table, roads: readonly unknown[]): string[] {
  return [
    ...outletFaults(board, outletNameOf(board), outletSortOf(board)),
    ...sortFaults(board),
    ...detailFaults(board, roads),
    ...asTables(board["faults"]).flatMap((fault, at) =>
      faultRules(fault, ownerOf(board)).map((text) => `.faults[${at}]${text}`),
    ),
  ];
}

/** The rules for what it is: a camera, a processor with firmware, or a board that is known by name. */
function sortFaults(board: Table): string[] {
  if (board["firmware"] !== undefined) {
    const model = modelNameOf(board) ?? FIRMWARE_MODEL;
    const lacking = modelFaults(board, { name: "firmware", required: [] }, model);
    return [...firmwareEntryFaults(board, MODEL_QUANTITIES[model]), ...lacking];
  }
  const lacking = firmwareLacking(board);
  return board["board"] === CAMERA
    ? [...cameraEntryFaults(board), ...lacking]
    : [...feedFaults(board), ...lacking];
}

function ownerOf(board: Table): FaultOwner {
  const name = boardNameOf(board);
  const hasFirmware = board["firmware"] !== undefined;
  const usual = hasFirmware
    ? FIRMWARE_MODEL
    : name === undefined || name === CAMERA
      ? undefined
      : BOARDS[name].model;
  const model = modelNameOf(board) ?? (board["model"] === undefined ? usual : undefined);
  const columns = Object.keys(asTable(asTable(board["replay"])["columns"]));
  const measured =
    columns.length > 0
      ? columns.filter((column) => column !== "time")
      : model && MODEL_QUANTITIES[model];
  return {
    board: hasFirmware ? "firmware" : board["board"],
    sendsMessages: ["mqtt", "push"].includes(outletSortOf(board) ?? ""),
    ...(measured === undefined ? {} : { measured }),
  };
}

/** What comes out of it; absent where nobody knows what it is. */
function outletSortOf(board: Table): OutletSort | undefined {
  // Captured bytes belong to a line, whatever the board.
  if (board["firmware"] !== undefined || board["capture"] !== undefined) return "wire";
  const name = boardNameOf(board);
  if (name === CAMERA) return "network";
  return name && BOARDS[name].outlet;
}

function outletNameOf(board: Table): string {
  if (board["firmware"] !== undefined) return "firmware";
  return board["capture"] === undefined ? String(board["board"]) : "a capture";
}

function feedFaults(board: Table): string[] {
  const feeds = ["model", "replay", "capture"].filter((field) => board[field] !== undefined);
  const name = boardNameOf(board);
  if (feeds.length > 1)
    return [`: expected one of model, replay and capture; there are ${feeds.join(" and ")}`];
  if (feeds[0] === "capture") return captureFaults(board);
  if (board["board"] === undefined)
    return [`.board: expected a board, such as "${BOARD_NAMES[0]}"; it is missing`];
  if (name === undefined || name === CAMERA) return [];
  if (feeds[0] === "replay")
    return [...ownedFaults(board, MODEL_FIELDS), ...replayFaults(asTable(board["replay"]), name)];
  const model = feeds.length === 0 ? BOARDS[name].model : modelNameOf(board);
  if (model !== undefined)
    return [
      ...modelFaults(board, { name, required: BOARDS[name].required }, model),
      ...muteFaults(".model", name, MODEL_QUANTITIES[model]),
    ];
  return feeds.length === 0
    ? [`: expected model, replay or capture for ${name}; there is none`]
    : [];
}

function captureFaults(board: Table): string[] {
  const details = board["board"] === undefined ? DETAIL_FIELDS : [];
  return ownedFaults(board, [...MODEL_FIELDS, ...details]);
}

function ownedFaults(board: Table, fields: readonly string[]): string[] {
  const feed = board["capture"] === undefined ? "a recording" : "a capture";
  return fields
    .filter((field) => board[field] !== undefined)
    .map((field) => `.${field}: ${feed} has none; it has its own times and values`);
}

function replayFaults(replay: Table, board: ValueBoardName): string[] {
  const mapping = mappingOf(replay);
  if (Array.isArray(mapping)) {
    // That there are no columns, or that names have a wrong shape, is told by the schema.
    const { columns } = replay;
    return columns === undefined || Object.keys(asTable(columns)).some((name) => name !== "time")
      ? []
      : [".replay.columns: expected a column for a quantity, such as pm25 = 3; there is none"];
  }
  const columns = mapping.quantities.map(({ quantity }) => quantity);
  return [
    ...BOARDS[board].required
      .filter((quantity) => !columns.includes(quantity))
      .map((quantity) => `.replay.columns: ${board} needs a column for ${quantity}; there is none`),
    ...muteFaults(".replay.columns", board, columns),
  ];
}

/** A board that reports this and that, and nothing of what there is. */
function muteFaults(field: string, board: ValueBoardName, measured: readonly string[]): string[] {
  const { oneOf } = BOARDS[board];
  return oneOf === undefined || oneOf.some((quantity) => measured.includes(quantity))
    ? []
    : [`${field}: ${board} speaks of ${oneOf.join(", ")}; not of ${measured.join(", ")}`];
}

function modelFaults(
  board: Table,
  { name, required }: { readonly name: string; readonly required: readonly string[] },
  model: ModelName,
): string[] {
  const measured = MODEL_QUANTITIES[model];
  const lacking = required.filter((quantity) => !measured.includes(quantity));
  const settings = Object.keys(asTable(board["settings"]));
  const known = Object.keys(MODEL_SETTINGS[model]);
  const quantities = Array.isArray(board["quantities"]) ? (board["quantities"] as unknown[]) : [];
  const inRegisters = asTables(board["units"]).flatMap((unit) =>
    asTables(unit["registers"]).map((register) => register["quantity"]),
  );
  return [
    ...lacking.map(
      (quantity) => `.model: ${name} needs ${quantity}; "${model}" measures ${measured.join(", ")}`,
    ),
    ...settings
      .filter((setting) => !known.includes(setting))
      .map(
        (setting) => `.settings.${setting}: "${model}" has ${known.join(", ") || "no settings"}`,
      ),
    ...[...quantities, ...inRegisters]
      .filter((quantity) => typeof quantity === "string" && !measured.includes(quantity))
      .map(
        (quantity) =>
          `${quantities.includes(quantity) ? ".quantities" : ".units"}: "${model}" measures ${measured.join(", ")}; not ${String(quantity)}`,
      ),
    ...(model === "position" && board["lat"] === undefined && board["lon"] === undefined
      ? ["lat", "lon"]
      : []
    ).map((field) => `.${field}: expected degrees for "position"; it is missing`),
  ];
}

function detailFaults(board: Table, roads: readonly unknown[]): string[] {
  const name = boardNameOf(board);
  const foreign = Object.entries(BOARDS_OF_FIELD)
    .filter(
      ([field, owners]) =>
        board[field] !== undefined && name !== undefined && !owners.includes(name),
    )
    .map(([field, owners]) => `.${field}: ${haveIt(owners)} it, and this is ${name}`);
  const id = board["id"];
  const isLong = name === "sds011" && typeof id === "number" && id > SDS011_ID_MAX;
  const faults = [
    ...foreign,
    ...(isLong ? [`.id: expected two bytes for sds011, such as 0xa160; not ${id}`] : []),
    ...dialectFaults(board["dialect"], name),
    ...unitFaults(asTables(board["units"])),
    ...(board["units"] !== undefined && board["quantities"] !== undefined
      ? [".quantities: the registers of units say what there is; expected one of the two"]
      : []),
    ...halfPlace(board),
  ];
  const road = board["road"];
  return typeof road === "string" && !roads.includes(road)
    ? [...faults, `.road: expected the name of one of the roads; there is no "${road}"`]
    : faults;
}

function haveIt(boards: readonly BoardName[]): string {
  return boards.length === 1 ? `only ${boards[0]} has` : `only ${boards.join(", ")} have`;
}

/** A name of another board's dialects; that it is none at all is told by the schema. */
function dialectFaults(dialect: unknown, name: BoardName | undefined): string[] {
  const known: readonly unknown[] = (name === undefined ? undefined : DIALECTS[name]) ?? [];
  if (typeof dialect !== "string" || known.length === 0 || known.includes(dialect)) return [];
  return [`.dialect: ${name} has ${known.join(", ")}; not "${dialect}"`];
}

function unitFaults(units: readonly Table[]): string[] {
  return units.flatMap(({ id, registers }, at) => [
    ...(units.findIndex((unit) => unit["id"] === id) < at
      ? [`.units[${at}].id: ${String(id)} is taken by another unit of the line`]
      : []),
    ...registerFaults(asTables(registers)).map((fault) => `.units[${at}]${fault}`),
  ]);
}

/** A register holds half of a value of two words, and no other beside it. */
function registerFaults(registers: readonly Table[]): string[] {
  const taken = new Map<string, number>();
  return registers.flatMap(({ register, kind = "holding", type = "f32" }, at) => {
    if (typeof register !== "number") return [];
    const words = type === "u16" || type === "i16" ? [register] : [register, register + 1];
    const place = `.registers[${at}].register`;
    if (words.some((word) => word > REGISTER_MAX))
      return [`${place}: a value of two registers does not fit behind ${register}`];
    const keys = words.map((word) => `${String(kind)} ${word}`);
    const other = keys.map((key) => taken.get(key)).find((found) => found !== undefined);
    for (const key of keys) if (!taken.has(key)) taken.set(key, at);
    return other === undefined ? [] : [`${place}: ${register} is taken by registers[${other}]`];
  });
}

function halfPlace(board: Table): string[] {
  return (["lat", "lon"] as const)
    .filter((field) => board[field] === undefined && (board["lat"] ?? board["lon"]) !== undefined)
    .map((field) => `.${field}: expected lat and lon, or neither; it is missing`);
}

function repeated(boards: readonly Table[], field: string): string[] {
  const first = new Map<unknown, number>();
  return boards.flatMap((board, at) => {
    const value = board[field];
    if (typeof value !== "string" || (field === "listen" && value.endsWith(":0"))) return [];
    const before = first.get(value);
    if (before === undefined) first.set(value, at);
    return before === undefined
      ? []
      : [`boards[${at}].${field}: "${value}" is taken by boards[${before}]`];
  });
}

function repeatedNames(roads: readonly unknown[]): string[] {
  return roads.flatMap((name, at) =>
    typeof name === "string" && roads.indexOf(name) < at
      ? [`roads[${at}].name: "${name}" is taken by roads[${roads.indexOf(name)}]`]
      : [],
  );
}

function boardNameOf(board: Table): BoardName | undefined {
  return BOARD_NAMES.find((name) => name === board["board"]);
}

function modelNameOf(board: Table): ModelName | undefined {
  return MODEL_NAMES.find((name) => name === board["model"]);
}

function asTable(value: unknown): Table {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Table)
    : NO_TABLE;
}

function asTables(value: unknown): Table[] {
  return Array.isArray(value) ? value.map(asTable) : [];
}
