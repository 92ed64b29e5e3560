/**
 * A log that the hub wrote, and a peer's copy of it, read by the independent auditor.
 *
 * Both auditors, which share no line, must come to the same size, root and count of each kind.
 */
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { HubProgram } from "../support/hub-program.ts";
import { kerbstone } from "../support/kerbstone.ts";
import { LoadDevice } from "../support/load-device.ts";
import { PeerProgram } from "../support/peer-program.ts";
import { eventually } from "../support/process.ts";
import { python } from "../support/programs.ts";
import { auditWithPython } from "../support/python-auditor.ts";
import { lacks } from "../support/requirements.ts";
import { testScope } from "../support/scope.ts";

describe.skipIf(lacks(python))("the independent auditor", () => {
  const scope = testScope();

  test("agrees with kerbstone audit about a hub's log and a peer's copy", async () => {
    const hub = await HubProgram.make(scope);
    const peer = await PeerProgram.make(scope, "reader");
    await hub.start();
    await peer.start(hub.url, hub.vkey);
    for (const name of ["first", "second", "third"]) await speak(hub, name, 150);
    const revoke = ["hub", "revoke", "second", "--reason", "stolen", "--data", hub.folder];
    await kerbstone(scope, revoke);
    await speak(hub, "fourth", 1);
    const { size } = await hub.status();
    await eventually("the peer has all of it", async () =>
      ((await peer.status()).cosignedSize ?? 0) >= size ? true : undefined,
    );
    await peer.stop();
    await hub.stop();

    for (const log of [hub.log, peer.log]) {
      const ours = ["audit", log, "--vkey", hub.vkey, "--json"];
      const expected = JSON.parse(await kerbstone(scope, ours)) as Record<string, unknown>;
      const { exitCode, result } = await auditWithPython(scope, log, hub.vkey);
      expect([exitCode, result]).toMatchObject([
        0,
        { ok: true, size: expected["size"], root: expected["root"], entries: expected["entries"] },
      ]);
      expect(result).toMatchObject({ entries: { enrol: 4, revoke: 1, readings: 451 } });
    }
    // A peer's tiles are the hub's, byte for byte: under one checkpoint each passes for the other.
    await copyFile(join(peer.log, "checkpoint"), join(hub.log, "checkpoint"));
    expect((await auditWithPython(scope, hub.log, hub.vkey)).exitCode).toBe(0);
  });

  /** Enrols a device and has it speak until so many of its statements are sealed. */
  async function speak(hub: HubProgram, name: string, statements: number): Promise<void> {
    const device = new LoadDevice(name, hub.origin, { window: 8, pauseMs: 0 });
    await hub.enrol(device.request);
    const stop = new AbortController();
    const load = device.run(hub.mqttPort, stop.signal, () => device.statements.length < statements);
    await eventually("all is sealed", () => (device.sealed >= statements - 1 ? true : undefined));
    stop.abort();
    await load;
  }
});
