/** A device and a household's broker, which is Mosquitto: announcing, telling values, going and coming back. */

import { connect, connectAsync } from "mqtt";
import type { MqttClient } from "mqtt";
import { describe, expect, test } from "vitest";
import { Announcer } from "../../../edge/home-assistant/announcer.ts";
import type { AgentView } from "../../../edge/home-assistant/announcer.ts";
import { UNKNOWN } from "../../../edge/home-assistant/ledger-state.ts";
import type { LedgerState } from "../../../edge/home-assistant/ledger-state.ts";
import type { LatestReading } from "../../../edge/packs/intake.ts";
import { systemClock } from "../../../platform/clock.ts";
import { silentLogger } from "../../../platform/log.ts";
import { eventually } from "../../support/process.ts";
import { mosquitto, startMosquitto } from "../../support/programs.ts";
import { lacks } from "../../support/requirements.ts";
import { testScope } from "../../support/scope.ts";

const scope = testScope();
const CONFIG = "homeassistant/device/kerbstone-air-1/config";

/** Somebody who hears everything, as Home Assistant does. */
class Listener {
  readonly heard: { topic: string; body: string; retain: boolean }[] = [];
  readonly client: MqttClient;

  private constructor(client: MqttClient) {
    this.client = client;
    client.on("message", (topic, body, { retain }) => {
      this.heard.push({ topic, body: body.toString(), retain });
    });
  }

  static async start(port: number): Promise<Listener> {
    const client = await connectAsync({ host: "127.0.0.1", port, reconnectPeriod: 200 });
    scope.defer(() => client.endAsync(true));
    const listener = new Listener(client);
    await client.subscribeAsync(["kerbstone/#", "homeassistant/device/#"], { qos: 1 });
    return listener;
  }

  bodies(topic: string): string[] {
    return this.heard.filter((each) => each.topic === topic).map(({ body }) => body);
  }

  until(topic: string, isRight: (bodies: readonly string[]) => boolean): Promise<true> {
    return eventually(topic, () => isRight(this.bodies(topic)) || undefined);
  }
}

function reading(quantity: string, value: number, atMs: number, fault = false): LatestReading {
  return { stream: "air", quantity, unit: "ug/m3", value, atMs, ...(fault ? { fault } : {}) };
}

interface Running {
  view: { latest: LatestReading[]; ledger: LedgerState };
  clients: MqttClient[];
  stop: () => Promise<void>;
}

function start(
  port: number,
  { streams = ["air"], prefix = "homeassistant" }: { streams?: string[]; prefix?: string } = {},
): Running {
  const view: Running["view"] = { latest: [reading("pm25", 12.3, 1)], ledger: UNKNOWN };
  const clients: MqttClient[] = [];
  const stopping = new AbortController();
  const announcer = new Announcer({
    device: "air-1",
    origin: "kerbstone.example/newport",
    version: "0.1.0",
    prefix,
    expireAfterSeconds: 600,
    streams,
    look: (): AgentView => view,
    connect: (options) => {
      const client = connect(`mqtt://127.0.0.1:${port}`, { ...options, reconnectPeriod: 200 });
      clients.push(client);
      return client;
    },
    clock: systemClock,
    logger: silentLogger,
  });
  const running = announcer.run(stopping.signal);
  const stop = async (): Promise<void> => {
    stopping.abort();
    await running;
  };
  scope.defer(stop);
  return { view, clients, stop };
}

