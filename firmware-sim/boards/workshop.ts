/**
 * The boards that can be simulated, by name, and how each is made.
 */
import type { Random } from "../../platform/random.ts";
import type { Board } from "./board.ts";
import { LineBoard } from "./line-board.ts";
import { Mhz19Board } from "./mhz19.ts";
import { ModbusBus, type ModbusUnitPlan } from "./modbus-bus.ts";
import { NMEA_DIALECTS, type NmeaDialectName, NmeaGpsBoard } from "./nmea-gps.ts";
import { P1_VERSIONS, P1MeterBoard, type P1Version } from "./p1-meter.ts";
import { PLANTOWER_MODELS, PlantowerBoard, type PlantowerModel } from "./plantower.ts";
import { Sds011Board } from "./sds011.ts";
import type { ModelName } from "../models/city.ts";

/** The name of a board that speaks over a line of bytes. */
export type SerialBoardName =
  "sds011" | "plantower" | "mhz19" | "nmea-gps" | "p1-meter" | "modbus-bus" | "line-board";

/** What is known of a board without its plan. */
interface BoardSort {
  /** The model that feeds it when nothing is said. */
  readonly model?: ModelName;
  /** Quantities without which it has nothing to send. */
  readonly required: readonly string[];
  readonly everySeconds: number;
}

/** A camera is a board by name only: it has a network, and no values. */
export const CAMERA = "rtsp-camera";

/** The name of a board. */
export type BoardName = SerialBoardName | typeof CAMERA;

/** All boards with a line of bytes. */
export const BOARDS: Readonly<Record<SerialBoardName, BoardSort>> = {
  sds011: { model: "air", required: ["pm25", "pm10"], everySeconds: 1 },
  plantower: { model: "air", required: ["pm25", "pm10"], everySeconds: 1 },
  mhz19: { model: "air", required: ["co2"], everySeconds: 5 },
  "nmea-gps": { model: "position", required: ["lat", "lon"], everySeconds: 1 },
  "p1-meter": { model: "energy", required: ["power", "energy"], everySeconds: 1 },
  "modbus-bus": { required: [], everySeconds: 1 },
  "line-board": { required: [], everySeconds: 10 },
};

/** The names of all boards. */
export const BOARD_NAMES: readonly BoardName[] = [
  ...(Object.keys(BOARDS) as SerialBoardName[]),
  CAMERA,
];

/** What a dialect is called, whatever the board. */
export type DialectName = NmeaDialectName | P1Version | PlantowerModel;

/** The dialects of boards that have several, the usual one first. */
export const DIALECTS: Partial<Record<BoardName, readonly DialectName[]>> = {
  "nmea-gps": Object.keys(NMEA_DIALECTS) as NmeaDialectName[],
  "p1-meter": Object.keys(P1_VERSIONS) as P1Version[],
  plantower: Object.keys(PLANTOWER_MODELS) as PlantowerModel[],
};

/** What can be said of one board; what is missing is drawn or left as usual. */
export interface BoardDetails {
  /** Two bytes, for an SDS011. */
  readonly id?: number;
  /** One of the board's `DIALECTS`. */
  readonly dialect?: DialectName;
  /** What a line board or the usual Modbus unit reports, in this order; everything that is measured without. */
  readonly quantities?: readonly string[];
  /** The units of a Modbus line. */
  readonly units?: readonly ModbusUnitPlan[];
}

/** Makes a board. Draws from `random` only what `details` leave open. */
export function makeBoard(name: SerialBoardName, details: BoardDetails, random: Random): Board {
  switch (name) {
    case "sds011":
      return new Sds011Board({
        id: details.id ?? Math.floor(random.unit() * 0xffff),
        firmware: [18, 11, 16],
      });
    case "nmea-gps":
      return new NmeaGpsBoard(NMEA_DIALECTS[dialectOf(NMEA_DIALECTS, details) ?? "ublox"]);
    case "plantower":
      return new PlantowerBoard(dialectOf(PLANTOWER_MODELS, details) ?? "pms5003");
    case "mhz19":
      return new Mhz19Board();
    case "p1-meter":
      return new P1MeterBoard(dialectOf(P1_VERSIONS, details) ?? "v5");
    case "modbus-bus":
      return new ModbusBus(details.units, details.quantities);
    case "line-board":
      return new LineBoard(details.quantities);
  }
}

/** The dialect, where it is one of these. */
function dialectOf<Name extends string>(
  dialects: Readonly<Record<Name, unknown>>,
  { dialect }: BoardDetails,
): Name | undefined {
  return (Object.keys(dialects) as Name[]).find((name) => name === dialect);
}
