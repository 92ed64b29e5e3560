import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AuditFault, auditLog } from "../../ledger/audit.ts";
import { encodeUtf8 } from "../../ledger/bytes.ts";
import { signCheckpoint } from "../../ledger/checkpoint.ts";
import { Fault } from "../../ledger/fault.ts";
import { encodeErase } from "../../ledger/kinds/erase.ts";
import { encodeGenesis } from "../../ledger/kinds/genesis.ts";
import { encodeSeal } from "../../ledger/kinds/seal.ts";
import { MerkleFrontier, leafHash } from "../../ledger/merkle.ts";
import { parseVkey } from "../../ledger/note.ts";
import { parsePolicy, trustVkey } from "../../ledger/policy.ts";
import type { Policy } from "../../ledger/policy.ts";
import { asHash, sha256, ZERO_HASH } from "../../ledger/sha256.ts";
import { nobleSigner, nobleVerify } from "../../ledger/signature.ts";
import { signStatement } from "../../ledger/statement.ts";
import type { Statement } from "../../ledger/statement.ts";
import { encodeEntryBundle, TileBuilder, tilePath } from "../../ledger/tile.ts";
import { MemoryLog } from "../support/memory-log.ts";
import { DEVICE, ScriptedLog, voice } from "../support/scripted-log.ts";
import { describeWithShared, sharedJson } from "../support/shared-data.ts";
import { hex, SMALL_LOG } from "../support/small-log.ts";

interface Vectors {
  readonly vkeys: { readonly log: string; readonly logAfterRekey: string; readonly peer: string };
  readonly entries: readonly { readonly entry: string }[];
  readonly checkpoints: readonly {
    readonly size: number;
    readonly note: string;
    readonly cosigned: string;
  }[];
}

function policyOf(text: string): Policy {
  const policy = parsePolicy(text);
  if (policy instanceof Fault) throw new Error(policy.text);
  return policy;
}

function trust(text: string): Policy {
  const vkey = parseVkey(text);
  if (vkey instanceof Fault) throw new Error(vkey.text);
  return trustVkey(vkey);
}

describeWithShared("audit of the small log", [SMALL_LOG], () => {
  const vectors = sharedJson<Vectors>(SMALL_LOG);
  const entries = vectors.entries.map(({ entry }) => hex(entry));
  const logAt = (i: number): MemoryLog => {
    const checkpoint = vectors.checkpoints.at(i)!;
    return new MemoryLog(entries.slice(0, checkpoint.size), checkpoint.cosigned);
  };
  const audit = (source: MemoryLog, policy?: Policy) =>
    auditLog({ source, policy, verify: nobleVerify });
  const quorum = (log: string): string =>
    `log ${log}\nwitness gwent ${vectors.vkeys.peer}\nquorum gwent\n`;

  test("holds at every checkpoint", async () => {
    for (let i = 0; i < vectors.checkpoints.length; i++) {
      const { size } = vectors.checkpoints[i]!;
      expect(await audit(logAt(i))).toMatchObject({ size, height: i, trusted: false });
    }
  });

  test("a key that the log itself replaced is as good as the one that followed", async () => {
    expect(await audit(logAt(-1), trust(vectors.vkeys.log))).toMatchObject({ trusted: true });
    expect(await audit(logAt(-1), trust(vectors.vkeys.logAfterRekey))).toMatchObject({
      vkey: vectors.vkeys.logAfterRekey,
    });
  });

  test("a quorum is asked of the checkpoint", async () => {
    const policy = policyOf(quorum(vectors.vkeys.log));
    expect(await audit(logAt(-1), policy)).toMatchObject({ cosigners: ["peer.example/gwent"] });
    const alone = logAt(-1);
    alone.files.set("checkpoint", encodeUtf8(vectors.checkpoints.at(-1)!.note));
    expect(await audit(alone, policy)).toMatchObject({ code: "no-quorum", path: "checkpoint" });
  });

  test("a log of somebody else is not trusted", async () => {
    const other = trust("sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8");
    expect(await audit(logAt(-1), other)).toMatchObject({ code: "untrusted" });
  });

  test("one flipped bit anywhere in any file is found, and the file is named", async () => {
    const policy = policyOf(quorum(vectors.vkeys.logAfterRekey));
    const paths = [...logAt(-1).files.keys()];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), fc.nat(), fc.nat(7), async (path, at, bit) => {
        const log = logAt(-1);
        log.files.get(path)![at % log.files.get(path)!.length]! ^= 1 << bit;
        expect(await audit(log, policy)).toMatchObject({ code: expect.any(String), path });
      }),
      { numRuns: 150 },
    );
  });

  test.each([
    ["an entry left out", (log: MemoryLog) => replaceEntries(log, entries.toSpliced(13, 1))],
    ["two entries swapped", (log: MemoryLog) => replaceEntries(log, swapped(entries, 3, 4))],
    ["an entry cut off", (log: MemoryLog) => replaceEntries(log, entries.slice(0, -1))],
    ["an entry too many", (log: MemoryLog) => replaceEntries(log, [...entries, entries[3]!])],
    ["a bundle that is gone", (log: MemoryLog) => log.files.delete("tile/entries/000.p/22")],
    ["a tile that is gone", (log: MemoryLog) => log.files.delete("tile/0/000.p/22")],
    [
      "bytes after the hashes",
      (log: MemoryLog) => log.files.set("tile/0/000.p/22", new Uint8Array(23 * 32)),
    ],
    [
      "a leftover tile of another history",
      (log: MemoryLog) => log.files.set("tile/0/000.p/6", new Uint8Array(6 * 32)),
    ],
  ])("%s is found", async (_name, change) => {
    const log = logAt(-1);
    change(log);
    expect(await audit(log)).toBeInstanceOf(AuditFault);
  });

  test("a whole forged history, tiles and all, fails at the first entry changed", async () => {
    const forged = entries.map((entry) => entry.slice());
    forged[4]![200]! ^= 1;
    const log = new MemoryLog(forged, vectors.checkpoints.at(-1)!.note);
    expect(await audit(log)).toMatchObject({ index: 4 });
  });

  test("leftover tiles of earlier sizes do no harm", async () => {
    const log = logAt(-1);
    for (const file of new TileBuilder().grow(entries.slice(0, 6))) {
      log.files.set(tilePath(file), file.bytes);
    }
    expect(await audit(log)).toMatchObject({ size: 22 });
  });

  test("a checkpoint that claims 2^53-1 entries costs no memory", async () => {
    const log = logAt(-1);
    const note = vectors.checkpoints.at(-1)!.note.replace("\n22\n", `\n${2 ** 53 - 1}\n`);
    log.files.set("checkpoint", encodeUtf8(note));
    expect(await audit(log)).toMatchObject({ code: "missing-file" });
  });

  test("without a checkpoint nothing can be said", async () => {
    const log = logAt(-1);
    log.files.delete("checkpoint");
    await expect(audit(log)).rejects.toThrow(/checkpoint/);
  });
});

