/**
 * What a simulated city is to be, once its scenario has been checked.
 */
import type { CityPlan, ModelName } from "../models/city.ts";
import type { AnalogSensor } from "../avr/analog-sensors.ts";
import type { CameraLogin } from "../camera/camera-login.ts";
import type { VideoPlan } from "../camera/video-source.ts";
import type { FaultPlan } from "../faults/fault-plan.ts";
import type { MqttPlace } from "../outlet/mqtt.ts";
import type { PtyPlace } from "../outlet/pty.ts";
import type { PushPlace } from "../outlet/push.ts";
import type { SerialPlace } from "../outlet/serial.ts";
import type { TcpPlace } from "../outlet/tcp-server.ts";
import type { ColumnMapping } from "../replay/column-mapping.ts";
import type { BoardDetails, ValueBoardName } from "../boards/workshop.ts";

/** A city with its boards. */
export interface Scenario {
  readonly city: Omit<CityPlan, "seed">;
  /** Drawn when the file leaves it open. */
  readonly seed?: number | string;
  /** The city's time when it starts; the clock's without. */
  readonly startMs?: number;
  /** Seconds of the city that pass in one. Boards send no faster for it. */
  readonly speed: number;
  readonly stations: readonly StationPlan[];
}

/** A station, whatever it is. */
export type StationPlan = BoardPlan | FirmwarePlan | CameraPlan;

/** What is known of every station. */
interface StationBase {
  readonly name: string;
  readonly stream: string;
  readonly lat?: number;
  readonly lon?: number;
  readonly faults: readonly FaultPlan[];
}

/** A board, what feeds it, and where its line comes out. */
export interface BoardPlan extends StationBase {
  readonly kind: "board";
  readonly everySeconds: number;
  readonly board?: ValueBoardName;
  readonly details: BoardDetails;
  readonly feed: ModelFeed | ReplayFeed | CaptureFeed;
  readonly outlet: OutletPlan | MessageOutletPlan;
}

/** A processor with firmware of its own, what is attached to it, and where its serial port comes out. */
export interface FirmwarePlan extends StationBase {
  readonly kind: "firmware";
  /** Intel HEX. The path may be relative to the scenario. */
  readonly file: string;
  readonly clockHz: number;
  /** Sensors by the number of their analog input. */
  readonly inputs: ReadonlyMap<number, AnalogSensor>;
  readonly feed: ModelFeed;
  readonly outlet: OutletPlan;
}

/** Where a line comes out. A path of a terminal may be relative to the scenario. */
export type OutletPlan =
  | ({ readonly kind: "tcp" } & TcpPlace)
  | ({ readonly kind: "serial" } & SerialPlace)
  | ({ readonly kind: "pty" } & PtyPlace);

/** Where messages go. */
export type MessageOutletPlan =
  | ({ readonly kind: "mqtt"; readonly topic: string } & MqttPlace)
  | ({ readonly kind: "push" } & PushPlace);

/** A camera, what it shows, and to whom. */
export interface CameraPlan extends StationBase {
  readonly kind: "camera";
  /** Its file's path may be relative to the scenario. */
  readonly video: VideoPlan;
  readonly login?: CameraLogin;
  readonly place: TcpPlace;
}

/** Values of a model, at every interval. */
export interface ModelFeed {
  readonly kind: "model";
  readonly model: ModelName;
  readonly road?: string;
  readonly settings: Readonly<Record<string, number>>;
}

/** Values of a recorded CSV file, one measurement a row. */
export interface ReplayFeed {
  readonly kind: "replay";
  readonly file: string;
  readonly mapping: ColumnMapping;
  readonly delimiter: string;
  readonly stepMs: number;
  readonly gapMs: number;
  readonly speed: number;
  readonly loop: boolean;
}

/** Captured bytes; no board is needed. */
export interface CaptureFeed {
  readonly kind: "capture";
  readonly file: string;
  readonly format: "bytes" | "hexdump";
  readonly baud: number;
  readonly stepMs: number;
  readonly speed: number;
  readonly loop: boolean;
}

/** How a replay or capture goes when nothing is said. */
export const REPLAY_DEFAULTS: {
  readonly delimiter: string;
  readonly stepMs: number;
  readonly gapMs: number;
  readonly speed: number;
  readonly baud: number;
} = { delimiter: ",", stepMs: 1000, gapMs: 6 * 3_600_000, speed: 1, baud: 9600 };
