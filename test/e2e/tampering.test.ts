/**
 * What becomes of a hub's disk in the hands of somebody who changes it: every bit counts, and every change is named.
 *
 * The wide sampling calls the audit of `ledger/` directly; one change of each file goes through the command.
 */
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../ledger/bytes.ts";
import { auditLog, AuditFault } from "../../ledger/audit.ts";
import { openCheckpoint } from "../../ledger/checkpoint.ts";
import { parseVkey } from "../../ledger/note.ts";
import { nodeFiles } from "../../platform/files.ts";
import { folderSource } from "../../platform/log-source.ts";
import { fastestVerify } from "../../platform/native-verify.ts";
import { seededRandom } from "../../platform/random.ts";
import { HubProgram } from "../support/hub-program.ts";
import { kerbstone, runKerbstone } from "../support/kerbstone.ts";
import { LoadDevice } from "../support/load-device.ts";
import { verifyOnce } from "../support/log-folder.ts";
import { PeerProgram, writePolicy } from "../support/peer-program.ts";
import { eventually } from "../support/process.ts";
import { must } from "../support/small-log-proofs.ts";
import { testScope } from "../support/scope.ts";

/** Enough for full tiles, and for a level above them. */
const STATEMENTS = 600;
const FLIPS_PER_FILE = 24;

const scope = testScope();
const verify = verifyOnce();
const random = seededRandom("tampering");

describe("a flipped bit on the hub's disk", () => {
  let hub: HubProgram;
  let files: string[];

  beforeAll(async () => {
    hub = await HubProgram.make(scope);
    await hub.start();
    await growTo(hub, STATEMENTS);
    await hub.stop();
    files = ["checkpoint"];
    for await (const path of folderSource(nodeFiles, hub.log).list!()) files.push(path);
  });

  test("none is there to begin with", async () => {
    expect(await kerbstone(scope, ["audit", hub.folder, "--vkey", hub.vkey])).toMatch(/^All holds/);
    expect(files).toEqual(expect.arrayContaining(["tile/0/000", "tile/entries/001"]));
    expect(files.some((path) => path.startsWith("tile/1/"))).toBe(true);
  });

  test("is found in every tile and entry bundle, and the file is named", async () => {
    for (const file of files.filter((path) => path !== "checkpoint")) {
      const { length } = await readFile(join(hub.log, file));
      for (let i = 0; i < FLIPS_PER_FILE; i++) {
        const bit = i < 2 ? i * (8 * length - 1) : Math.floor(random.unit() * 8 * length);
        const found = await withFlip(hub, file, bit, () => auditOf(hub));
        expect(found, `${file}, bit ${bit}`).toMatchObject({ path: file });
      }
    }
  });

  test("is found in every byte of the checkpoint", async () => {
    const { length } = await readFile(join(hub.log, "checkpoint"));
    for (let byte = 0; byte < length; byte++) {
      const bit = 8 * byte + Math.floor(random.unit() * 8);
      const found = await withFlip(hub, "checkpoint", bit, () => auditOf(hub));
      expect(found, `bit ${bit}`).toMatchObject({ path: "checkpoint" });
    }
  });

  test("makes the command end with 1 and name the file", async () => {
    for (const file of files) {
      const { length } = await readFile(join(hub.log, file));
      const bit = Math.floor(random.unit() * 8 * length);
      const run = await withFlip(hub, file, bit, () =>
        runKerbstone(scope, ["audit", hub.folder, "--vkey", hub.vkey]),
      );
      expect(run.code, `${file}, bit ${bit}`).toBe(1);
      expect(run.stdout).toMatch(/^FAULT/);
      expect(run.stdout).toContain(file);
    }
  });

  test("is of no concern in the line of a signer that nobody knows", async () => {
    const path = join(hub.log, "checkpoint");
    const note = await readFile(path, "utf8");
    const line = note.split("\n").at(-2)!;
    const stranger = line.replace(/^— \S+/, "— stranger.example");
    await writeFile(path, `${note}${stranger}\n`);
    // Early and late in its signature, where base64 stays base64: elsewhere it could become somebody else's, or no line.
    const bytes = encodeUtf8(`${note}${stranger}`);
    const isSafe = (byte: number): boolean => /[B-Yb-y0-9]/.test(String.fromCharCode(byte));
    const at = [-4, -40].map((end) => bytes.slice(0, end).findLastIndex(isSafe));
    for (const bit of at.map((byte) => 8 * byte)) {
      const run = await withFlip(hub, "checkpoint", bit, () =>
        runKerbstone(scope, ["audit", hub.folder, "--vkey", hub.vkey]),
      );
      expect(run.stdout).toMatch(/^All holds/);
    }
    await writeFile(path, note);
  });

  async function auditOf({ log }: HubProgram): Promise<AuditFault | undefined> {
    const found = await auditLog({ source: folderSource(nodeFiles, log), verify });
    return found instanceof AuditFault ? found : undefined;
  }
});

