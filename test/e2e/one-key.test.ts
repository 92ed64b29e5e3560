/**
 * One key on two machines, as programs: a data folder copied while the device was in use. One of them stops, says so and leaves the
 * other alone; then it is given a new key, or goes on where the other is gone. The log holds whatever either did.
 */
import { cp, readdir } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { findStatus } from "../../edge/status/status-socket.ts";
import type { AgentStatus } from "../../edge/status/status.ts";
import { nodeFiles } from "../../platform/files.ts";
import { EdgeProgram, startBoard } from "../support/edge-program.ts";
import type { BoardProgram } from "../support/edge-program.ts";
import { HubProgram } from "../support/hub-program.ts";
import { kerbstone } from "../support/kerbstone.ts";
import { readLog } from "../support/log-folder.ts";
import { eventually } from "../support/process.ts";
import { runEdgeHere } from "../support/run-here.ts";
import { testScope } from "../support/scope.ts";

const NAME = "traffic-1";

const scope = testScope();
let hub: HubProgram;
let board: BoardProgram;

beforeAll(async () => {
  hub = await HubProgram.make(scope, { flags: ["--ack-interval-ms", "20"] });
  await hub.start();
  const kind = ["--board", "line-board", "--model", "traffic", "--every", "0.2"];
  board = await startBoard(scope, [...kind, "--seed", "one-key"]);
});

function makeDevice(name: string): Promise<EdgeProgram> {
  return EdgeProgram.make(scope, hub, {
    name,
    sensors: [`traffic:line-protocol=${board.address}`],
    run: ["--pack-seconds", "1", "--pack-readings-max", "4"],
  });
}

describe("a card was copied", () => {
  let original: EdgeProgram;
  let clone: EdgeProgram;

  beforeAll(async () => {
    original = await makeDevice(NAME);
    await original.edit((text) => text.replace("[hub]", `[hub]\nurl = "${hub.url}"`));
    await original.start();
    await untilStatus(original, "it is known", ({ storedSeq }) => storedSeq >= 2);
    await original.stop();
    clone = original.at(join(await scope.folder("clone"), NAME));
    await cp(original.folder, clone.folder, { recursive: true });
  });

  test("both start: one stops, says so and what to do, and does not come back; the other goes on", async () => {
    await original.start();
    await clone.start();
    const [stopped, goesOn] = await eventually("one of them stops", async () => {
      const found = await Promise.all([original, clone].map((edge) => statusOf(edge)));
      const at = found.findIndex((status) => status?.halted !== undefined);
      return at < 0 ? undefined : at === 0 ? [original, clone] : [clone, original];
    });
    // Whichever of them it is takes the part of the clone from here on.
    [original, clone] = [goesOn, stopped];
    expect((await statusOf(clone))!.halted).toMatchObject({ reason: "foreign-statements" });
    const said = await runEdgeHere(["status", clone.settings, "--once"]);
    expect(said.code).toBe(1);
    expect(said.stdout).toMatch(/STOPPED .*cloned.*edge renew.*edge recover/);
    const doctor = await runEdgeHere(["doctor", clone.settings]);
    expect(doctor.code).toBe(1);
    expect(doctor.stdout).toMatch(/WRONG {3}signing .*cloned/);
    expect(doctor.stdout).toMatch(/→ A new key: kerbstone edge renew/);
    const before = (await statusOf(original))!;
    const later = await untilStatus(
      original,
      "the other goes on",
      ({ storedSeq }) => storedSeq > before.storedSeq + 8,
    );
    // It may have been thrown out when the clone came, and is left alone since.
    expect(later.counters.connections - before.counters.connections).toBeLessThan(3);
    const { counters } = (await statusOf(clone))!;
    expect(counters.connections).toBeLessThan(4);
    expect(await readdir(join(hub.folder, "evidence")).catch(() => [])).toEqual([]);
    await clone.stop();
    // It remembers.
    await clone.start();
    await untilStatus(clone, "it knows", ({ halted }) => halted !== undefined);
    await clone.stop();
  });

  test("the clone gets a new key: the old one and its outbox stay, and the log knows both", async () => {
    await original.stop();
    const renewed = await runEdgeHere(["renew", clone.settings, "--reason", "replaced"]);
    expect(renewed).toMatchObject({ code: 0, stderr: "" });
    const [, revoke] = /^kerbstone (hub revoke .*)$/m.exec(renewed.stdout)!;
    const [, enrol] = /^kerbstone (hub enrol \S+)$/m.exec(renewed.stdout)!;
    await kerbstone(scope, [...revoke!.split(" "), "--data", hub.folder]);
    await kerbstone(scope, [...enrol!.split(" "), "--data", hub.folder]);
    const names = await readdir(clone.folder);
    expect(names.filter((name) => name.includes(".retired-"))).toHaveLength(2);
    await clone.start();
    await untilStatus(clone, "the new key speaks", ({ storedSeq }) => storedSeq >= 2);
    await clone.stop();
    expect((await kids()).length).toBe(2);
  });

  test("the other finds out why it is not let in any more, and says so", async () => {
    await original.start();
    const refused = await untilStatus(
      original,
      "it knows",
      ({ standing }) => standing === "other-key",
    );
    expect(refused).toMatchObject({ isLoginRefused: true, isConnected: false });
    const said = await runEdgeHere(["status", original.settings, "--once"]);
    expect(said.stdout).toMatch(/not connected, LOGIN REFUSED: another key is enrolled/);
    await original.stop();
    const doctor = await runEdgeHere(["doctor", original.settings]);
    expect(doctor.stdout).toMatch(/WRONG {3}login .*another key is enrolled under this name/);
    await kerbstone(scope, ["hub", "revoke", NAME, "--reason", "mistake", "--data", hub.folder]);
    const revoked = await runEdgeHere(["doctor", clone.settings]);
    expect(revoked.stdout).toMatch(/WRONG {3}login .*REVOKED/);
    expect(revoked.stdout).toMatch(/→ A new key: kerbstone edge renew/);
  });

  /** Keys of the device that have statements in the log. */
  async function kids(): Promise<string[]> {
    return eventually("both are sealed", async () => {
      const entries = await readLog(hub.log);
      const found = entries.filter(({ issuer }) => issuer === NAME).map(({ kid }) => kid);
      const different = [...new Set(found)];
      return different.length > 1 ? different : undefined;
    });
  }
});

