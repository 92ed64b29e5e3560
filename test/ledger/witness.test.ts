import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../ledger/bytes.ts";
import { openCheckpoint, signCheckpoint } from "../../ledger/checkpoint.ts";
import { cosign } from "../../ledger/cosignature.ts";
import { consistencyPath, EMPTY_ROOT } from "../../ledger/merkle.ts";
import {
  parseSignatureLines,
  signNoteText,
  TYPE_COSIGNATURE,
  TYPE_ED25519,
  vkeyOf,
} from "../../ledger/note.ts";
import { asHash, ZERO_HASH } from "../../ledger/sha256.ts";
import type { Hash } from "../../ledger/sha256.ts";
import { nobleVerify } from "../../ledger/signature.ts";
import {
  decideAddCheckpoint,
  formatAddCheckpoint,
  NOTHING_WITNESSED,
  parseAddCheckpoint,
} from "../../ledger/witness.ts";
import type { WitnessDecision, WitnessRefusal, WitnessState } from "../../ledger/witness.ts";
import { referenceNodes, referenceRoot } from "../support/reference-tree.ts";
import { actor } from "../support/scripted-log.ts";
import { describeWithShared } from "../support/shared-data.ts";
import { hex, SMALL_LOG } from "../support/small-log.ts";
import { codeOf, must, readSmallLogProofs, signerOf, vkey } from "../support/small-log-proofs.ts";

const ENTRIES = Array.from({ length: 12 }, (_, i) => encodeUtf8(`entry ${i}`));
const ORIGIN = "log.example/a";
const HUB = actor("hub");
const KEYS = [
  vkeyOf(ORIGIN, TYPE_ED25519, HUB.publicKey),
  vkeyOf(ORIGIN, TYPE_ED25519, actor("next hub").publicKey),
];

function rootAt(size: number): Hash {
  return referenceRoot(ENTRIES.slice(0, size));
}

function noteAt(size: number, root: Hash = rootAt(size), signer = HUB, origin = ORIGIN): string {
  return signCheckpoint({ origin, size, root }, signer);
}

/** The state of a witness that has cosigned the log at `size`. */
function seen(size: number): WitnessState {
  return size === 0 ? NOTHING_WITNESSED : { size, root: rootAt(size), note: noteAt(size) };
}

async function proof(first: number, second: number): Promise<Hash[]> {
  return first === 0 ? [] : consistencyPath(first, second, referenceNodes(ENTRIES));
}

async function request(old: number, size: number): Promise<string> {
  return formatAddCheckpoint({ old, path: await proof(old, size), note: noteAt(size) });
}

function decide(state: WitnessState, body: string): WitnessDecision {
  const logOf = (origin: string) => (origin === ORIGIN ? { keys: KEYS, state } : undefined);
  return decideAddCheckpoint(body, logOf, nobleVerify);
}

describe("200", () => {
  test.each([
    [0, 7],
    [0, 0],
    [7, 7],
    [4, 8],
    [7, 12],
  ])("from %d to %d", async (old, size) => {
    const decision = decide(seen(old), await request(old, size));
    expect(decision).toMatchObject({ status: 200, checkpoint: { origin: ORIGIN, size } });
    expect(decision.next).toEqual({ size, root: rootAt(size), note: noteAt(size) });
  });

  test("with a further signature of a stranger, and by a later key of the log", async () => {
    const path = await proof(4, 8);
    const text = noteAt(8).slice(0, noteAt(8).indexOf("\n\n") + 1);
    const extra = noteAt(8) + signNoteText(text, "stranger.example", actor("stranger"));
    const later = noteAt(8, rootAt(8), actor("next hub"));
    for (const note of [extra, later]) {
      expect(decide(seen(4), formatAddCheckpoint({ old: 4, path, note })).status).toBe(200);
    }
  });

  test("the lines that answer it are cosignatures of the offered checkpoint", async () => {
    const decision = decide(seen(4), await request(4, 8));
    if (decision.status !== 200) throw new Error("refused");
    const peer = actor("peer");
    const line = cosign(decision.checkpoint.text, "peer.example", peer, 1_800_000_000);
    expect(must(parseSignatureLines(line))).toHaveLength(1);
    const keys = [...KEYS, vkeyOf("peer.example", TYPE_COSIGNATURE, peer.publicKey)];
    const opened = must(openCheckpoint(noteAt(8) + line, keys, nobleVerify));
    expect(opened.cosignatures).toMatchObject([{ timeSeconds: 1_800_000_000 }]);
  });

  test("step by step, each state being the next one's past", async () => {
    let state = NOTHING_WITNESSED;
    for (const size of [0, 1, 2, 5, 5, 8, 12]) {
      const decision = decide(state, await request(state.size, size));
      expect(decision.status).toBe(200);
      state = decision.next!;
    }
    expect(state.root).toEqual(rootAt(12));
  });
});

