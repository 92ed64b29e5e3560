import { decode as decodeCborg, Tagged } from "cborg";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes, decodeHex, encodeHex, encodeUtf8 } from "../../ledger/bytes.ts";
import { encodeCbor } from "../../ledger/cbor.ts";
import type { CborKey, CborValue } from "../../ledger/cbor.ts";
import { Fault } from "../../ledger/fault.ts";
import { kidOf } from "../../ledger/key.ts";
import { inclusionPath } from "../../ledger/merkle.ts";
import { TYPE_COSIGNATURE, TYPE_ED25519, vkeyOf } from "../../ledger/note.ts";
import {
  decodeReceipt,
  decodeTransparentStatement,
  encodeTransparentStatement,
  signReceipt,
  verifyReceipt,
} from "../../ledger/receipt.ts";
import { nobleSigner, nobleVerify } from "../../ledger/signature.ts";
import { decodeStatement, sigStructure } from "../../ledger/statement.ts";
import { referenceNodes, referenceRoot } from "../support/reference-tree.ts";
import { actor } from "../support/scripted-log.ts";
import { describeWithShared, sharedJson } from "../support/shared-data.ts";
import { hex, SMALL_LOG } from "../support/small-log.ts";
import {
  codeOf,
  entriesOf,
  must,
  readSmallLogProofs,
  signerOf,
  vkey,
} from "../support/small-log-proofs.ts";

const ENTRIES = Array.from({ length: 11 }, (_, i) => encodeUtf8(`entry ${i}`));
const ORIGIN = "log.example/a";
const HUB = actor("hub");
const KEY = vkeyOf(ORIGIN, TYPE_ED25519, HUB.publicKey);
const ROOT = referenceRoot(ENTRIES);
const PATH = await inclusionPath(6, 11, referenceNodes(ENTRIES));
const RECEIPT = signReceipt({ origin: ORIGIN, size: 11, root: ROOT }, 6, PATH, HUB);

function check(bytes: Uint8Array, entry: Uint8Array = ENTRIES[6]!): unknown {
  const receipt = decodeReceipt(bytes);
  return codeOf(
    receipt instanceof Fault ? receipt : verifyReceipt(entry, receipt, [KEY], nobleVerify),
  );
}

test("a receipt says where, in which log, by whose key", () => {
  expect(check(RECEIPT)).toEqual({
    checkpoint: { origin: ORIGIN, size: 11, root: ROOT },
    index: 6,
    signer: KEY,
  });
});

