/** The three backends of signature verification agree, on published vectors and on generated edge cases. */
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { describe, expect, test } from "vitest";
import { concatBytes, decodeHex, encodeHex, encodeUtf8 } from "../../ledger/bytes.ts";
import { type Verify, nobleSigner, nobleVerify } from "../../ledger/signature.ts";
import { fastestVerify, opensslVerify, sodiumVerify } from "../../platform/native-verify.ts";
import { seededRandom } from "../../platform/random.ts";
import { describeWithShared, sharedJson } from "../support/shared-data.ts";

const { Point } = ed25519;
const ORDER = Point.CURVE().n;
const FIELD = Point.CURVE().p;

const backends: readonly (readonly [string, Verify])[] = [
  ["noble", nobleVerify],
  ["OpenSSL", opensslVerify],
  ...(sodiumVerify === undefined ? [] : ([["libsodium", sodiumVerify]] as const)),
  ["the fastest", fastestVerify],
];

function bytes(hex: string): Uint8Array {
  const decoded = decodeHex(hex);
  if (decoded === undefined) throw new Error(`not hex: ${hex}`);
  return decoded;
}

interface Case {
  readonly about: string;
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
  readonly holds: boolean;
}

function expectAgreement(one: Case): void {
  for (const [name, verify] of backends) {
    const answer = verify(one.publicKey, one.message, one.signature);
    expect(answer, `${name}: ${one.about}`).toBe(one.holds);
  }
}

test("libsodium is there on the machines of the tests", () => {
  expect(sodiumVerify).toBeDefined();
});

interface Wycheproof {
  testGroups: {
    publicKey: { pk: string };
    tests: { tcId: number; comment: string; msg: string; sig: string; result: string }[];
  }[];
}

const WYCHEPROOF = "data/wycheproof/ed25519_test.json";

describeWithShared("Wycheproof", [WYCHEPROOF], () => {
  const groups = sharedJson<Wycheproof>(WYCHEPROOF).testGroups;
  const cases = groups.flatMap(({ publicKey, tests }) =>
    tests.map((one) => ({ ...one, publicKey: publicKey.pk })),
  );

  test("holds enough cases to mean something", () => {
    expect(cases.length).toBeGreaterThan(100);
  });

  test.each(cases)("$tcId $comment: $result", ({ comment, publicKey, msg, sig, result }) => {
    expectAgreement({
      about: comment,
      publicKey: bytes(publicKey),
      message: bytes(msg),
      signature: bytes(sig),
      holds: result === "valid",
    });
  });
});

interface TorsionVector {
  message: string;
  publicKey: string;
  signature: string;
  holds: boolean;
}

const TORSION = "vectors/ed25519-torsion.json";

describeWithShared("the published torsion vector", [TORSION], () => {
  test("is judged as it says", () => {
    const vector = sharedJson<TorsionVector>(TORSION);
    expectAgreement({
      about: "torsion",
      publicKey: bytes(vector.publicKey),
      message: bytes(vector.message),
      signature: bytes(vector.signature),
      holds: vector.holds,
    });
  });
});

/** The eight points of small order, by multiplying one point of order eight. */
function torsionPoints(): InstanceType<typeof Point>[] {
  const generator = Point.fromHex(
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  );
  const points = [Point.ZERO];
  for (let i = 1; i < 8; i++) points.push(points[i - 1]!.add(generator));
  return points;
}

const torsion = torsionPoints();
const message = encodeUtf8("kerb");
const random = seededRandom("edge cases");

function scalar(): bigint {
  return littleEndian(random.bytes(64)) % ORDER;
}

