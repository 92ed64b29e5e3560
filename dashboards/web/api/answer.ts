/**
 * What the hub's query API answers (docs/formats.md, section 12), read at the door.
 *
 * All of it is the hub's word: good for showing, and no proof of anything. Proofs are check/'s business.
 */

import {
  flag,
  isObject,
  list,
  nullable,
  number,
  oneOf,
  record,
  text,
  whole,
  type Reader,
} from "./shape.ts";

/** `GET /api/v1/log`: the log as a whole. */
export interface LogAnswer {
  readonly origin: string;
  readonly vkey: string;
  readonly blockSeconds: number;
  /** Entries, sealed or not. */
  readonly size: number;
  /** Of the newest block. */
  readonly height: number;
  readonly sealedSize: number;
  readonly cosignedSize: number | null;
  /** The hub's clock. */
  readonly nowMs: number;
  readonly devices: number;
  /** Whether there are live cameras; `null` where the hub does not speak of them. */
  readonly cameras: boolean | null;
}

/** How far an entry has come. Each level includes those before it. */
export type Level = "stored" | "sealed" | "cosigned";

/** One value of one quantity at one time. */
export type Value = number | string | boolean;

/** The newest value of a quantity in a stream of a device. */
export interface Latest {
  readonly stream: string;
  readonly quantity: string;
  /** SenML unit. */
  readonly unit: string | null;
  readonly value: Value;
  readonly timeMs: number;
  /** Whether the sensor or the agent flagged the value. */
  readonly fault: boolean;
  /** Index of the entry that holds it. */
  readonly entry: number;
  readonly level: Level;
}

/** A device as it is enrolled, with its newest values. */
export interface Device {
  readonly name: string;
  readonly kid: string;
  readonly streams: readonly string[];
  readonly visibility: string;
  readonly lat: number | null;
  readonly lon: number | null;
  readonly model: string | null;
  /** How often it means to measure. */
  readonly everySeconds: number;
  readonly owner: string | null;
  readonly revoked: boolean;
  /** `null` where the hub does not know. */
  readonly online: boolean | null;
  /** When it last signed, in POSIX seconds. */
  readonly lastIat: number | null;
  readonly latest: readonly Latest[];
}

/** A sealed block. */
export interface Block {
  readonly height: number;
  /** Of its seal. */
  readonly index: number;
  readonly first: number;
  /** Entries before its seal. */
  readonly count: number;
  readonly timeMs: number;
  /** SHA-256 of the seal's statement, in hex. */
  readonly hash: string;
  readonly cosignedBy: readonly string[];
}

/** Somebody who copies and cosigns the log. */
export interface Peer {
  readonly name: string;
  readonly vkey: string;
  readonly url: string | null;
  /** Of the newest checkpoint that it cosigned. */
  readonly size: number | null;
  readonly height: number | null;
  readonly timeSeconds: number | null;
}

/** A contradiction that somebody has found, and kept evidence of. */
export interface Fork {
  readonly id: string;
  /** `equivocation` of a device, whose key signed two things under one number; `fork` of a log; perhaps others one day. */
  readonly kind: string;
  /** Whose contradiction: the kid of a device's key, or the origin of a log. */
  readonly subject: string;
  readonly foundMs: number;
}

/** `GET /api/v1/peers`. */
export interface PeersAnswer {
  readonly quorum: { readonly needed: number; readonly rule: string | null } | null;
  readonly peers: readonly Peer[];
  readonly forks: readonly Fork[];
}

/** A message that the hub did not admit. */
export interface Refused {
  readonly id: string;
  readonly receivedMs: number;
  readonly device: string | null;
  readonly code: string;
  readonly text: string;
}

/** `GET /api/v1/quarantine`. */
export interface QuarantineAnswer {
  readonly items: readonly Refused[];
  readonly total: number;
}

function value(raw: unknown): Value | undefined {
  return number(raw) ?? text(raw) ?? flag(raw);
}

/** Reads an identifier that may be written as a number. */
function identifier(raw: unknown): string | undefined {
  return text(raw) ?? whole(raw)?.toString();
}

export const readLog: Reader<LogAnswer> = record<LogAnswer>({
  origin: text,
  vkey: text,
  blockSeconds: number,
  size: whole,
  height: whole,
  sealedSize: whole,
  cosignedSize: nullable(whole),
  nowMs: number,
  devices: whole,
  cameras: nullable(flag),
});

export const readLevel: Reader<Level> = oneOf("stored", "sealed", "cosigned");

/** What a value says by itself, apart from the entry that holds it. */
export const readMeasured: Reader<
  Pick<Latest, "quantity" | "unit" | "value" | "timeMs" | "fault">
> = record({ quantity: text, unit: nullable(text), value, timeMs: number, fault: flag });

const readLatest = record<Latest>({
  stream: text,
  quantity: text,
  unit: nullable(text),
  value,
  timeMs: number,
  fault: flag,
  entry: whole,
  level: readLevel,
});

export const readDevice: Reader<Device> = record<Device>({
  name: text,
  kid: text,
  streams: list(text),
  visibility: text,
  lat: nullable(number),
  lon: nullable(number),
  model: nullable(text),
  everySeconds: number,
  owner: nullable(text),
  revoked: flag,
  online: nullable(flag),
  lastIat: nullable(number),
  latest: list(readLatest),
});

export const readBlock: Reader<Block> = record<Block>({
  height: whole,
  index: whole,
  first: whole,
  count: whole,
  timeMs: number,
  hash: text,
  cosignedBy: list(text),
});

export const readFork: Reader<Fork> = record<Fork>({
  id: identifier,
  kind: text,
  subject: text,
  foundMs: number,
});

export const readPeers: Reader<PeersAnswer> = record<PeersAnswer>({
  quorum: nullable(record({ needed: whole, rule: nullable(text) })),
  peers: list(
    record<Peer>({
      name: text,
      vkey: text,
      url: nullable(text),
      size: nullable(whole),
      height: nullable(whole),
      timeSeconds: nullable(number),
    }),
  ),
  forks: list(readFork),
});

export const readRefused: Reader<Refused> = record<Refused>({
  id: identifier,
  receivedMs: number,
  device: nullable(text),
  code: text,
  text,
});

export const readQuarantine: Reader<QuarantineAnswer> = record<QuarantineAnswer>({
  items: list(readRefused),
  total: whole,
});

/** Reads `{"<name>": […]}`, as lists are answered. */
export function listNamed<T>(name: string, reader: Reader<T>): Reader<readonly T[]> {
  const read = list(reader);
  return (raw) => (isObject(raw) ? read(raw[name]) : undefined);
}
