/**
 * An agent killed again and again while a board talks, at moments drawn from a seed.
 *
 * Whatever was signed and stood on its disk at a kill must come into the log, each number once and always with the same
 * bytes; the hub must never see two statements with one number. What was read and not signed yet may be lost.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { encodeHex } from "../../ledger/bytes.ts";
import { systemClock } from "../../platform/clock.ts";
import { seededRandom } from "../../platform/random.ts";
import { EdgeProgram, startBoard } from "../support/edge-program.ts";
import { HubProgram } from "../support/hub-program.ts";
import { kerbstone } from "../support/kerbstone.ts";
import { readLog } from "../support/log-folder.ts";
import { eventually } from "../support/process.ts";
import { testScope } from "../support/scope.ts";

const SEED = "edge-kill";
const KILLS = 20;

const scope = testScope();

test("nothing that was signed is lost, and no number is used twice", async () => {
  const random = seededRandom(SEED);
  const hub = await HubProgram.make(scope, { flags: ["--ack-interval-ms", "20"] });
  await hub.start();
  const kind = ["--board", "line-board", "--model", "traffic"];
  const board = await startBoard(scope, [...kind, "--every", "0.05", "--seed", SEED]);
  const edge = await EdgeProgram.make(scope, hub, {
    name: "traffic-1",
    sensors: [`traffic:line-protocol=${board.address}`],
    // As many statements as can be: each measurement of the board is one.
    run: ["--pack-seconds", "1", "--pack-readings-max", "1", "--sending-window-statements", "2"],
  });

  const onDisk = new Map<number, string>();
  const remember = async (): Promise<void> => {
    for (const [seq, hash] of await edge.outbox()) {
      expect(onDisk.get(seq) ?? hash, `statement ${seq}`).toBe(hash);
      onDisk.set(seq, hash);
    }
  };
  for (let kill = 0; kill < KILLS; kill++) {
    await edge.launch();
    // Every fourth time it is hit while it starts.
    if (kill % 4 !== 3) await edge.running.output(/ runs, for /);
    await systemClock.sleep(random.unit() * (kill % 4 === 3 ? 900 : 2200));
    await edge.kill();
    await remember();
  }
  await board.running.stop();
  await edge.start();
  const signed = (): number => Math.max(...onDisk.keys());
  await eventually("the hub has all", async () => {
    const device = (await hub.devices()).find(({ name }) => name === "traffic-1");
    return device !== undefined && device.lastSeq >= signed() ? true : undefined;
  });
  await edge.stop();
  await remember();
  await eventually("the hub still has all", async () => {
    const device = (await hub.devices()).find(({ name }) => name === "traffic-1");
    return device?.lastSeq === signed() ? true : undefined;
  });
  const { height } = await hub.status();
  await eventually("another block", async () =>
    (await hub.status()).height > height + 1 ? true : undefined,
  );
  await hub.stop();

  // Admission has checked every `seq` and `prev` of it.
  const entries = (await readLog(hub.log)).filter(({ issuer }) => issuer === "traffic-1");
  const inLog = new Map(entries.map(({ seq, hash }) => [seq, encodeHex(hash)]));
  for (const [seq, hash] of onDisk) expect(inLog.get(seq), `statement ${seq}`).toBe(hash);
  expect(entries.filter(({ kind }) => kind === "readings").length).toBeGreaterThan(5 * KILLS);
  expect(await readdir(join(hub.folder, "evidence")).catch(() => [])).toEqual([]);
  const status = await edge.status();
  expect(status.counters).toMatchObject({ nacks: 0 });
  // An agent that sends what is not on its disk yet meets it again after a kill, and takes itself for a clone.
  expect(status.halted).toBeUndefined();
  expect(await kerbstone(scope, ["audit", hub.folder, "--vkey", hub.vkey])).toMatch(/^All holds/);
});
