/**
 * What the query API answers, as types and as the schemas that its OpenAPI document is made of.
 *
 * Bytes are lower-case hex unless a description says else; times are milliseconds since 1970, or POSIX seconds where the
 * name says so.
 */

import { z } from "zod";
import { REFUSAL_CODES } from "../../ledger/errors.ts";
import type { RefusalCode } from "../../ledger/errors.ts";
import { LEVELS } from "../level.ts";
import type { Level } from "../level.ts";
import { PROBLEM_CODES } from "./problem.ts";
import type { ProblemDetails } from "./problem.ts";

const whole = z.number().int().min(0);
const hex = (bytes: number): z.ZodString =>
  z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`));
const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/);
const hash = hex(32);
const kid = hex(8);
const value = z.union([z.number(), z.string(), z.boolean()]);
const level = z.enum(LEVELS).meta({
  description:
    "stored: on the hub's disk; sealed: in a block; cosigned: checked by the quorum's mirrors",
});

export type ValueView = number | string | boolean;

/** The log as a whole. */
export interface LogView {
  readonly origin: string;
  readonly vkey: string;
  readonly hubKid: string;
  readonly blockSeconds: number;
  readonly size: number;
  readonly height: number;
  readonly root: string;
  readonly open: number;
  readonly sealedSize: number;
  readonly cosignedSize: number | null;
  readonly nowMs: number;
  readonly devices: number;
  readonly mqttPort: number | null;
  readonly cameras: boolean;
}

export const logSchema: z.ZodType<LogView> = z
  .object({
    origin: z.string().meta({ description: "the log's name" }),
    vkey: z.string().meta({ description: "the hub's verifier key, to be pinned by checkers" }),
    hubKid: kid,
    blockSeconds: whole,
    size: whole.meta({ description: "entries, sealed or not" }),
    height: whole.meta({ description: "of the newest block" }),
    root: hash.meta({ description: "of the tree at sealedSize" }),
    open: whole.meta({ description: "entries of the block that is not sealed yet" }),
    sealedSize: whole,
    cosignedSize: whole.nullable().meta({
      description:
        "the newest size that the quorum has cosigned; null before, and without a quorum",
    }),
    nowMs: whole.meta({ description: "the hub's clock" }),
    devices: whole.meta({ description: "device names with a live key" }),
    mqttPort: whole.nullable(),
    cameras: z.boolean().meta({
      description: "whether any device has announced a live camera since the hub's start",
    }),
  })
  .meta({ id: "Log" });

/** The newest value of a quantity. */
export interface LatestView {
  readonly stream: string;
  readonly quantity: string;
  readonly unit: string | null;
  readonly value: ValueView;
  readonly timeMs: number;
  readonly fault: boolean;
  readonly entry: number;
  readonly level: Level;
}

const latestFields = {
  stream: name,
  quantity: name,
  unit: z.string().nullable().meta({ description: "SenML unit" }),
  value,
  timeMs: whole,
  fault: z.boolean().meta({ description: "whether the sensor marks the value as faulty" }),
  entry: whole.meta({ description: "index of the entry that proves it" }),
  level,
};

export const latestSchema: z.ZodType<LatestView> = z.object(latestFields).meta({ id: "Latest" });

/** A device as it is enrolled, and how it is doing. */
export interface DeviceView {
  readonly name: string;
  readonly kid: string;
  readonly streams: readonly string[];
  readonly visibility: "public" | "restricted";
  readonly lat: number | null;
  readonly lon: number | null;
  readonly model: string | null;
  readonly everySeconds: number;
  readonly owner: string | null;
  readonly revoked: boolean;
  readonly enrolledAt: number;
  readonly online: boolean | null;
  readonly lastSeq: number;
  readonly lastIat: number | null;
  readonly latest: readonly LatestView[];
}

export const deviceSchema: z.ZodType<DeviceView> = z
  .object({
    name,
    kid,
    streams: z.array(name),
    visibility: z.enum(["public", "restricted"]),
    lat: z.number().min(-90).max(90).nullable(),
    lon: z.number().min(-180).max(180).nullable(),
    model: z.string().nullable(),
    everySeconds: whole.meta({ description: "how often it means to measure" }),
    owner: name.nullable(),
    revoked: z.boolean().meta({ description: "whether the name has no live key any more" }),
    enrolledAt: whole.meta({ description: "index of the enrolment" }),
    online: z.boolean().nullable().meta({ description: "null where the hub does not know" }),
    lastSeq: z.number().int().min(-1).meta({ description: "-1 before the first statement" }),
    lastIat: whole.nullable().meta({ description: "POSIX seconds at the last signing" }),
    latest: z.array(latestSchema),
  })
  .meta({ id: "Device" });

/** A recording's fingerprint, and the entry that proves it. */
export interface ClipView {
  readonly entry: number;
  readonly device: string;
  readonly stream: string;
  readonly camera: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly sha256: string;
  readonly bytes: number;
  readonly type: string;
  readonly level: Level;
}

export const clipSchema: z.ZodType<ClipView> = z
  .object({
    entry: whole.meta({ description: "index of the entry that proves it" }),
    device: name,
    stream: name,
    camera: z.string().meta({ description: "which camera, by the device's own word for it" }),
    fromMs: whole,
    toMs: whole,
    sha256: hash.meta({ description: "of the recording's bytes" }),
    bytes: whole.meta({ description: "the recording's length" }),
    type: z.string().meta({ description: "the recording's media type" }),
    level,
  })
  .meta({ id: "Clip" });

export interface ClipsView {
  readonly clips: readonly ClipView[];
  readonly next: string | null;
}

export const clipsSchema: z.ZodType<ClipsView> = z
  .object({
    clips: z.array(clipSchema),
    next: z.string().nullable().meta({
      description: "what to give as after for the rest, which may come with an empty list; or null",
    }),
  })
  .meta({ id: "Clips" });

export interface DevicesView {
  readonly devices: readonly DeviceView[];
}

export const devicesSchema: z.ZodType<DevicesView> = z
  .object({ devices: z.array(deviceSchema) })
  .meta({ id: "Devices" });

export interface AllLatestView {
  readonly latest: readonly (LatestView & { readonly device: string })[];
}

export const allLatestSchema: z.ZodType<AllLatestView> = z
  .object({ latest: z.array(z.object({ device: name, ...latestFields })) })
  .meta({ id: "AllLatest" });

/** A part of a series, in the order of time. */
export interface SeriesView {
  readonly device: string;
  readonly stream: string | null;
  readonly quantity: string;
  readonly unit: string | null;
  readonly points: readonly (readonly [timeMs: number, value: ValueView, entry: number])[];
  readonly faults: readonly number[];
  readonly next: number | null;
}

export const seriesSchema: z.ZodType<SeriesView> = z
  .object({
    device: name,
    stream: name.nullable().meta({ description: "null where no stream has the quantity" }),
    quantity: name,
    unit: z.string().nullable(),
    points: z.array(z.tuple([whole, value, whole])).meta({
      description: "time in ms, value, index of the entry that proves it",
    }),
    faults: z.array(whole).meta({
      description: "positions among the points of values that the sensor marks as faulty",
    }),
    next: whole
      .nullable()
      .meta({ description: "`fromMs` of the next part; null where this is the last" }),
  })
  .meta({ id: "Series" });

/** A sealed block. */
export interface BlockView {
  readonly height: number;
  readonly index: number;
  readonly first: number;
  readonly count: number;
  readonly size: number;
  readonly root: string;
  readonly prev: string;
  readonly timeMs: number;
  readonly hash: string;
  readonly sealed: true;
  readonly cosignedBy: readonly string[];
}

export const blockSchema: z.ZodType<BlockView> = z
  .object({
    height: whole,
    index: whole.meta({ description: "of its seal" }),
    first: whole,
    count: whole.meta({ description: "entries before its seal" }),
    size: whole.meta({ description: "entries of the log before its seal" }),
    root: hash.meta({ description: "of the tree at `size`" }),
    prev: hash.meta({ description: "SHA-256 of the seal before" }),
    timeMs: whole,
    hash: hash.meta({ description: "SHA-256 of its seal" }),
    sealed: z.literal(true),
    cosignedBy: z.array(z.string()).meta({ description: "peers that cosigned it or a later one" }),
  })
  .meta({ id: "Block" });

export interface BlocksView {
  readonly blocks: readonly BlockView[];
  readonly next: number | null;
}

export const blocksSchema: z.ZodType<BlocksView> = z
  .object({
    blocks: z.array(blockSchema).meta({ description: "newest first" }),
    next: whole.nullable().meta({ description: "`before` of the next part" }),
  })
  .meta({ id: "Blocks" });

/** An entry with all that its bytes say. */
export interface EntryView {
  readonly index: number;
  readonly hash: string;
  readonly kind: string;
  readonly issuer: string;
  readonly stream: string;
  readonly seq: number;
  readonly iat: number;
  readonly kid: string;
  readonly bytes: string;
  readonly height: number | null;
  readonly level: Level;
  readonly payload: unknown;
}

export const entrySchema: z.ZodType<EntryView> = z
  .object({
    index: whole,
    hash: hash.meta({ description: "SHA-256 of the entry" }),
    kind: z.string(),
    issuer: name,
    stream: name,
    seq: whole,
    iat: whole.meta({ description: "POSIX seconds at signing" }),
    kid,
    bytes: z.base64().meta({ description: "the entry itself, base64" }),
    height: whole.nullable().meta({ description: "of its block; null until that is sealed" }),
    level,
    payload: z.unknown().meta({ description: "the payload as JSON; readings with resolved names" }),
  })
  .meta({ id: "Entry" });

export interface EntriesView {
  readonly entries: readonly EntryView[];
  readonly next: number | null;
}

export const entriesSchema: z.ZodType<EntriesView> = z
  .object({
    entries: z.array(entrySchema).meta({ description: "in the order of the log" }),
    next: whole.nullable().meta({ description: "`after` of the next part" }),
  })
  .meta({ id: "Entries" });

/** Who cosigns, and what has been found out. */
export interface PeersView {
  readonly quorum: { readonly needed: number; readonly rule: string } | null;
  readonly peers: readonly {
    readonly name: string;
    readonly vkey: string;
    readonly url: string | null;
    readonly size: number | null;
    readonly height: number | null;
    readonly timeSeconds: number | null;
  }[];
  readonly forks: readonly ForkView[];
}

export interface ForkView {
  readonly id: string;
  readonly kind: string;
  readonly subject: string;
  readonly foundMs: number;
}

export const forkSchema: z.ZodType<ForkView> = z
  .object({
    id: z.string(),
    kind: z.string(),
    subject: z.string().meta({
      description: "whose contradiction: the kid of a device's key, or the origin of a log",
    }),
    foundMs: whole,
  })
  .meta({ id: "Fork", description: "a contradiction, of which the hub keeps the proof" });

export const peersSchema: z.ZodType<PeersView> = z
  .object({
    quorum: z
      .object({
        needed: whole.meta({ description: "signers or groups of the rule that are asked for" }),
        rule: z.string().meta({ description: "as the policy file says it" }),
      })
      .nullable(),
    peers: z.array(
      z.object({
        name: z.string(),
        vkey: z.string(),
        url: z.string().nullable(),
        size: whole.nullable().meta({ description: "the largest that it cosigned" }),
        height: whole.nullable(),
        timeSeconds: whole.nullable(),
      }),
    ),
    forks: z.array(forkSchema),
  })
  .meta({ id: "Peers" });

/** A message that was not admitted. */
export interface RefusedView {
  readonly id: string;
  readonly receivedMs: number;
  readonly device: string | null;
  readonly kid: string | null;
  readonly seq: number | null;
  readonly hash: string;
  readonly code: RefusalCode;
  readonly text: string;
}

export const refusedSchema: z.ZodType<RefusedView> = z
  .object({
    id: z.string(),
    receivedMs: whole,
    device: z.string().nullable(),
    kid: kid.nullable(),
    seq: whole.nullable(),
    hash: hash.meta({ description: "SHA-256 of the statement, or of the message" }),
    code: z.enum(REFUSAL_CODES),
    text: z.string(),
  })
  .meta({ id: "Refused" });

export interface QuarantineView {
  readonly items: readonly RefusedView[];
  readonly total: number;
}

export const quarantineSchema: z.ZodType<QuarantineView> = z
  .object({ items: z.array(refusedSchema).meta({ description: "newest first" }), total: whole })
  .meta({ id: "Quarantine" });

/** The `reading` event: what an entry has just brought. */
export interface ReadingEvent {
  readonly device: string;
  readonly stream: string;
  readonly entry: number;
  readonly level: Level;
  readonly values: readonly Pick<LatestView, "quantity" | "unit" | "value" | "timeMs" | "fault">[];
}

const { quantity, unit, timeMs, fault } = latestFields;

export const readingEventSchema: z.ZodType<ReadingEvent> = z
  .object({
    device: name,
    stream: name,
    entry: whole,
    level,
    values: z.array(z.object({ quantity, unit, value, timeMs, fault })),
  })
  .meta({ id: "ReadingEvent" });

/** The `cosigned` event. */
export interface CosignedEvent {
  readonly size: number;
  readonly height: number | null;
  readonly by: readonly string[];
}

export const cosignedEventSchema: z.ZodType<CosignedEvent> = z
  .object({ size: whole, height: whole.nullable(), by: z.array(z.string()) })
  .meta({ id: "CosignedEvent" });

/** The `presence` event. */
export interface PresenceEvent {
  readonly device: string;
  readonly online: boolean;
}

export const presenceEventSchema: z.ZodType<PresenceEvent> = z
  .object({ device: name, online: z.boolean() })
  .meta({ id: "PresenceEvent" });

export const problemSchema: z.ZodType<ProblemDetails> = z
  .object({
    type: z.string(),
    title: z.string(),
    status: whole,
    detail: z.string(),
    code: z.enum(PROBLEM_CODES).meta({ description: "what programs go by" }),
  })
  .meta({ id: "Problem", description: "RFC 9457" });
