/**
 * Boards of the LAN, through real programs: what four simulated boards say over Mosquitto and by HTTP is signed for by an
 * agent, says in the log through which board it came, and is proved offline.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connectAsync } from "mqtt";
import type { MqttClient } from "mqtt";
import { beforeAll, describe, expect, test } from "vitest";
import type { AgentStatus } from "../../edge/status/status.ts";
import { Refusal } from "../../ledger/errors.ts";
import { decodePack } from "../../ledger/senml.ts";
import type { Pack } from "../../ledger/senml.ts";
import { EdgeProgram } from "../support/edge-program.ts";
import { HubProgram } from "../support/hub-program.ts";
import { kerbstone, startKerbstone } from "../support/kerbstone.ts";
import { readLog } from "../support/log-folder.ts";
import { freePort } from "../support/ports.ts";
import { eventually, type Running } from "../support/process.ts";
import { mosquitto, startMosquitto } from "../support/programs.ts";
import { lacks } from "../support/requirements.ts";
import { testScope } from "../support/scope.ts";

const BOARD_ID = 1234567;

/** Each stream's sensor, as `edge init` takes it, and what its packs have to say. */
const SENSORS = {
  kitchen: {
    sensor: "zigbee2mqtt=mqtt:zigbee2mqtt/kitchen",
    via: "zigbee2mqtt:zigbee2mqtt/kitchen",
    units: { temp: "Cel", rh: "%RH" },
  },
  plaza: {
    sensor: "tasmota=mqtt:tele/plaza/SENSOR",
    via: "tasmota:tele/plaza/SENSOR",
    units: { temp: "Cel", rh: "%RH", co2: "ppm", pm25: "ug/m3", pm10: "ug/m3" },
  },
  school: {
    sensor: "esphome=mqtt:school/sensor/+/state",
    via: "esphome:school/sensor/+/state",
    units: { temp: "Cel", rh: "%RH", co2: "ppm", pm25: "ug/m3", pm10: "ug/m3" },
  },
  roof: {
    sensor: `airrohr=push:esp8266-${BOARD_ID}`,
    via: `airrohr:esp8266-${BOARD_ID}`,
    units: { temp: "Cel", rh: "%RH", pm25: "ug/m3", pm10: "ug/m3" },
  },
} as const;
type Stream = keyof typeof SENSORS;
const STREAMS = Object.keys(SENSORS) as Stream[];

interface LoggedPack extends Pack {
  readonly index: number;
  readonly stream: string;
}

