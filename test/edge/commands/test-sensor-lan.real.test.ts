/** `edge test-sensor` for boards of the LAN: simulated ones at Mosquitto, pushes, and boards that nobody knows. */
import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../../ledger/bytes.ts";
import { runKerbstone, startKerbstone } from "../../support/kerbstone.ts";
import { freePort } from "../../support/ports.ts";
import { eventually, type Running } from "../../support/process.ts";
import {
  mosquitto,
  mosquittoClients,
  mosquittoPublish,
  startMosquitto,
} from "../../support/programs.ts";
import { lacks } from "../../support/requirements.ts";
import { testScope } from "../../support/scope.ts";

const BOARD = "esp8266-1234567";
const PUSHED = JSON.stringify({
  sensordatavalues: [{ value_type: "SDS_P1", value: "12.30" }],
});

describe("edge test-sensor", () => {
  const scope = testScope();

  async function listen(...argv: string[]): Promise<Running> {
    const running = await startKerbstone(scope, ["edge", "test-sensor", ...argv, "--seconds", "1"]);
    await running.output(/^Listening/m);
    return running;
  }

  test.skipIf(lacks(mosquitto))(
    "recognises a board by what it says, and prints its settings",
    async () => {
      const { port } = await startMosquitto(scope);
      const broker = `mqtt://127.0.0.1:${port}`;
      const listening = await Promise.all([
        listen("mqtt:tele/yard/SENSOR", "--broker", broker),
        listen("mqtt:yard/#", "--broker", broker),
      ]);
      const board = (name: string): string[] => [
        "sim",
        "--board",
        name,
        "--broker",
        broker,
        "--topic",
        "yard",
        "--every",
        "0.2",
      ];
      for (const name of ["tasmota", "esphome"]) await startKerbstone(scope, board(name));
      for (const [at, name] of ["tasmota", "esphome"].entries()) {
        const { code } = await listening[at]!.exited;
        const { stdout } = listening[at]!;
        expect([name, code]).toEqual([name, 0]);
        expect(stdout).toContain(
          `[lan]\nbroker = "${broker}"\n\n[[sensors]]\nstream = "air"\ndriver = "${name}"\n`,
        );
        expect(stdout).toMatch(/temp -?\d+(\.\d)? Cel/);
      }
    },
  );

  test.skipIf(lacks(mosquitto, mosquittoClients))(
    "shows the numbers of a board that nobody knows, as settings to complete",
    async () => {
      const { port } = await startMosquitto(scope);
      const running = await listen("mqtt:garden/#", "--broker", `mqtt://127.0.0.1:${port}`);
      const say = (topic: string, text: string): Promise<void> =>
        mosquittoPublish(scope, { port, topic, body: encodeUtf8(text), clientId: "x" });
      await say("garden/a", '{"temperature":27.34,"deep":{"odd/one":3}}');
      await say("garden/b", "\u001b[31m5");
      await running.output(/garden\/b/);
      const { code } = await running.stop();
      expect(code).toBe(1);
      expect(running.stdout).not.toContain("\u001b");
      expect(running.stdout).toContain('  { quantity = "temp", path = "/temperature" }, # 27.34');
      expect(running.stdout).toContain('#  { quantity = "?", path = "/deep/odd~1one" }, # 3');
    },
  );

  test("takes the pushes of a board, and names those that it was not told of", async () => {
    const push = `127.0.0.1:${await freePort()}`;
    const running = await listen(`push:${BOARD}`, "--push", push);
    const post = async (board: string): Promise<number> => {
      const headers = { "x-sensor": board };
      return (await fetch(`http://${push}/`, { method: "POST", headers, body: PUSHED })).status;
    };
    await eventually("it listens", async () =>
      (await post("esp8266-1234567")) > 0 ? true : undefined,
    );
    expect(await post("esp8266-7")).toBe(403);
    await running.output(/no sensor of the settings names: {"board":"esp8266-7"}/);
    const { code } = await running.exited;
    expect(code).toBe(0);
    expect(running.stdout).toContain('driver = "airrohr"\naddress = "push:esp8266-1234567"');
    expect(running.stdout).toContain("pm10 12.3 ug/m3");
  });

  test("says in a sentence that there is no broker", async () => {
    const argv = ["edge", "test-sensor", "mqtt:a", "--broker", "mqtt://127.0.0.1:1"];
    const { code, stderr } = await runKerbstone(scope, argv);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/does not answer: nothing listens at .*\(ECONNREFUSED\)/),
    ]);
  });
});
