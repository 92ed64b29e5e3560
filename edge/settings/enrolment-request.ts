/**
 * What a new device asks the operator for, as one line to be pasted into `kerbstone hub enrol`.
 *
 * Holds no secret. Its `pop` shows that whoever made it has the key (docs/formats.md, section 4).
 */

import { encodeBase64Url, encodeHex, encodeUtf8 } from "../../ledger/bytes.ts";
import { kidHex } from "../../ledger/key.ts";
import { provePossession } from "../../ledger/kinds/possession.ts";
import type { Signer } from "../../ledger/signature.ts";

/** What the enrolment is to say of the device. */
export interface DeviceProfile {
  readonly origin: string;
  readonly name: string;
  readonly streams: readonly string[];
  readonly visibility: "public" | "restricted";
  /** How often at least it means to speak. */
  readonly everySeconds: number;
  readonly owner?: string | undefined;
  /** WGS 84 degrees. */
  readonly lat: number;
  readonly lon: number;
  readonly model?: string | undefined;
}

/** Formats the request: base64url of JSON. */
export function formatEnrolmentRequest(profile: DeviceProfile, signer: Signer): string {
  const { origin, name, ...rest } = profile;
  const request = {
    kerbstone: "enrolment/v1",
    origin,
    name,
    role: "device",
    kid: kidHex(signer.publicKey),
    publicKey: encodeHex(signer.publicKey),
    pop: encodeHex(provePossession(origin, name, "device", signer)),
    ...rest,
  };
  return encodeBase64Url(encodeUtf8(JSON.stringify(request)));
}
