/**
 * How readings look in InfluxDB (docs/operations.md, "InfluxDB").
 *
 * A measurement a stream, one tag, `device`, which names a bounded number of things, and a field a quantity; beside them
 * `entry`, the index of the entry that proves the point, as an integer, and where it was taken. One series and time
 * is one point, so everything may be written again at any time.
 */

import { FieldType } from "influx";
import type { ProjectedEntry } from "./entry-feed.ts";
import type { MeasuredValue } from "./measured.ts";

/** A field with the type that it has for ever: InfluxDB drops points in which it changes. */
export interface MirrorField {
  readonly type: FieldType;
  readonly value: number | string | boolean;
}

/** All that a device's stream says of one moment. */
export interface MirrorPoint {
  readonly measurement: string;
  readonly device: string;
  readonly timeMs: number;
  /** Index of the newest entry of which something is in the point. */
  readonly entry: number;
  readonly fields: ReadonlyMap<string, MirrorField>;
}

/** Names that InfluxDB, or the mirror, uses for something else. */
const RESERVED: ReadonlySet<string> = new Set(["entry", "device", "time", "lat", "lon"]);

/**
 * Gives the points of some entries, each series and time once; of what is said twice the later entry's word counts.
 *
 * A quantity's type is part of its field's name: numbers have it bare, texts with `_text`, booleans with `_flag`. A value
 * marked as faulty adds a boolean field with `_fault`. No name of a quantity can contain these endings.
 */
export function mirrorPoints(entries: readonly ProjectedEntry[]): MirrorPoint[] {
  const points = new Map<string, MirrorPoint & { fields: Map<string, MirrorField> }>();
  for (const { index, statement, measured } of entries) {
    if (measured === undefined) continue;
    const { issuer: device, stream: measurement } = statement;
    for (const value of measured.values) {
      const key = `${measurement} ${device} ${value.timeMs}`;
      const fields = points.get(key)?.fields ?? new Map<string, MirrorField>();
      fields.set("entry", { type: FieldType.INTEGER, value: index });
      fields.set("lat", { type: FieldType.FLOAT, value: measured.lat });
      fields.set("lon", { type: FieldType.FLOAT, value: measured.lon });
      addFields(fields, value);
      points.set(key, { measurement, device, timeMs: value.timeMs, entry: index, fields });
    }
  }
  return [...points.values()];
}

function addFields(fields: Map<string, MirrorField>, measured: MeasuredValue): void {
  const { quantity, value, isFault } = measured;
  fields.set(fieldName(quantity, value), { type: fieldType(value), value });
  if (isFault) fields.set(`${quantity}_fault`, { type: FieldType.BOOLEAN, value: true });
}

function fieldName(quantity: string, value: number | string | boolean): string {
  if (typeof value === "string") return `${quantity}_text`;
  if (typeof value === "boolean") return `${quantity}_flag`;
  return RESERVED.has(quantity) ? `${quantity}_value` : quantity;
}

function fieldType(value: number | string | boolean): FieldType {
  if (typeof value === "string") return FieldType.STRING;
  return typeof value === "boolean" ? FieldType.BOOLEAN : FieldType.FLOAT;
}

/** Estimates the bytes of a point on its way. */
export function pointBytes(point: MirrorPoint): number {
  let bytes = point.measurement.length + point.device.length + 32;
  for (const [name, { value }] of point.fields) {
    bytes += name.length + (typeof value === "string" ? value.length * 2 : 20);
  }
  return bytes;
}