test("a card was restored from a copy: it stops, and after `edge recover` goes on with a leap", async () => {
  const name = "traffic-2";
  const edge = await makeDevice(name);
  await edge.start();
  await untilStatus(edge, "it is known", ({ storedSeq }) => storedSeq >= 2);
  await edge.stop();
  const image = join(await scope.folder("image"), name);
  await cp(edge.folder, image, { recursive: true });
  await edge.start();
  await untilStatus(edge, "it goes on", ({ storedSeq }) => storedSeq >= 8);
  await edge.stop();
  const restored = edge.at(image);
  await restored.start();
  await untilStatus(restored, "it stops", ({ halted }) => halted !== undefined);
  await restored.stop();
  const recovered = await runEdgeHere(["recover", restored.settings]);
  expect(recovered).toMatchObject({ code: 0, stderr: "" });
  await restored.start();
  const leapt = await untilStatus(restored, "it leaps", ({ storedSeq }) => storedSeq > 2 ** 28);
  expect(leapt.counters.gapsSigned).toBe(1);
  await untilStatus(restored, "and goes on", ({ storedSeq }) => storedSeq > leapt.storedSeq + 3);
  await restored.stop();
  const { height } = await hub.status();
  await eventually("another block", async () =>
    (await hub.status()).height > height + 1 ? true : undefined,
  );
  await hub.stop();
  const entries = (await readLog(hub.log)).filter(({ issuer }) => issuer === name);
  expect(entries.filter(({ kind }) => kind === "gap")).toHaveLength(1);
});

test("the hub has seen no number twice, and all of it holds", async () => {
  expect(await readdir(join(hub.folder, "evidence")).catch(() => [])).toEqual([]);
  expect(await kerbstone(scope, ["audit", hub.folder, "--vkey", hub.vkey])).toMatch(/^All holds/);
});

async function statusOf(edge: EdgeProgram): Promise<AgentStatus | undefined> {
  const found = await findStatus(nodeFiles, join(edge.folder, "data"));
  return found?.isLive === true ? found.status : undefined;
}

/** Waits until the agent says that something is so. */
function untilStatus(
  edge: EdgeProgram,
  what: string,
  holds: (status: AgentStatus) => boolean,
): Promise<AgentStatus> {
  return eventually(what, async () => {
    const status = await statusOf(edge);
    return status !== undefined && holds(status) ? status : undefined;
  });
}
