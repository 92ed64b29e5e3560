/**
 * Scenario files: which boards a simulated city has, and what happens to them.
 *
 * A file is read as a whole, and all its faults are found at once, each with its place, what was expected and what is
 * there instead. The command line makes scenarios of one board in the same shape (command.ts).
 */
import { parse, TomlError } from "smol-toml";
import { MODEL_QUANTITIES, type ModelName } from "../models/city.ts";
import { mappingOf, ruleFaults } from "./scenario-rules.ts";
import { cameraLoginOf, videoPlanOf } from "./camera-entry.ts";
import { faultPlanOf } from "./fault-entry.ts";
import { FIRMWARE_MODEL, inputsOf } from "./firmware-entry.ts";
import { describeIssue } from "./scenario-faults.ts";
import type { BoardEntry, ScenarioFile } from "./scenario-file.ts";
import { parseListen, scenarioSchema } from "./scenario-schema.ts";
import { parseTime } from "../replay/time-column.ts";
import {
  type BoardPlan,
  type CaptureFeed,
  type FirmwarePlan,
  type ModelFeed,
  type OutletPlan,
  REPLAY_DEFAULTS,
  type Scenario,
  type StationPlan,
} from "./station-plan.ts";
import type { TcpPlace } from "../outlet/tcp-server.ts";
import { type BoardDetails, BOARDS, CAMERA, type ValueBoardName } from "../boards/workshop.ts";

/** How fast the crystal of a board with firmware is when nothing is said. */
const CLOCK_HZ = 16_000_000;

/** Parses a scenario file, with top-level fields that `overrides` replaces. Gives one sentence for each fault of it. */
export function parseScenario(
  text: string,
  overrides: Readonly<Record<string, unknown>> = {},
): Scenario | string[] {
  let raw: object;
  try {
    raw = parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [first = ""] = error.message.split("\n");
    return [`line ${error.line}, column ${error.column}: ${first}`];
  }
  return readScenario({ ...raw, ...overrides });
}

/** Reads a scenario from plain values in the shape of a file. Gives one sentence for each fault of them. */
export function readScenario(raw: unknown): Scenario | string[] {
  const parsed = scenarioSchema.safeParse(raw);
  const shape = parsed.success
    ? []
    : parsed.error.issues.flatMap((issue) => describeIssue(issue, raw));
  const faults = [...shape, ...ruleFaults(raw)];
  return parsed.success && faults.length === 0 ? planOf(parsed.data) : faults;
}

function planOf(file: ScenarioFile): Scenario {
  const startMs = file.start === undefined ? undefined : parseTime(file.start);
  return {
    city: { timeZone: file.timeZone ?? "UTC", roads: file.roads ?? [] },
    ...(file.seed === undefined ? {} : { seed: file.seed }),
    ...(startMs === undefined ? {} : { startMs }),
    speed: file.speed ?? 1,
    stations: file.boards.map(stationOf),
  };
}

function stationOf(entry: BoardEntry): StationPlan {
  const { name, lat, lon, board } = entry;
  const base = {
    name,
    ...(lat === undefined ? {} : { lat }),
    ...(lon === undefined ? {} : { lon }),
    faults: (entry.faults ?? []).map(faultPlanOf),
  };
  if (board === CAMERA) {
    const login = cameraLoginOf(entry);
    return {
      ...base,
      kind: "camera",
      stream: entry.stream ?? "camera",
      video: videoPlanOf(entry),
      ...(login === undefined ? {} : { login }),
      place: tcpPlaceOf(entry),
    };
  }
  if (entry.firmware !== undefined) return firmwareOf(entry, entry.firmware, base);
  const feed = feedOf(entry, board);
  return {
    ...base,
    kind: "board",
    stream: entry.stream ?? usualStream(feed, board),
    everySeconds: entry.everySeconds ?? (board === undefined ? 1 : BOARDS[board].everySeconds),
    ...(board === undefined ? {} : { board }),
    details: detailsOf(entry),
    feed,
    outlet: placeOf(entry),
  };
}

