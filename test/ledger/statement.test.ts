import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeHex, encodeUtf8 } from "../../ledger/bytes.ts";
import { Refusal } from "../../ledger/errors.ts";
import { kidHex, thumbprint } from "../../ledger/key.ts";
import { possessionText } from "../../ledger/kinds/possession.ts";
import { ZERO_HASH } from "../../ledger/sha256.ts";
import { nobleSigner, nobleVerify } from "../../ledger/signature.ts";
import { decodeStatement, signedBytes, signStatement } from "../../ledger/statement.ts";
import { describeWithShared, sharedJson } from "../support/shared-data.ts";
import { hex, readSmallLog, SMALL_LOG } from "../support/small-log.ts";

describeWithShared("statements of the small log", [SMALL_LOG], () => {
  const log = readSmallLog();
  const signers = new Map(log.keys.map(({ kid, seed }) => [kid, nobleSigner(hex(seed))]));

  test("keys have these thumbprints and kids", () => {
    for (const key of log.keys) {
      expect(encodeHex(nobleSigner(hex(key.seed)).publicKey)).toBe(key.public);
      expect(encodeHex(thumbprint(hex(key.public)))).toBe(key.thumbprint);
      expect(kidHex(hex(key.public))).toBe(key.kid);
    }
    const device = hex(log.keys[2]!.public);
    expect(possessionText(log.origin, "air-017", "device", device)).toEqual(
      encodeUtf8(log.popText),
    );
  });

  test.each(log.entries)("$index, $desc: decodes, and is signed again byte for byte", (vector) => {
    const statement = decodeStatement(hex(vector.entry));
    if (statement instanceof Refusal) throw new Error(statement.text);
    expect(encodeHex(statement.payload)).toBe(vector.payload);
    expect(encodeHex(signedBytes(statement))).toBe(vector.toBeSigned);
    expect(encodeHex(statement.hash)).toBe(vector.entryHash);
    const signer = signers.get(statement.kid)!;
    expect(nobleVerify(signer.publicKey, signedBytes(statement), statement.signature)).toBe(true);
    // One vector carries the older algorithm number, which we read and never write.
    if (statement.algorithm === -8) return;
    expect(encodeHex(signStatement(statement, statement, signer).bytes)).toBe(vector.entry);
  });
});

describeWithShared("a signature with a torsion component", ["vectors/ed25519-torsion.json"], () => {
  test("does not hold", () => {
    const vector = sharedJson<{ message: string; publicKey: string; signature: string }>(
      "vectors/ed25519-torsion.json",
    );
    const { publicKey, message, signature } = vector;
    expect(nobleVerify(hex(publicKey), hex(message), hex(signature))).toBe(false);
  });
});

describe("statements", () => {
  const signer = nobleSigner(new Uint8Array(32).fill(7));
  const chain = { issuer: "air-1", seq: 3, prev: ZERO_HASH };
  const draft = { kind: "readings", stream: "air", iat: 1_767_225_600 } as const;

  test("any flipped bit makes another statement or none, and never one that holds", () => {
    const { bytes } = signStatement(chain, { ...draft, payload: new Uint8Array(300) }, signer);
    fc.assert(
      fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
        const flipped = bytes.slice();
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        const statement = decodeStatement(flipped);
        if (statement instanceof Refusal) return;
        const { signature } = statement;
        expect(nobleVerify(signer.publicKey, signedBytes(statement), signature)).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  test("lengths of every head size survive", () => {
    for (const length of [0, 1, 23, 24, 255, 256, 65_000]) {
      const payload = new Uint8Array(length).fill(1);
      const { bytes } = signStatement(chain, { ...draft, payload }, signer);
      expect(decodeStatement(bytes)).toMatchObject({ seq: 3, issuer: "air-1", payload });
    }
  });

  test("one that would be refused for its form is not signed", () => {
    const big = { ...draft, payload: new Uint8Array(65_535) };
    expect(() => signStatement(chain, big, signer)).toThrow(/too-large/);
    const nameless = { ...chain, issuer: "Air 1" };
    expect(() => signStatement(nameless, { ...draft, payload: new Uint8Array(0) }, signer)).toThrow(
      /malformed/,
    );
  });
});
