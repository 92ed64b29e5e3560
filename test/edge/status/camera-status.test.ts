/** How a camera is, in the terminal, in the metrics and in the live view. */

import { expect, test } from "vitest";
import type { CameraStatus } from "../../../edge/cameras/camera-status.ts";
import { newCounters } from "../../../edge/counters.ts";
import { formatMetrics } from "../../../edge/status/exposition.ts";
import { formatLiveView } from "../../../edge/status/live-view.ts";
import { metricsOf } from "../../../edge/status/metrics.ts";
import { formatStatus } from "../../../edge/status/status.ts";
import type { AgentStatus } from "../../../edge/status/status.ts";

const CAMERA: CameraStatus = {
  camera: "street",
  stream: "camera",
  address: "rtsp://10.0.0.1/1",
  state: "ok",
  recording: "on",
  text: undefined,
  codec: "H264",
  runs: 3,
  segments: 42,
  bytes: 1_260_000_000,
  bytesMax: 4_294_967_296,
  waitingClips: 0,
  oldestMs: Date.parse("2026-12-01T13:18:00Z"),
  newestMs: Date.parse("2026-12-01T14:00:00Z"),
};

const REFUSED: CameraStatus = {
  ...CAMERA,
  camera: "yard",
  state: "refused",
  recording: "off",
  text: "it refuses user name or password",
  waitingClips: 7,
  newestMs: undefined,
};

function statusOf(...cameras: CameraStatus[]): AgentStatus {
  return {
    device: "gate-1",
    kid: "0123456789abcdef",
    atMs: 0,
    isConnected: true,
    clockSource: "ntp",
    halted: undefined,
    isHubBehind: false,
    waitsFor: undefined,
    waitingReadings: 0,
    nextSeq: 7,
    oldestSeq: 5,
    storedSeq: 6,
    lastAckMs: undefined,
    outboxBytes: 512,
    outboxBytesMax: 65_536,
    counters: { ...newCounters(), clipsSigned: 42 },
    sensors: [],
    cameras,
  };
}

test("in a terminal", () => {
  const lines = formatStatus(statusOf(CAMERA, REFUSED), 0, true).split("\n");
  expect(lines).toContain(
    "  camera     street (camera) at rtsp://10.0.0.1/1, 42 recordings, 1260 of 4295 MB, to 2026-12-01T14:00:00Z",
  );
  expect(lines).toContain(
    "  camera     yard (camera) at rtsp://10.0.0.1/1, 42 recordings, 1260 of 4295 MB, 7 to be signed; REFUSED: it refuses user name or password",
  );
  const full = { ...REFUSED, state: "starting", recording: "disk-full", text: "no room" } as const;
  expect(formatStatus(statusOf(full), 0, true)).toContain("; DISK-FULL: no room");
});

test("what an older version has written, which knew no cameras", () => {
  const { cameras: _, ...older } = statusOf();
  expect(formatStatus(older, 0, false)).not.toContain("camera");
  expect(formatMetrics(metricsOf([older]))).not.toContain("camera_state");
});

test("in the metrics, with few labels", () => {
  const text = formatMetrics(metricsOf([statusOf(CAMERA, REFUSED)]));
  const linesOf = (name: string): string[] =>
    text.split("\n").filter((line) => line.startsWith(`kerbstone_edge_${name}{`));
  expect(linesOf("clips_signed_total")).toEqual([
    'kerbstone_edge_clips_signed_total{device="gate-1"} 42',
  ]);
  const street = 'device="gate-1",camera="street"';
  expect(linesOf("camera_state").filter((line) => line.endsWith(" 1"))).toEqual([
    `kerbstone_edge_camera_state{${street},state="ok"} 1`,
    'kerbstone_edge_camera_state{device="gate-1",camera="yard",state="refused"} 1',
  ]);
  expect(linesOf("camera_recording").filter((line) => line.endsWith(" 1"))).toHaveLength(2);
  expect(linesOf("camera_recordings_bytes")[0]).toBe(
    `kerbstone_edge_camera_recordings_bytes{${street}} 1260000000`,
  );
  expect(linesOf("camera_recorded_timestamp_seconds")).toEqual([
    `kerbstone_edge_camera_recorded_timestamp_seconds{${street}} 1796133600`,
  ]);
  expect(text).not.toContain("10.0.0.1");
});

test("in the live view the worst comes first, and addresses are nobody's business", () => {
  const view = formatLiveView({
    device: "gate-1",
    offsetMs: 0,
    clockSource: "ntp",
    halted: undefined,
    values: [],
    sensors: [],
    cameras: [CAMERA, REFUSED],
  });
  expect(JSON.parse(view)).toMatchObject({
    cameras: [
      { camera: "yard", stream: "camera", state: "refused", recording: "off" },
      { camera: "street", stream: "camera", state: "ok", recording: "on" },
    ],
  });
  expect(view).not.toContain("10.0.0.1");
});
