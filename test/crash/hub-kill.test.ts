/**
 * A hub killed again and again under load, at moments drawn from a seed: what it has promised, it keeps.
 *
 * A PUBACK and an ack both say "durable". After every kill each device hears from the hub how far it is, and compares
 * that with what it was promised; at the end the log itself is searched for every statement. A kill of the process does
 * not lose what the kernel holds: syncs that are missing are looked for in test/hub/store.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { encodeHex } from "../../ledger/bytes.ts";
import { systemClock } from "../../platform/clock.ts";
import { seededRandom } from "../../platform/random.ts";
import { HubProgram } from "../support/hub-program.ts";
import { kerbstone } from "../support/kerbstone.ts";
import { LoadDevice } from "../support/load-device.ts";
import { readLog, verifyOnce } from "../support/log-folder.ts";
import { eventually } from "../support/process.ts";
import { python } from "../support/programs.ts";
import { auditWithPython } from "../support/python-auditor.ts";
import { lacks } from "../support/requirements.ts";
import { testScope } from "../support/scope.ts";

const SEED = "hub-kill";
const KILLS = 20;
/** So many of them fall into the start, before the hub takes connections. */
const KILLS_AT_START = 5;
const DEVICES = 4;

const scope = testScope();

test("every acknowledged statement is in the log, in order, once", async () => {
  const random = seededRandom(SEED);
  const verify = verifyOnce();
  const hub = await HubProgram.make(scope, { flags: ["--ack-interval-ms", "20"] });
  await hub.start();
  const names = Array.from({ length: DEVICES }, (_, i) => `load-${i}`);
  const devices = names.map((name) => new LoadDevice(name, hub.origin));
  for (const device of devices) await hub.enrol(device.request);

  const stop = new AbortController();
  let isSigning = true;
  const loads = devices.map((device) => device.run(hub.mqttPort, stop.signal, () => isSigning));
  scope.defer(() => stop.abort());

  let sessions = devices.map(() => 0);
  for (let kill = 0; kill < KILLS; kill++) {
    if (kill % (KILLS / KILLS_AT_START) === 3) {
      await systemClock.sleep(random.unit() * 700);
    } else {
      await underLoad(devices, sessions);
      await systemClock.sleep(random.unit() * 1200);
    }
    await hub.kill();
    sessions = devices.map((device) => device.sessions);
    // What is published is whole at any moment; only what is not published yet may be half there.
    await readLog(hub.log, verify);
    await hub.launch();
    expect(devices.flatMap(({ violations }) => violations)).toEqual([]);
  }
  await hub.running.output(/^MQTT /m);
  isSigning = false;
  await eventually("all is sealed", () =>
    devices.every(({ sealed, statements }) => sealed === statements.length - 1) ? true : undefined,
  );
  stop.abort();
  await Promise.all(loads);
  await hub.stop();

  expect(devices.flatMap(({ violations }) => violations)).toEqual([]);
  const entries = await readLog(hub.log, verify);
  for (const device of devices) {
    const inLog = entries.filter(({ kid }) => kid === device.kid);
    expect(inLog.map(({ hash }) => encodeHex(hash))).toEqual(
      device.statements.map(({ hash }) => encodeHex(hash)),
    );
    // A load that did nothing would prove nothing.
    expect(device.statements.length).toBeGreaterThan(KILLS);
    expect(device.sessions).toBeGreaterThan(KILLS - KILLS_AT_START);
  }
  expect(await evidenceOf(hub)).toEqual([]);
  expect(await kerbstone(scope, ["audit", hub.folder, "--vkey", hub.vkey])).toMatch(/^All holds/);
  if (!lacks(python)) {
    const { result } = await auditWithPython(scope, hub.log, hub.vkey);
    expect(result).toMatchObject({ ok: true, size: entries.length });
  }
});

/** Waits until every device has had more sessions than `sessions` says, and statements are being confirmed. */
async function underLoad(
  devices: readonly LoadDevice[],
  sessions: readonly number[],
): Promise<void> {
  await eventually("the devices are back", () =>
    devices.every((device, i) => device.sessions > sessions[i]!) ? true : undefined,
  );
  const confirmed = devices.map((device) => device.confirmed);
  await eventually("something is confirmed", () =>
    devices.some((device, i) => device.confirmed > confirmed[i]!) ? true : undefined,
  );
}

async function evidenceOf(hub: HubProgram): Promise<string[]> {
  return readdir(join(hub.folder, "evidence")).catch(() => []);
}
