import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeHex, encodeBase64, encodeUtf8 } from "../../ledger/bytes.ts";
import { signCheckpoint } from "../../ledger/checkpoint.ts";
import { Fault } from "../../ledger/fault.ts";
import { inclusionPath } from "../../ledger/merkle.ts";
import { TYPE_ED25519, vkeyOf } from "../../ledger/note.ts";
import { parsePolicy, trustVkey } from "../../ledger/policy.ts";
import { formatProof, parseProof, verifyProof } from "../../ledger/proof.ts";
import { asHash } from "../../ledger/sha256.ts";
import { nobleVerify } from "../../ledger/signature.ts";
import { referenceNodes, referenceRoot } from "../support/reference-tree.ts";
import { actor } from "../support/scripted-log.ts";
import { describeWithShared } from "../support/shared-data.ts";
import { SMALL_LOG } from "../support/small-log.ts";
import { codeOf, entriesOf, must, readSmallLogProofs, vkey } from "../support/small-log-proofs.ts";

const ENTRIES = Array.from({ length: 11 }, (_, i) => encodeUtf8(`entry ${i}`));
const ORIGIN = "log.example/a";
const CHECKPOINT = signCheckpoint(
  { origin: ORIGIN, size: ENTRIES.length, root: referenceRoot(ENTRIES) },
  actor("log"),
);
const TRUST = trustVkey(vkeyOf(ORIGIN, TYPE_ED25519, actor("log").publicKey));
const PATH = await inclusionPath(6, ENTRIES.length, referenceNodes(ENTRIES));
const PROOF = { index: 6, path: PATH, checkpoint: CHECKPOINT };
const TEXT = formatProof(PROOF);

describe("the form", () => {
  test("what is formatted parses to the same, extra data included", () => {
    fc.assert(
      fc.property(
        fc.maxSafeNat(),
        fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 53 }),
        fc.option(fc.uint8Array({ maxLength: 40 }), { nil: undefined }),
        (index, hashes, extra) => {
          const path = hashes.map(asHash);
          const proof = { index, path, checkpoint: CHECKPOINT, ...(extra && { extra }) };
          expect(must(parseProof(formatProof(proof)))).toEqual(proof);
        },
      ),
    );
  });

  const hash = encodeBase64(PATH[0]!);
  const cases: Record<string, string> = {
    "an empty file": "",
    "another header": TEXT.replace("tlog-proof@", "tlog-proofs@"),
    "no index": TEXT.replace("index 6\n", ""),
    "an index with a leading zero": TEXT.replace("index 6", "index 06"),
    "a negative index": TEXT.replace("index 6", "index -6"),
    "an index beyond 2^53-1": TEXT.replace("index 6", "index 9007199254740992"),
    "two spaces": TEXT.replace("index 6", "index  6"),
    "extra data after the index": TEXT.replace("index 6\n", "index 6\nextra AAAA\n"),
    "extra data that are not base64": TEXT.replace("index 6", "extra ?\nindex 6"),
    "extra data twice": TEXT.replace("index 6", "extra AAAA\nextra AAAA\nindex 6"),
    "a short hash": TEXT.replace(hash, "AAAA"),
    "a hash with bits to spare": TEXT.replace(hash, hash.replace(/.=$/, "B=")),
    "carriage returns": TEXT.replaceAll("\n", "\r\n"),
    "no blank line": TEXT.slice(0, TEXT.indexOf("\n\n")),
    "54 hashes": TEXT.replace(hash, Array<string>(54).fill(hash).join("\n")),
    "a file without end": TEXT + "x".repeat(200_000),
  };

  test.each(Object.keys(cases))("%s is malformed", (name) => {
    expect(codeOf(parseProof(cases[name]!))).toBe("malformed");
  });

  test("a later version is said to be one", () => {
    expect(codeOf(parseProof(TEXT.replace("@v1", "@v2")))).toBe("unknown-version");
  });
});

describe("verifying", () => {
  test("the entry is in the log; extra data change nothing", () => {
    const proven = must(verifyProof(ENTRIES[6]!, PROOF, TRUST, nobleVerify));
    expect(proven).toMatchObject({ index: 6, checkpoint: { size: 11, origin: ORIGIN } });
    const withExtra = { ...PROOF, extra: encodeUtf8("anything") };
    expect(must(verifyProof(ENTRIES[6]!, withExtra, TRUST, nobleVerify)).index).toBe(6);
  });

  const wrong: Record<string, [Uint8Array, typeof PROOF]> = {
    "another entry": [ENTRIES[7]!, PROOF],
    "another index": [ENTRIES[6]!, { ...PROOF, index: 7 }],
    "an index at the size": [ENTRIES[6]!, { ...PROOF, index: 11 }],
    "an index that equals it in 32 bits": [ENTRIES[6]!, { ...PROOF, index: 2 ** 32 + 6 }],
    "a path cut short": [ENTRIES[6]!, { ...PROOF, path: PATH.slice(1) }],
    "no path": [ENTRIES[6]!, { ...PROOF, path: [] }],
  };

  test.each(Object.keys(wrong))("%s: not-included", (name) => {
    const [entry, proof] = wrong[name]!;
    expect(codeOf(verifyProof(entry, proof, TRUST, nobleVerify))).toBe("not-included");
  });

  test("the checkpoint must be signed by whom the checker trusts", () => {
    const stranger = trustVkey(vkeyOf(ORIGIN, TYPE_ED25519, actor("stranger").publicKey));
    expect(codeOf(verifyProof(ENTRIES[6]!, PROOF, stranger, nobleVerify))).toBe("untrusted");
  });

  test("any change to the text of the proof is refused", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: TEXT.length - 1 }),
        fc.constantFrom("A", "7", "\n", " "),
        (at, by) => {
          fc.pre(TEXT[at] !== by);
          const proof = parseProof(TEXT.slice(0, at) + by + TEXT.slice(at + 1));
          const result =
            proof instanceof Fault ? proof : verifyProof(ENTRIES[6]!, proof, TRUST, nobleVerify);
          expect(result).toBeInstanceOf(Fault);
        },
      ),
    );
  });
});

describeWithShared("the small log", [SMALL_LOG], () => {
  const log = readSmallLogProofs();
  const entries = entriesOf(log);
  const policyText =
    `log ${log.vkeys.log}\nlog ${log.vkeys.logAfterRekey}\n` +
    `witness gwent ${log.vkeys.peer}\nquorum gwent\n`;
  const policy = must(parsePolicy(policyText));

  test.each(log.proofs)("the proof of entry $index", async ({ index, path, tlogProof }) => {
    const made = await inclusionPath(index, entries.length, referenceNodes(entries));
    const checkpoint = log.checkpoints.at(-1)!.cosigned;
    expect(formatProof({ index, path: made, checkpoint })).toBe(tlogProof);
    const proof = must(parseProof(tlogProof));
    expect(proof.path).toEqual(path.map((hash) => decodeHex(hash)));
    for (const trusted of [policy, trustVkey(vkey(log.vkeys.logAfterRekey))]) {
      expect(must(verifyProof(entries[index]!, proof, trusted, nobleVerify)).index).toBe(index);
    }
    const other = entries[(index + 1) % entries.length]!;
    expect(codeOf(verifyProof(other, proof, policy, nobleVerify))).toBe("not-included");
  });
});
