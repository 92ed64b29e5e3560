import { describe, expect, test } from "vitest";
import { auditLog } from "../../../ledger/audit.ts";
import { decodeBase64, decodeUtf8, encodeHex, encodeUtf8 } from "../../../ledger/bytes.ts";
import { signCheckpoint } from "../../../ledger/checkpoint.ts";
import { verifyCosignature } from "../../../ledger/cosignature.ts";
import { Refusal } from "../../../ledger/errors.ts";
import { Fault } from "../../../ledger/fault.ts";
import { encodeErase } from "../../../ledger/kinds/erase.ts";
import { encodeGenesis } from "../../../ledger/kinds/genesis.ts";
import { decodeSeal, encodeSeal } from "../../../ledger/kinds/seal.ts";
import { leafHash, MerkleFrontier, verifyInclusion } from "../../../ledger/merkle.ts";
import { isSignedAs, parseNote, parseVkey, TYPE_ED25519, vkeyOf } from "../../../ledger/note.ts";
import type { Vkey } from "../../../ledger/note.ts";
import { sha256, ZERO_HASH } from "../../../ledger/sha256.ts";
import { nobleSigner } from "../../../ledger/signature.ts";
import { decodeStatement, signStatement } from "../../../ledger/statement.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { silentLogger } from "../../../platform/log.ts";
import { folderSource } from "../../../platform/log-source.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { fastestVerify } from "../../../platform/native-verify.ts";
import { seededRandom } from "../../../platform/random.ts";
import { ForkStore } from "../../../hub/peer/fork-store.ts";
import { Mirror } from "../../../hub/peer/mirror.ts";
import { Peer } from "../../../hub/peer/peer.ts";
import type { PeerParts } from "../../../hub/peer/peer.ts";
import { MemoryLog } from "../../support/memory-log.ts";
import { DEVICE, ORIGIN, ScriptedLog, voice } from "../../support/scripted-log.ts";

const AIR = voice("air-1");
const FOLDER = "/peer";

/** A hub that publishes a scripted log, honestly unless told otherwise. */
class ScriptedHub {
  readonly log = new ScriptedLog([]);
  published: MemoryLog;
  readonly received: string[] = [];
  readonly read: string[] = [];
  /** What the hub answers to a cosignature; 0 for no answer. */
  status = 200;

  constructor() {
    this.log.seal();
    this.log.enrol(this.log.hub, AIR, DEVICE);
    this.log.measure(AIR);
    this.log.seal();
    this.published = this.publish();
  }

  publish(checkpoint: string = this.log.checkpoint()): MemoryLog {
    this.published = new MemoryLog(this.log.entries, checkpoint);
    return this.published;
  }

  /** Grows by one block of `count` packs. */
  grow(count = 1): void {
    for (let i = 0; i < count; i++) this.log.measure(AIR);
    this.log.seal();
    this.publish();
  }

  get source(): PeerParts["source"] {
    return {
      read: (path) => {
        this.read.push(path);
        return this.published.read(path);
      },
    };
  }

  get sink(): PeerParts["sink"] {
    return {
      send: (note) => {
        if (this.status === 0) return Promise.reject(new Error("connection refused"));
        if (this.status === 200) this.received.push(note);
        return Promise.resolve({ status: this.status, text: "" });
      },
    };
  }
}

interface OpenPeer {
  readonly peer: Peer;
  readonly mirror: Mirror;
  readonly forks: ForkStore;
}

async function openPeer(
  hub: ScriptedHub,
  files: MemoryFiles,
  extra: { clock?: ManualClock; vkey?: Vkey } = {},
): Promise<OpenPeer> {
  const verify = fastestVerify;
  const mirror = await Mirror.open({ files, folder: FOLDER, verify });
  const forks = await ForkStore.open(files, `${FOLDER}/forks`);
  const peer = await Peer.open({
    source: hub.source,
    sink: hub.sink,
    mirror,
    forks,
    files,
    folder: FOLDER,
    name: "peer.example/gwent",
    mirrorKey: nobleSigner(sha256(encodeUtf8("mirror"))),
    verify,
    clock: extra.clock ?? new ManualClock(hub.log.iat * 1000),
    logger: silentLogger,
    vkey: extra.vkey,
  });
  return { peer, mirror, forks };
}

function auditCopy(files: MemoryFiles): ReturnType<typeof auditLog> {
  return auditLog({ source: folderSource(files, `${FOLDER}/log`), verify: fastestVerify });
}

