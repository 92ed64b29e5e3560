/** How an agent is, as it writes it into its data folder for `kerbstone edge status`. */

import type { CameraStatus } from "../cameras/camera-status.ts";
import type { PreviewStatus } from "../cameras/preview-channel.ts";
import type { Counters } from "../counters.ts";
import type { TimeSource } from "../time/clock-source.ts";
import type { Halt } from "../delivery/halt.ts";
import type { Standing } from "../delivery/standing.ts";
import type { Obstacle } from "../signing/obstacle.ts";
import type { SensorStatus } from "../sensors/sensor.ts";

/** A snapshot. */
export interface AgentStatus {
  readonly device: string;
  /** 16 hex digits. */
  readonly kid: string;
  /** When it was taken, by the system's clock, milliseconds since 1970. */
  readonly atMs: number;
  readonly isConnected: boolean;
  /** For how long there is no connection, and why as far as that is known; absent while there is one. */
  readonly apart?: { readonly forMs: number; readonly reason?: string | undefined } | undefined;
  /** The broker has refused the newest login. */
  readonly isLoginRefused?: boolean;
  /** What the hub says of the device then; absent where it was not asked, or gave no answer. */
  readonly standing?: Standing | undefined;
  readonly clockSource: TimeSource;
  /** By how much the other one of receiver and kept system clock is ahead; absent where they do not contradict each other. */
  readonly clockApartMs?: number | undefined;
  /** How far the receiver is from where the settings put the device; absent where that is not too far. */
  readonly movedMetres?: number | undefined;
  readonly halted: Halt | undefined;
  /** The hub has forgotten what was let go here, and has to be restored. */
  readonly isHubBehind: boolean;
  /** Why readings wait unsigned. */
  readonly waitsFor: Obstacle | undefined;
  /** What is wrong with the disk, in a sentence, while readings wait for it. */
  readonly diskFault?: string | undefined;
  readonly waitingReadings: number;
  /** Absent before the hub has acknowledged the enrolment. */
  readonly nextSeq: number | undefined;
  readonly oldestSeq: number;
  readonly storedSeq: number;
  /** When the hub last acknowledged a further statement, milliseconds since 1970; absent before, or without a clock. */
  readonly lastAckMs: number | undefined;
  readonly outboxBytes: number;
  readonly outboxBytesMax: number;
  readonly counters: Counters;
  readonly sensors: readonly SensorStatus[];
  /** The channel of live pictures; absent without previews. */
  readonly preview?: PreviewStatus | undefined;
  /** Absent in what an older version has written. */
  readonly cameras?: readonly CameraStatus[];
}

/**
 * Formats a snapshot for a terminal; `nowMs` gives its age, `isLive` says that the agent has just told it, `unheard` why it
 * has not although it may be running.
 */
export function formatStatus(
  status: AgentStatus,
  nowMs: number,
  isLive: boolean,
  unheard?: "silent" | "denied",
): string {
  const { counters, halted } = status;
  const ageSeconds = Math.max(0, Math.round((nowMs - status.atMs) / 1000));
  const percent = ((100 * status.outboxBytes) / status.outboxBytesMax).toFixed(1);
  const lines = [
    `${status.device} (key ${status.kid}), ${ageSeconds} s ago${isLive ? "" : `, ${absenceOf(unheard)}`}`,
    // First, since a small terminal has no room for the last.
    ...(halted ? [`  STOPPED    ${halted.text}`] : []),
    ...(status.diskFault === undefined ? [] : [`  DISK       ${status.diskFault}`]),
    ...(status.isHubBehind
      ? ["  THE HUB HAS FORGOTTEN statements that were let go; it has to be restored."]
      : []),
    `  hub        ${status.isConnected ? "connected" : `not connected${partingOf(status)}`}`,
    `  clock      ${status.clockSource}${disputeOf(status)}`,
    ...(status.movedMetres === undefined
      ? []
      : [`  place      MOVED: ${movedWords(status.movedMetres)}`]),
    `  readings   ${counters.readings} read, ${counters.readingsFaulty} faulty, ${counters.readingsDropped} dropped`,
    `  waiting    ${status.waitingReadings} readings${status.waitsFor ? ` (${status.waitsFor})` : ""}`,
    `  statements next ${status.nextSeq ?? "-"}, stored by the hub ${status.storedSeq < 0 ? "none yet" : `up to ${status.storedSeq}`}, kept from ${status.oldestSeq}`,
    `  outbox     ${status.outboxBytes} bytes, ${percent} % of its bound`,
    `  refused    ${counters.nacks} by the hub, ${counters.packsRefused} by own checks, ${counters.gapsSigned} gaps`,
    ...status.sensors.flatMap(sensorLines),
    ...(status.cameras ?? []).map(cameraLine),
    ...previewLines(status.preview),
  ];
  return lines.map((line) => `${withoutControls(line)}\n`).join("");
}

function absenceOf(unheard: "silent" | "denied" | undefined): string {
  if (unheard === undefined) return "not running";
  return unheard === "silent" ? "DOES NOT ANSWER" : "may not be asked by this user";
}

