/**
 * The unsigned live view that a device publishes beside its statements (docs/formats.md, section 10): the newest values,
 * also while a backlog is under way, shown by pages as not yet proved.
 */

import { Buffer } from "node:buffer";
import type { LatestReading } from "./intake.ts";

/** What a live view shows. */
export interface LiveView {
  readonly device: string;
  /** Wall minus monotonic time; absent while no clock is believed. */
  readonly offsetMs: number | undefined;
  readonly clockSource: string;
  readonly halted: string | undefined;
  readonly values: readonly LatestReading[];
}

/** What hubs keep of it at most. */
const STATE_BYTES_MAX = 8_192;

/** Formats the view as JSON of bounded size; where there is too much, the oldest values are left out. */
export function formatLiveView(view: LiveView): string {
  const { device, offsetMs, clockSource, halted } = view;
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
  for (;;) {
    const text = JSON.stringify({ device, clockSource, ...(halted ? { halted } : {}), values });
    if (Buffer.byteLength(text) <= STATE_BYTES_MAX || values.length === 0) return text;
    values.pop();
  }
}
