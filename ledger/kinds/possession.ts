/** The text that a new key signs to show that somebody holds it (docs/formats.md, section 4). */

import { encodeHex, encodeUtf8 } from "../bytes.ts";
import { isTorsionFree, thumbprint } from "../key.ts";
import type { Signer, Verify } from "../signature.ts";
import type { Role } from "./kind.ts";

/** Gives the bytes that prove possession of `publicKey` for `name` and `role` in the log `origin`. */
export function possessionText(
  origin: string,
  name: string,
  role: Role,
  publicKey: Uint8Array,
): Uint8Array {
  const print = encodeHex(thumbprint(publicKey));
  return encodeUtf8(`kerbstone/v1 enrol\n${origin}\n${name}\n${role}\n${print}\n`);
}

/** Signs the possession text of the signer's own key. */
export function provePossession(
  origin: string,
  name: string,
  role: Role,
  signer: Signer,
): Uint8Array {
  return signer.sign(possessionText(origin, name, role, signer.publicKey));
}

/** Says whether the proof holds and the key lies in the prime-order group. */
export function holdsPossession(
  proof: { origin: string; name: string; role: Role; key: Uint8Array; pop: Uint8Array },
  verify: Verify,
): boolean {
  const text = possessionText(proof.origin, proof.name, proof.role, proof.key);
  return verify(proof.key, text, proof.pop) && isTorsionFree(proof.key);
}
