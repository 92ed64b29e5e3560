/** Sensors at Mosquitto, over real lines: kept messages, wildcards, a broker that is killed, logins, certificates. */
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../../../ledger/bytes.ts";
import { DRIVERS } from "../../../../edge/sensors/drivers/drivers.ts";
import { parseLineAddress } from "../../../../edge/sensors/lines/address.ts";
import { Lines } from "../../../../edge/sensors/lines/connect.ts";
import type { BrokerAccess } from "../../../../edge/sensors/lines/lan-access.ts";
import { Sensor } from "../../../../edge/sensors/sensor.ts";
import type { SensorStatus } from "../../../../edge/sensors/sensor.ts";
import { lineAddressOf } from "../../../../edge/settings/lan.ts";
import { systemClock } from "../../../../platform/clock.ts";
import { silentLogger } from "../../../../platform/log.ts";
import { seededRandom } from "../../../../platform/random.ts";
import { eventually, runProcess } from "../../../support/process.ts";
import {
  mosquitto,
  mosquittoClients,
  mosquittoPublish,
  openssl,
  startMosquitto,
} from "../../../support/programs.ts";
import { lacks } from "../../../support/requirements.ts";
import { testScope } from "../../../support/scope.ts";

describe.skipIf(lacks(mosquitto, mosquittoClients))("a sensor at Mosquitto", () => {
  const scope = testScope();

  interface Watched {
    readonly values: string[];
    readonly reasons: string[];
    readonly status: () => SensorStatus;
  }

  /** Runs a sensor until the end of the tests, ticked as an agent would. */
  function watch(
    access: BrokerAccess,
    driverName: string,
    text: string,
    options: object = {},
  ): Watched {
    const kind = DRIVERS.get(driverName)!;
    expect(parseLineAddress(text)).toBeDefined();
    const clock = systemClock;
    const random = seededRandom(1);
    const lines = new Lines({ clock, random, logger: silentLogger });
    const values: string[] = [];
    const reasons: string[] = [];
    const sensor = new Sensor({
      stream: "air",
      driverName,
      address: text,
      driver: kind.create(options, { notBeforeMs: 0 }),
      connect: lines.connectTo({ broker: access })(lineAddressOf(kind, text), { clock }),
      clock,
      random,
      logger: {
        ...silentLogger,
        warn: (fields) => reasons.push(String((fields as { reason?: unknown }).reason)),
      },
      readings: (_, readings) =>
        values.push(...readings.map(({ quantity, value }) => `${quantity} ${value}`)),
      fix: () => undefined,
    });
    const abort = new AbortController();
    const running = sensor.run(abort.signal);
    scope.defer(async () => {
      abort.abort();
      await running;
    });
    return { values, reasons, status: () => sensor.status(undefined) };
  }

  const until = (what: string, isSo: () => boolean): Promise<boolean> =>
    eventually(what, () => isSo() || undefined);

  /** Publishes as somebody else would. */
  async function say(
    port: number,
    topic: string,
    payload: string,
    ...more: string[]
  ): Promise<void> {
    const args = [
      "-h",
      "127.0.0.1",
      "-p",
      `${port}`,
      "-q",
      "1",
      "-t",
      topic,
      "-m",
      payload,
      ...more,
    ];
    const { code, stderr } = await runProcess(scope, { program: "mosquitto_pub", args }, "");
    if (code !== 0) throw new Error(stderr);
  }

  test("passes over what was kept, says who is there, and comes back with the broker", async () => {
    const broker = await startMosquitto(scope);
    const { port } = broker;
    const access = { url: `mqtt://127.0.0.1:${port}` };
    await say(port, "zigbee2mqtt/kitchen", '{"temperature":10}', "-r");
    await say(port, "zigbee2mqtt/kitchen/availability", '{"state":"offline"}', "-r");
    const kitchen = watch(access, "zigbee2mqtt", "mqtt:zigbee2mqtt/kitchen");
    const all = watch(access, "zigbee2mqtt", "mqtt:zigbee2mqtt/+");
    await until("both are offline", () =>
      [kitchen, all].every(
        ({ status }) => status().state === "offline" && status().line === "open",
      ),
    );
    await until("both know", () => all.status().passedOver?.retained === 1);
    expect([kitchen.values, all.values]).toEqual([[], []]);

    await say(port, "zigbee2mqtt/kitchen", '{"temperature":21.5,"humidity":40}', "-r");
    await until("both have heard", () => kitchen.values.length + all.values.length === 4);
    expect(kitchen.values).toEqual(["temp 21.5", "rh 40"]);
    expect(kitchen.status()).toMatchObject({ state: "ok", passedOver: { retained: 1 } });
    // A second device behind the wildcard is another sensor.
    await say(port, "zigbee2mqtt/cellar", '{"temperature":12}');
    await until("it is contested", () => all.status().passedOver!.contested === 1);
    expect(kitchen.values).toHaveLength(2);

    await broker.kill();
    await until("both are offline", () =>
      [kitchen, all].every(({ status }) => status().line === "closed"),
    );
    expect(kitchen.status().state).toBe("offline");
    await broker.start();
    await until("both are there", () =>
      [kitchen, all].every(({ status }) => status().line === "open"),
    );
    await say(port, "zigbee2mqtt/kitchen", '{"temperature":22}');
    await until("the next reading", () => kitchen.values.length === 3);
    expect(kitchen.status().lineCounters).toMatchObject({ opened: 2, lost: 1 });
  });

  test("is told who may come in, and comes in once the password is right", async () => {
    const folder = await scope.folder("login");
    const passwords = join(folder, "passwords");
    await writeFile(passwords, "edge:right\n");
    await runProcess(scope, { program: "mosquitto_passwd", args: ["-U", passwords] }, "");
    await chmod(passwords, 0o644);
    const { port } = await startMosquitto(scope, [
      "per_listener_settings false",
      `password_file ${passwords}`,
      "allow_anonymous false",
    ]);
    const url = `mqtt://127.0.0.1:${port}`;
    const values = { values: [{ quantity: "temp", path: "" }] };
    const wrong = watch({ url, username: "edge", password: "wrong" }, "json", "mqtt:t", values);
    const right = watch({ url, username: "edge", password: "right" }, "json", "mqtt:t", values);
    await until("the wrong one is refused", () => wrong.reasons.length > 0);
    expect(wrong.reasons[0]).toMatch(/not authori[sz]ed/i);
    await until("the right one is in", () => right.status().line === "open");
    const login = { username: "edge", password: "right" };
    await mosquittoPublish(scope, {
      port,
      topic: "t",
      body: encodeUtf8("21.5"),
      clientId: "x",
      ...login,
    });
    await until("a reading", () => right.values.length === 1);
    expect(wrong.values).toEqual([]);
    expect(wrong.status().state).toBe("offline");
  });

  test.skipIf(lacks(openssl))(
    "believes a broker whose authority it was told, and no other",
    async () => {
      const folder = await scope.folder("tls");
      const [key, certificate] = [join(folder, "key.pem"), join(folder, "cert.pem")];
      const args = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
      ];
      args.push("-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=broker");
      args.push("-addext", "subjectAltName=IP:127.0.0.1");
      expect(await runProcess(scope, { program: "openssl", args }, "")).toMatchObject({ code: 0 });
      await chmod(key, 0o644);
      const { port } = await startMosquitto(scope, [`certfile ${certificate}`, `keyfile ${key}`]);
      const url = `mqtts://127.0.0.1:${port}`;
      const values = { values: [{ quantity: "temp", path: "" }] };
      const ca = new Uint8Array(await readFile(certificate));
      const knowing = watch({ url, ca }, "json", "mqtt:t", values);
      const ignorant = watch({ url }, "json", "mqtt:t", values);
      await until("the one that knows it is in", () => knowing.status().line === "open");
      await until("the other one is not", () => ignorant.reasons.length > 0);
      expect(ignorant.reasons[0]).toMatch(/self-signed/);
      await say(port, "t", "21.5", "--cafile", certificate);
      await until("a reading", () => knowing.values.length === 1);
    },
  );
});