describe.skipIf(lacks(mosquitto))("a broker with Home Assistant on it", () => {
  test("hears who is there and what is measured, and that it is gone", async () => {
    const { port } = await startMosquitto(scope);
    const listener = await Listener.start(port);
    const running = start(port);
    await listener.until(CONFIG, (bodies) => bodies.length === 1);
    await listener.until("kerbstone/v1/air-1/value/air/pm25", ([first]) => first === "12.3");
    expect(listener.bodies("kerbstone/v1/air-1/status")).toEqual(["online"]);
    expect(listener.bodies("kerbstone/v1/air-1/value/logging")).toEqual(["None"]);
    running.view.latest.push(reading("pm10", 999.9, 2, true));
    running.view.ledger = "problem";
    await listener.until(CONFIG, (bodies) => bodies.length === 2);
    const { components } = JSON.parse(listener.bodies(CONFIG)[1]!) as { components: object };
    expect(Object.keys(components)).toEqual(["air_pm25", "air_pm10", "logging"]);
    await listener.until("kerbstone/v1/air-1/value/air/pm10", ([first]) => first === "None");
    await listener.until("kerbstone/v1/air-1/value/logging", (bodies) =>
      bodies.includes("problem"),
    );
    await running.stop();
    await listener.until("kerbstone/v1/air-1/status", (bodies) => bodies.at(-1) === "offline");
  });

  test("hears it all again when Home Assistant has been started again", async () => {
    const { port } = await startMosquitto(scope);
    const listener = await Listener.start(port);
    start(port);
    const pm25 = "kerbstone/v1/air-1/value/air/pm25";
    await listener.until(pm25, (bodies) => bodies.length === 1);
    await listener.client.publishAsync("homeassistant/status", "online", { qos: 1 });
    await listener.until(CONFIG, (bodies) => bodies.length === 2);
    await listener.until(pm25, (bodies) => bodies.length === 2);
  });

  test("whose Home Assistant has its birth kept is not flooded", async () => {
    const { port } = await startMosquitto(scope);
    const listener = await Listener.start(port);
    await listener.client.publishAsync("homeassistant/status", "online", { qos: 1, retain: true });
    start(port);
    await listener.until(CONFIG, (bodies) => bodies.length === 1);
    // What is heard of the next birth has passed all that came of the one that was kept.
    await listener.client.publishAsync("homeassistant/status", "online", { qos: 1 });
    await listener.until(CONFIG, (bodies) => bodies.length >= 2);
    await listener.client.publishAsync("kerbstone/end", "", { qos: 1 });
    await listener.until("kerbstone/end", (bodies) => bodies.length === 1);
    expect(listener.bodies(CONFIG)).toHaveLength(2);
  });

  test("hears of a birth at the usual topic, also with another discovery prefix", async () => {
    const { port } = await startMosquitto(scope);
    const listener = await Listener.start(port);
    start(port, { prefix: "ha" });
    const pm25 = "kerbstone/v1/air-1/value/air/pm25";
    // Twice: who has just heard of it for the first time may have listened too late.
    await listener.until(pm25, (bodies) => bodies.length === 2);
    await listener.client.publishAsync("homeassistant/status", "online", { qos: 1 });
    await listener.until(pm25, (bodies) => bodies.length === 3);
  });

  test("keeps what it was told before a restart, but what is not among the sensors any more", async () => {
    const { port } = await startMosquitto(scope);
    const listener = await Listener.start(port);
    const first = start(port, { streams: ["air", "roof"] });
    first.view.latest.push({ ...reading("pm25", 8, 1), stream: "roof" }, reading("pm10", 20, 1));
    await listener.until(CONFIG, (bodies) => bodies.at(-1)?.includes("roof_pm25") === true);
    await first.stop();
    const count = listener.bodies(CONFIG).length;
    // Only one of them has been heard again.
    start(port, { streams: ["air"] });
    await listener.until(CONFIG, (bodies) => bodies.length > count);
    const { components } = JSON.parse(listener.bodies(CONFIG)[count]!) as {
      components: Record<string, object>;
    };
    expect(components).toMatchObject({
      air_pm25: { state_topic: "kerbstone/v1/air-1/value/air/pm25" },
      air_pm10: { state_topic: "kerbstone/v1/air-1/value/air/pm10" },
    });
    expect(components["roof_pm25"]).toEqual({ platform: "sensor" });
  });

  test("says by the will that the agent has vanished", async () => {
    const { port } = await startMosquitto(scope);
    const listener = await Listener.start(port);
    const { clients } = start(port);
    await listener.until("kerbstone/v1/air-1/status", (bodies) => bodies[0] === "online");
    // The power is gone: no DISCONNECT, and it comes back.
    clients[0]!.stream.destroy();
    await listener.until("kerbstone/v1/air-1/status", (bodies) => bodies.includes("offline"));
    await listener.until("kerbstone/v1/air-1/status", (bodies) => bodies.at(-1) === "online");
  });

  test("that was not there, and is, is told everything", async () => {
    const server = await startMosquitto(scope);
    await server.kill();
    start(server.port);
    await server.start();
    const listener = await Listener.start(server.port);
    await listener.until(CONFIG, (bodies) => bodies.length === 1);
    await listener.until("kerbstone/v1/air-1/status", (bodies) => bodies.at(-1) === "online");
  });
});
