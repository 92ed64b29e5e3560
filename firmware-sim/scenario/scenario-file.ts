/**
 * A scenario as its file holds it, with the names and units that people write.
 *
 * scenario-schema.ts checks that a file has this shape; docs/simulate.md explains it.
 */
import type { ModbusUnitPlan } from "../boards/modbus-bus.ts";
import type { ModelName } from "../models/city.ts";
import type { BoardName, DialectName } from "../boards/workshop.ts";
import type { CameraEntry } from "./camera-entry.ts";
import type { FaultEntry } from "./fault-entry.ts";
import type { FirmwareEntry } from "./firmware-entry.ts";

/** The whole file. */
export interface ScenarioFile {
  readonly seed?: number | string;
  readonly timeZone?: string;
  readonly start?: string;
  readonly speed?: number;
  readonly roads?: readonly RoadEntry[];
  readonly boards: readonly BoardEntry[];
}

/** One of `[[roads]]`. */
export interface RoadEntry {
  readonly name: string;
  readonly vehiclesPerHour: number;
  readonly freeSpeed: number;
}

/** One of `[[boards]]`. */
export interface BoardEntry extends CameraEntry, FirmwareEntry {
  readonly name: string;
  readonly board?: BoardName;
  readonly stream?: string;
  readonly lat?: number;
  readonly lon?: number;
  readonly listen?: string;
  readonly serial?: string;
  readonly pty?: string;
  readonly baud?: number;
  readonly broker?: string;
  readonly topic?: string;
  readonly push?: string;
  readonly everySeconds?: number;
  readonly model?: ModelName;
  readonly road?: string;
  readonly settings?: Readonly<Record<string, number>>;
  readonly quantities?: readonly string[];
  readonly id?: number;
  readonly dialect?: DialectName;
  readonly units?: readonly ModbusUnitPlan[];
  readonly replay?: ReplayEntry;
  readonly capture?: CaptureEntry;
  readonly faults?: readonly FaultEntry[];
}

/** The `replay` of a board. */
export interface ReplayEntry {
  readonly file: string;
  readonly columns: Readonly<Record<string, string | number>>;
  readonly where?: Readonly<Record<string, string>>;
  readonly delimiter?: string;
  readonly stepSeconds?: number;
  readonly gapSeconds?: number;
  readonly speed?: number;
  readonly loop?: boolean;
}

/** The `capture` of a board. */
export interface CaptureEntry {
  readonly file: string;
  readonly format?: "bytes" | "hexdump";
  readonly baud?: number;
  readonly stepSeconds?: number;
  readonly speed?: number;
  readonly loop?: boolean;
}