describe.skipIf(lacks(mosquitto))("boards of the LAN", () => {
  const scope = testScope();
  let hub: HubProgram;
  let edge: EdgeProgram;
  let boards: Running;
  let packs: readonly LoggedPack[];
  let home: MqttClient;
  /** The newest message of each topic, as Home Assistant hears it. */
  const heard = new Map<string, string>();

  beforeAll(async () => {
    const broker = await startMosquitto(scope);
    const push = `127.0.0.1:${await freePort()}`;
    hub = await HubProgram.make(scope);
    await hub.start();
    edge = await EdgeProgram.make(scope, hub, {
      name: "town-hall",
      sensors: STREAMS.map((stream) => `${stream}:${SENSORS[stream].sensor}`),
      init: ["--broker", `mqtt://127.0.0.1:${broker.port}`, "--push", push],
      run: ["--pack-seconds", "1"],
    });
    await edge.edit((text) => `${text}\n[homeAssistant]\nenabled = true\n`);
    home = await connectAsync(`mqtt://127.0.0.1:${broker.port}`);
    scope.defer(() => home.endAsync(true));
    home.on("message", (topic, body) => heard.set(topic, body.toString()));
    await home.subscribeAsync(["homeassistant/#", "kerbstone/#"], { qos: 1 });
    await edge.start();
    boards = await startBoards(broker.port, push);
    packs = await eventually(
      "a pack of each board",
      async () => {
        const found = await loggedPacks();
        return STREAMS.every((name) => found.some(({ stream }) => stream === name))
          ? found
          : undefined;
      },
      60_000,
    );
  });

  test.each(STREAMS)("what the board of %s measured is in the log, with its way", (stream) => {
    const { via, units } = SENSORS[stream];
    const own = packs.filter((pack) => pack.stream === stream);
    for (const { readings } of own) {
      const values = readings.filter(({ unit }) => unit !== undefined);
      expect(readings.filter(({ quantity }) => quantity === "via")).toMatchObject([{ value: via }]);
      for (const { quantity, unit, value } of values) {
        expect(units).toHaveProperty([quantity], unit);
        expect(typeof value).toBe("number");
      }
    }
    const quantities = new Set(
      own.flatMap(({ readings }) => readings.map((each) => each.quantity)),
    );
    expect([...quantities].toSorted()).toEqual([...Object.keys(units), "clock", "via"].toSorted());
  });

  test("evidence of such a reading holds offline, and shows its way", async () => {
    const { index, readings } = packs.find(({ stream }) => stream === "roof")!;
    const path = join(await scope.folder("evidence"), "reading.evidence.json");
    // A block is published a moment before the hub's own index knows of it.
    const evidence = await eventually("evidence", async () => {
      const reply = await fetch(new URL(`api/v1/entries/${index}/evidence`, hub.url));
      return reply.ok ? reply.text() : undefined;
    });
    await writeFile(path, evidence);
    const said = await kerbstone(scope, ["verify", path, "--vkey", hub.vkey, "--json"]);
    expect(JSON.parse(said)).toMatchObject({ ok: true, index, stream: "roof", readings });
  });

  test("Home Assistant, at the same broker, hears of the agent and of each quantity", async () => {
    const config = "homeassistant/device/kerbstone-town-hall/config";
    const topics = STREAMS.flatMap((stream) =>
      Object.keys(SENSORS[stream].units).map((quantity) => [stream, quantity] as const),
    );
    await eventually("values of all", () => {
      const values = topics.map(([stream, quantity]) =>
        heard.get(`kerbstone/v1/town-hall/value/${stream}/${quantity}`),
      );
      return values.every((value) => Number.isFinite(Number(value ?? NaN))) || undefined;
    });
    const { components } = JSON.parse(heard.get(config)!) as { components: object };
    const ids = topics.map(([stream, quantity]) => `${stream}_${quantity}`);
    expect(Object.keys(components).toSorted()).toEqual([...ids, "logging"].toSorted());
    expect(heard.get("kerbstone/v1/town-hall/status")).toBe("online");
    expect(heard.get("kerbstone/v1/town-hall/value/logging")).toBe("ok");
  });

  test("boards that go are offline, and those that merely say nothing are not yet", async () => {
    await boards.stop();
    await eventually("all that can be known", async () => {
      const said = await kerbstone(scope, ["edge", "status", edge.settings, "--json"]);
      const { sensors } = JSON.parse(said) as AgentStatus;
      const states = sensors.map(({ stream, state, line }) => [stream, state, line]);
      const expected = [
        ["kitchen", "offline", "open"],
        ["plaza", "offline", "open"],
        ["school", "offline", "open"],
        ["roof", "ok", "open"],
      ];
      return JSON.stringify(states) === JSON.stringify(expected) ? true : undefined;
    });
    await edge.stop();
    await eventually(
      "it has said goodbye",
      () => heard.get("kerbstone/v1/town-hall/status") === "offline" || undefined,
    );
    expect((await edge.status()).counters).toMatchObject({ nacks: 0, packsRefused: 0 });
    await hub.stop();
  });

  async function startBoards(brokerPort: number, push: string): Promise<Running> {
    const path = join(await scope.folder("sim"), "lan.toml");
    const board = (name: string, kind: string, rest: string): string =>
      `[[boards]]\nname = "${name}"\nboard = "${kind}"\neverySeconds = 1\n${rest}\n`;
    const broker = `broker = "mqtt://127.0.0.1:${brokerPort}"`;
    const scenario = [
      "seed = 7",
      board("kitchen", "zigbee2mqtt", `${broker}\nquantities = ["temp", "rh"]`),
      board("plaza", "tasmota", broker),
      board("school", "esphome", broker),
      board("roof", "airrohr", `push = "http://${push}/"\nid = ${BOARD_ID}`),
    ];
    await writeFile(path, scenario.join("\n"));
    return startKerbstone(scope, ["sim", "--scenario", path]);
  }

  async function loggedPacks(): Promise<LoggedPack[]> {
    const entries = await readLog(hub.log);
    return entries.flatMap(({ kind, payload, issuer, iat, stream }, index) => {
      if (kind !== "readings") return [];
      const pack = decodePack(payload, issuer, iat);
      if (pack instanceof Refusal) throw new Error(pack.text);
      return [{ index, stream, ...pack }];
    });
  }
});
