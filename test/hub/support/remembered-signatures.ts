/**
 * Signatures made and checked once, and remembered: for tests that go through the same entries hundreds of times.
 *
 * Only what is equal in key, message and signature is answered from memory.
 */

import { compareBytes, encodeHex } from "../../../ledger/bytes.ts";
import { sha256 } from "../../../ledger/sha256.ts";
import type { Signer, Verify } from "../../../ledger/signature.ts";

interface Checked {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly holds: boolean;
}

const signatures = new Map<string, Uint8Array>();

/** Signs as `signer` does. */
export function rememberingSigner(signer: Signer): Signer {
  const name = encodeHex(signer.publicKey);
  return {
    publicKey: signer.publicKey,
    sign: (message) => {
      const key = `${name} ${encodeHex(sha256(message))}`;
      const signature = signatures.get(key) ?? signer.sign(message);
      signatures.set(key, signature);
      return signature.slice();
    },
  };
}

/** Verifies as `verify` does. */
export function rememberingVerify(verify: Verify): Verify {
  const checked = new Map<string, Checked>();
  return (publicKey, message, signature) => {
    const name = encodeHex(signature);
    const known = checked.get(name);
    if (
      known !== undefined &&
      compareBytes(known.message, message) === 0 &&
      compareBytes(known.publicKey, publicKey) === 0
    ) {
      return known.holds;
    }
    const holds = verify(publicKey, message, signature);
    checked.set(name, { publicKey: publicKey.slice(), message: message.slice(), holds });
    return holds;
  };
}
