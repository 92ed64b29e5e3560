/**
 * The boards that can be simulated, by name, and how each is made.
 */
import type { Random } from "../../platform/random.ts";
import { AIRROHR_DIALECTS, AirRohrBoard, type AirRohrDialect } from "./airrohr.ts";
import type { Board, MessageBoard } from "./board.ts";
import { EsphomeBoard } from "./esphome.ts";
import { LineBoard } from "./line-board.ts";
import { Mhz19Board } from "./mhz19.ts";
import { ModbusBus, type ModbusUnitPlan } from "./modbus-bus.ts";
import { NMEA_DIALECTS, type NmeaDialectName, NmeaGpsBoard } from "./nmea-gps.ts";
import { P1_VERSIONS, P1MeterBoard, type P1Version } from "./p1-meter.ts";
import { PLANTOWER_MODELS, PlantowerBoard, type PlantowerModel } from "./plantower.ts";
import { Sds011Board } from "./sds011.ts";
import { TasmotaBoard } from "./tasmota.ts";
import { Zigbee2MqttBoard } from "./zigbee2mqtt.ts";
import type { ModelName } from "../models/city.ts";

/** The name of a board that speaks over a line of bytes. */
export type WireBoardName =
  "sds011" | "plantower" | "mhz19" | "nmea-gps" | "p1-meter" | "modbus-bus" | "line-board";

/** The name of a board that speaks in messages. */
export type MessageBoardName = "zigbee2mqtt" | "tasmota" | "esphome" | "airrohr";

/** The name of a board that has values. */
export type ValueBoardName = WireBoardName | MessageBoardName;

/** The name of a board. */
export type BoardName = ValueBoardName | typeof CAMERA;

/** What is known of a board without its plan. */
interface BoardSort {
  /** Where it comes out: a TCP port or serial device, a topic of a broker, or an address to push to. */
  readonly outlet: "wire" | "mqtt" | "push";
  /** The model that feeds it when nothing is said. */
  readonly model?: ModelName;
  /** Quantities without which it has nothing to send. */
  readonly required: readonly string[];
  /** Of these it needs one at least, where it can do with any. */
  readonly oneOf?: readonly string[];
  readonly everySeconds: number;
}

const CLIMATE = ["temp", "rh"];
const AIR = [...CLIMATE, "co2", "pm25", "pm10"];
const NOISE = ["laeq", "lamin", "lamax"];

/** A camera is a board by name only: it has a network, and no values. */
export const CAMERA = "rtsp-camera";

/** All boards that have values. */
export const BOARDS: Readonly<Record<ValueBoardName, BoardSort>> = {
  sds011: { outlet: "wire", model: "air", required: ["pm25", "pm10"], everySeconds: 1 },
  plantower: { outlet: "wire", model: "air", required: ["pm25", "pm10"], everySeconds: 1 },
  mhz19: { outlet: "wire", model: "air", required: ["co2"], everySeconds: 5 },
  "nmea-gps": { outlet: "wire", model: "position", required: ["lat", "lon"], everySeconds: 1 },
  "p1-meter": { outlet: "wire", model: "energy", required: ["power", "energy"], everySeconds: 1 },
  "modbus-bus": { outlet: "wire", required: [], everySeconds: 1 },
  "line-board": { outlet: "wire", required: [], everySeconds: 10 },
  zigbee2mqtt: {
    outlet: "mqtt",
    model: "air",
    required: [],
    oneOf: [...AIR, "pressure", "power", "energy"],
    everySeconds: 60,
  },
  tasmota: { outlet: "mqtt", model: "air", required: [], oneOf: AIR, everySeconds: 300 },
  esphome: {
    outlet: "mqtt",
    model: "air",
    required: [],
    oneOf: [...AIR, ...NOISE, "pressure"],
    everySeconds: 60,
  },
  airrohr: {
    outlet: "push",
    model: "air",
    required: [],
    oneOf: ["pm25", "pm10", ...CLIMATE, ...NOISE],
    everySeconds: 145,
  },
};

/** The names of all boards. */
export const BOARD_NAMES: readonly BoardName[] = [
  ...(Object.keys(BOARDS) as ValueBoardName[]),
  CAMERA,
];

/** What a dialect is called, whatever the board. */
export type DialectName = NmeaDialectName | P1Version | PlantowerModel | AirRohrDialect;

/** The dialects of boards that have several, the usual one first. */
export const DIALECTS: Partial<Record<BoardName, readonly DialectName[]>> = {
  "nmea-gps": Object.keys(NMEA_DIALECTS) as NmeaDialectName[],
  "p1-meter": Object.keys(P1_VERSIONS) as P1Version[],
  plantower: Object.keys(PLANTOWER_MODELS) as PlantowerModel[],
  airrohr: AIRROHR_DIALECTS,
};

/** What can be said of one board; what is missing is drawn or left as usual. */
export interface BoardDetails {
  /** Two bytes, for an SDS011; three, for an airRohr board. */
  readonly id?: number;
  /** One of the board's `DIALECTS`. */
  readonly dialect?: DialectName;
  /** What a board reports that can report anything; everything that is measured without. */
  readonly quantities?: readonly string[];
  /** The units of a Modbus line. */
  readonly units?: readonly ModbusUnitPlan[];
}

/** Makes a board. Draws from `random` only what `details` leave open. */
export function makeBoard(name: WireBoardName, details: BoardDetails, random: Random): Board {
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

/** Says whether a board speaks in messages. */
export function speaksInMessages(name: BoardName): name is MessageBoardName {
  return name !== CAMERA && BOARDS[name].outlet !== "wire";
}

/** Makes a board that speaks at `topic`, if it speaks at one. Draws from `random` only what `details` leave open. */
export function makeMessageBoard(
  name: MessageBoardName,
  details: BoardDetails,
  topic: string,
  random: Random,
): MessageBoard {
  switch (name) {
    case "zigbee2mqtt":
      return new Zigbee2MqttBoard(topic, details.quantities);
    case "tasmota":
      return new TasmotaBoard(topic, details.quantities);
    case "esphome":
      return new EsphomeBoard(topic, details.quantities);
    case "airrohr":
      return new AirRohrBoard(
        details.id ?? 1 + Math.floor(random.unit() * 0xfffffe),
        AIRROHR_DIALECTS.find((dialect) => dialect === details.dialect) ?? "custom",
      );
  }
}

/** The dialect, where it is one of these. */
function dialectOf<Name extends string>(
  dialects: Readonly<Record<Name, unknown>>,
  { dialect }: BoardDetails,
): Name | undefined {
  return (Object.keys(dialects) as Name[]).find((name) => name === dialect);
}
