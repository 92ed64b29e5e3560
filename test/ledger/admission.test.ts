import { describe, expect, test } from "vitest";
import { admit, judge } from "../../ledger/admission.ts";
import { encodeHex } from "../../ledger/bytes.ts";
import { Refusal } from "../../ledger/errors.ts";
import { encodeSeal } from "../../ledger/kinds/seal.ts";
import { restoreState, snapshotState } from "../../ledger/log-state.ts";
import { openPack, openPrivateProfile } from "../../ledger/preimage.ts";
import { freshKey } from "../../ledger/registry.ts";
import { sha256, ZERO_HASH } from "../../ledger/sha256.ts";
import { nobleSigner, nobleVerify } from "../../ledger/signature.ts";
import { signStatement } from "../../ledger/statement.ts";
import { describeWithShared } from "../support/shared-data.ts";
import {
  entryOf,
  hex,
  readRefused,
  readSmallLog,
  REFUSED,
  SMALL_LOG,
  stateAfter,
} from "../support/small-log.ts";

describeWithShared("admission of the small log", [SMALL_LOG], () => {
  const log = readSmallLog();
  const judgement = { verify: nobleVerify, entry: entryOf(log) };

  test("every entry follows, and the roots are those of the checkpoints", () => {
    for (const { size, root } of log.checkpoints) {
      const state = stateAfter(log, size);
      expect(encodeHex(state.frontier.root())).toBe(root);
      expect(state.firstOpen).toBe(size);
    }
  });

  test("a state restored from a snapshot judges as the one it was taken of", () => {
    for (let size = 1; size < log.entries.length; size++) {
      const state = stateAfter(log, size);
      const restored = restoreState(snapshotState(state));
      expect(snapshotState(restored)).toEqual(snapshotState(state));
      expect(admit(restored, hex(log.entries[size]!.entry), judgement)).not.toBeInstanceOf(Refusal);
    }
  });

  test("an entry is refused at every place but its own", () => {
    for (let size = 0; size <= log.entries.length; size++) {
      const state = stateAfter(log, size);
      for (const { index, entry } of log.entries) {
        const followed = !(judge(state, hex(entry), judgement) instanceof Refusal);
        // Statements of different signers may come in another order; a signer's own may not, and seals never.
        if (index < size) expect(followed, `entry ${index} again at ${size}`).toBe(false);
        if (index === size) expect(followed, `entry ${index} at its place`).toBe(true);
      }
    }
  });

  test("a refusal changes nothing", () => {
    const state = stateAfter(log, 9);
    const before = snapshotState(state);
    for (const { entry } of log.entries.slice(0, 9)) {
      expect(admit(state, hex(entry), judgement)).toBeInstanceOf(Refusal);
    }
    expect(snapshotState(state)).toEqual(before);
  });

  test("a seal whose time leaves a statement too far ahead is a bad block", () => {
    const state = stateAfter(log, 5);
    const hub = nobleSigner(hex(log.keys[0]!.seed));
    const sealAt = (timeMs: number) =>
      judge(
        state,
        signStatement(
          { issuer: "hub", seq: state.hub!.lastSeq + 1, prev: state.hub!.lastHash },
          {
            kind: "seal",
            stream: "log",
            iat: state.latestIat,
            payload: encodeSeal({
              height: 1,
              first: 2,
              count: 3,
              size: 5,
              root: state.frontier.root(),
              prev: state.head!.hash,
              timeMs,
            }),
          },
          hub,
        ),
        judgement,
      );
    // The vector's statements were signed seconds after seal 0, so its time bounds first.
    const least = Math.max(state.latestIat * 1000 - 300_000, state.head!.timeMs);
    expect(sealAt(least)).not.toBeInstanceOf(Refusal);
    expect(sealAt(least - 1)).toMatchObject({ code: "bad-block" });
  });

  test("the preimages stand behind the hashes in the log", () => {
    const state = stateAfter(log, 8);
    const [pack, profile] = log.bodies;
    const statement = judge(state, hex(log.entries[8]!.entry), judgement);
    if (statement instanceof Refusal) throw new Error(statement.text);
    expect(openPack(statement.statement, hex(pack!.preimage))).toMatchObject({
      readings: [{ quantity: "power", unit: "W" }],
    });
    const device = state.registry.liveKey("meter-12")!.device!;
    expect(openPrivateProfile(device.private!, hex(profile!.preimage))).toMatchObject({
      lon: -3,
      model: "DSMR 5",
    });
    expect(openPack(statement.statement, hex(profile!.preimage))).toMatchObject({
      code: "bad-preimage",
    });
  });
});

describeWithShared("refusals", [SMALL_LOG, REFUSED], () => {
  const log = readSmallLog();
  const judgement = { verify: nobleVerify, entry: entryOf(log) };
  for (const { desc, after, entry, code } of readRefused()) {
    test(`${desc}: ${code}`, () => {
      expect(judge(stateAfter(log, after), hex(entry), judgement)).toMatchObject({ code });
    });
  }
});

describe("an empty log", () => {
  test("takes nothing that is no statement", () => {
    const state = restoreState(snapshotState(stateOfNothing()));
    const judgement = { verify: nobleVerify, entry: () => undefined };
    expect(judge(state, new Uint8Array(0), judgement)).toMatchObject({ code: "malformed" });
  });
});

function stateOfNothing(): Parameters<typeof snapshotState>[0] {
  return stateAfter({ entries: [] } as unknown as Parameters<typeof stateAfter>[0], 0);
}

test("the state of many thousand keys is written down and read back", () => {
  const state = stateOfNothing();
  for (let i = 0; i < 12_000; i++) {
    const publicKey = sha256(Uint8Array.of(i & 255, i >> 8));
    const entry = { index: i, hash: ZERO_HASH };
    state.registry.add(freshKey({ publicKey, name: `device-${i}`, role: "owner" }, entry));
  }
  expect(restoreState(snapshotState(state)).registry.size).toBe(12_000);
});
