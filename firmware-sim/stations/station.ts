/**
 * A station: one board or camera of a district, with its faults and its place on the network or at a serial device.
 */
import type { RecordingCounts } from "../replay/recording.ts";
import type { StationPlan } from "../scenario/station-plan.ts";

/** What a station has done. `recording` is there where a CSV file was replayed. */
export interface StationReport {
  readonly bytesSent: number;
  readonly bytesLost: number;
  readonly recording?: RecordingCounts;
}

/** A station that can be reached. */
export interface Station {
  readonly plan: StationPlan;

  /** Where to connect. */
  readonly address: string;

  /** Gives what was done so far. */
  report(): StationReport;

  /**
   * Does its work until it has ended by itself or until the signal, then lets go of everything.
   *
   * Rejects with the error that took it the means to go on: a lost line, an encoder that died.
   */
  run(signal: AbortSignal): Promise<void>;

  /** Lets go of everything, for a station that does not run. */
  close(): Promise<void>;
}