function firmwareOf(
  entry: BoardEntry,
  file: string,
  base: Pick<FirmwarePlan, "name" | "faults">,
): FirmwarePlan {
  const { stream, model = FIRMWARE_MODEL, clockHz = CLOCK_HZ } = entry;
  const inputs = inputsOf(entry, MODEL_QUANTITIES[model]);
  const feed = modelFeedOf(entry, model);
  const outlet = outletOf(entry);
  return {
    ...base,
    kind: "firmware",
    stream: stream ?? model,
    file,
    clockHz,
    inputs,
    feed,
    outlet,
  };
}

function modelFeedOf({ road, settings }: BoardEntry, model: ModelName): ModelFeed {
  return {
    kind: "model",
    model,
    ...(road === undefined ? {} : { road }),
    settings: settings ?? {},
  };
}

function detailsOf({ id, dialect, quantities, units }: BoardEntry): BoardDetails {
  return {
    ...(id === undefined ? {} : { id }),
    ...(dialect === undefined ? {} : { dialect }),
    ...(quantities === undefined ? {} : { quantities }),
    ...(units === undefined ? {} : { units }),
  };
}

function feedOf(entry: BoardEntry, board: ValueBoardName | undefined): BoardPlan["feed"] {
  const { replay, capture } = entry;
  if (capture !== undefined) {
    return {
      kind: "capture",
      file: capture.file,
      format: capture.format ?? formatOf(capture.file),
      baud: capture.baud ?? REPLAY_DEFAULTS.baud,
      stepMs: milliseconds(capture.stepSeconds) ?? REPLAY_DEFAULTS.stepMs,
      speed: capture.speed ?? REPLAY_DEFAULTS.speed,
      loop: capture.loop ?? false,
    };
  }
  if (replay !== undefined) {
    const mapping = mappingOf(replay);
    if (Array.isArray(mapping)) throw new Error("a mapping that was checked before does not hold");
    return {
      kind: "replay",
      file: replay.file,
      mapping,
      delimiter: replay.delimiter ?? REPLAY_DEFAULTS.delimiter,
      stepMs: milliseconds(replay.stepSeconds) ?? REPLAY_DEFAULTS.stepMs,
      gapMs: milliseconds(replay.gapSeconds) ?? REPLAY_DEFAULTS.gapMs,
      speed: replay.speed ?? REPLAY_DEFAULTS.speed,
      loop: replay.loop ?? false,
    };
  }
  const model = entry.model ?? usualModel(board);
  if (model === undefined) throw new Error("a board that was checked before has no model");
  return modelFeedOf(entry, model);
}

function placeOf(entry: BoardEntry): BoardPlan["outlet"] {
  const { name, board, broker, topic, push } = entry;
  if (broker !== undefined) {
    const usual = board === "zigbee2mqtt" ? `zigbee2mqtt/${name}` : name;
    return { kind: "mqtt", broker, topic: topic ?? usual };
  }
  return push === undefined ? outletOf(entry) : { kind: "push", url: push };
}

function outletOf(entry: BoardEntry): OutletPlan {
  const { serial, pty, baud } = entry;
  if (pty !== undefined) return { kind: "pty", path: pty };
  return serial === undefined
    ? { kind: "tcp", ...tcpPlaceOf(entry) }
    : { kind: "serial", path: serial, baud: baud ?? REPLAY_DEFAULTS.baud };
}

function tcpPlaceOf({ listen }: BoardEntry): TcpPlace {
  const place = listen === undefined ? undefined : parseListen(listen);
  if (place === undefined) throw new Error("a board that was checked before has no outlet");
  return place;
}

/** Guesses a capture's format from its name. */
function formatOf(file: string): CaptureFeed["format"] {
  return /\.hex(dump)?$/i.test(file) ? "hexdump" : "bytes";
}

/** The model that feeds a board when nothing is said; none for boards that measure anything. */
function usualModel(board: ValueBoardName | undefined): ModelName | undefined {
  return board === undefined ? undefined : BOARDS[board].model;
}

/** The stream under which a board's readings are usually signed. */
function usualStream(feed: BoardPlan["feed"], board: ValueBoardName | undefined): string {
  const model = feed.kind === "model" ? feed.model : usualModel(board);
  return model === undefined ? "replay" : model === "position" ? "gps" : model;
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000;
}
