/**
 * A hub that comes back with an older disk than it had, as programs: what the device still keeps it sends again; for what it has let go
 * it waits, says so, and keeps the rest, until the newer disk is back.
 */
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findStatus } from "../../edge/status/status-socket.ts";
import type { AgentStatus } from "../../edge/status/status.ts";
import { decodePack } from "../../ledger/senml.ts";
import { Refusal } from "../../ledger/errors.ts";
import { nodeFiles } from "../../platform/files.ts";
import { EdgeProgram, startBoard } from "../support/edge-program.ts";
import { HubProgram } from "../support/hub-program.ts";
import { kerbstone } from "../support/kerbstone.ts";
import { readLog } from "../support/log-folder.ts";
import { eventually } from "../support/process.ts";
import { runEdgeHere } from "../support/run-here.ts";
import { testScope } from "../support/scope.ts";

const NAME = "traffic-1";
const scope = testScope();

test("older by what is still kept, then older by what was let go, then the newest again: nothing is missing", async () => {
  const hub = await HubProgram.make(scope, { flags: ["--ack-interval-ms", "20"] });
  await hub.start();
  const kind = ["--board", "line-board", "--model", "traffic", "--every", "0.1"];
  const board = await startBoard(scope, [...kind, "--seed", "hub-restored"]);
  const edge = await EdgeProgram.make(scope, hub, {
    name: NAME,
    sensors: [`traffic:line-protocol=${board.address}`],
    // A hub that is back is found soon; a segment holds some forty statements, so that space is given back soon.
    run: [
      "--pack-seconds",
      "1",
      "--pack-readings-max",
      "1",
      "--outbox-bytes-max",
      "131072",
      "--sending-reconnect-most-ms",
      "300",
    ],
  });
  await edge.start();
  const until = (what: string, holds: (status: AgentStatus) => boolean): Promise<AgentStatus> =>
    eventually(what, async () => {
      const found = await findStatus(nodeFiles, join(edge.folder, "data"));
      return found?.isLive === true && holds(found.status) ? found.status : undefined;
    });
  await until("some are stored", ({ storedSeq }) => storedSeq >= 5);

  // Two copies: one from which nothing that was let go is missing, and the next older one.
  await hub.stop();
  const older = await copyOf(hub);
  await hub.start();
  await until("much is let go", ({ storedSeq, oldestSeq }) => storedSeq > 50 && oldestSeq > 42);
  await hub.stop();
  const recent = await copyOf(hub);
  await hub.start();
  const { storedSeq } = await until("it goes on", (status) => status.storedSeq > 54);
  await hub.stop();

  await recent.start();
  await until("what is kept is sent again", (status) => status.storedSeq > storedSeq + 5);
  await recent.stop();

  await older.start();
  const behind = await until("it sees that much is missing", ({ isHubBehind }) => isHubBehind);
  expect(behind.halted).toBeUndefined();
  const said = await runEdgeHere(["status", edge.settings, "--once"]);
  expect(said.stdout).toMatch(/THE HUB HAS FORGOTTEN/);
  const doctor = await runEdgeHere(["doctor", edge.settings]);
  expect(doctor.stdout).toMatch(/WRONG {3}hub {2,}has forgotten statements/);
  await until("it signs and keeps", ({ nextSeq }) => nextSeq! > behind.nextSeq! + 10);
  await older.stop();

  await recent.start();
  const back = await until("it goes on", (status) => status.storedSeq > behind.nextSeq!);
  expect(back).toMatchObject({
    isHubBehind: false,
    counters: { gapsSigned: 0, readingsDropped: 0 },
  });
  await board.running.stop();
  await until(
    "all is stored",
    (status) => status.waitingReadings === 0 && status.storedSeq === status.nextSeq! - 1,
  );
  await edge.stop();
  const { height } = await recent.status();
  await eventually("another block", async () =>
    (await recent.status()).height > height + 1 ? true : undefined,
  );
  await recent.stop();
  const entries = (await readLog(recent.log)).filter(({ issuer }) => issuer === NAME);
  const read = entries.reduce((sum, { payload, iat }) => {
    const pack = decodePack(payload, NAME, iat);
    if (pack instanceof Refusal) throw new Error(pack.text);
    return sum + pack.readings.filter(({ quantity }) => quantity !== "clock").length;
  }, 0);
  expect(read).toBe((await edge.status()).counters.readings);
  expect(await kerbstone(scope, ["audit", recent.folder, "--vkey", hub.vkey])).toMatch(
    /^All holds/,
  );
});

/** The data folder of a hub that has stopped, as a backup would have it. */
async function copyOf(hub: HubProgram): Promise<HubProgram> {
  const folder = join(await scope.folder("backup"), "hub");
  await cp(hub.folder, folder, { recursive: true });
  return hub.on(folder);
}
