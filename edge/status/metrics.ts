/**
 * What an agent shows at `/metrics`: its status, number by number. Names and labels are those of docs/edge.md, "Metrics".
 *
 * Times are those at which something happened, never ages, so that nothing has to be asked at the right moment. Labels
 * have few values: names of the settings, and closed lists.
 */

import type { CameraStatus } from "../cameras/camera-status.ts";
import type { PreviewStatus } from "../cameras/preview-channel.ts";
import { CAMERA_STATES } from "../cameras/preview-source.ts";
import { RECORDING_STATES } from "../cameras/recording/supervision.ts";
import { TIME_SOURCES } from "../time/clock-source.ts";
import type { Counters } from "../counters.ts";
import type { MetricFamily, Sample } from "./exposition.ts";
import { PASSED_OVER } from "../sensors/driver.ts";
import type { PushCounts } from "../sensors/lines/push-server.ts";
import { SENSOR_STATES } from "../sensors/sensor-state.ts";
import type { SensorStatus } from "../sensors/sensor.ts";
import type { AgentStatus } from "./status.ts";

const PREFIX = "kerbstone_edge_";

type NumberName = {
  [Name in keyof Counters]: Counters[Name] extends number ? Name : never;
}[keyof Counters];

/** Counters that need no label, by what they are called. */
const COUNTERS: readonly (readonly [string, NumberName, string])[] = [
  ["readings_total", "readings", "Readings that drivers gave."],
  ["readings_faulty_total", "readingsFaulty", "Readings that were flagged."],
  ["readings_dropped_total", "readingsDropped", "Readings dropped before they were signed."],
  ["packs_refused_total", "packsRefused", "Packs that failed the agent's own checks."],
  ["packs_signed_total", "statementsSigned", "Packs that were signed."],
  ["clips_signed_total", "clipsSigned", "Fingerprints of recordings that were signed."],
  ["clips_dropped_total", "clipsDropped", "Recordings that stay unsigned for want of room."],
  ["clips_refused_total", "clipsRefused", "Fingerprints that failed the agent's own checks."],
  ["packs_renewed_total", "statementsRenewed", "Packs signed anew behind a gap."],
  ["gaps_signed_total", "gapsSigned", "Gaps that were signed."],
  ["statements_published_total", "statementsPublished", "Statements sent, repeated ones included."],
  ["statements_let_go_total", "statementsLetGo", "Numbers of the chain that were let go."],
  ["statements_lost_total", "statementsLost", "Statements that could not be read back."],
  ["disk_written_bytes_total", "bytesWritten", "Bytes handed to the disk."],
  ["disk_syncs_total", "syncs", "Syncs asked of the disk, those of folders included."],
  ["disk_failures_total", "flushesFailed", "Times that the outbox could not be written."],
  ["connections_total", "connections", "Connections to the hub that came about."],
  ["connections_failed_total", "connectionsFailed", "Connections to the hub that did not."],
  ["acks_total", "acks", "Acknowledgements by the hub."],
  ["acks_ignored_total", "acksIgnored", "Acknowledgements for another key, or not understood."],
  ["nacks_ignored_total", "nacksIgnored", "Refusals of something that was not sent."],
  ["receipts_accepted_total", "receiptsAccepted", "Receipts that held."],
  ["receipts_refused_total", "receiptsRefused", "Receipts that did not hold."],
];

/** Gauges of an agent, by what they are called; those without a value are left out. */
const GAUGES: readonly (readonly [string, string, (status: AgentStatus) => number | undefined])[] =
  [
    ["connected", "Whether there is a connection to the hub.", (s) => Number(s.isConnected)],
    [
      "login_refused",
      "Whether the hub refuses the login.",
      (s) => Number(s.isLoginRefused === true),
    ],
    [
      "revoked",
      "Whether the hub says that the key is revoked.",
      (s) => Number(s.standing === "revoked"),
    ],
    ["stopped", "Whether the agent has stopped signing.", (s) => Number(s.halted !== undefined)],
    ["hub_behind", "Whether the hub has forgotten what was let go.", (s) => Number(s.isHubBehind)],
    ["waiting_readings", "Readings that are not signed yet.", (s) => s.waitingReadings],
    ["outbox_bytes", "Bytes of the outbox on disk.", (s) => s.outboxBytes],
    ["outbox_limit_bytes", "Bytes at which nothing more is signed.", (s) => s.outboxBytesMax],
    [
      "outbox_statements",
      "Numbers of the chain that are kept.",
      (s) => (s.nextSeq ?? s.oldestSeq) - s.oldestSeq,
    ],
    ["next_seq", "The number that the next statement gets.", (s) => s.nextSeq],
    ["stored_seq", "The greatest number that the hub has stored.", (s) => s.storedSeq],
    [
      "acknowledged_timestamp_seconds",
      "When the hub last acknowledged a further statement.",
      (s) => seconds(s.lastAckMs),
    ],
    [
      "preview_connected",
      "Whether the channel of live pictures is open.",
      ({ preview }) => preview && Number(preview.isConnected),
    ],
    [
      "preview_watched_cameras",
      "Cameras whose live picture the hub has asked for.",
      ({ preview }) => preview?.cameras.filter(({ isWatched }) => isWatched).length,
    ],
  ];

