/**
 * What `kerbstone sim` prints: lines for people, or one JSON object a line for programs.
 *
 * JSON lines have an `event`: `seed` once, `listening` for each board, `ready` once before they run, `ended` for each
 * when it is over; `notice` now and then.
 */
import type { StationEnd } from "./stations/district.ts";
import type { FirmwareCounts, Station } from "./stations/station.ts";
import type { StationPlan } from "./scenario/station-plan.ts";
import { CAMERA } from "./boards/workshop.ts";
import type { RecordingCounts } from "./replay/recording.ts";

/** Says by which seed the run can be repeated. */
export function formatSeed(seed: number | string, json: boolean): string {
  return json ? jsonLine({ event: "seed", seed }) : `seed ${seed}\n`;
}

/** Says where a board can be reached, and what an edge has to know of it. */
export function formatListening(station: Station, json: boolean): string {
  const { plan, address } = station;
  const { name, stream, lat, lon } = plan;
  const sort = sortOf(plan);
  if (json) return jsonLine({ event: "listening", name, ...sort, stream, address, lat, lon });
  return `${name}: ${sort.board ?? sort.firmware ?? "capture"} at ${address}\n`;
}

/** What sort of station it is, as programs are told. */
function sortOf(plan: StationPlan): { board?: string; everySeconds?: number; firmware?: string } {
  switch (plan.kind) {
    case "camera":
      return { board: CAMERA };
    case "firmware":
      return { firmware: plan.file };
    case "board": {
      const { board, everySeconds } = plan;
      return board === undefined ? { everySeconds } : { board, everySeconds };
    }
  }
}

/** Says what should be known of a board meanwhile. */
export function formatNotice(station: Station, sentence: string, json: boolean): string {
  const { name } = station.plan;
  return json ? jsonLine({ event: "notice", name, text: sentence }) : `${name}: ${sentence}\n`;
}

/** Says that all boards can be reached: nothing to people, who see it. */
export function formatReady(boards: number, json: boolean): string {
  return json ? jsonLine({ event: "ready", boards }) : "";
}

/** Says what a board has done. */
export function formatEnd({ station, error }: StationEnd, json: boolean): string {
  const { name } = station.plan;
  const report = station.report();
  if (json) return jsonLine({ event: "ended", name, ...report, error: error?.message });
  const lost = report.bytesLost === 0 ? "" : `, ${report.bytesLost} of them to nobody`;
  const rows = report.recording === undefined ? "" : `; ${formatCounts(report.recording)}`;
  const run = report.firmware === undefined ? "" : `; ${formatFirmware(report.firmware)}`;
  return `${name}: ended after ${report.bytesSent} bytes${lost}${rows}${run}\n`;
}

function formatFirmware(counts: FirmwareCounts): string {
  const { seconds, asleepSeconds, skippedSeconds, watchdogResets, bytesUnheard } = counts;
  const asleep = seconds === 0 ? 0 : (100 * asleepSeconds) / seconds;
  const others: [number, string][] = [
    [watchdogResets, `${watchdogResets} resets by the watchdog`],
    [bytesUnheard, `${bytesUnheard} bytes unheard`],
    [skippedSeconds, `${skippedSeconds.toFixed(1)} s left out`],
  ];
  return [
    `${seconds.toFixed(1)} s of firmware, ${asleep.toFixed(1)} % asleep`,
    ...others.filter(([count]) => count > 0).map(([, text]) => text),
  ].join(", ");
}

function formatCounts(counts: RecordingCounts): string {
  const others: [number, string][] = [
    [counts.incomplete, "incomplete"],
    [counts.bad, "unreadable"],
    [counts.excluded, "of others"],
    [counts.gaps, "gaps"],
    [counts.stepsBack, "steps back in time"],
  ];
  return [
    `${counts.played} rows`,
    ...others.filter(([count]) => count > 0).map((each) => each.join(" ")),
  ].join(", ");
}

function jsonLine(value: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify(value)}\n`;
}