function replaceEntries(log: MemoryLog, entries: readonly Uint8Array[]): void {
  log.files.set("tile/entries/000.p/22", encodeEntryBundle(entries));
}

function swapped(entries: readonly Uint8Array[], a: number, b: number): Uint8Array[] {
  const copy = [...entries];
  [copy[a], copy[b]] = [copy[b]!, copy[a]!];
  return copy;
}

describe("audit of a log of several bundles", () => {
  const signer = nobleSigner(new Uint8Array(32).fill(3));
  const iat = 1_767_225_600;
  const entries: Uint8Array[] = [];
  const frontier = new MerkleFrontier();
  let last: Statement | undefined;
  let seq = 0;

  function say(kind: "genesis" | "seal", payload: Uint8Array): void {
    const chain = { issuer: "hub", seq: seq++, prev: last?.hash ?? ZERO_HASH };
    last = signStatement(chain, { kind, stream: "log", iat, payload }, signer);
    entries.push(last.bytes);
    frontier.push(leafHash(last.bytes));
  }

  const genesis = { v: 1, origin: "example.org/t", createdMs: iat * 1000, blockSeconds: 10 };
  say("genesis", encodeGenesis({ ...genesis, hub: signer.publicKey, registrars: [] }));
  let prev = ZERO_HASH;
  for (let height = 0; entries.length < 600; height++) {
    const size = entries.length;
    const count = height === 0 ? 1 : 0;
    const first = size - count;
    const root = asHash(frontier.root());
    say("seal", encodeSeal({ height, first, count, size, root, prev, timeMs: iat * 1000 }));
    prev = last!.hash;
  }
  const checkpoint = { origin: genesis.origin, size: 600, root: frontier.root() };
  const log = (): MemoryLog => new MemoryLog(entries, signCheckpoint(checkpoint, signer));

  test("holds, and every file was looked at", async () => {
    const source = log();
    const report = await auditLog({ source, verify: nobleVerify });
    expect(report).toMatchObject({ size: 600, entries: { genesis: 1, seal: 599 } });
    // checkpoint, three bundles, three tiles of leaf hashes, one of level 1.
    expect(source.files.size).toBe(8);
    expect(report).toMatchObject({ files: 8 });
  });

  test("a full tile may stand for a partial one of the same beginning", async () => {
    const source = log();
    const more = entries.slice(0, 512 + 88);
    while (more.length < 768) more.push(entries[1]!);
    for (const file of new TileBuilder().grow(more)) source.files.set(tilePath(file), file.bytes);
    source.files.delete("tile/entries/002.p/88");
    source.files.delete("tile/0/002.p/88");
    source.files.set("tile/1/000.p/2", log().files.get("tile/1/000.p/2")!);
    expect(await auditLog({ source, verify: nobleVerify })).toMatchObject({ size: 600 });
  });
});

test("a source that answers otherwise when it is asked again is not believed", async () => {
  const air = voice("air-1");
  const hidden = sha256(encodeUtf8("never hidden"));
  const log = new ScriptedLog([]);
  log.seal();
  const index = log.enrol(log.hub, air, DEVICE);
  for (let i = 0; i < 300; i++) log.measure(air);
  const erase = encodeErase({ entry: index, hash: hidden, reason: "mistake" });
  const at = log.forge(log.hub, "erase", "rights", erase);
  log.seal({ timeMs: log.iat * 1000 });
  const source = new MemoryLog(log.entries, log.checkpoint());
  // What the liar shows in place of the first bundle: an enrolment that does hide that hash.
  const other = new ScriptedLog([]);
  other.seal();
  other.enrolRestricted(other.hub, voice("meter-1"), hidden);
  const lie = encodeEntryBundle(log.entries.slice(0, 256).with(index, other.entries[index]!));
  const honest = source.read.bind(source);
  let asked = 0;
  source.read = (path) => {
    if (path !== "tile/entries/000") return honest(path);
    asked++;
    // First for genesis, then for the entries; the third time for what is erased.
    return asked <= 2 ? honest(path) : Promise.resolve(lie);
  };
  expect(await auditLog({ source, verify: nobleVerify })).toMatchObject({
    code: "malformed",
    index: at,
  });
  expect(asked).toBe(3);
});
