/** Signers made of seeds: whichever library is behind them, keys and signatures are the same bytes. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nobleSigner, nobleVerify } from "../../ledger/signature.ts";
import { opensslSigner } from "../../platform/key-file.ts";
import { sodiumSigner } from "../../platform/native/backends.mjs";
import { seedSigner } from "../../platform/seed-signer.ts";

const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe.each([
  ["the fastest", seedSigner],
  ["OpenSSL", opensslSigner],
  ["libsodium", sodiumSigner],
])("a signer by %s", (_name, make) => {
  test.skipIf(make === undefined)("gives the bytes of the portable one", () => {
    fc.assert(
      fc.property(seeds, fc.uint8Array({ maxLength: 300 }), (seed, message) => {
        const [ours, portable] = [make!(seed), nobleSigner(seed)];
        expect(ours.publicKey).toEqual(portable.publicKey);
        expect(ours.sign(message)).toEqual(portable.sign(message));
      }),
      { numRuns: 20 },
    );
  });

  test.skipIf(make === undefined)("keeps nothing of the caller's seed", () => {
    const seed = new Uint8Array(32).fill(9);
    const signer = make!(seed);
    seed.fill(0);
    const message = Uint8Array.of(1, 2, 3);
    expect(nobleVerify(signer.publicKey, message, signer.sign(message))).toBe(true);
  });
});