/** Says whether a note bears a cosignature of the peer that holds. */
function isCosigned(note: string, peer: Peer): boolean {
  const parsed = parseNote(note);
  const vkey = parseVkey(peer.mirrorVkey);
  if (parsed instanceof Fault || vkey instanceof Fault) return false;
  return parsed.signatures.some(
    (line) =>
      isSignedAs(line, vkey) &&
      !(verifyCosignature(parsed.text, line, vkey, fastestVerify) instanceof Fault),
  );
}

describe("a peer of an honest hub", () => {
  test("copies, cosigns, and goes on with what is new", async () => {
    const hub = new ScriptedHub();
    const files = new MemoryFiles();
    const clock = new ManualClock(hub.log.iat * 1000);
    const { peer } = await openPeer(hub, files, { clock });
    expect(await peer.round()).toEqual({ kind: "cosigned", size: hub.log.entries.length });
    expect(await peer.round()).toEqual({ kind: "idle" });
    hub.grow(700);
    clock.jump(700_000);
    expect(await peer.round()).toEqual({ kind: "cosigned", size: hub.log.entries.length });
    expect(hub.received).toHaveLength(2);
    expect(hub.received.every((note) => isCosigned(note, peer))).toBe(true);
    expect(await auditCopy(files)).toMatchObject({ size: hub.log.entries.length });
  });

  test("after a restart it goes on where it stood, without fetching the rest again", async () => {
    const hub = new ScriptedHub();
    const files = new MemoryFiles();
    hub.grow(300);
    await (await openPeer(hub, files)).peer.round();
    hub.grow();
    hub.read.length = 0;
    const { peer } = await openPeer(hub, files);
    expect(peer.checkpoint).toMatchObject({ size: 306 });
    expect(await peer.round()).toMatchObject({ kind: "cosigned", size: 308 });
    expect(hub.read.filter((path) => path.startsWith("tile/"))).toEqual(["tile/entries/001.p/52"]);
  });

  test("follows a hub that changes its key", async () => {
    const hub = new ScriptedHub();
    const { peer } = await openPeer(hub, new MemoryFiles());
    await peer.round();
    hub.log.rekey(voice("hub", "second hub key").signer);
    hub.grow();
    expect(await peer.round()).toMatchObject({ kind: "cosigned" });
  });

  test("sends again what the hub did not take", async () => {
    const hub = new ScriptedHub();
    const { peer } = await openPeer(hub, new MemoryFiles());
    hub.status = 0;
    expect(await peer.round()).toMatchObject({ kind: "unreadable" });
    hub.status = 409;
    expect(await peer.round()).toMatchObject({ kind: "not-cosigned" });
    hub.status = 200;
    expect(await peer.round()).toMatchObject({ kind: "cosigned" });
    expect(hub.received).toHaveLength(1);
  });

  test("a hub that lacks a file, or cannot be reached, is tried again", async () => {
    const hub = new ScriptedHub();
    const { peer, forks } = await openPeer(hub, new MemoryFiles());
    hub.published.files.delete("tile/entries/000.p/5");
    expect(await peer.round()).toMatchObject({ kind: "unreadable" });
    hub.published.read = () => Promise.reject(new Error("timeout"));
    expect(await peer.round()).toEqual({ kind: "unreadable", text: "timeout" });
    hub.publish();
    expect(await peer.round()).toMatchObject({ kind: "cosigned" });
    expect(forks.all()).toEqual([]);
  });

  test("a power cut at any change of the disk costs nothing but time", async () => {
    const hub = new ScriptedHub();
    hub.grow(300);
    for (let cut = 0; ; cut++) {
      const files = new MemoryFiles(seededRandom(cut));
      const { peer } = await openPeer(hub, files);
      const before = files.operations;
      let isReached = false;
      files.setFaults(({ ordinal }) => {
        if (ordinal !== before + cut) return undefined;
        isReached = true;
        return "power-cut";
      });
      await peer.round().catch(() => undefined);
      files.setFaults();
      files.powerOn();
      if (!isReached) break;
      const again = await openPeer(hub, files);
      await again.peer.round();
      expect(again.peer.checkpoint, `cut at change ${cut}`).toMatchObject({ size: 306 });
      expect(await auditCopy(files)).toMatchObject({ size: 306 });
    }
  });
});

