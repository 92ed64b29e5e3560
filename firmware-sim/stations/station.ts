/**
 * A station: one board or camera of a district, with its faults and its place on the network or at a serial device.
 */
import type { RecordingCounts } from "../replay/recording.ts";
import type { StationPlan } from "../scenario/station-plan.ts";

/** What a station has done. */
export interface StationReport {
  readonly bytesSent: number;
  readonly bytesLost: number;
  /** Where a CSV file was replayed. */
  readonly recording?: RecordingCounts;
  /** Where firmware was run. */
  readonly firmware?: FirmwareCounts;
}

/** How firmware fared. */
export interface FirmwareCounts {
  /** Of the processor's time. */
  readonly seconds: number;
  readonly asleepSeconds: number;
  /** Left out since the machine was too slow. */
  readonly skippedSeconds: number;
  readonly watchdogResets: number;
  /** Bytes that came faster than they were taken, or while nobody listened; and writes to a full serial port. */
  readonly bytesUnheard: number;
}

/** Called with a sentence about something that does not show on the line, and that people should know. */
export type Noticed = (sentence: string) => void;

/** A station that can be reached. */
export interface Station {
  readonly plan: StationPlan;

  /** Where to connect; of messages, how the edge names what it hears. */
  readonly address: string;

  /** Gives what was done so far. */
  report(): StationReport;

  /**
   * Does its work until it has ended by itself or until the signal, then lets go of everything. `noticed` is told what
   * people should know meanwhile.
   *
   * Rejects with the error that took it the means to go on: a lost line, an encoder that died.
   */
  run(signal: AbortSignal, noticed: Noticed): Promise<void>;

  /** Lets go of everything, for a station that does not run. */
  close(): Promise<void>;
}
