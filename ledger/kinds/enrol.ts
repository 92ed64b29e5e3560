/** A key is brought in, with what it may speak about (docs/formats.md, section 4). */

import { encodeCbor } from "../cbor.ts";
import type { Refusal } from "../errors.ts";
import { encodeCoseKey } from "../key.ts";
import { STREAMS_MAX } from "../limits.ts";
import type { Hash } from "../sha256.ts";
import { decodeFields, fieldMap } from "./payload.ts";
import type { Fields } from "./payload.ts";

interface EnrolBase {
  readonly name: string;
  /** The public key, 32 bytes. */
  readonly key: Uint8Array;
  /** The key's signature over the possession text. */
  readonly pop: Uint8Array;
}

export interface EnrolPerson extends EnrolBase {
  readonly role: "owner" | "registrar";
}

interface EnrolDeviceBase extends EnrolBase {
  readonly role: "device";
  readonly streams: readonly string[];
  /** How often at least it means to speak, in seconds: silence is seen against this. */
  readonly everySeconds: number;
  readonly owner?: string | undefined;
}

export interface EnrolPublicDevice extends EnrolDeviceBase {
  readonly visibility: "public";
  /** WGS 84 degrees. */
  readonly lat: number;
  readonly lon: number;
  readonly model?: string | undefined;
}

export interface EnrolRestrictedDevice extends EnrolDeviceBase {
  readonly visibility: "restricted";
  /** SHA-256 of the salted position and model. */
  readonly private: Hash;
}

export type EnrolDevice = EnrolPublicDevice | EnrolRestrictedDevice;
export type Enrol = EnrolPerson | EnrolDevice;

/** Encodes the payload. */
export function encodeEnrol(enrol: Enrol): Uint8Array {
  return encodeCbor(fieldMap({ ...enrol, key: encodeCoseKey(enrol.key) }));
}

/** Decodes the payload and checks its shape; `malformed` otherwise. */
export function decodeEnrol(payload: Uint8Array): Enrol | Refusal {
  return decodeFields("enrol", payload, readEnrol);
}

function readEnrol(fields: Fields): Enrol {
  const base = {
    name: fields.name("name"),
    key: fields.publicKey("key"),
    pop: fields.signature("pop"),
  };
  const role = fields.oneOf("role", ["device", "owner", "registrar"]);
  return role === "device" ? { ...base, role, ...readDevice(fields) } : { ...base, role };
}

function readDevice(
  fields: Fields,
): Omit<EnrolPublicDevice, keyof EnrolPerson> | Omit<EnrolRestrictedDevice, keyof EnrolPerson> {
  const device = {
    streams: fields.names("streams", STREAMS_MAX),
    everySeconds: fields.integer("everySeconds"),
    owner: fields.optionalName("owner"),
  };
  const visibility = fields.oneOf("visibility", ["public", "restricted"]);
  if (visibility === "restricted")
    return { ...device, visibility, private: fields.hash("private") };
  return {
    ...device,
    visibility,
    lat: fields.number("lat", 90),
    lon: fields.number("lon", 180),
    model: fields.optionalText("model"),
  };
}