const PATH_4_8 = await proof(4, 8);
const GOOD = formatAddCheckpoint({ old: 4, path: PATH_4_8, note: noteAt(8) });

/** Cases: what the witness has seen, what it is sent, what it answers. */
const refused: Record<string, [WitnessState, string, WitnessRefusal["status"]]> = {
  "an empty body": [seen(4), "", 400],
  "no old line": [seen(4), GOOD.replace("old 4\n", ""), 400],
  "old with a leading zero": [seen(4), GOOD.replace("old 4", "old 04"), 400],
  "a negative old": [seen(4), GOOD.replace("old 4", "old -4"), 400],
  "old beyond 2^53-1": [seen(4), GOOD.replace("old 4", "old 9007199254740992"), 400],
  "old in capitals": [seen(4), GOOD.replace("old 4", "Old 4"), 400],
  "no blank line": [seen(4), GOOD.replaceAll("\n\n", "\n"), 400],
  "a proof line that is no hash": [seen(4), GOOD.replace("old 4\n", "old 4\nAAAA\n"), 400],
  "64 proof lines": [
    seen(4),
    formatAddCheckpoint({ old: 4, path: Array<Hash>(64).fill(ZERO_HASH), note: noteAt(8) }),
    400,
  ],
  "no checkpoint": [seen(4), "old 4\n\n", 400],
  "a checkpoint with an extension line": [
    seen(4),
    GOOD.replace("=\n\n\u2014", "=\nmore\n\n\u2014"),
    400,
  ],
  "a body without end": [seen(4), GOOD + "x".repeat(200_000), 400],
  "old above the size": [seen(9), formatAddCheckpoint({ old: 9, path: [], note: noteAt(8) }), 400],

  "an origin that is not served": [
    seen(4),
    formatAddCheckpoint({ old: 0, path: [], note: noteAt(8, rootAt(8), HUB, "log.example/b") }),
    404,
  ],

  "a stranger's signature alone": [
    seen(4),
    formatAddCheckpoint({ old: 4, path: PATH_4_8, note: noteAt(8, rootAt(8), actor("thief")) }),
    403,
  ],
  "a trusted line that fails": [seen(4), GOOD.replace(`${ORIGIN}\n8\n`, `${ORIGIN}\n9\n`), 403],
  "a trusted line that fails beside one that holds": [
    seen(4),
    GOOD + signNoteText("something else\n", ORIGIN, actor("next hub")),
    403,
  ],

  "old below what was seen": [
    seen(7),
    formatAddCheckpoint({ old: 4, path: PATH_4_8, note: noteAt(8) }),
    409,
  ],
  "old above what was seen": [seen(2), GOOD, 409],
  "old 0, to ask for the size": [
    seen(7),
    formatAddCheckpoint({ old: 0, path: [], note: noteAt(8) }),
    409,
  ],
  "a smaller checkpoint than seen": [seen(12), GOOD, 409],

  "a proof of another size": [
    seen(5),
    formatAddCheckpoint({ old: 5, path: PATH_4_8, note: noteAt(8) }),
    422,
  ],
  "no proof": [seen(4), formatAddCheckpoint({ old: 4, path: [], note: noteAt(8) }), 422],
  "a proof cut short": [
    seen(4),
    formatAddCheckpoint({ old: 4, path: PATH_4_8.slice(1), note: noteAt(8) }),
    422,
  ],
  "a proof with a hash too many": [
    seen(4),
    formatAddCheckpoint({ old: 4, path: [...PATH_4_8, ZERO_HASH], note: noteAt(8) }),
    422,
  ],
  "another root": [
    seen(4),
    formatAddCheckpoint({ old: 4, path: PATH_4_8, note: noteAt(8, ZERO_HASH) }),
    422,
  ],
  "a proof although old is 0": [
    seen(0),
    formatAddCheckpoint({ old: 0, path: [ZERO_HASH], note: noteAt(8) }),
    422,
  ],
  "a proof between equal sizes": [
    seen(8),
    formatAddCheckpoint({ old: 8, path: [rootAt(8)], note: noteAt(8) }),
    422,
  ],
  "the same size with another root": [
    seen(8),
    formatAddCheckpoint({ old: 8, path: [], note: noteAt(8, ZERO_HASH) }),
    422,
  ],
  "size 0 with another root than the empty tree's": [
    seen(0),
    formatAddCheckpoint({ old: 0, path: [], note: noteAt(0, ZERO_HASH) }),
    422,
  ],
};

