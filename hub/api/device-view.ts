/** Devices and their newest values as JSON. */

import type { KeyState, Registry } from "../../ledger/registry.ts";
import { levelOf } from "../level.ts";
import type { HubLog } from "../log.ts";
import type { LatestValue } from "../projections/latest.ts";
import type { DeviceView, LatestView } from "./schemas.ts";

/** What is asked about devices. */
export interface DeviceFacts {
  readonly log: Pick<HubLog, "sealedSize">;
  readonly cosignedSize: number | undefined;
  /** Newest values of a device. */
  latestOf(device: string): readonly LatestValue[];
  isOnline(device: string): boolean | undefined;
}

/** The key that stands for each device name: the live one, else the one enrolled last. */
export function deviceKeys(registry: Registry): KeyState[] {
  const keys = new Map<string, KeyState>();
  for (const key of registry.all()) if (key.role === "device") keys.set(key.name, key);
  return [...keys.values()];
}

/** The key that stands for one device name. */
export function deviceKey(registry: Registry, name: string): KeyState | undefined {
  const live = registry.liveKey(name);
  if (live?.role === "device") return live;
  return deviceKeys(registry).find((key) => key.name === name);
}

/** Shows a device by its key. */
export function deviceView(key: KeyState, facts: DeviceFacts): DeviceView {
  const { device, revoked } = key;
  if (device === undefined) throw new Error(`${key.name} is no device`);
  return {
    name: key.name,
    kid: key.kid,
    streams: device.streams,
    visibility: device.visibility,
    lat: device.lat ?? null,
    lon: device.lon ?? null,
    model: device.model ?? null,
    everySeconds: device.everySeconds,
    owner: device.owner ?? null,
    revoked: revoked !== undefined,
    enrolledAt: key.enrolledAt,
    online: revoked === undefined ? (facts.isOnline(key.name) ?? null) : null,
    lastSeq: key.lastSeq,
    lastIat: key.lastSeq === -1 ? null : key.lastIat,
    latest: latestViews(key.name, facts),
  };
}

/** Shows the newest values of a device. */
export function latestViews(device: string, facts: DeviceFacts): LatestView[] {
  return facts
    .latestOf(device)
    .map(({ stream, quantity, unit, value, timeMs, isFault, entry }) => ({
      stream,
      quantity,
      unit: unit ?? null,
      value,
      timeMs,
      fault: isFault,
      entry,
      level: levelOf(entry, facts.log, facts.cosignedSize),
    }));
}
