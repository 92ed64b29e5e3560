import { describe, expect, test } from "vitest";
import { encodeBase64, encodeHex } from "../../ledger/bytes.ts";
import {
  formatCheckpointText,
  openCheckpoint,
  parseCheckpoint,
  parseCheckpointText,
  signCheckpoint,
} from "../../ledger/checkpoint.ts";
import { cosign } from "../../ledger/cosignature.ts";
import { EMPTY_ROOT } from "../../ledger/merkle.ts";
import {
  formatNote,
  formatVkey,
  parseNote,
  signNoteText,
  TYPE_COSIGNATURE,
  TYPE_ED25519,
  vkeyOf,
} from "../../ledger/note.ts";
import { nobleVerify } from "../../ledger/signature.ts";
import { asHash } from "../../ledger/sha256.ts";
import { actor } from "../support/scripted-log.ts";
import { describeWithShared, sharedJson } from "../support/shared-data.ts";
import { hex, SMALL_LOG } from "../support/small-log.ts";
import { codeOf, must, readSmallLogProofs, signerOf, vkey } from "../support/small-log-proofs.ts";

const ORIGIN = "log.example/a";
const LOG = actor("log");
const PEER = actor("peer");
const LOG_KEY = vkeyOf(ORIGIN, TYPE_ED25519, LOG.publicKey);
const PEER_KEY = vkeyOf("peer.example", TYPE_COSIGNATURE, PEER.publicKey);
const CHECKPOINT = { origin: ORIGIN, size: 7, root: EMPTY_ROOT };
const TEXT = formatCheckpointText(CHECKPOINT);
const NOTE = signCheckpoint(CHECKPOINT, LOG);
const ROOT = encodeBase64(EMPTY_ROOT);

describe("the text", () => {
  test("sizes go to 2^53-1", () => {
    const text = `${ORIGIN}\n${Number.MAX_SAFE_INTEGER}\n${ROOT}\n`;
    expect(must(parseCheckpointText(text)).size).toBe(Number.MAX_SAFE_INTEGER);
  });

  test.each([
    ["size beyond 2^53-1", `${ORIGIN}\n9007199254740992\n${ROOT}\n`],
    ["leading zero", `${ORIGIN}\n07\n${ROOT}\n`],
    ["sign", `${ORIGIN}\n+7\n${ROOT}\n`],
    ["exponent", `${ORIGIN}\n1e3\n${ROOT}\n`],
    ["no size", `${ORIGIN}\n\n${ROOT}\n`],
    ["no origin", `\n7\n${ROOT}\n`],
    ["short root", `${ORIGIN}\n7\nAAAA\n`],
    ["root not canonical", `${ORIGIN}\n7\n${ROOT.slice(0, -2)}V=\n`],
    ["extension line", `${ORIGIN}\n7\n${ROOT}\nmore\n`],
    ["no final newline", `${ORIGIN}\n7\n${ROOT}`],
    ["two lines", `${ORIGIN}\n7\n`],
  ])("%s is malformed", (_, text) => {
    expect(codeOf(parseCheckpointText(text))).toBe("malformed");
  });
});

describe("opening", () => {
  test("gives what a trusted key has signed", () => {
    const opened = must(openCheckpoint(NOTE, [LOG_KEY], nobleVerify));
    expect(opened).toMatchObject({ ...CHECKPOINT, text: TEXT, note: NOTE, cosignatures: [] });
    expect(opened.signers).toEqual([LOG_KEY]);
  });

  test("lines of unknown keys are ignored, whatever they say", () => {
    const stranger = signNoteText(TEXT, "stranger.example", actor("stranger"));
    const otherKey = signNoteText("something else\n", ORIGIN, actor("another key of that name"));
    const note = stranger + otherKey;
    expect(must(openCheckpoint(NOTE + note, [LOG_KEY], nobleVerify)).signers).toEqual([LOG_KEY]);
  });

  test("a line of a known key that fails refuses the note", () => {
    const bad = signNoteText("something else\n", ORIGIN, LOG);
    const badCosignature = cosign("something else\n", PEER_KEY.name, PEER, 1);
    for (const note of [NOTE + bad, formatNote(TEXT, [bad]), NOTE + badCosignature]) {
      const opened = openCheckpoint(note, [LOG_KEY, PEER_KEY], nobleVerify);
      expect(codeOf(opened)).toBe("bad-signature");
    }
    expect(must(openCheckpoint(NOTE + badCosignature, [LOG_KEY], nobleVerify)).size).toBe(7);
  });

  test("cosigners alone make no checkpoint, nor does the key of another log", () => {
    const cosigned = formatNote(TEXT, [cosign(TEXT, PEER_KEY.name, PEER, 1)]);
    expect(codeOf(openCheckpoint(cosigned, [LOG_KEY, PEER_KEY], nobleVerify))).toBe("untrusted");
    expect(codeOf(openCheckpoint(NOTE, [], nobleVerify))).toBe("untrusted");
    const other = vkeyOf("log.example/b", TYPE_ED25519, LOG.publicKey);
    const byOther = formatNote(TEXT, [signNoteText(TEXT, other.name, LOG)]);
    expect(codeOf(openCheckpoint(byOther, [other], nobleVerify))).toBe("wrong-origin");
    expect(codeOf(openCheckpoint(byOther, [other, LOG_KEY], nobleVerify))).toBe("untrusted");
  });

  test("a signer with several lines counts once, with its latest time", () => {
    const lines = [5, 9, 2].map((time) => cosign(TEXT, PEER_KEY.name, PEER, time)).join("");
    const double = NOTE + signNoteText(TEXT, ORIGIN, LOG) + lines;
    const opened = must(openCheckpoint(double, [LOG_KEY, PEER_KEY], nobleVerify));
    expect(opened.signers).toEqual([LOG_KEY]);
    expect(opened.cosignatures).toEqual([{ vkey: PEER_KEY, timeSeconds: 9 }]);
  });
});

