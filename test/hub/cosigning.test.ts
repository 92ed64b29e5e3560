import { beforeEach, describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../ledger/bytes.ts";
import { parseCheckpoint, signCheckpoint } from "../../ledger/checkpoint.ts";
import { cosign } from "../../ledger/cosignature.ts";
import { Fault } from "../../ledger/fault.ts";
import { formatNote, formatVkey, TYPE_COSIGNATURE, vkeyOf } from "../../ledger/note.ts";
import { parsePolicy } from "../../ledger/policy.ts";
import { sha256 } from "../../ledger/sha256.ts";
import { nobleSigner } from "../../ledger/signature.ts";
import type { Signer } from "../../ledger/signature.ts";
import { silentLogger } from "../../platform/log.ts";
import { MemoryFiles } from "../../platform/memory-files.ts";
import { fastestVerify } from "../../platform/native-verify.ts";
import { Cosigning } from "../../hub/cosigning.ts";
import { ScriptedLog } from "../support/scripted-log.ts";

const PEERS = ["gwent", "cardiff", "usk"].map((name) => ({
  name: `peer.example/${name}`,
  signer: nobleSigner(sha256(encodeUtf8(name))),
}));
const [GWENT, CARDIFF, USK] = PEERS as [Cosigner, Cosigner, Cosigner];

interface Cosigner {
  readonly name: string;
  readonly signer: Signer;
}

function policyText(log: string): string {
  const witnesses = PEERS.map(({ name, signer }) => {
    const vkey = formatVkey(vkeyOf(name, TYPE_COSIGNATURE, signer.publicKey));
    return `witness ${name.split("/")[1]} ${vkey}`;
  });
  return [`log ${log}`, ...witnesses, "group both 2 gwent cardiff usk", "quorum both", ""].join(
    "\n",
  );
}

describe("cosigning", () => {
  let log: ScriptedLog;
  let notes: Map<number, string>;
  let shown: { note: string; size: number }[];
  let files: MemoryFiles;
  let cosigning: Cosigning;

  const size = (): number => log.entries.length;
  const open = (): Promise<Cosigning> => {
    const policy = parsePolicy(policyText(vkeyOfHub(log)));
    if (policy instanceof Fault) throw new Error(policy.text);
    const view = {
      state: log.state,
      sealedSize: size(),
      checkpointAt: (at: number) => notes.get(at),
      show: (note: string, at: number) => {
        shown.push({ note, size: at });
        return Promise.resolve();
      },
    };
    const parts = { files, folder: "/hub/cosigned", verify: fastestVerify, logger: silentLogger };
    return Cosigning.open({ ...parts, log: view, policy });
  };
  const seal = (): void => {
    log.seal();
    notes.set(size(), log.checkpoint());
  };

  beforeEach(async () => {
    log = new ScriptedLog([]);
    notes = new Map();
    shown = [];
    files = new MemoryFiles();
    seal();
    cosigning = await open();
  });

  test("the quorum is met by two signers, not by one who signs twice", async () => {
    const heard: number[] = [];
    cosigning.onCosigned((each) => heard.push(each));
    const note = notes.get(size())!;
    expect(await cosigning.receive(cosigned(note, GWENT, 1))).toMatchObject({ status: 200 });
    expect(await cosigning.receive(cosigned(note, GWENT, 2))).toMatchObject({ status: 200 });
    expect(cosigning.cosignedSize()).toBeUndefined();
    expect(shown).toEqual([]);
    expect(await cosigning.receive(cosigned(note, USK, 3))).toMatchObject({ status: 200 });
    expect(cosigning.cosignedSize()).toBe(size());
    expect(heard).toEqual([size()]);
    expect(shown).toEqual([{ note: cosigning.noteAt(size()), size: size() }]);
    expect(cosigning.cosignersAt(size())).toEqual(["gwent", "usk"]);
    const lines = cosigning
      .noteAt(size())!
      .split("\n")
      .filter((line) => line.startsWith("—"));
    expect(lines).toHaveLength(3);
  });

  test("old lines sent again and again neither fill the note nor push a newer one out", async () => {
    const note = notes.get(size())!;
    const old = cosigned(note, GWENT, 1);
    const line = old.slice(note.length);
    await cosigning.receive(cosigned(note, GWENT, 9));
    for (let i = 0; i < 3; i++) {
      expect(await cosigning.receive(note + line.repeat(99))).toMatchObject({ status: 200 });
    }
    expect(await cosigning.receive(cosigned(note, USK, 2))).toMatchObject({ status: 200 });
    expect(cosigning.cosignedSize()).toBe(size());
    expect(cosigning.cosigners().map((each) => each.timeSeconds)).toEqual([9, undefined, 2]);
    expect(
      cosigning
        .noteAt(size())!
        .split("\n")
        .filter((each) => each.startsWith("—")),
    ).toHaveLength(3);
  });

  test("what was answered with 200 is there after a restart", async () => {
    await cosigning.receive(cosigned(notes.get(size())!, GWENT, 1));
    files.crash();
    cosigning = await open();
    await cosigning.receive(cosigned(notes.get(size())!, CARDIFF, 1));
    expect(cosigning.cosignedSize()).toBe(size());
    files.crash();
    cosigning = await open();
    expect(cosigning.cosignedSize()).toBe(size());
    expect(cosigning.cosigners().map((each) => each.size)).toEqual([size(), size(), undefined]);
  });

  test("lines that arrive at once are all kept", async () => {
    const note = notes.get(size())!;
    await Promise.all(PEERS.map((peer) => cosigning.receive(cosigned(note, peer, 9))));
    expect(cosigning.cosignersAt(size())).toEqual(["gwent", "cardiff", "usk"]);
  });

  test("a later size cosigned first makes the earlier one late, not newer", async () => {
    const first = size();
    seal();
    for (const peer of [GWENT, USK]) await cosigning.receive(cosigned(notes.get(size())!, peer, 1));
    for (const peer of [GWENT, USK]) await cosigning.receive(cosigned(notes.get(first)!, peer, 2));
    expect(cosigning.cosignedSize()).toBe(size());
    expect(await files.list("/hub/cosigned")).toEqual([String(size())]);
  });

  test.each<[string, () => string, number]>([
    ["no note", () => "hello", 400],
    ["a size that was never sealed", () => lie(17, "a"), 409],
    ["another root of a sealed size", () => lie(size(), "a"), 409],
    ["a stranger's line only", () => cosigned(notes.get(size())!, stranger, 1), 403],
    ["a line that does not hold", () => broken(cosigned(notes.get(size())!, GWENT, 1)), 403],
  ])("%s is answered with its status, and changes nothing", async (_name, note, status) => {
    expect(await cosigning.receive(note())).toMatchObject({ status });
    expect(cosigning.cosigners().every((each) => each.size === undefined)).toBe(true);
    expect(await files.list("/hub/cosigned")).toEqual([]);
  });

  const stranger = { name: "peer.example/gwent", signer: nobleSigner(new Uint8Array(32)) };

  function lie(at: number, root: string): string {
    const { origin } = log.state;
    const checkpoint = { origin, size: at, root: sha256(encodeUtf8(root)) };
    return cosigned(signCheckpoint(checkpoint, log.hub.signer), GWENT, 1);
  }
});

function cosigned(note: string, peer: Cosigner, timeSeconds: number): string {
  const checkpoint = parseCheckpoint(note);
  if (checkpoint instanceof Fault) throw new Error(checkpoint.text);
  return note + cosign(checkpoint.text, peer.name, peer.signer, timeSeconds);
}

/** Changes the time that a cosignature bears, by one. */
function broken(note: string): string {
  const at = note.lastIndexOf(" ") + 1 + 12;
  const other = note[at] === "A" ? "B" : "A";
  return note.slice(0, at) + other + note.slice(at + 1);
}

function vkeyOfHub(log: ScriptedLog): string {
  return formatVkey(vkeyOf(log.state.origin, 1, log.hub.signer.publicKey));
}

test("formatNote is what peers send", () => {
  const log = new ScriptedLog([]);
  log.seal();
  const note = cosigned(log.checkpoint(), GWENT, 5);
  const parsed = parseCheckpoint(note);
  if (parsed instanceof Fault) throw new Error(parsed.text);
  const lines = note.slice(parsed.text.length + 1).match(/.+\n/g) ?? [];
  expect(formatNote(parsed.text, lines)).toBe(note);
});
