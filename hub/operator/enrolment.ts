/**
 * Enrolment requests: what `kerbstone edge init` prints, and what the operator's command hands to the hub.
 *
 * The request carries no secret: its `pop` shows that whoever made it holds the key. What is right for the log is
 * admission's to say; here only the request's form is checked.
 */

import { z } from "zod";
import { decodeBase64Url, decodeHex, decodeUtf8 } from "../../ledger/bytes.ts";
import { encodeEnrol } from "../../ledger/kinds/enrol.ts";
import { STREAMS_MAX, TEXT_BYTES_MAX } from "../../ledger/limits.ts";
import {
  encodePreimage,
  encodePrivateProfile,
  hashPreimage,
  SALT_BYTES,
} from "../../ledger/preimage.ts";
import type { Random } from "../../platform/random.ts";
import { UserError } from "../../platform/user-error.ts";

const REQUEST_LENGTH_MAX = 16_384;

const hexBytes = (length: number): z.ZodType<string> =>
  z
    .string()
    .refine(
      (text) => decodeHex(text)?.length === length,
      `expected ${length} bytes as lower-case hex`,
    );

const name = z.string().regex(/^[0-9a-z][0-9a-z-]{0,62}$/, "expected a name of a-z, 0-9 and -");

/** A device that asks to be enrolled. */
export interface EnrolmentRequest {
  readonly kerbstone: "enrolment/v1";
  /** The log that the key wants to speak in. */
  readonly origin: string;
  readonly name: string;
  readonly role: "device";
  /** 32 bytes as lower-case hex. */
  readonly publicKey: string;
  /** The key's signature over the possession text: 64 bytes as lower-case hex. */
  readonly pop: string;
  readonly streams: readonly string[];
  readonly visibility: "public" | "restricted";
  readonly everySeconds: number;
  readonly owner?: string | undefined;
  /** WGS 84 degrees. Of a restricted device they go into the log hidden. */
  readonly lat: number;
  readonly lon: number;
  readonly model?: string | undefined;
}

const shape: z.ZodType<EnrolmentRequest> = z.object({
  kerbstone: z.literal("enrolment/v1"),
  origin: z.string(),
  name,
  role: z.literal("device"),
  publicKey: hexBytes(32),
  pop: hexBytes(64),
  streams: z.array(name).min(1).max(STREAMS_MAX),
  visibility: z.enum(["public", "restricted"]),
  everySeconds: z.number().int().min(1),
  owner: name.optional(),
  lat: z.number().min(-90).max(90),
  lon: z.number().min(-180).max(180),
  model: z.string().max(TEXT_BYTES_MAX).optional(),
});

/** Reads a request: JSON, or that JSON as base64url in one word. Throws `UserError` naming what is wrong with it. */
export function parseEnrolmentRequest(text: string): EnrolmentRequest {
  const trimmed = text.trim();
  if (trimmed.length > REQUEST_LENGTH_MAX) throw new UserError("the enrolment request is too long");
  const json = trimmed.startsWith("{") ? trimmed : decodeClaim(trimmed);
  let value: unknown;
  try {
    value = JSON.parse(json ?? "");
  } catch {
    throw new UserError("the enrolment request is neither JSON nor a claim code", {
      hint: "give what `kerbstone edge init` printed, or --file with it",
    });
  }
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new UserError(`the enrolment request is wrong: ${faults.join("; ")}`);
}

function decodeClaim(word: string): string | undefined {
  const bytes = decodeBase64Url(word);
  return bytes === undefined ? undefined : decodeUtf8(bytes);
}

/** An enrolment's payload, and what stands behind its `private` where the device is restricted. */
export interface EnrolmentEntry {
  readonly payload: Uint8Array;
  readonly preimage?: Uint8Array;
}

/** Makes the enrol payload. Position and model of a restricted device go behind a fresh salt. */
export function enrolmentEntry(request: EnrolmentRequest, random: Random): EnrolmentEntry {
  const { lat, lon, model, streams, everySeconds, owner } = request;
  const base = {
    role: "device" as const,
    name: request.name,
    key: decodeHex(request.publicKey)!,
    pop: decodeHex(request.pop)!,
    streams,
    everySeconds,
    owner,
  };
  if (request.visibility === "public") {
    return { payload: encodeEnrol({ ...base, visibility: "public", lat, lon, model }) };
  }
  const profile = encodePrivateProfile({ lat, lon, model });
  const preimage = encodePreimage(random.bytes(SALT_BYTES), profile);
  const hash = hashPreimage(preimage);
  return { payload: encodeEnrol({ ...base, visibility: "restricted", private: hash }), preimage };
}
