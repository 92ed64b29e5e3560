/** The programs that other tests lean on do start, answer, stop and start again. */
import { open } from "node:fs/promises";
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  influxd,
  mosquitto,
  mosquittoClients,
  mosquittoPublish,
  python,
  runPython,
  socat,
  startInflux,
  startMosquitto,
  startSerialPair,
} from "./programs.ts";
import { startProcess } from "./process.ts";
import { lacks } from "./requirements.ts";
import { testScope } from "./scope.ts";

const scope = testScope();

async function influxQuery(url: string, query: string): Promise<string> {
  const body = new URLSearchParams({ q: query, db: "probe" });
  return (await fetch(`${url}/query`, { method: "POST", body })).text();
}

describe.skipIf(lacks(influxd))("InfluxDB", () => {
  test("keeps its data over a restart on the same port", async () => {
    const influx = await startInflux(scope);
    await influxQuery(influx.url, "CREATE DATABASE probe");
    await fetch(`${influx.url}/write?db=probe`, { method: "POST", body: "m v=42 1000000000" });
    await influx.stop();
    await expect(fetch(`${influx.url}/ping`)).rejects.toThrow();
    await influx.start();
    expect(await influxQuery(influx.url, "SELECT v FROM m")).toContain("42");
    await influx.kill();
  });
});

describe.skipIf(lacks(mosquitto, mosquittoClients))("Mosquitto", () => {
  test("hands a message from one client to another", async () => {
    const broker = await startMosquitto(scope);
    // Without stdbuf its output would wait in a buffer until it ends.
    const subscriber = await startProcess(scope, {
      program: "/usr/bin/stdbuf",
      args: ["-oL", "mosquitto_sub", "-d", "-p", `${broker.port}`, "-t", "probe", "-C", "1"],
    });
    await subscriber.output(/Subscribed/);
    const body = new TextEncoder().encode("hello");
    await mosquittoPublish(scope, { port: broker.port, topic: "probe", body, clientId: "probe" });
    expect(await subscriber.exited).toEqual({ code: 0, signal: null });
    expect(subscriber.stdout).toContain("hello");
    await broker.stop();
  });
});

describe.skipIf(lacks(socat))("a serial line", () => {
  test("carries bytes and can be unplugged", async () => {
    const line = await startSerialPair(scope);
    const edge = await open(line.edge, "r+");
    const board = await open(line.board, "r+");
    await board.write(Uint8Array.of(0xaa, 0x0d, 0x00, 0xab));
    const { bytesRead, buffer } = await edge.read(new Uint8Array(16), 0, 16);
    expect([...buffer.subarray(0, bytesRead)]).toEqual([0xaa, 0x0d, 0x00, 0xab]);
    await edge.close();
    await board.close();
    await line.kill();
    expect(existsSync(line.edge)).toBe(false);
  });
});

describe.skipIf(lacks(python))("Python", () => {
  test("has the two packages", async () => {
    const result = await runPython(scope, ["-c", "import cbor2; print(cbor2.dumps([1]).hex())"]);
    expect(result.stdout.trim()).toBe("8101");
  });
});