test.each([0, 300])("an erasure of an entry %i entries back is followed", async (distance) => {
  const hub = new ScriptedHub();
  const clock = new ManualClock((hub.log.iat + 1000) * 1000);
  const files = new MemoryFiles();
  const hidden = sha256(encodeUtf8("salted"));
  const meter = voice("meter-1");
  const index = hub.log.enrolRestricted(hub.log.hub, meter, hidden);
  const before = await openPeer(hub, files, { clock });
  hub.grow();
  // Once with the entry durable here already, once with all of it new.
  if (distance === 0) await before.peer.round();
  for (let i = 0; i < distance; i++) hub.log.measure(AIR);
  const erase = encodeErase({ entry: index, hash: hidden, reason: "mistake" });
  hub.log.say(hub.log.hub, "erase", "rights", erase);
  hub.grow();
  expect(await before.peer.round()).toMatchObject({ kind: "cosigned" });
  expect(before.forks.all()).toEqual([]);
});

/** A log of the same origin under another hub key. */
class ForeignLog {
  readonly published: MemoryLog;

  constructor() {
    const signer = voice("hub", "impostor").signer;
    const iat = 1_767_225_600;
    const payload = encodeGenesis({
      v: 1,
      origin: ORIGIN,
      createdMs: iat * 1000,
      hub: signer.publicKey,
      registrars: [],
      blockSeconds: 300,
    });
    const genesis = signStatement(
      { issuer: "hub", seq: 0, prev: ZERO_HASH },
      { kind: "genesis", stream: "log", iat, payload },
      signer,
    );
    const frontier = new MerkleFrontier();
    frontier.push(leafHash(genesis.bytes));
    const sealed = encodeSeal({
      height: 0,
      first: 0,
      count: 1,
      size: 1,
      root: frontier.root(),
      prev: ZERO_HASH,
      timeMs: iat * 1000,
    });
    const seal = signStatement(
      { issuer: "hub", seq: 1, prev: genesis.hash },
      { kind: "seal", stream: "log", iat, payload: sealed },
      signer,
    );
    frontier.push(leafHash(seal.bytes));
    const checkpoint = { origin: ORIGIN, size: 2, root: frontier.root() };
    this.published = new MemoryLog([genesis.bytes, seal.bytes], signCheckpoint(checkpoint, signer));
  }
}

