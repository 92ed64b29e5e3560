/**
 * The unsigned live view that a device publishes beside its statements (docs/formats.md, section 10): the newest values
 * and how the sensors are, also while a backlog is under way, shown by pages as not yet proved.
 */

import { Buffer } from "node:buffer";
import type { CameraStatus } from "../cameras/camera-status.ts";
import { CAMERA_STATES } from "../cameras/preview-source.ts";
import type { LatestReading } from "../packs/intake.ts";
import { SENSOR_STATES } from "../sensors/sensor-state.ts";
import type { SensorStatus } from "../sensors/sensor.ts";

/** What a live view shows. */
export interface LiveView {
  readonly device: string;
  /** Wall minus monotonic time; absent while no clock is believed. */
  readonly offsetMs: number | undefined;
  readonly clockSource: string;
  /** By how much another clock that ought to be right is ahead; absent where none contradicts. */
  readonly clockApartMs?: number | undefined;
  /** How far the receiver is from where the device should stand; absent where that is not too far. */
  readonly movedMetres?: number | undefined;
  readonly halted: string | undefined;
  readonly values: readonly LatestReading[];
  readonly sensors: readonly Pick<SensorStatus, "stream" | "driver" | "state" | "quantities">[];
  readonly cameras?: readonly Pick<CameraStatus, "camera" | "stream" | "state" | "recording">[];
}

/** What hubs keep of it at most. */
const STATE_BYTES_MAX = 8_192;

/** Formats the view as JSON of bounded size; where there is too much, the oldest values are left out, then the sensors that are well. */
export function formatLiveView(view: LiveView): string {
  const { device, offsetMs, clockSource, clockApartMs, movedMetres, halted } = view;
  const values = view.values
    .toSorted((a, b) => b.atMs - a.atMs)
    .map(({ stream, quantity, unit, value, atMs, fault }) => ({
      stream,
      quantity,
      ...(unit === "" ? {} : { unit }),
      value,
      timeMs: offsetMs === undefined ? null : Math.round(atMs + offsetMs),
      fault: fault === true,
    }));
  // Worst first, so that what is left out at the bound is what matters least. Addresses are nobody else's business.
  const sensors = view.sensors
    .toSorted((a, b) => SENSOR_STATES.indexOf(a.state) - SENSOR_STATES.indexOf(b.state))
    .map(({ stream, driver, state, quantities }) => ({
      stream,
      driver,
      state,
      ...(quantities.length > 0 ? { quantities } : {}),
    }));
  const cameras = (view.cameras ?? [])
    .toSorted((a, b) => CAMERA_STATES.indexOf(a.state) - CAMERA_STATES.indexOf(b.state))
    .map(({ camera, stream, state, recording }) => ({ camera, stream, state, recording }));
  for (;;) {
    const about = {
      device,
      clockSource,
      ...(clockApartMs === undefined ? {} : { clockApartSeconds: Math.round(clockApartMs / 1000) }),
      ...(movedMetres === undefined ? {} : { movedMetres }),
      ...(halted ? { halted } : {}),
      sensors,
      ...(cameras.length > 0 ? { cameras } : {}),
    };
    const text = JSON.stringify({ ...about, values });
    if (Buffer.byteLength(text) <= STATE_BYTES_MAX) return text;
    if (values.pop() === undefined && sensors.pop() === undefined) return text;
  }
}
