import { beforeEach, describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../../ledger/bytes.ts";
import { signCheckpoint } from "../../../ledger/checkpoint.ts";
import { TYPE_ED25519, vkeyOf } from "../../../ledger/note.ts";
import { sha256 } from "../../../ledger/sha256.ts";
import { formatAddCheckpoint } from "../../../ledger/witness.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { MemoryFiles } from "../../../platform/memory-files.ts";
import { fastestVerify } from "../../../platform/native-verify.ts";
import { ForkStore } from "../../../hub/peer/fork-store.ts";
import { WitnessDesk } from "../../../hub/peer/witness-desk.ts";
import { actor, ScriptedLog } from "../../support/scripted-log.ts";

describe("a witness", () => {
  const log = new ScriptedLog([]);
  log.seal();
  const size = log.entries.length;
  const { origin } = log.state;
  let files: MemoryFiles;
  let forks: ForkStore;
  let desk: WitnessDesk;

  const open = async (): Promise<void> => {
    forks = await ForkStore.open(files, "/peer/forks");
    desk = await WitnessDesk.open({
      files,
      folder: "/peer/witness",
      name: "peer.example/gwent",
      key: actor("witness"),
      logKeys: (asked) =>
        asked === origin ? [vkeyOf(origin, TYPE_ED25519, log.hub.signer.publicKey)] : [],
      verify: fastestVerify,
      clock: new ManualClock(log.iat * 1000),
      forks,
    });
  };
  const ask = (old: number, note: string): ReturnType<WitnessDesk["answer"]> =>
    desk.answer(formatAddCheckpoint({ old, path: [], note }));
  const lie = (): string =>
    signCheckpoint({ origin, size, root: sha256(encodeUtf8("other")) }, log.hub.signer);

  beforeEach(async () => {
    files = new MemoryFiles();
    await open();
  });

  test("remembers over a restart what it cosigned", async () => {
    expect(await ask(0, log.checkpoint())).toMatchObject({ status: 200 });
    files.crash();
    await open();
    expect(await ask(0, log.checkpoint())).toMatchObject({ status: 409, body: `${size}\n` });
    expect(await ask(size, log.checkpoint())).toMatchObject({ status: 200 });
  });

  test("catches two roots, keeps the proof where the mirror sees it, and cosigns no more", async () => {
    await ask(0, log.checkpoint());
    expect(await ask(size, lie())).toMatchObject({ status: 422 });
    expect(forks.all()).toMatchObject([{ origin, misbehaviour: { kind: "two-roots", size } }]);
    files.crash();
    await open();
    expect(forks.has(origin)).toBe(true);
    expect(await ask(size, log.checkpoint())).toMatchObject({ status: 422 });
  });

  test("does not cosign what the mirror beside it has caught", async () => {
    const misbehaviour = { kind: "two-roots", size, root: "", offered: lie() } as const;
    await forks.keep(origin, misbehaviour, 0);
    expect(await ask(0, log.checkpoint())).toMatchObject({ status: 422 });
  });

  test("two that ask at once are answered one after the other", async () => {
    const answers = await Promise.all([ask(0, log.checkpoint()), ask(0, log.checkpoint())]);
    expect(answers.map(({ status }) => status)).toEqual([200, 409]);
  });
});
