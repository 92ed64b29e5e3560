/**
 * Packs of readings: SenML in CBOR (RFC 8428, 6), narrowed to docs/formats.md, section 5.
 *
 * A pack says who measured what, when and where, without the statement around it having to be asked: names carry the
 * issuer, times are absolute, and every pack holds its position.
 */

import { decodeCbor, encodeCbor, isCborMap } from "./cbor.ts";
import type { CborKey, CborMap, CborValue } from "./cbor.ts";
import { malformed, Refusal } from "./errors.ts";
import {
  ABSOLUTE_SECONDS_MIN,
  PACK_RECORDS_MAX,
  READING_AHEAD_SECONDS_MAX,
  TEXT_BYTES_MAX,
} from "./limits.ts";
import { fitsFreeText, isName } from "./name.ts";

/** One value of one quantity at one time. */
export interface Reading {
  readonly quantity: string;
  /** SenML unit; absent for texts, booleans and bare numbers. */
  readonly unit?: string;
  readonly value: number | string | boolean;
  /** POSIX seconds, possibly with a fraction. */
  readonly time: number;
}

/** WGS 84 degrees. */
export interface Position {
  readonly lat: number;
  readonly lon: number;
}

/** What a pack says. Its first position is `lat`, `lon`; `readings` holds every other record, in order. */
export interface Pack extends Position {
  readonly readings: readonly Reading[];
}

/** The version of SenML that allows secondary units (RFC 9100). */
const BVER = 26;

const LABEL_BVER = -1;
const LABEL_BASE_NAME = -2;
const LABEL_BASE_TIME = -3;
const LABEL_BASE_UNIT = -4;
const LABEL_NAME = 0;
const LABEL_UNIT = 1;
const LABEL_VALUE = 2;
const LABEL_TEXT = 3;
const LABEL_BOOLEAN = 4;
const LABEL_TIME = 6;

/**
 * Encodes readings of `issuer` as a pack: position first, base name and base time in the first record.
 *
 * The base time is the whole second of the first reading, or of `atSeconds` where there is none: an offset added to a
 * whole number gives times in milliseconds back exactly. Bounds are the caller's: 254 readings,
 * times that a decoder takes. The result is checked by decoding it, which is what the agent does before it signs.
 */
export function encodePack(
  issuer: string,
  position: Position,
  readings: readonly Reading[],
  atSeconds?: number,
): Uint8Array {
  const first = readings[0]?.time ?? atSeconds;
  if (first === undefined) throw new RangeError("a pack without readings needs a time");
  const base = Math.floor(first);
  const records: CborMap[] = [
    new Map<CborKey, CborValue>([
      [LABEL_BVER, BVER],
      [LABEL_BASE_NAME, issuer + "/"],
      [LABEL_BASE_TIME, base],
      [LABEL_NAME, "lat"],
      [LABEL_UNIT, "lat"],
      [LABEL_VALUE, position.lat],
    ]),
    new Map<CborKey, CborValue>([
      [LABEL_NAME, "lon"],
      [LABEL_UNIT, "lon"],
      [LABEL_VALUE, position.lon],
    ]),
    ...readings.map((reading) => recordOf(reading, base)),
  ];
  return encodeCbor(records);
}

function recordOf(reading: Reading, base: number): CborMap {
  const record = new Map<CborKey, CborValue>([[LABEL_NAME, reading.quantity]]);
  if (reading.unit !== undefined && reading.unit !== "") record.set(LABEL_UNIT, reading.unit);
  const label =
    typeof reading.value === "number"
      ? LABEL_VALUE
      : typeof reading.value === "string"
        ? LABEL_TEXT
        : LABEL_BOOLEAN;
  // -0 has no encoding, and says nothing that 0 does not.
  record.set(label, Object.is(reading.value, -0) ? 0 : reading.value);
  const offset = timeOffset(reading.time, base);
  if (offset !== 0) record.set(LABEL_TIME, offset);
  return record;
}

/** The number that, added to `base`, gives `time` back: a round one if that will do, else the bare difference. */
function timeOffset(time: number, base: number): number {
  const round = Math.round((time - base) * 1e6) / 1e6;
  const offset = base + round === time ? round : time - base;
  return Object.is(offset, -0) ? 0 : offset;
}

/**
 * Decodes and checks the pack of a statement by `issuer`, signed at `iat`.
 *
 * Records are checked one after another, each in the order of section 5, and the position last of all.
 */
export function decodePack(payload: Uint8Array, issuer: string, iat: number): Pack | Refusal {
  const records = decodeCbor(payload);
  if (records instanceof Refusal) return malformed(`pack: ${records.text}`);
  if (!Array.isArray(records) || records.length === 0 || records.length > PACK_RECORDS_MAX) {
    return malformed(`a pack is an array of 1 to ${PACK_RECORDS_MAX} SenML records`);
  }
  const resolver = new Resolver(issuer, iat);
  for (const record of records as readonly CborValue[]) {
    const refusal = resolver.take(record);
    if (refusal !== undefined) return refusal;
  }
  return resolver.pack();
}

/** Applies base fields from record to record (RFC 8428, 4.1) and collects what they resolve to. */
class Resolver {
  private readonly issuer: string;
  private readonly iat: number;
  private readonly namePrefix: string;
  private readonly readings: Reading[] = [];
  private isFirst = true;
  private baseName = "";
  private baseTime = 0;
  private baseUnit: string | undefined;
  private lat: number | undefined;
  private lon: number | undefined;

