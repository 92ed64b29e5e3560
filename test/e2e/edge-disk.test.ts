/**
 * The agent as a program on a disk that is full, and on a card that has become read-only under it: it says so, reads on, sends what
 * it has, and goes on when there is room again. Nothing that was signed is lost, and no number used twice.
 */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { encodeHex } from "../../ledger/bytes.ts";
import type { AgentStatus } from "../../edge/status/status.ts";
import { findStatus } from "../../edge/status/status-socket.ts";
import { nodeFiles } from "../../platform/files.ts";
import { cardImage, hasCardImages } from "../support/card-image.ts";
import { EdgeProgram, startBoard } from "../support/edge-program.ts";
import { HubProgram } from "../support/hub-program.ts";
import { kerbstone } from "../support/kerbstone.ts";
import { readLog } from "../support/log-folder.ts";
import { eventually } from "../support/process.ts";
import { lacks, noteLeftOut } from "../support/requirements.ts";
import { mounting, smallDisk } from "../support/small-disk.ts";
import { runEdgeHere } from "../support/run-here.ts";
import { testScope } from "../support/scope.ts";
import type { Scope } from "../support/scope.ts";

interface Place {
  readonly hub: HubProgram;
  readonly edge: EdgeProgram;
  /** The device's data folder. */
  readonly data: string;
}

/** A hub, a board that talks, and a device whose data lie in `data`. */
async function place(scope: Scope, data: string): Promise<Place> {
  const hub = await HubProgram.make(scope, { flags: ["--ack-interval-ms", "20"] });
  await hub.start();
  const kind = ["--board", "line-board", "--model", "traffic", "--seed", "edge-disk"];
  const board = await startBoard(scope, [...kind, "--every", "0.05"]);
  const edge = await EdgeProgram.make(scope, hub, {
    name: "traffic-1",
    sensors: [`traffic:line-protocol=${board.address}`],
    run: ["--pack-seconds", "1", "--pack-readings-max", "4", "--sending-reconnect-most-ms", "300"],
  });
  await edge.edit((text) => `data = ${JSON.stringify(data)}\n${text}`);
  return { hub, edge, data };
}

/** Waits until the agent says that something is so. */
function untilStatus(
  { data }: Place,
  what: string,
  holds: (status: AgentStatus) => boolean,
): Promise<AgentStatus> {
  return eventually(what, async () => {
    const found = await findStatus(nodeFiles, data);
    return found?.isLive === true && holds(found.status) ? found.status : undefined;
  });
}

/** Stops everything, and checks that all that was read is in the log but for what waited unsigned at the end. */
async function checkLog(scope: Scope, { hub, edge, data }: Place): Promise<void> {
  await edge.stop();
  const onDisk = await edge.outbox(data);
  await edge.start();
  await eventually("the hub has all", async () => {
    const [device] = await hub.devices();
    return device!.lastSeq >= Math.max(...onDisk.keys()) ? true : undefined;
  });
  await edge.stop();
  const { height } = await hub.status();
  await eventually("another block", async () =>
    (await hub.status()).height > height + 1 ? true : undefined,
  );
  await hub.stop();
  const entries = (await readLog(hub.log)).filter(({ issuer }) => issuer === "traffic-1");
  const inLog = new Map(entries.map(({ seq, hash }) => [seq, encodeHex(hash)]));
  for (const [seq, hash] of onDisk) expect(inLog.get(seq), `statement ${seq}`).toBe(hash);
  expect(await kerbstone(scope, ["audit", hub.folder, "--vkey", hub.vkey])).toMatch(/^All holds/);
}

describe.skipIf(lacks(mounting))("a full disk", () => {
  const scope = testScope();

  test("stops signing, and nothing else; with room again nothing was lost", async () => {
    const disk = await smallDisk(scope, 512 * 1024);
    const here = await place(scope, join(disk, "data"));
    const { edge } = here;
    await edge.start();
    await untilStatus(here, "it is enrolled", ({ storedSeq }) => storedSeq >= 0);
    // Somebody else fills the disk, to the last byte.
    await writeFile(join(disk, "somebody-elses"), new Uint8Array(480 * 1024)).catch(
      () => undefined,
    );
    await writeFile(join(disk, "more"), new Uint8Array(64 * 1024)).catch(() => undefined);
    const full = await untilStatus(here, "it is full", ({ diskFault }) => diskFault !== undefined);
    expect(full.diskFault).toMatch(/^\/.*\.outbox cannot be written: the disk is full\.$/);
    const doctor = await runEdgeHere(["doctor", edge.settings]);
    expect(doctor.code).toBe(1);
    expect(doctor.stdout).toMatch(/WRONG\s+outbox.*the disk is full/);
    const { readings } = full.counters;
    const later = await untilStatus(
      here,
      "it reads on",
      ({ counters }) => counters.readings > readings + 40,
    );
    expect(later.isConnected).toBe(true);
    expect(later.counters.readingsDropped).toBe(0);
    await rm(join(disk, "somebody-elses"));
    await rm(join(disk, "more"), { force: true });
    await untilStatus(
      here,
      "it goes on",
      ({ waitsFor, storedSeq }) => waitsFor === undefined && storedSeq > later.storedSeq,
    );
    await checkLog(scope, here);
  });
});

describe.skipIf(!hasCardImagesOrSaysSo())("a card that has become read-only", () => {
  const scope = testScope();

  test("what is on it is sent, what is read waits, and a start on it is refused in one sentence", async () => {
    const card = await cardImage(scope);
    const here = await place(scope, join(card.folder, "data"));
    const { hub, edge, data } = here;
    await edge.start();
    await untilStatus(here, "it is enrolled", ({ storedSeq }) => storedSeq >= 0);
    // With the hub away statements gather on the card.
    await hub.stop();
    const before = (await untilStatus(here, "it runs", () => true)).nextSeq!;
    await untilStatus(here, "some have gathered", ({ nextSeq }) => nextSeq! > before + 8);
    card.wearOut();
    const worn = await untilStatus(here, "it notices", ({ diskFault }) => diskFault !== undefined);
    expect(worn.diskFault).toMatch(
      /^\/.*\.outbox cannot be written: the file system is read-only\.$/,
    );
    const safe = Math.max(...(await edge.outbox(data)).keys());
    await hub.start();
    const sent = await untilStatus(here, "all is sent", ({ storedSeq }) => storedSeq >= safe);
    expect(sent.isConnected).toBe(true);
    expect(sent.counters.readings).toBeGreaterThan(worn.counters.readings);
    expect(edge.running.stderr).toMatch(/the disk fails; what was signed waits in memory/);
    // It ends in good order, and says what it could not keep.
    expect((await edge.running.stop()).code).toBe(1);
    expect(edge.running.stderr).toMatch(/the disk fails to the last|could not be signed/);
    await edge.launch();
    expect((await edge.running.exited).code).toBe(1);
    expect(edge.running.stderr).toMatch(/^kerbstone: \/.* the file system is read-only\.\n$/m);
    card.replace();
    await edge.start();
    await untilStatus(here, "it goes on", ({ storedSeq }) => storedSeq > safe);
    await checkLog(scope, here);
  });
});

/** Not every machine that may mount has loop devices. */
function hasCardImagesOrSaysSo(): boolean {
  const isThere = hasCardImages();
  if (!isThere) noteLeftOut("a card that becomes read-only: this machine lends no loop devices");
  return isThere;
}
