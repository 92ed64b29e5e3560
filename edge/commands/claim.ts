/** The claim of a device: the line with which the operator enrols it, kept beside the settings so that it can be found again. */

import { encodeUtf8 } from "../../ledger/bytes.ts";
import type { Signer } from "../../ledger/signature.ts";
import { formatEnrolmentRequest } from "../../platform/enrolment-request.ts";
import type { DeviceProfile } from "../../platform/enrolment-request.ts";
import type { Files } from "../../platform/files.ts";

/** Where it is kept, in the settings' folder. There is no secret in it. */
export const CLAIM_FILE = "claim.txt";

/** Makes the claim of a device and keeps it; gives the line. */
export async function makeClaim(
  files: Files,
  folder: string,
  profile: DeviceProfile,
  signer: Signer,
): Promise<string> {
  const claim = formatEnrolmentRequest(profile, signer);
  await files.write(`${folder}/${CLAIM_FILE}`, encodeUtf8(`${claim}\n`));
  return claim;
}
