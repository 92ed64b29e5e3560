/** Any MQTT client may be a device: Mosquitto's own command line publishes statements that were signed beforehand. */

import { describe, expect, test } from "vitest";
import { signLoginToken } from "../../../ledger/login-token.ts";
import { mosquittoClients, mosquittoPublish } from "../../support/programs.ts";
import { lacks } from "../../support/requirements.ts";
import { testScope } from "../../support/scope.ts";
import { connect, Inbox, ORIGIN, testDevice, topic } from "../support/devices.ts";
import type { TestDevice } from "../support/devices.ts";
import { RunningHub } from "../support/running-hub.ts";

const scope = testScope();

describe.skipIf(lacks(mosquittoClients))("mosquitto_pub", () => {
  test("is acknowledged, and what it sent is in the log", async () => {
    const hub = await RunningHub.start(scope);
    const air = testDevice("air-1");
    const chain = await hub.enrol(air);
    const sent = [1, 2, 3].map((value) => chain.readings(value, Date.now()));
    for (const { bytes } of sent) await publish(hub, air, bytes);
    const { log } = hub.hub;
    for (const { bytes, seq } of sent) {
      expect(await log.entry(log.findBySeq(air.kid, seq)!.index)).toEqual(bytes);
    }
    const client = await connect(scope, hub.port, air);
    const inbox = new Inbox(client);
    await client.subscribeAsync(topic(air, "ack"), { qos: 1 });
    expect(await inbox.json(topic(air, "ack"))).toMatchObject({ stored: 2 });
  });

  test("is let in by its own key only", async () => {
    const hub = await RunningHub.start(scope);
    const air = testDevice("air-1");
    const chain = await hub.enrol(air);
    const { bytes } = chain.readings(1, Date.now());
    await expect(publish(hub, air, bytes, testDevice("air-1", 1))).rejects.toThrow();
    expect(hub.hub.log.state.registry.key(air.kid)?.lastSeq).toBe(-1);
  });
});

function publish(
  hub: RunningHub,
  device: TestDevice,
  body: Uint8Array,
  by = device,
): Promise<void> {
  const issuedAt = Math.floor(Date.now() / 1000);
  return mosquittoPublish(scope, {
    port: hub.port,
    topic: topic(device, "statement"),
    body,
    clientId: device.name,
    username: device.name,
    password: signLoginToken({ device: device.name, origin: ORIGIN, issuedAt }, by.signer),
  });
}
