/**
 * Cosignatures: a peer's dated signature over a checkpoint (C2SP tlog-cosignature 1.x, type 04; docs/formats.md,
 * section 8).
 *
 * What a cosignature means hangs on the key: a witness's says "the largest consistent log that I have seen", a
 * mirror's "and I hold all of it". Which keys count is policy.ts's business.
 */

import { concatBytes, encodeUtf8 } from "./bytes.ts";
import { Fault, malformedText } from "./fault.ts";
import { formatSignatureLine, TYPE_COSIGNATURE, vkeyOf } from "./note.ts";
import type { NoteSignature, Vkey } from "./note.ts";
import { SIGNATURE_BYTES } from "./signature.ts";
import type { Signer, Verify } from "./signature.ts";

const TIME_BYTES = 8;

/** Builds the message that is signed. `checkpointText` is a note's text with its final newline. */
export function cosignatureMessage(checkpointText: string, timeSeconds: number): Uint8Array {
  return encodeUtf8(`cosignature/v1\ntime ${timeSeconds}\n${checkpointText}`);
}

/**
 * Cosigns a checkpoint and gives the signature line.
 *
 * The caller has verified the checkpoint against the largest one it ever cosigned, and stored it durably. `timeSeconds`
 * is POSIX time, an integer; throws `RangeError` if not.
 */
export function cosign(
  checkpointText: string,
  name: string,
  signer: Signer,
  timeSeconds: number,
): string {
  if (!Number.isSafeInteger(timeSeconds) || timeSeconds < 0) {
    throw new RangeError(`${timeSeconds} is no time in whole seconds`);
  }
  const time = new Uint8Array(TIME_BYTES);
  new DataView(time.buffer).setBigUint64(0, BigInt(timeSeconds));
  const signature = signer.sign(cosignatureMessage(checkpointText, timeSeconds));
  const { keyId } = vkeyOf(name, TYPE_COSIGNATURE, signer.publicKey);
  return formatSignatureLine({ name, keyId, signature: concatBytes(time, signature) });
}

/**
 * Verifies a signature line of type 04 over a checkpoint's text; that it claims this key is checked before.
 *
 * Gives the time at which the cosigner says it signed, in POSIX seconds. Whether that time is plausible is left to the
 * caller, who may have a clock.
 */
export function verifyCosignature(
  checkpointText: string,
  line: NoteSignature,
  vkey: Vkey,
  verify: Verify,
): { readonly timeSeconds: number } | Fault {
  const { signature } = line;
  if (signature.length !== TIME_BYTES + SIGNATURE_BYTES) {
    return malformedText(`a cosignature has 72 bytes, that of ${line.name} ${signature.length}`);
  }
  const time = new DataView(signature.buffer, signature.byteOffset).getBigUint64(0);
  if (time > BigInt(Number.MAX_SAFE_INTEGER)) {
    return malformedText(`the cosignature of ${line.name} bears a time beyond 2^53-1`);
  }
  const timeSeconds = Number(time);
  const message = cosignatureMessage(checkpointText, timeSeconds);
  return verify(vkey.key, message, signature.subarray(TIME_BYTES))
    ? { timeSeconds }
    : new Fault("bad-signature", `the cosignature of ${line.name} does not hold`);
}