describe("refused", () => {
  test.each(Object.keys(refused))("%s", (name) => {
    const [state, body, status] = refused[name]!;
    const decision = decide(state, body) as WitnessRefusal;
    expect(decision.status).toBe(status);
    if (status === 409) {
      expect(decision.contentType).toBe("text/x.tlog.size");
      expect(decision.body).toBe(`${state.size}\n`);
    } else expect(decision.contentType).toMatch(/^text\/plain/);
  });

  test("the good one is not", () => {
    expect(decide(seen(4), GOOD).status).toBe(200);
  });
});

describe("forks", () => {
  const forged = formatAddCheckpoint({ old: 8, path: [], note: noteAt(8, ZERO_HASH) });

  test("two signed roots for one size are kept, and end all cosigning", async () => {
    const decision = decide(seen(8), forged);
    const fork = { size: 8, stored: noteAt(8), offered: noteAt(8, ZERO_HASH) };
    expect(decision.next).toEqual({ ...seen(8), fork });
    const honest = decide(decision.next!, await request(8, 12));
    expect(honest).toMatchObject({ status: 422 });
    expect(honest.next).toBeUndefined();
  });

  test("they are noticed whatever old says", () => {
    const decision = decide(seen(8), forged.replace("old 8", "old 3"));
    expect(decision.status).toBe(409);
    expect(decision.next?.fork?.size).toBe(8);
  });

  test("an empty log has one root, which needs no second note", () => {
    const body = formatAddCheckpoint({ old: 0, path: [], note: noteAt(0, ZERO_HASH) });
    const { next } = decide(seen(4), body);
    expect(next?.fork).toEqual({ size: 0, offered: noteAt(0, ZERO_HASH) });
    expect(next?.root).not.toEqual(EMPTY_ROOT);
  });

  test("a proof that merely fails is no fork: anybody can send that", () => {
    for (const [state, body] of Object.values(refused)) {
      const decision = decide(state, body);
      const isSigned = body.includes("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n");
      if (!isSigned) expect(decision.next).toBeUndefined();
    }
    const unsigned = forged.replace(/\u2014.*\n/, signNoteText("x\n", "x.example", actor("x")));
    expect(decide(seen(8), unsigned)).toMatchObject({ status: 403 });
    expect(decide(seen(8), unsigned).next).toBeUndefined();
  });
});

test("requests are read as they were written", () => {
  expect(must(parseAddCheckpoint(GOOD))).toEqual({ old: 4, path: PATH_4_8, note: noteAt(8) });
  expect(codeOf(parseAddCheckpoint("old 4"))).toBe("malformed");
});

describeWithShared("the small log", [SMALL_LOG], () => {
  const log = readSmallLogProofs();
  const keys = [log.vkeys.log, log.vkeys.logAfterRekey].map(vkey);

  test("is cosigned from checkpoint to checkpoint with the vectors' proofs", () => {
    const peer = signerOf(log, "peer.example/gwent");
    let state = NOTHING_WITNESSED;
    for (const { size, note, cosigned } of log.checkpoints) {
      const vector = log.consistency.find(
        ({ first, second }) => first === state.size && second === size,
      );
      const path = (vector?.proof ?? []).map((hash) => asHash(hex(hash)));
      const body = formatAddCheckpoint({ old: state.size, path, note });
      const decision = decideAddCheckpoint(body, () => ({ keys, state }), nobleVerify);
      if (decision.status !== 200) throw new Error(decision.body);
      const trusted = [...keys, vkey(log.vkeys.peer)];
      const [given] = must(openCheckpoint(cosigned, trusted, nobleVerify)).cosignatures;
      const { name } = given!.vkey;
      const line = cosign(decision.checkpoint.text, name, peer, given!.timeSeconds);
      expect(note + line).toBe(cosigned);
      state = decision.next;
    }
    expect(state.size).toBe(log.entries.length);
  });
});
