/**
 * What an enrolment request becomes in the log (docs/formats.md, sections 4 and 7).
 *
 * The request has been read already, by platform/enrolment-request.ts; whether it may follow is admission's to say.
 */

import { decodeHex } from "../../ledger/bytes.ts";
import { encodeEnrol } from "../../ledger/kinds/enrol.ts";
import {
  encodePreimage,
  encodePrivateProfile,
  hashPreimage,
  SALT_BYTES,
} from "../../ledger/preimage.ts";
import type { EnrolmentRequest } from "../../platform/enrolment-request.ts";
import type { Random } from "../../platform/random.ts";

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