  constructor(issuer: string, iat: number) {
    this.issuer = issuer;
    this.iat = iat;
    this.namePrefix = issuer + "/";
  }

  take(record: CborValue): Refusal | undefined {
    if (!isCborMap(record)) return malformed("a SenML record is a map");
    const shape = checkLabels(record, this.isFirst);
    if (shape !== undefined) return shape;
    this.isFirst = false;
    this.baseName = (record.get(LABEL_BASE_NAME) as string | undefined) ?? this.baseName;
    this.baseTime = (record.get(LABEL_BASE_TIME) as number | undefined) ?? this.baseTime;
    const quantity = this.quantityOf(this.baseName + ((record.get(LABEL_NAME) as string) ?? ""));
    if (quantity === undefined) {
      return new Refusal(
        "wrong-name",
        `names in a pack of ${this.issuer} are ${this.namePrefix}<quantity>`,
      );
    }
    const time = this.baseTime + ((record.get(LABEL_TIME) as number | undefined) ?? 0);
    return this.checkTime(time) ?? this.keep(record, quantity, time);
  }

  pack(): Pack | Refusal {
    if (this.lat === undefined || this.lon === undefined) {
      return new Refusal("no-position", "a pack holds lat and lon of where it was taken");
    }
    return { lat: this.lat, lon: this.lon, readings: this.readings };
  }

  private quantityOf(name: string): string | undefined {
    if (!name.startsWith(this.namePrefix)) return undefined;
    const quantity = name.slice(this.namePrefix.length);
    return isName(quantity) ? quantity : undefined;
  }

  private checkTime(time: number): Refusal | undefined {
    if (time < ABSOLUTE_SECONDS_MIN) {
      return new Refusal("relative-time", "times in a pack are absolute, in seconds since 1970");
    }
    if (time > this.iat + READING_AHEAD_SECONDS_MAX) {
      return new Refusal("future", "a reading lies later than the signing of its pack");
    }
    return undefined;
  }

  private keep(record: CborMap, quantity: string, time: number): Refusal | undefined {
    const value = valueOf(record);
    if (value === undefined)
      return malformed("a record has exactly one of v, vs and vb, of its type");
    const baseUnit = record.get(LABEL_BASE_UNIT);
    const ownUnit = record.get(LABEL_UNIT);
    if (!isUnitOrAbsent(baseUnit) || !isUnitOrAbsent(ownUnit)) {
      return malformed(`a unit is a text of at most ${TEXT_BYTES_MAX} bytes`);
    }
    this.baseUnit = baseUnit ?? this.baseUnit;
    const unit = ownUnit ?? this.baseUnit;
    if (quantity === "lat" || quantity === "lon") return this.keepPosition(quantity, unit, value);
    this.readings.push(
      unit === undefined ? { quantity, value, time } : { quantity, unit, value, time },
    );
    return undefined;
  }

  private keepPosition(
    axis: "lat" | "lon",
    unit: string | undefined,
    value: number | string | boolean,
  ): Refusal | undefined {
    const bound = axis === "lat" ? 90 : 180;
    if (unit !== axis || typeof value !== "number" || Math.abs(value) > bound) {
      return malformed(
        `${axis} is a number of degrees, unit "${axis}", from -${bound} to ${bound}`,
      );
    }
    this[axis] ??= value;
    return undefined;
  }
}

const KNOWN_LABELS: ReadonlySet<CborKey> = new Set<CborKey>([
  LABEL_BVER,
  LABEL_BASE_NAME,
  LABEL_BASE_TIME,
  LABEL_BASE_UNIT,
  LABEL_NAME,
  LABEL_UNIT,
  LABEL_VALUE,
  LABEL_TEXT,
  LABEL_BOOLEAN,
  LABEL_TIME,
]);

/** Checks which labels a record has, and the types of version, name and time. */
function checkLabels(record: CborMap, isFirst: boolean): Refusal | undefined {
  for (const label of record.keys()) {
    if (!KNOWN_LABELS.has(label)) return malformed(`SenML label ${label} is not used here`);
  }
  const version = record.get(LABEL_BVER);
  if (version === undefined ? isFirst : version !== BVER) {
    return malformed(`the first record has bver ${BVER}, and no record another`);
  }
  if (!isTextOrAbsent(record, LABEL_BASE_NAME) || !isTextOrAbsent(record, LABEL_NAME)) {
    return malformed("SenML names are texts");
  }
  if (!isNumberOrAbsent(record, LABEL_BASE_TIME) || !isNumberOrAbsent(record, LABEL_TIME)) {
    return malformed("SenML times are numbers");
  }
  return undefined;
}

function isTextOrAbsent(record: CborMap, label: number): boolean {
  const value = record.get(label);
  return value === undefined || typeof value === "string";
}

function isNumberOrAbsent(record: CborMap, label: number): boolean {
  const value = record.get(label);
  return value === undefined || typeof value === "number";
}

function isUnitOrAbsent(value: CborValue | undefined): value is string | undefined {
  return value === undefined || (typeof value === "string" && fitsFreeText(value));
}

function valueOf(record: CborMap): number | string | boolean | undefined {
  const number = record.get(LABEL_VALUE);
  const text = record.get(LABEL_TEXT);
  const boolean = record.get(LABEL_BOOLEAN);
  const count = +(number !== undefined) + +(text !== undefined) + +(boolean !== undefined);
  if (count !== 1) return undefined;
  if (typeof number === "number") return number;
  if (typeof text === "string") return fitsFreeText(text) ? text : undefined;
  return typeof boolean === "boolean" ? boolean : undefined;
}
