/**
 * What an agent shows at `/metrics`: its status, number by number. Names and labels are those of docs/edge.md, "Metrics".
 *
 * Times are those at which something happened, never ages, so that nothing has to be asked at the right moment. Labels
 * have few values: names of the settings, and closed lists.
 */

import { TIME_SOURCES } from "../time/clock-source.ts";
import type { Counters } from "../counters.ts";
import type { MetricFamily, Sample } from "./exposition.ts";
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
];

/** Gives the metrics of agents that run in one process. */
export function metricsOf(statuses: readonly AgentStatus[]): MetricFamily[] {
  const ofAgents = (samplesOf: (status: AgentStatus) => readonly Sample[]): Sample[] =>
    statuses.flatMap((status) =>
      samplesOf(status).map(({ labels, value }) => ({
        labels: { device: status.device, ...labels },
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
    ...SENSOR_COUNTERS.map(([name, help, of]) =>
      counter(
        name,
        help,
        ofSensors((s) => plain(of(s))),
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
  ];
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