test("any changed byte is refused", () => {
  fc.assert(
    fc.property(fc.nat({ max: RECEIPT.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, by) => {
      const changed = RECEIPT.slice();
      changed[at]! ^= by;
      expect(typeof check(changed)).toBe("string");
    }),
  );
});

test("whom the checker trusts, and what the path leads from", () => {
  const receipt = must(decodeReceipt(RECEIPT));
  const verify = (keys: Parameters<typeof verifyReceipt>[2], entry = ENTRIES[6]!): unknown =>
    codeOf(verifyReceipt(entry, receipt, keys, nobleVerify));
  expect(verify([])).toBe("wrong-origin");
  expect(verify([vkeyOf("log.example/b", TYPE_ED25519, HUB.publicKey)])).toBe("wrong-origin");
  expect(verify([vkeyOf(ORIGIN, TYPE_COSIGNATURE, HUB.publicKey)])).toBe("wrong-origin");
  expect(verify([vkeyOf(ORIGIN, TYPE_ED25519, actor("another").publicKey)])).toBe("untrusted");
  expect(verify([KEY], ENTRIES[7])).toBe("bad-signature");
  const outside = { ...receipt, index: 11 };
  expect(codeOf(verifyReceipt(ENTRIES[6]!, outside, [KEY], nobleVerify))).toBe("not-included");
});

type Labels = Map<CborKey, CborValue>;

/** Signs a receipt whose parts a test has bent. */
function bentReceipt(bend: {
  header?: (header: Labels) => void;
  unprotected?: (unprotected: Labels) => void;
  inclusion?: CborValue;
  payload?: CborValue;
  tag?: number;
}): Uint8Array {
  const claims: Labels = new Map<CborKey, CborValue>([
    [1, ORIGIN],
    [2, "log"],
  ]);
  const header: Labels = new Map<CborKey, CborValue>([
    [1, -19],
    [4, kidOf(HUB.publicKey)],
    [15, claims],
    [395, 1],
    ["size", 11],
  ]);
  bend.header?.(header);
  const inclusion = encodeCbor(bend.inclusion ?? [11, 6, PATH]);
  const unprotected: Labels = new Map([[396, new Map([[-1, [inclusion]]])]]);
  bend.unprotected?.(unprotected);
  const protectedHeader = encodeCbor(header);
  const signature = HUB.sign(sigStructure(protectedHeader, ROOT));
  const parts = [protectedHeader, unprotected, bend.payload ?? null, signature];
  return concatBytes(Uint8Array.of(bend.tag ?? 0xd2), encodeCbor(parts));
}

describe("named mutations, each signed by the hub", () => {
  test("the unbent one is the receipt", () => {
    expect(bentReceipt({})).toEqual(RECEIPT);
  });

  const cases: Record<string, [Uint8Array, string]> = {
    "algorithm -8": [bentReceipt({ header: (h) => h.set(1, -8) }), "unknown-version"],
    "another tree": [bentReceipt({ header: (h) => h.set(395, 2) }), "unknown-version"],
    "no tree": [bentReceipt({ header: (h) => h.delete(395) }), "unknown-version"],
    "no kid": [bentReceipt({ header: (h) => h.delete(4) }), "malformed"],
    "a long kid": [bentReceipt({ header: (h) => h.set(4, new Uint8Array(9)) }), "malformed"],
    "no size": [bentReceipt({ header: (h) => h.delete("size") }), "malformed"],
    "another size": [bentReceipt({ header: (h) => h.set("size", 12) }), "malformed"],
    "a critical label": [bentReceipt({ header: (h) => h.set(2, ["size"]) }), "malformed"],
    "claims without subject": [
      bentReceipt({ header: (h) => h.set(15, new Map([[1, ORIGIN]])) }),
      "malformed",
    ],
    "another subject": [
      bentReceipt({
        header: (h) =>
          h.set(
            15,
            new Map([
              [1, ORIGIN],
              [2, "other"],
            ]),
          ),
      }),
      "malformed",
    ],
    "an attached payload": [bentReceipt({ payload: ROOT }), "malformed"],
    "another tag": [bentReceipt({ tag: 0xd1 }), "malformed"],
    "a further unprotected label": [bentReceipt({ unprotected: (u) => u.set(4, 1) }), "malformed"],
    "no proofs": [bentReceipt({ unprotected: (u) => u.clear() }), "malformed"],
    "two inclusion proofs": [
      bentReceipt({
        unprotected: (u) => {
          const inclusion = encodeCbor([11, 6, PATH]);
          u.set(396, new Map([[-1, [inclusion, inclusion]]]));
        },
      }),
      "malformed",
    ],
    "a consistency proof": [
      bentReceipt({ unprotected: (u) => u.set(396, new Map([[-2, [encodeCbor([6, 11, PATH])]]])) }),
      "malformed",
    ],
    "a proof not wrapped": [
      bentReceipt({ unprotected: (u) => u.set(396, new Map([[-1, [[11, 6, PATH]]]])) }),
      "malformed",
    ],
    "a fourth item": [bentReceipt({ inclusion: [11, 6, PATH, 0] }), "malformed"],
    "a negative index": [bentReceipt({ inclusion: [11, -6, PATH] }), "malformed"],
    "a fractional index": [bentReceipt({ inclusion: [11, 6.5, PATH] }), "malformed"],
    "a short hash": [bentReceipt({ inclusion: [11, 6, [new Uint8Array(31)]] }), "malformed"],
    "a path without end": [
      bentReceipt({ inclusion: [11, 6, Array<Uint8Array>(54).fill(ROOT)] }),
      "malformed",
    ],
    "an index at the size": [bentReceipt({ inclusion: [11, 11, PATH] }), "not-included"],
    "another index": [bentReceipt({ inclusion: [11, 7, PATH] }), "bad-signature"],
    "trailing garbage": [concatBytes(RECEIPT, Uint8Array.of(0)), "malformed"],
    truncated: [RECEIPT.subarray(0, -1), "malformed"],
    empty: [new Uint8Array(0), "malformed"],
    "too large": [new Uint8Array(5_000).fill(0xd2), "malformed"],
  };

  test.each(Object.keys(cases))("%s", (name) => {
    const [bytes, code] = cases[name]!;
    expect(check(bytes)).toBe(code);
  });
});

test("sizes beyond 32 bits", () => {
  const size = 2 ** 52 + 1;
  const path = Array.from({ length: 53 }, () => ROOT);
  const receipt = signReceipt({ origin: ORIGIN, size, root: ROOT }, 2 ** 40, path, HUB);
  expect(must(decodeReceipt(receipt))).toMatchObject({ size, index: 2 ** 40, path });
});

describeWithShared("the small log", [SMALL_LOG], () => {
  const log = readSmallLogProofs();
  const entries = entriesOf(log);
  const hub = signerOf(log, "hub after rekey");
  const keys = [log.vkeys.log, log.vkeys.logAfterRekey].map(vkey);
  const checkpoint = { origin: log.origin, size: entries.length, root: referenceRoot(entries) };

  test.each(log.proofs)("the receipt of entry $index", async ({ index, coseReceipt }) => {
    const path = await inclusionPath(index, entries.length, referenceNodes(entries));
    expect(encodeHex(signReceipt(checkpoint, index, path, hub))).toBe(coseReceipt);
    const receipt = must(decodeReceipt(hex(coseReceipt)));
    const shown = must(verifyReceipt(entries[index]!, receipt, keys, nobleVerify));
    expect(shown).toMatchObject({ index, checkpoint, signer: keys[1] });
    const early = verifyReceipt(entries[index]!, receipt, [keys[0]!], nobleVerify);
    expect(codeOf(early)).toBe("untrusted");
  });

  const vector = hex(log.transparentStatementOfEntry3);

  test("the transparent statement of entry 3", () => {
    const receipt = hex(log.proofs[3]!.coseReceipt);
    expect(encodeTransparentStatement(entries[3]!, [receipt])).toEqual(vector);
    const taken = must(decodeTransparentStatement(vector));
    expect(taken).toEqual({ entry: entries[3], receipts: [receipt] });
    expect(decodeStatement(taken.entry)).toMatchObject({ kind: "readings", issuer: "air-017" });
  });

  test("every entry can carry receipts, and gives itself back", () => {
    const receipts = log.proofs.slice(0, 16).map(({ coseReceipt }) => hex(coseReceipt));
    for (const entry of entries) {
      const carrying = encodeTransparentStatement(entry, receipts);
      expect(must(decodeTransparentStatement(carrying))).toEqual({ entry, receipts });
    }
  });

  test("what is no transparent statement", () => {
    expect(codeOf(decodeTransparentStatement(entries[3]!))).toBe("malformed");
    expect(codeOf(decodeTransparentStatement(hex(log.proofs[3]!.coseReceipt)))).toBe("malformed");
    expect(codeOf(decodeTransparentStatement(vector.subarray(1)))).toBe("malformed");
    expect(codeOf(decodeTransparentStatement(vector.subarray(0, -1)))).toBe("malformed");
    expect(() => encodeTransparentStatement(vector, [RECEIPT])).toThrow(RangeError);
    expect(() => encodeTransparentStatement(entries[3]!, [])).toThrow(RangeError);
    const many = Array<Uint8Array>(17).fill(RECEIPT);
    expect(() => encodeTransparentStatement(entries[3]!, many)).toThrow(RangeError);
  });
});

interface CoseExample {
  title: string;
  fail?: boolean;
  input: {
    plaintext: string;
    sign0?: { key: { crv: string; x_hex?: string; d_hex?: string }; external?: string };
  };
  intermediates: { ToBeSign_hex: string };
  output: { cbor: string };
}

const EXAMPLES = "data/cose-examples";
const SIGN1 = [
  "eddsa-examples/eddsa-sig-01",
  "eddsa-examples/eddsa-sig-02",
  "sign1-tests/sign-pass-01",
  "sign1-tests/sign-pass-02",
  "sign1-tests/sign-pass-03",
  "sign1-tests/sign-fail-01",
  "sign1-tests/sign-fail-02",
  "sign1-tests/sign-fail-03",
  "sign1-tests/sign-fail-04",
  "sign1-tests/sign-fail-06",
  "sign1-tests/sign-fail-07",
];

/** Reads a COSE_Sign1 with another codec, whatever its tag. */
function partsOf(bytes: Uint8Array): [Uint8Array, unknown, Uint8Array, Uint8Array] {
  const tags = Tagged.preserve(18, 998);
  const value = decodeCborg(bytes, { tags, useMaps: true }) as unknown;
  return (value instanceof Tagged ? value.value : value) as ReturnType<typeof partsOf>;
}

describeWithShared("COSE working group examples", [EXAMPLES], () => {
  const examples = SIGN1.map((name) => {
    const example = sharedJson<CoseExample>(`${EXAMPLES}/${name}.json`);
    return { name, example, bytes: hex(example.output.cbor.toLowerCase()) };
  });

  test.each(examples)("$name is neither receipt nor transparent statement", ({ bytes }) => {
    expect(codeOf(decodeReceipt(bytes))).toBe("malformed");
    expect(codeOf(decodeTransparentStatement(bytes))).toBe("malformed");
    expect(decodeStatement(bytes)).toMatchObject({ code: "malformed" });
  });

  const plain = examples.filter(
    ({ name, example }) =>
      example.fail !== true &&
      example.input.sign0?.external === undefined &&
      name !== "sign1-tests/sign-pass-01",
  );

  test.each(plain)("the signed bytes of $name", ({ example, bytes }) => {
    const [protectedHeader, , payload] = partsOf(bytes);
    const expected = example.intermediates.ToBeSign_hex.toLowerCase();
    expect(encodeHex(sigStructure(protectedHeader, payload))).toBe(expected);
  });

  test("the Ed25519 signature holds, and is the one that we would make", () => {
    const { example, bytes } = examples[0]!;
    const { key } = example.input.sign0!;
    expect(key.crv).toBe("Ed25519");
    const [protectedHeader, , payload, signature] = partsOf(bytes);
    const message = sigStructure(protectedHeader, payload);
    expect(nobleVerify(hex(key.x_hex!), message, signature)).toBe(true);
    expect(nobleSigner(decodeHex(key.d_hex!)!).sign(message)).toEqual(signature);
    signature[0]! ^= 1;
    expect(nobleVerify(hex(key.x_hex!), message, signature)).toBe(false);
  });
});
