/**
 * What `kerbstone sim` prints: lines for people, or one JSON object a line for programs.
 *
 * JSON lines have an `event`: `seed` once, `listening` for each board, `ready` once before they run, `ended` for each
 * when it is over.
 */
import type { StationEnd } from "./stations/district.ts";
import type { Station } from "./stations/station.ts";
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
  const board = plan.kind === "camera" ? CAMERA : plan.board;
  const everySeconds = plan.kind === "camera" ? undefined : plan.everySeconds;
  if (json)
    return jsonLine({ event: "listening", name, board, stream, address, everySeconds, lat, lon });
  return `${name}: ${board ?? "capture"} at ${address}\n`;
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
  return `${name}: ended after ${report.bytesSent} bytes${lost}${rows}\n`;
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
