/**
 * What is known of a recorded segment, in the file beside it: `0000000042.json` beside `0000000042.mp4`.
 *
 * One small file for each segment, replaced in one step: no index that could be torn, and whoever copies a recording
 * copies what is known of it.
 */

import { z } from "zod";
import { decodeUtf8, encodeUtf8 } from "../../../ledger/bytes.ts";
import { segmentName } from "./segment-list.ts";

/** Why a segment has no signature, and never gets one. */
export const UNSIGNED_REASONS = [
  /** It was not finished: the power went, or ffmpeg was killed. */
  "cut-off",
  /** Nobody knew the time before the agent ended. */
  "no-time",
  /** Too many others waited to be signed. */
  "dropped",
  /** The agent's own checks or the hub refused its fingerprint. */
  "refused",
  /** The disk failed when it was to be kept. */
  "disk",
] as const;

export type UnsignedReason = (typeof UNSIGNED_REASONS)[number];

/** How far a segment has come. */
export type Signing =
  | { readonly state: "waiting" }
  | {
      readonly state: "signed";
      /** The statement's number in the device's chain, and its hash in hex. */
      readonly seq: number;
      readonly statement: string;
    }
  | { readonly state: "unsigned"; readonly reason: UnsignedReason };

/** A segment on disk. */
export interface SegmentRecord {
  readonly number: number;
  readonly bytes: number;
  /** In hex; absent for what was cut off. */
  readonly sha256?: string | undefined;
  /** When its pictures came, milliseconds since 1970; both absent while nobody knows the time. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  /** No statement of the device before this number is its clip; noted with the times. */
  readonly notBeforeSeq?: number | undefined;
  readonly signing: Signing;
}

/** The media type of segments. */
export const SEGMENT_TYPE = "video/mp4";

const FORMAT = "segment/v1";
const whole = z.number().int().min(0);
const hash = z.string().regex(/^[0-9a-f]{64}$/);

const shape = z.object({
  kerbstone: z.literal(FORMAT),
  file: z.string(),
  bytes: whole,
  sha256: hash.optional(),
  fromMs: whole.optional(),
  toMs: whole.optional(),
  notBeforeSeq: whole.optional(),
  signing: z.discriminatedUnion("state", [
    z.object({ state: z.literal("waiting") }),
    z.object({ state: z.literal("signed"), seq: whole, statement: hash }),
    z.object({ state: z.literal("unsigned"), reason: z.enum(UNSIGNED_REASONS) }),
  ]),
});

/** The name of the file beside a segment. */
export function recordName(number: number): string {
  return segmentName(number).replace(/mp4$/, "json");
}

/** Writes what is known of a segment; `camera` and `device` are for people who find the file. */
export function formatRecord(
  { number, ...known }: SegmentRecord,
  whose: { readonly device: string; readonly camera: string },
): Uint8Array {
  const record = { kerbstone: FORMAT, ...whose, file: segmentName(number), ...known };
  return encodeUtf8(`${JSON.stringify(record, undefined, 2)}\n`);
}

/** Reads it again; `undefined` where it is no record of this segment. */
export function parseRecord(bytes: Uint8Array, number: number): SegmentRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(decodeUtf8(bytes) ?? "");
  } catch {
    return undefined;
  }
  const parsed = shape.safeParse(value);
  if (!parsed.success || parsed.data.file !== segmentName(number)) return undefined;
  const { bytes: length, sha256, fromMs, toMs, notBeforeSeq, signing } = parsed.data;
  return { number, bytes: length, sha256, fromMs, toMs, notBeforeSeq, signing };
}