describe("a peer of a hub that is not honest", () => {
  test("two roots for one size: kept as a fork, and nothing is cosigned any more", async () => {
    const hub = new ScriptedHub();
    const files = new MemoryFiles();
    const { peer, forks } = await openPeer(hub, files);
    await peer.round();
    const { length: size } = hub.log.entries;
    const root = sha256(encodeUtf8("another history"));
    const lie = signCheckpoint({ origin: hub.log.state.origin, size, root }, hub.log.hub.signer);
    hub.publish(lie);
    expect(await peer.round()).toMatchObject({ kind: "forked" });
    const [fork] = forks.all();
    expect(fork?.misbehaviour).toMatchObject({ kind: "two-roots", size, offered: lie });
    const stored = fork?.misbehaviour.kind === "two-roots" ? fork.misbehaviour.stored : undefined;
    expect(isCosigned(stored ?? "", peer)).toBe(true);
    hub.grow();
    expect(await peer.round()).toMatchObject({ kind: "forked" });
    const again = await openPeer(hub, files);
    expect(await again.peer.round()).toMatchObject({ kind: "forked" });
    expect(hub.received).toHaveLength(1);
    expect(again.forks.all()).toHaveLength(1);
  });

  test("a smaller checkpoint of another history is a fork too", async () => {
    const hub = new ScriptedHub();
    hub.grow(10);
    const { peer, forks } = await openPeer(hub, new MemoryFiles());
    await peer.round();
    const root = sha256(encodeUtf8("another history"));
    const { origin } = hub.log.state;
    hub.publish(signCheckpoint({ origin, size: 5, root }, hub.log.hub.signer));
    expect(await peer.round()).toMatchObject({ kind: "forked" });
    expect(forks.all()).toMatchObject([{ misbehaviour: { kind: "wrong-root", size: 5 } }]);
  });

  test("an entry that breaks the rules, under a signed root that holds", async () => {
    const hub = new ScriptedHub();
    hub.log.forge(AIR, "readings", "air", hub.log.pack(voice("air-2")));
    hub.log.seal({ timeMs: hub.log.iat * 1000 });
    hub.publish();
    const { peer, forks, mirror } = await openPeer(hub, new MemoryFiles());
    expect(await peer.round()).toMatchObject({ kind: "forked" });
    expect(forks.all()).toMatchObject([
      { misbehaviour: { kind: "refused-entry", index: 5, code: "wrong-name" } },
    ]);
    expect(mirror.size).toBe(0);
    const [fork] = forks.all();
    if (fork?.misbehaviour.kind !== "refused-entry") throw new Error("expected a refused entry");
    const leaf = leafHash(decodeBase64(fork.misbehaviour.entry)!);
    const path = fork.misbehaviour.path.map((hash) => decodeBase64(hash)!);
    const size = hub.log.entries.length;
    expect(verifyInclusion(leaf, 5, size, path, hub.log.frontier().root())).toBe(true);
    expect(hub.received).toEqual([]);
  });

  test("an entry that was damaged on the way is read again, and no fork is kept", async () => {
    const hub = new ScriptedHub();
    hub.grow(3);
    const { peer, forks } = await openPeer(hub, new MemoryFiles());
    const bundle = hub.published.files.get("tile/entries/000.p/9")!;
    for (const at of [3, 200, 700, bundle.length - 1]) {
      bundle[at]! ^= 1;
      expect(await peer.round()).toMatchObject({ kind: "unreadable" });
      bundle[at]! ^= 1;
    }
    expect(forks.all()).toEqual([]);
    expect(await peer.round()).toMatchObject({ kind: "cosigned", size: 9 });
  });

  test("what is kept of a wrong root proves itself", async () => {
    const hub = new ScriptedHub();
    const { peer, forks } = await openPeer(hub, new MemoryFiles());
    const { origin } = hub.log.state;
    const size = hub.log.entries.length;
    const root = sha256(encodeUtf8("another history"));
    hub.publish(signCheckpoint({ origin, size, root }, hub.log.hub.signer));
    expect(await peer.round()).toMatchObject({ kind: "forked" });
    const [fork] = forks.all();
    if (fork?.misbehaviour.kind !== "wrong-root") throw new Error("expected a wrong root");
    const seal = decodeStatement(decodeBase64(fork.misbehaviour.seal)!);
    if (seal instanceof Refusal) throw new Error(seal.text);
    const said = decodeSeal(seal.payload);
    const hashes = fork.misbehaviour.frontier.map((hash) => decodeBase64(hash)!);
    const frontier = MerkleFrontier.from(size - 1, hashes);
    expect(said).toMatchObject({ root: frontier.root() });
    frontier.push(leafHash(seal.bytes));
    expect(encodeHex(frontier.root())).toBe(fork.misbehaviour.root);
    expect(frontier.root()).not.toEqual(root);
  });

  test("a peer that nobody asked for checks all the same", async () => {
    const hub = new ScriptedHub();
    const { peer } = await openPeer(hub, new MemoryFiles());
    hub.status = 403;
    expect(await peer.round()).toMatchObject({ kind: "checked", size: 5 });
    expect(await peer.round()).toEqual({ kind: "idle" });
  });

  test("readings put in another order on the way leave nothing behind", async () => {
    const hub = new ScriptedHub();
    const other = voice("air-2");
    hub.log.enrol(hub.log.hub, other, DEVICE);
    hub.log.seal();
    hub.log.measure(AIR);
    hub.log.measure(other);
    hub.log.seal();
    const entries = [...hub.log.entries];
    [entries[7], entries[8]] = [entries[8]!, entries[7]!];
    hub.published = new MemoryLog(entries, hub.log.checkpoint().replace("— ", "— x"));
    const { peer, mirror, forks } = await openPeer(hub, new MemoryFiles());
    expect(await peer.round()).toMatchObject({ kind: "unreadable" });
    expect(mirror.size).toBe(0);
    hub.publish();
    expect(await peer.round()).toMatchObject({ kind: "cosigned", size: 10 });
    expect(forks.all()).toEqual([]);
  });

  test("an impostor that answers first does not spoil the folder of a peer that pinned the key", async () => {
    const hub = new ScriptedHub();
    const honest = hub.published;
    const stranger = new ForeignLog();
    const vkey = vkeyOf(hub.log.state.origin, TYPE_ED25519, hub.log.hub.signer.publicKey);
    const { peer, mirror } = await openPeer(hub, new MemoryFiles(), { vkey });
    hub.published = stranger.published;
    expect(await peer.round()).toMatchObject({ kind: "not-cosigned" });
    expect(mirror.size).toBe(0);
    hub.published = honest;
    expect(await peer.round()).toMatchObject({ kind: "cosigned" });
  });

  test("a key that was replaced signs nothing any more, and convicts nobody", async () => {
    const hub = new ScriptedHub();
    const { peer, forks } = await openPeer(hub, new MemoryFiles());
    await peer.round();
    const stolen = hub.log.hub.signer;
    hub.log.rekey(voice("hub", "second hub key").signer);
    hub.grow();
    const { origin } = hub.log.state;
    const size = hub.log.entries.length;
    const root = hub.log.frontier().root();
    hub.publish(signCheckpoint({ origin, size, root }, stolen));
    expect(await peer.round()).toMatchObject({ kind: "unreadable" });
    const lie = sha256(encodeUtf8("another history"));
    hub.publish(signCheckpoint({ origin, size, root: lie }, stolen));
    expect(await peer.round()).toMatchObject({ kind: "unreadable" });
    expect(forks.all()).toEqual([]);
    hub.publish();
    expect(await peer.round()).toMatchObject({ kind: "cosigned", size });
  });

  test("a peer whose copy was lost still knows what it cosigned", async () => {
    const hub = new ScriptedHub();
    const files = new MemoryFiles();
    hub.grow(2);
    await (await openPeer(hub, files)).peer.round();
    await files.remove(`${FOLDER}/state`);
    const other = new ScriptedHub();
    other.log.iat += 5;
    other.grow(1);
    const again = await openPeer(other, files);
    await again.peer.round();
    // What is sent is the old cosignature, not one of a smaller size.
    expect(again.peer.checkpoint).toMatchObject({ size: 8 });
    other.grow(1);
    expect(await again.peer.round()).toMatchObject({ kind: "forked" });
    expect(again.forks.all()).toMatchObject([{ misbehaviour: { kind: "two-roots" } }]);
  });

  test("what the hub did not sign proves nothing", async () => {
    const hub = new ScriptedHub();
    const { peer, forks } = await openPeer(hub, new MemoryFiles());
    await peer.round();
    const { origin } = hub.log.state;
    const root = sha256(encodeUtf8("another history"));
    const stranger = signCheckpoint({ origin, size: 5, root }, AIR.signer);
    const honest = hub.log.checkpoint();
    for (const note of [
      stranger,
      honest.replace("\n5\n", "\n6\n"),
      "nonsense",
      `${honest}nonsense`,
    ]) {
      hub.publish(note);
      expect((await peer.round()).kind).toBe("unreadable");
    }
    const other = new ScriptedLog([], "elsewhere.example");
    other.seal();
    hub.published = new MemoryLog(other.entries, other.checkpoint());
    expect(await peer.round()).toMatchObject({ kind: "not-cosigned" });
    expect(forks.all()).toEqual([]);
  });

  test("a log of another key than the pinned one is not cosigned", async () => {
    const hub = new ScriptedHub();
    const vkey = vkeyOf(hub.log.state.origin, TYPE_ED25519, AIR.signer.publicKey);
    const { peer } = await openPeer(hub, new MemoryFiles(), { vkey });
    expect(await peer.round()).toMatchObject({ kind: "not-cosigned" });
  });

  test("a seal far ahead of this clock waits until the clock is there", async () => {
    const hub = new ScriptedHub();
    const clock = new ManualClock(hub.log.iat * 1000);
    hub.log.iat += 400;
    hub.grow();
    const { peer } = await openPeer(hub, new MemoryFiles(), { clock });
    expect(await peer.round()).toMatchObject({ kind: "not-cosigned" });
    clock.jump(200_000);
    expect(await peer.round()).toMatchObject({ kind: "cosigned" });
  });
});

test("the cosigned note is the hub's text with two lines", async () => {
  const hub = new ScriptedHub();
  const files = new MemoryFiles();
  const { peer } = await openPeer(hub, files);
  await peer.round();
  const note = decodeUtf8((await files.read(`${FOLDER}/log/checkpoint`))!)!;
  expect(note).toBe(hub.received[0]);
  expect(note.startsWith(hub.log.checkpoint())).toBe(true);
  expect(note.split("\n").filter((line) => line.startsWith("—"))).toHaveLength(2);
});