/** Counters of the channel of live pictures; left out without cameras. */
const PREVIEW_COUNTERS: readonly (readonly [string, string, (preview: PreviewStatus) => number])[] =
  [
    ["preview_connections_total", "Channels that came about.", (p) => p.connections],
    ["preview_connections_failed_total", "Channels that did not.", (p) => p.connectionsFailed],
    ["preview_sent_bytes_total", "Bytes of live pictures sent.", (p) => p.bytesSent],
    ["preview_dropped_bytes_total", "Bytes that a slow line has cost.", (p) => p.bytesDropped],
  ];

/** Counters of a sensor. */
const SENSOR_COUNTERS: readonly (readonly [string, string, (sensor: SensorStatus) => number])[] = [
  ["sensor_frames_good_total", "Frames that were understood.", (s) => s.frameCounters.framesGood],
  [
    "sensor_frames_bad_total",
    "What began like a frame and was none.",
    (s) => s.frameCounters.framesBad,
  ],
  [
    "sensor_skipped_bytes_total",
    "Bytes that belong to no good frame.",
    (s) => s.frameCounters.bytesSkipped,
  ],
  ["line_read_bytes_total", "Bytes that came.", (s) => s.lineCounters.bytesRead],
  ["line_written_bytes_total", "Bytes sent to the sensor.", (s) => s.lineCounters.bytesWritten],
  ["line_opened_total", "Times that the line was opened.", (s) => s.lineCounters.opened],
  [
    "line_openings_failed_total",
    "Times that it could not be opened.",
    (s) => s.lineCounters.openingsFailed,
  ],
  ["line_lost_total", "Times that an open line was lost.", (s) => s.lineCounters.lost],
  [
    "line_refused_bytes_total",
    "Bytes that came and were not taken: too many at once.",
    (s) => s.lineCounters.bytesRefused,
  ],
];

/** Gauges of a camera. */
const CAMERA_GAUGES: readonly (readonly [
  string,
  string,
  (camera: CameraStatus) => number | undefined,
])[] = [
  ["camera_recordings", "Finished recordings on disk.", (c) => c.segments],
  ["camera_recordings_bytes", "Bytes of finished recordings.", (c) => c.bytes],
  ["camera_recordings_limit_bytes", "Bytes at which the oldest go.", (c) => c.bytesMax],
  ["camera_waiting_clips", "Recordings that are not signed yet.", (c) => c.waitingClips],
  [
    "camera_recorded_timestamp_seconds",
    "When the newest finished recording ends.",
    (c) => seconds(c.newestMs),
  ],
];

