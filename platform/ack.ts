/**
 * The hub's answers as they come over MQTT (docs/formats.md, section 10): reading them, and nothing more.
 *
 * Both are unsigned JSON, and whoever runs the broker can write them. So an ack alone lets go of nothing: the agent looks at
 * the receipt in it, and compares hashes with the device's own statements.
 */

import { z } from "zod";
import { decodeHex, decodeUtf8 } from "../ledger/bytes.ts";
import { REFUSAL_CODES } from "../ledger/errors.ts";
import type { RefusalCode } from "../ledger/errors.ts";
import { asHash, HASH_BYTES } from "../ledger/sha256.ts";
import type { Hash } from "../ledger/sha256.ts";

/** How far the hub has come with a key's statements; -1 for nowhere. */
export interface Ack {
  readonly kid: string;
  readonly stored: number;
  /** The hash of the statement `stored`, of the enrolling entry for -1. */
  readonly hash: Hash;
  readonly sealed: number;
  /** Absent where the log has no quorum. */
  readonly cosigned?: number | undefined;
  readonly bodies: number;
  /** tlog-proofs of the statements `sealed` and `cosigned`. */
  readonly sealedReceipt?: string | undefined;
  readonly cosignedReceipt?: string | undefined;
}

/** Why the hub refused a message. */
export interface Nack {
  readonly kid: string | null;
  readonly seq: number | null;
  /** The hash of the refused statement. */
  readonly hash: Hash;
  readonly code: RefusalCode;
  readonly text: string;
  /** The next number that the hub would take of this key. */
  readonly expected: number | null;
}

/** Two proofs of the greatest length that is taken in fit. */
const MESSAGE_BYTES_MAX = 524_288;

const kid = z.string().regex(/^[0-9a-f]{16}$/);
const hash = z
  .string()
  .refine((text) => decodeHex(text)?.length === HASH_BYTES)
  .transform((text) => asHash(decodeHex(text)!));
const reached = z.number().int().min(-1);
const receipt = z.string().nullish();

const ackShape = z.object({
  kid,
  stored: reached,
  hash,
  sealed: reached.default(-1),
  cosigned: reached.nullish(),
  bodies: reached.default(-1),
  sealedReceipt: receipt,
  cosignedReceipt: receipt,
});

const nackShape = z.object({
  kid: kid.nullable().default(null),
  seq: z.number().int().min(0).nullable(),
  hash,
  code: z.enum(REFUSAL_CODES),
  text: z.string().default(""),
  expected: z.number().int().min(0).nullable().default(null),
});

/** Reads an ack; `undefined` for anything else. */
export function parseAck(body: Uint8Array): Ack | undefined {
  const parsed = ackShape.safeParse(parseJson(body));
  if (!parsed.success) return undefined;
  const { cosigned, sealedReceipt, cosignedReceipt, ...rest } = parsed.data;
  return {
    ...rest,
    cosigned: cosigned ?? undefined,
    sealedReceipt: sealedReceipt ?? undefined,
    cosignedReceipt: cosignedReceipt ?? undefined,
  };
}

/** Reads a nack; `undefined` for anything else, also for a code of a later version. */
export function parseNack(body: Uint8Array): Nack | undefined {
  const parsed = nackShape.safeParse(parseJson(body));
  return parsed.success ? parsed.data : undefined;
}

function parseJson(body: Uint8Array): unknown {
  const text = body.length <= MESSAGE_BYTES_MAX ? decodeUtf8(body) : undefined;
  try {
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}