function littleEndian(value: Uint8Array): bigint {
  return value.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

function toBytes(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

function challenge(r: Uint8Array, publicKey: Uint8Array): bigint {
  return littleEndian(sha512(concatBytes(r, publicKey, message))) % ORDER;
}

/** Signs with `A = aB + keyTorsion` and `R = rB + nonceTorsion`, as only an attacker would. */
function forge(
  keyTorsion: InstanceType<typeof Point>,
  nonceTorsion: InstanceType<typeof Point>,
): Case {
  const a = scalar();
  const r = scalar();
  const publicKey = Point.BASE.multiply(a).add(keyTorsion).toBytes();
  const nonce = Point.BASE.multiply(r).add(nonceTorsion).toBytes();
  const k = challenge(nonce, publicKey);
  const signature = concatBytes(nonce, toBytes((r + k * a) % ORDER));
  // [S]B - [k]A = rB - [k]keyTorsion: it is R only if the torsion parts cancel.
  const leftOver = keyTorsion.multiplyUnsafe(k === 0n ? ORDER : k).add(nonceTorsion);
  return { about: "forged", publicKey, message, signature, holds: leftOver.is0() };
}

describe("torsion", () => {
  test("there are eight points of small order", () => {
    expect(new Set(torsion.map((point) => point.toHex())).size).toBe(8);
  });

  test.each(torsion.flatMap((_, i) => torsion.map((__, j) => [i, j] as const)))(
    "in the key %i, in the nonce %i",
    (i, j) => {
      for (let repeat = 0; repeat < 4; repeat++) expectAgreement(forge(torsion[i]!, torsion[j]!));
    },
  );

  test("does not by itself make a signature void: some cancel out", () => {
    const outcomes = Array.from({ length: 40 }, () => forge(torsion[1]!, torsion[3]!));
    expect(new Set(outcomes.map(({ holds }) => holds))).toEqual(new Set([true, false]));
    outcomes.forEach(expectAgreement);
  });
});

/** Every encoding whose y-coordinate is one of small order, canonical or not, with both sign bits. */
function smallOrderEncodings(): Uint8Array[] {
  const coordinates = new Set(torsion.map((point) => point.toAffine().y));
  const encodings: Uint8Array[] = [];
  for (const y of coordinates) {
    for (const value of [y, y + FIELD]) {
      if (value >= 1n << 255n) continue;
      encodings.push(toBytes(value), toBytes(value | (1n << 255n)));
    }
  }
  return encodings;
}

describe("small order", () => {
  const encodings = smallOrderEncodings();

  test("has five coordinates, two of which have a second spelling", () => {
    expect(encodings.length).toBe(14);
  });

  test.each(encodings.map((encoding) => encodeHex(encoding)))("as key and nonce %s", (hex) => {
    const small = bytes(hex);
    for (const other of [small, Point.BASE.toBytes(), ...encodings]) {
      for (const s of [0n, 1n]) {
        const signature = concatBytes(small, toBytes(s));
        expectAgreement({ about: "nonce", publicKey: other, message, signature, holds: false });
        const swapped = concatBytes(other, toBytes(s));
        expectAgreement({
          about: "key",
          publicKey: small,
          message,
          signature: swapped,
          holds: false,
        });
      }
    }
  });
});

describe("spelling", () => {
  const signer = nobleSigner(random.bytes(32));
  const good = signer.sign(message);
  const { publicKey } = signer;

  test("a plain signature holds", () => {
    expectAgreement({ about: "plain", publicKey, message, signature: good, holds: true });
    const empty = new Uint8Array(0);
    const signature = signer.sign(empty);
    expectAgreement({ about: "empty message", publicKey, message: empty, signature, holds: true });
  });

  test("S plus a multiple of the order does not", () => {
    const s = littleEndian(good.subarray(32));
    for (let multiple = 1n; s + multiple * ORDER < 1n << 256n; multiple++) {
      const signature = concatBytes(good.subarray(0, 32), toBytes(s + multiple * ORDER));
      expectAgreement({ about: `S + ${multiple}L`, publicKey, message, signature, holds: false });
    }
  });

  test("a y-coordinate of at least 2^255 - 19 does not", () => {
    for (let y = FIELD; y < 1n << 255n; y++) {
      for (const sign of [0n, 1n << 255n]) {
        const odd = toBytes(y | sign);
        const signature = concatBytes(odd, good.subarray(32));
        expectAgreement({ about: "R", publicKey, message, signature, holds: false });
        expectAgreement({ about: "A", publicKey: odd, message, signature: good, holds: false });
      }
    }
  });

  test("a key that is no point does not", () => {
    let found = 0;
    for (let y = 2n; found < 20; y++) {
      const key = toBytes(y);
      try {
        Point.fromBytes(key, false);
      } catch {
        found++;
        expectAgreement({
          about: "no point",
          publicKey: key,
          message,
          signature: good,
          holds: false,
        });
      }
    }
  });

  test("wrong lengths do not, and do not throw", () => {
    for (const length of [0, 31, 33, 63, 65, 96]) {
      const cut = new Uint8Array(length);
      cut.set(good.subarray(0, length));
      expectAgreement({ about: "signature", publicKey, message, signature: cut, holds: false });
      const key = new Uint8Array(length);
      key.set(publicKey.subarray(0, length));
      expectAgreement({ about: "key", publicKey: key, message, signature: good, holds: false });
    }
  });

  test("any single flipped bit breaks it", () => {
    for (let bit = 0; bit < 512; bit++) {
      const signature = good.slice();
      signature[bit >> 3]! ^= 1 << (bit & 7);
      expectAgreement({ about: `bit ${bit}`, publicKey, message, signature, holds: false });
    }
  });
});

test("more keys than OpenSSL's cache holds are judged rightly, first and last", () => {
  const signers = Array.from({ length: 20 }, () => nobleSigner(random.bytes(32)));
  const strangers = Array.from({ length: 5000 }, () => random.bytes(32));
  const check = (): void => {
    for (const signer of signers) {
      expect(opensslVerify(signer.publicKey, message, signer.sign(message))).toBe(true);
    }
  };
  check();
  const signature = signers[0]!.sign(message);
  for (const key of strangers) expect(opensslVerify(key, message, signature)).toBe(false);
  check();
});
