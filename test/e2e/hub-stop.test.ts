/** A hub that is asked to stop while devices are connected and send: it ends in order, at once, and breaks no promise. */
import { expect, test } from "vitest";
import { HubProgram } from "../support/hub-program.ts";
import { kerbstone } from "../support/kerbstone.ts";
import { LoadDevice } from "../support/load-device.ts";
import { eventually } from "../support/process.ts";
import { testScope } from "../support/scope.ts";

/** Less than the hub gives itself before it leaves behind what does not end. */
const STOP_LIMIT_MS = 8000;

const scope = testScope();

test("a hub at work stops at a signal, in order, and goes on at the next start", async () => {
  const hub = await HubProgram.make(scope);
  await hub.start();
  const devices = ["north", "south"].map((name) => new LoadDevice(name, hub.origin));
  for (const device of devices) await hub.enrol(device.request);
  const stop = new AbortController();
  const loads = devices.map((device) => device.run(hub.mqttPort, stop.signal));
  scope.defer(() => stop.abort());
  // Somebody who watches, as a page does.
  const events = await fetch(new URL("api/v1/events", hub.url), { signal: stop.signal });
  expect(events.status).toBe(200);

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    const confirmed = devices.map((device) => device.confirmed);
    await eventually("all devices are at work", () =>
      devices.every((device, i) => device.confirmed > confirmed[i]! + 20) ? true : undefined,
    );
    const exit = await hub.running.stop(signal, STOP_LIMIT_MS);
    expect(exit, hub.running.stderr).toEqual({ code: 0, signal: null });
    expect(hub.running.stderr).not.toContain("did not stop in time");
    await hub.start();
  }
  await eventually("all devices are back", () =>
    devices.every(({ sessions }) => sessions > 2) ? true : undefined,
  );
  stop.abort();
  await Promise.all(loads);
  expect(devices.flatMap(({ violations }) => violations)).toEqual([]);
  await hub.stop();
  expect(await kerbstone(scope, ["audit", hub.folder, "--vkey", hub.vkey])).toMatch(/^All holds/);
});