describe("cosignatures", () => {
  const opened = (line: string): unknown =>
    codeOf(openCheckpoint(NOTE + line, [LOG_KEY, PEER_KEY], nobleVerify));

  test("a changed time, a cut signature, and a plain signature do not hold", () => {
    const line = cosign(TEXT, PEER_KEY.name, PEER, 1_767_225_600);
    const { signature, keyId } = must(parseNote(NOTE + line)).signatures[1]!;
    const change = (bytes: Uint8Array): string =>
      `\u2014 ${PEER_KEY.name} ${encodeBase64(Uint8Array.from([...keyId, ...bytes]))}\n`;
    expect(opened(change(signature))).toMatchObject({ size: 7 });
    expect(opened(change(signature.map((byte, i) => (i === 7 ? byte ^ 1 : byte))))).toBe(
      "bad-signature",
    );
    expect(opened(change(signature.subarray(8)))).toBe("malformed");
    expect(opened(change(signature.map((byte, i) => (i === 0 ? 0x7f : byte))))).toBe("malformed");
  });

  test("times are whole seconds up to 2^53-1", () => {
    const line = cosign(TEXT, PEER_KEY.name, PEER, Number.MAX_SAFE_INTEGER);
    expect(opened(line)).toMatchObject({
      cosignatures: [{ timeSeconds: Number.MAX_SAFE_INTEGER }],
    });
    for (const time of [-1, 0.5, NaN, 2 ** 53]) {
      expect(() => cosign(TEXT, PEER_KEY.name, PEER, time)).toThrow(RangeError);
    }
  });
});

describeWithShared("the small log", [SMALL_LOG], () => {
  const log = readSmallLogProofs();
  const trusted = [log.vkeys.log, log.vkeys.logAfterRekey, log.vkeys.peer].map(vkey);

  test("vkeys", () => {
    const { vkeys, origin } = log;
    const made = [
      vkeyOf(origin, TYPE_ED25519, signerOf(log, "hub").publicKey),
      vkeyOf(origin, TYPE_ED25519, signerOf(log, "hub after rekey").publicKey),
      vkeyOf("peer.example/gwent", TYPE_COSIGNATURE, signerOf(log, "peer.example/gwent").publicKey),
    ];
    expect(made.map(formatVkey)).toEqual([vkeys.log, vkeys.logAfterRekey, vkeys.peer]);
  });

  test.each(log.checkpoints)("checkpoint and cosignature at size $size", (vector) => {
    const signer = signerOf(log, vector.size < 20 ? "hub" : "hub after rekey");
    const checkpoint = { origin: log.origin, size: vector.size, root: asHash(hex(vector.root)) };
    expect(signCheckpoint(checkpoint, signer)).toBe(vector.note);
    const opened = must(openCheckpoint(vector.cosigned, trusted, nobleVerify));
    expect(opened.size).toBe(vector.size);
    expect(encodeHex(opened.root)).toBe(vector.root);
    const [cosignature] = opened.cosignatures;
    const peer = signerOf(log, "peer.example/gwent");
    const line = cosign(opened.text, "peer.example/gwent", peer, cosignature!.timeSeconds);
    expect(vector.note + line).toBe(vector.cosigned);
  });
});

const NOTES = "data/signed-notes/notes.json";

describeWithShared("a checkpoint of the Go checksum database", [NOTES], () => {
  test("is one of another kind of log: its origin has spaces", () => {
    const [published] = sharedJson<{ note: string }[]>(NOTES);
    expect(codeOf(parseCheckpoint(published!.note))).toBe("malformed");
  });
});