/** Gives the metrics of agents that run in one process. */
export function metricsOf(statuses: readonly AgentStatus[]): MetricFamily[] {
  const names = statuses.map(({ device }) => device);
  const nameOf = ({ device, kid }: AgentStatus): Sample["labels"] =>
    // One name at two logs: without more, two samples of one series, of which Prometheus takes either.
    names.indexOf(device) === names.lastIndexOf(device) ? { device } : { device, kid };
  const ofAgents = (samplesOf: (status: AgentStatus) => readonly Sample[]): Sample[] =>
    statuses.flatMap((status) =>
      samplesOf(status).map(({ labels, value }) => ({
        labels: { ...nameOf(status), ...labels },
        value,
      })),
    );
  const ofSensors = (samplesOf: (sensor: SensorStatus) => readonly Sample[]): Sample[] =>
    ofAgents(({ sensors }) =>
      sensors.flatMap((sensor, at) => {
        const { stream, driver, address } = sensor;
        const about = { sensor: String(at + 1), stream, driver, address };
        return samplesOf(sensor).map(({ labels, value }) => ({
          labels: { ...about, ...labels },
          value,
        }));
      }),
    );
  const ofCameras = (samplesOf: (camera: CameraStatus) => readonly Sample[]): Sample[] =>
    ofAgents(({ cameras = [] }) =>
      cameras.flatMap((one) =>
        samplesOf(one).map(({ labels, value }) => ({
          labels: { camera: one.camera, ...labels },
          value,
        })),
      ),
    );
  return [
    ...COUNTERS.map(([name, key, help]) =>
      counter(
        name,
        help,
        ofAgents((s) => plain(s.counters[key])),
      ),
    ),
    counter("nacks_total", "Refusals by the hub, by code.", ofAgents(nackSamples)),
    ...GAUGES.map(([name, help, of]) =>
      gauge(
        name,
        help,
        ofAgents((status) => plain(of(status))),
      ),
    ),
    gauge(
      "waits",
      "Why readings wait unsigned.",
      ofAgents(({ waitsFor }) =>
        waitsFor === undefined ? [] : [{ labels: { reason: waitsFor }, value: 1 }],
      ),
    ),
    gauge(
      "clock",
      "Who tells the time.",
      ofAgents(({ clockSource }) => oneOf("source", TIME_SOURCES, clockSource)),
    ),
    gauge(
      "clock_apart_seconds",
      "How far the clock that is not believed is ahead, where receiver and kept system clock contradict each other.",
      ofAgents(({ clockApartMs }) => plain(clockApartMs && clockApartMs / 1000)),
    ),
    gauge(
      "moved_meters",
      "How far the receiver is from where the settings put the device, where that is too far.",
      ofAgents(({ movedMetres }) => plain(movedMetres)),
    ),
    ...PREVIEW_COUNTERS.map(([name, help, of]) =>
      counter(
        name,
        help,
        ofAgents(({ preview }) => plain(preview && of(preview))),
      ),
    ),
    ...SENSOR_COUNTERS.map(([name, help, of]) =>
      counter(
        name,
        help,
        ofSensors((s) => plain(of(s))),
      ),
    ),
    counter(
      "sensor_passed_over_total",
      "Messages and values that were passed over, by reason.",
      ofSensors(({ passedOver }) =>
        passedOver === undefined
          ? []
          : PASSED_OVER.map((reason) => ({ labels: { reason }, value: passedOver[reason] })),
      ),
    ),
    gauge(
      "sensor_state",
      "How a sensor is.",
      ofSensors(({ state }) => oneOf("state", SENSOR_STATES, state)),
    ),
    gauge(
      "sensor_sample_timestamp_seconds",
      "When its newest reading was taken.",
      ofSensors(({ lastSampleMs }) => plain(seconds(lastSampleMs))),
    ),
    gauge(
      "camera_state",
      "How a camera is.",
      ofCameras(({ state }) => oneOf("state", CAMERA_STATES, state)),
    ),
    gauge(
      "camera_recording",
      "Whether a camera is recorded.",
      ofCameras(({ recording }) => oneOf("recording", RECORDING_STATES, recording)),
    ),
    counter(
      "camera_runs_total",
      "Times that a recording was begun.",
      ofCameras((c) => plain(c.runs)),
    ),
    ...CAMERA_GAUGES.map(([name, help, of]) =>
      gauge(
        name,
        help,
        ofCameras((one) => plain(of(one))),
      ),
    ),
  ];
}

/** Gives the metrics of the pushes that the process was sent; none where it takes none. */
export function pushMetricsOf(pushes: PushCounts | undefined): MetricFamily[] {
  if (pushes === undefined) return [];
  const samples = Object.entries(pushes).map(([code, value]) => ({ labels: { code }, value }));
  return [counter("pushes_total", "Pushes of boards, by the status of the answer.", samples)];
}

function counter(name: string, help: string, samples: Sample[]): MetricFamily {
  return { name: PREFIX + name, kind: "counter", help, samples };
}

function gauge(name: string, help: string, samples: Sample[]): MetricFamily {
  return { name: PREFIX + name, kind: "gauge", help, samples };
}

function plain(value: number | undefined): Sample[] {
  return value === undefined ? [] : [{ labels: {}, value }];
}

/** One sample for each name of a closed list, so that a chart of the state needs no memory. */
function oneOf(label: string, names: readonly string[], present: string): Sample[] {
  return names.map((name) => ({ labels: { [label]: name }, value: Number(name === present) }));
}

function nackSamples({ counters }: AgentStatus): Sample[] {
  return Object.entries(counters.nacksByCode).map(([code, value]) => ({ labels: { code }, value }));
}

function seconds(timeMs: number | undefined): number | undefined {
  return timeMs === undefined ? undefined : timeMs / 1000;
}
