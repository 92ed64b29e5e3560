/** The quick encoding of keys against the plain one. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeHex } from "../../ledger/bytes.ts";
import { encodeCbor } from "../../ledger/cbor.ts";
import { encodeKeys } from "../../ledger/key-snapshot.ts";
import { fieldMap } from "../../ledger/kinds/payload.ts";
import { LogState, restoreState, snapshotState } from "../../ledger/log-state.ts";
import { freshKey } from "../../ledger/registry.ts";
import type { KeyState } from "../../ledger/registry.ts";
import { asHash } from "../../ledger/sha256.ts";

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(asHash);
const count = fc.oneof(fc.nat(300), fc.maxSafeNat());
const device = fc.record({
  streams: fc.array(fc.constantFrom("air", "noise", "water"), { maxLength: 3 }),
  visibility: fc.constantFrom("public" as const, "restricted" as const),
  everySeconds: count,
  owner: fc.option(fc.constant("owner"), { nil: undefined }),
  lat: fc.option(fc.constant(51.58), { nil: undefined }),
  lon: fc.option(fc.constant(-3), { nil: undefined }),
  model: fc.option(fc.string({ maxLength: 300 }), { nil: undefined }),
  private: fc.option(hash, { nil: undefined }),
});
const keys: fc.Arbitrary<KeyState[]> = fc.array(
  fc
    .record({
      publicKey: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      role: fc.constantFrom("device" as const, "owner" as const, "registrar" as const),
      device: fc.option(device, { nil: undefined }),
      enrolledAt: count,
      lastSeq: fc.oneof(fc.constant(-1), count),
      lastHash: hash,
      lastIat: count,
      revoked: fc.option(fc.record({ at: count, last: fc.integer({ min: -1 }) }), {
        nil: undefined,
      }),
    })
    .map(({ publicKey, role, device: profile, enrolledAt, lastHash, ...changes }) => {
      const identity = { publicKey, name: "name", role, device: profile };
      return Object.assign(freshKey(identity, { index: enrolledAt, hash: lastHash }), changes);
    }),
  { maxLength: 40 },
);

/** As it would be written without any thought of speed. */
function plainly(all: readonly KeyState[]): Uint8Array {
  return encodeCbor(
    all.map(({ device: profile, revoked, kid, ...plain }) =>
      fieldMap({
        ...plain,
        kid: decodeHex(kid)!,
        device: profile && fieldMap({ ...profile }),
        revoked: revoked && fieldMap({ ...revoked }),
      }),
    ),
  );
}

describe("keys in a snapshot", () => {
  test("are the bytes of the plain encoding, again after they have changed", () => {
    fc.assert(
      fc.property(keys, hash, count, (all, lastHash, lastSeq) => {
        expect(encodeKeys(all)).toEqual(plainly(all));
        for (const key of all) Object.assign(key, { lastHash, lastSeq, lastIat: lastSeq });
        expect(encodeKeys(all)).toEqual(plainly(all));
        for (const key of all) key.revoked = { at: lastSeq, last: -1 };
        expect(encodeKeys(all)).toEqual(plainly(all));
      }),
    );
  });

  test("come back from a whole snapshot, which is deterministic CBOR", () => {
    fc.assert(
      fc.property(keys, (all) => {
        const state = new LogState();
        const names = new Set<string>();
        for (const [i, key] of all.entries()) {
          const named = { ...key, name: `name-${i}` };
          if (names.has(named.kid)) continue;
          names.add(named.kid);
          state.registry.add(named);
        }
        // Reading refuses any order of map keys but the one.
        const restored = restoreState(snapshotState(state));
        expect([...restored.registry.all()]).toEqual([...state.registry.all()]);
      }),
    );
  });
});
