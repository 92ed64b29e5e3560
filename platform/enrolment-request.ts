/**
 * Enrolment requests: what a new device asks the operator for (docs/formats.md, section 4).
 *
 * `kerbstone edge init` and the simulated devices print one as a claim, a single word; `kerbstone hub enrol` reads it.
 * It carries no secret: its `pop` shows that whoever made it has the key. What is right for the log is admission's to say;
 * here only the request's form is checked.
 */

import { z } from "zod";
import {
  decodeBase64Url,
  decodeHex,
  decodeUtf8,
  encodeBase64Url,
  encodeHex,
  encodeUtf8,
} from "../ledger/bytes.ts";
import { kidHex } from "../ledger/key.ts";
import { provePossession } from "../ledger/kinds/possession.ts";
import { STREAMS_MAX, TEXT_BYTES_MAX } from "../ledger/limits.ts";
import type { Signer } from "../ledger/signature.ts";
import { UserError } from "./user-error.ts";

/** What the enrolment is to say of the device. */
export interface DeviceProfile {
  /** The log that the key wants to speak in. */
  readonly origin: string;
  readonly name: string;
  readonly streams: readonly string[];
  readonly visibility: "public" | "restricted";
  /** How often at least it means to speak. */
  readonly everySeconds: number;
  readonly owner?: string | undefined;
  /** WGS 84 degrees. Of a restricted device they go into the log hidden. */
  readonly lat: number;
  readonly lon: number;
  readonly model?: string | undefined;
}

/** A device that asks to be enrolled. */
export interface EnrolmentRequest extends DeviceProfile {
  readonly kerbstone: "enrolment/v1";
  readonly role: "device";
  /** 32 bytes as lower-case hex. */
  readonly publicKey: string;
  /** The key's signature over the possession text: 64 bytes as lower-case hex. */
  readonly pop: string;
}

const REQUEST_LENGTH_MAX = 16_384;

const hexBytes = (length: number): z.ZodType<string> =>
  z
    .string()
    .refine(
      (text) => decodeHex(text)?.length === length,
      `expected ${length} bytes as lower-case hex`,
    );

const name = z.string().regex(/^[0-9a-z][0-9a-z-]{0,62}$/, "expected a name of a-z, 0-9 and -");

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

/** Formats the claim of a device: base64url of JSON, with the key's signature in it. */
export function formatEnrolmentRequest(profile: DeviceProfile, signer: Signer): string {
  const { origin, name: device, ...rest } = profile;
  const request = {
    kerbstone: "enrolment/v1",
    origin,
    name: device,
    role: "device",
    kid: kidHex(signer.publicKey),
    publicKey: encodeHex(signer.publicKey),
    pop: encodeHex(provePossession(origin, device, "device", signer)),
    ...rest,
  };
  return encodeBase64Url(encodeUtf8(JSON.stringify(request)));
}

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