describe("a hub that was restored from an older copy", () => {
  let hub: HubProgram;
  let peer: PeerProgram;
  let copy: string;
  let device: LoadDevice;

  beforeAll(async () => {
    hub = await HubProgram.make(scope);
    peer = await PeerProgram.make(scope, "neighbour");
    device = new LoadDevice("air-1", hub.origin);
    await hub.start();
    await peer.start(hub.url, hub.vkey);
    await hub.enrol(device.request);
    await growBy(hub, device, 20);
    await hub.stop();
    copy = join(await scope.folder("copy"), "hub");
    const operatorSocket = join(hub.folder, "operator");
    await cp(hub.folder, copy, { recursive: true, filter: (path) => path !== operatorSocket });
    await hub.start();
    await growBy(hub, device, 20);
    const { size } = await hub.status();
    await eventually("the peer has checked all of it", async () =>
      ((await peer.status()).cosignedSize ?? 0) >= size ? true : undefined,
    );
    await hub.stop();
  });

  test("signs nothing where a mirror of its policy knows more", async () => {
    const policy = await writePolicy(await scope.folder("policy"), hub.vkey, [peer]);
    const restored = hub.on(copy, ["--policy", policy]);
    const before = await readFile(join(restored.log, "checkpoint"), "utf8");
    const running = await restored.launch();
    const exit = await running.exited;
    expect(exit).toEqual({ code: 1, signal: null });
    expect(running.stderr).toMatch(/mirror neighbour holds \d+ entries.*this is an older copy/);
    expect(await readFile(join(restored.log, "checkpoint"), "utf8")).toBe(before);
  });

  test("is found out by a peer, which keeps the proof and cosigns nothing more", async () => {
    const { cosignedSize } = await peer.status();
    const restored = hub.on(copy);
    await restored.start();
    const status = await eventually("the peer sees the fork", async () => {
      const now = await peer.status();
      return now.forks > 0 ? now : undefined;
    });
    expect(status.newestRound).toMatchObject({ kind: "forked" });
    await restored.stop();

    const [fork] = await peer.forks();
    expect(fork).toMatchObject({ origin: hub.origin });
    const offered = openCheckpoint(
      fork!.misbehaviour.offered,
      [must(parseVkey(hub.vkey))],
      fastestVerify,
    );
    expect(offered).toMatchObject({ origin: hub.origin });

    // Not even the honest hub's, and not after a restart: which of the two is the honest one?
    await peer.kill();
    await hub.start();
    await peer.start(hub.url, hub.vkey);
    const { height } = await hub.status();
    await eventually("the hub goes on", async () =>
      (await hub.status()).height > height + 2 ? true : undefined,
    );
    await eventually("the peer has looked again", async () =>
      (await peer.status()).newestRound?.kind === "forked" ? true : undefined,
    );
    expect(await peer.forks()).toHaveLength(1);
    expect((await peer.status()).cosignedSize).toBe(cosignedSize);
    await peer.stop();
    await hub.stop();
    expect(await kerbstone(scope, ["audit", hub.folder, "--vkey", hub.vkey])).toMatch(/^All holds/);
  });
});

/** Has a new device speak until so many of its statements are sealed. */
async function growTo(hub: HubProgram, statements: number): Promise<void> {
  const device = new LoadDevice("air-1", hub.origin, { window: 8, pauseMs: 0 });
  await hub.enrol(device.request);
  await growBy(hub, device, statements);
}

/** Has a device speak until so many more statements are sealed. */
async function growBy(hub: HubProgram, device: LoadDevice, more: number): Promise<void> {
  const entries = device.statements.length + more;
  const stop = new AbortController();
  const load = device.run(hub.mqttPort, stop.signal, () => device.statements.length < entries);
  await eventually("enough is sealed", () => (device.sealed >= entries - 1 ? true : undefined));
  stop.abort();
  await load;
  expect(device.violations).toEqual([]);
}

/** Does something while one bit of a file of the log is another. */
async function withFlip<T>(
  { log }: HubProgram,
  file: string,
  bit: number,
  act: () => Promise<T>,
): Promise<T> {
  const path = join(log, file);
  const bytes = await readFile(path);
  const changed = Uint8Array.from(bytes);
  changed[bit >> 3]! ^= 1 << (bit & 7);
  await writeFile(path, changed);
  try {
    return await act();
  } finally {
    await writeFile(path, bytes);
  }
}
