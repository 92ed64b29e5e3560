/**
 * What the hub will check of a pack or a clip, checked before it is signed: a number of the chain spent on something
 * that is refused leaves a gap in the ledger for ever.
 */

import { Refusal } from "../../ledger/errors.ts";
import { judgeClip } from "../../ledger/kinds/clip.ts";
import { STATEMENT_BYTES_MAX } from "../../ledger/limits.ts";
import { decodePack } from "../../ledger/senml.ts";

/** Header and signature of a statement never take more. */
const ENVELOPE_BYTES_MAX = 512;

/** Runs the ledger's own checks over a pack that `issuer` is about to sign at `iat`; the refusal, if there is one. */
export function checkPack(payload: Uint8Array, issuer: string, iat: number): Refusal | undefined {
  if (payload.length > STATEMENT_BYTES_MAX - ENVELOPE_BYTES_MAX) {
    return new Refusal("too-large", `a pack of ${payload.length} bytes fits no statement`);
  }
  const pack = decodePack(payload, issuer, iat);
  return pack instanceof Refusal ? pack : undefined;
}

/** Runs the ledger's own checks over a clip that is about to be signed at `iat`; the refusal, if there is one. */
export function checkClip(payload: Uint8Array, iat: number): Refusal | undefined {
  const clip = judgeClip(payload, iat);
  return clip instanceof Refusal ? clip : undefined;
}