/** What is wrong has a line of its own: addresses are long, and terminals narrow. */
function sensorLines(sensor: SensorStatus): string[] {
  const { stream, driver, line, address } = sensor;
  const { framesGood, framesBad } = sensor.frameCounters;
  const trouble = troubleOf(sensor);
  return [
    `  sensor     ${stream}: ${driver}, ${line}, ${framesGood} frames good, ${framesBad} bad, at ${address}`,
    ...(trouble === "" ? [] : [`             ${trouble}`]),
  ];
}

function previewLines(preview: PreviewStatus | undefined): string[] {
  if (preview === undefined) return [];
  const { isConnected, bytesDropped, cameras } = preview;
  const watched = cameras.filter(({ isWatched }) => isWatched).map(({ camera }) => camera);
  const looks = watched.length === 0 ? "nobody looks" : `${watched.join(", ")} watched now`;
  const lost = bytesDropped > 0 ? `, ${bytesDropped} bytes lost to a slow line` : "";
  return [`  live       ${isConnected ? "connected" : "not connected"}, ${looks}${lost}`];
}

function cameraLine(camera: CameraStatus): string {
  const { stream, address, state, recording, text, segments, bytes, bytesMax } = camera;
  const size = `${megabytes(bytes)} of ${megabytes(bytesMax)} MB`;
  const newest =
    camera.newestMs === undefined
      ? ""
      : `, to ${new Date(camera.newestMs).toISOString().slice(0, 19)}Z`;
  const waiting = camera.waitingClips > 0 ? `, ${camera.waitingClips} to be signed` : "";
  const isWell = state === "ok" && recording === "on";
  const trouble = recording === "on" || recording === "off" ? state : recording;
  const wrong = isWell ? "" : `; ${trouble.toUpperCase()}${text === undefined ? "" : `: ${text}`}`;
  return `  camera     ${camera.camera} (${stream}) at ${address}, ${segments} recordings, ${size}${newest}${waiting}${wrong}`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
}

/** What is wrong with the clocks, in words; empty where they do not contradict each other. */
function disputeOf({ clockSource, clockApartMs }: AgentStatus): string {
  return clockApartMs === undefined ? "" : `, DISPUTED: ${otherClock(clockSource, clockApartMs)}`;
}

/** Says of the clock that is not believed what it says; of a receiver and a system clock it is the other one. */
export function otherClock(believed: TimeSource, apartMs: number): string {
  const other =
    believed === "gps" ? "the system's clock, which is kept," : "the satellite receiver";
  const seconds = (Math.abs(apartMs) / 1000).toFixed(1);
  return `${other} is ${seconds} s ${apartMs > 0 ? "ahead" : "behind"}`;
}

/** Says how far a device is from where it should be. */
export function movedWords(metres: number): string {
  return `the satellite receiver is ${metres} m from where the settings put the device`;
}

/** What a refused login means, by what the hub says of the device. */
export const REFUSED_LOGINS: Readonly<Record<Standing, string>> = {
  revoked: "the key of this device is REVOKED: what it signs now is not taken any more",
  "other-key": "another key is enrolled under this name",
  unknown: "no device of this name is enrolled",
  enrolled: "the device is enrolled, so it may be its clock",
};

function partingOf({ isLoginRefused, standing, apart }: AgentStatus): string {
  if (isLoginRefused !== true) {
    if (apart === undefined) return "";
    const reason = apart.reason === undefined ? "" : `: ${apart.reason}`;
    return ` for ${Math.round(apart.forMs / 1000)} s${reason}`;
  }
  const meaning = standing === undefined ? "not enrolled, or revoked" : REFUSED_LOGINS[standing];
  return `, LOGIN REFUSED: ${meaning}`;
}

/** Some of the words are the hub's, which must not steer the terminal. */
function withoutControls(line: string): string {
  return line.replaceAll(/\p{Cc}/gu, "?");
}

/** What is wrong with a sensor, in words; empty where nothing is. */
function troubleOf(sensor: SensorStatus): string {
  const { state, quantities, line, lineFault, lineCounters, frameCounters, parts = [] } = sensor;
  const { warmUpLeftMs } = sensor;
  const names = parts.filter((part) => part.state !== "ok").map(({ name }) => name);
  const failing = names.length === 0 ? "" : `FAILING: ${names.join(", ")}`;
  switch (state) {
    case "ok":
      return failing;
    case "offline":
      return line === "closed"
        ? `OFFLINE: ${lineFault?.text ?? "unplugged, or its line cannot be opened"}`
        : "OFFLINE: the board is said to be gone";
    case "silent":
      return lineCounters.bytesRead > 0 && frameCounters.framesGood === 0
        ? "SILENT: what comes is nothing that its driver understands (its speed?)"
        : `SILENT: it says nothing${failing === "" ? "" : `; ${failing}`}`;
    case "stuck":
      return `STUCK: always the same ${quantities.join(", ")}`;
    case "out-of-range":
      return `OUT OF RANGE: ${quantities.join(", ")}`;
    case "faulty":
      if (warmUpLeftMs !== undefined)
        return `WARMING UP: ${Math.ceil(warmUpLeftMs / 1000)} s more, with its values flagged`;
      return `FAULTY, as it says itself: ${quantities.join(", ")}`;
  }
}
