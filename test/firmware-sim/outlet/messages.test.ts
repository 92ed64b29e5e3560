/** Where messages go: a broker and a taker of pushes in this process, which go away and come back. */
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { Aedes } from "aedes";
import { describe, expect, test } from "vitest";
import { decodeUtf8, encodeUtf8 } from "../../../ledger/bytes.ts";
import { TasmotaBoard } from "../../../firmware-sim/boards/tasmota.ts";
import { openMqttOutlet } from "../../../firmware-sim/outlet/mqtt.ts";
import { openPushOutlet } from "../../../firmware-sim/outlet/push.ts";
import { systemClock } from "../../../platform/clock.ts";
import { eventually } from "../../support/process.ts";
import { testScope } from "../../support/scope.ts";

const scope = testScope();
const { presence } = new TasmotaBoard("yard");
const SENSOR = { kind: "publish", topic: "tele/yard/SENSOR", isRetained: false } as const;

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  scope.defer(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** A broker that remembers what it was told: topic and payload, with `*` where it is to be kept. */
async function broker(): Promise<{ port: number; said: string[]; cut: () => void }> {
  const aedes = await Aedes.createBroker();
  const said: string[] = [];
  aedes.authorizePublish = (_, { topic, payload, retain }, done) => {
    said.push(`${topic}${retain ? "*" : ""} ${payload.toString()}`);
    done(null);
  };
  scope.defer(() => new Promise<void>((resolve) => aedes.close(() => resolve())));
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    void aedes.handle(socket);
  });
  const cut = (): void => sockets.splice(0).forEach((socket) => socket.resetAndDestroy());
  scope.defer(cut);
  return { port: await listening(server), said, cut };
}

const until = (what: string, isSo: () => boolean): Promise<boolean> =>
  eventually(what, () => isSo() || undefined);

describe("a broker", () => {
  test("hears that the board is there, what it says, and that it goes", async () => {
    const { port, said } = await broker();
    const outlet = await openMqttOutlet(
      { broker: `mqtt://127.0.0.1:${port}` },
      presence,
      systemClock,
    );
    outlet.write(encodeUtf8('{"Time":"x"}'), SENSOR);
    await until("the message", () => said.length === 2);
    await outlet.close();
    expect(await outlet.ended).toBeUndefined();
    expect(said).toEqual([
      "tele/yard/LWT* Online",
      'tele/yard/SENSOR {"Time":"x"}',
      "tele/yard/LWT* Offline",
    ]);
    expect(outlet.bytesLost).toBe(0);
  });

  test("hears the will of a board that is unplugged, and then nothing until it is plugged in again", async () => {
    const { port, said } = await broker();
    const place = { broker: `mqtt://127.0.0.1:${port}` };
    const outlet = await openMqttOutlet(place, presence, systemClock);
    await until("it is there", () => said.length === 1);
    await outlet.unplug();
    await until("the will", () => said.length === 2);
    outlet.write(encodeUtf8("lost"), SENSOR);
    expect(outlet.bytesLost).toBe(4);
    await outlet.plug(new AbortController().signal);
    await until("it is there again", () => said.length === 3);
    outlet.write(encodeUtf8("heard"), SENSOR);
    await until("the message", () => said.length === 4);
    await outlet.close();
    expect(said).toEqual([
      "tele/yard/LWT* Online",
      "tele/yard/LWT* Offline",
      "tele/yard/LWT* Online",
      "tele/yard/SENSOR heard",
      "tele/yard/LWT* Offline",
    ]);
  });

  test("that loses the board publishes its will, and hears it again", async () => {
    const { port, said, cut } = await broker();
    const outlet = await openMqttOutlet(
      { broker: `mqtt://127.0.0.1:${port}` },
      presence,
      systemClock,
    );
    await until("it is there", () => said.length === 1);
    cut();
    await until("the will, and that it is there again", () => said.length === 3);
    expect(said).toEqual([
      "tele/yard/LWT* Online",
      "tele/yard/LWT* Offline",
      "tele/yard/LWT* Online",
    ]);
    await outlet.ready(new AbortController().signal);
    await outlet.close();
    outlet.write(encodeUtf8("late"), SENSOR);
    expect(outlet.bytesLost).toBe(4);
  });

  test("that is not there is said at once", async () => {
    const server = createServer();
    const port = await listening(server);
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await expect(
      openMqttOutlet({ broker: `mqtt://127.0.0.1:${port}` }, presence, systemClock),
    ).rejects.toThrow("ECONNREFUSED");
  });
});

describe("a taker of pushes", () => {
  test("gets them one after another, and what it refuses is lost and counted", async () => {
    const taken: [string | undefined, string][] = [];
    const server = createHttpServer((request, response) => {
      void bodyOf(request).then((body) => {
        taken.push([request.headers["x-sensor"] as string, body]);
        response.writeHead(body === "bad" ? 422 : 200).end("x");
      });
    });
    const url = `http://127.0.0.1:${await listening(server)}/data.php`;
    const outlet = await openPushOutlet({ url }, systemClock);
    const to = { kind: "post", headers: { "X-Sensor": "esp8266-7" } } as const;
    for (const text of ["one", "bad", "two"]) outlet.write(encodeUtf8(text), to);
    await outlet.close();
    expect(taken).toEqual([
      ["esp8266-7", "one"],
      ["esp8266-7", "bad"],
      ["esp8266-7", "two"],
    ]);
    expect(outlet.bytesLost).toBe(3);
    expect(await outlet.ended).toBeUndefined();
    outlet.write(encodeUtf8("late"), to);
    expect(outlet.bytesLost).toBe(7);
  });

  test("that is not there loses them all, and holds up nothing", async () => {
    const server = createServer();
    const url = `http://127.0.0.1:${await listening(server)}/`;
    await new Promise<void>((resolve) => server.close(() => resolve()));
    const outlet = await openPushOutlet({ url }, systemClock);
    outlet.write(encodeUtf8("one"), { kind: "post", headers: {} });
    await outlet.close();
    expect(outlet.bytesLost).toBe(3);
  });

  test("hears nothing of a board without a network", async () => {
    const taken: string[] = [];
    const server = createHttpServer((request, response) => {
      void bodyOf(request).then((body) => {
        taken.push(body);
        response.end();
      });
    });
    const url = `http://127.0.0.1:${await listening(server)}/`;
    const outlet = await openPushOutlet({ url }, systemClock);
    const to = { kind: "post", headers: {} } as const;
    await outlet.unplug();
    outlet.write(encodeUtf8("one"), to);
    await outlet.plug(new AbortController().signal);
    outlet.write(encodeUtf8("two"), to);
    await outlet.close();
    expect(taken).toEqual(["two"]);
    expect(outlet.bytesLost).toBe(3);
  });
});

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request as AsyncIterable<Uint8Array>) text += decodeUtf8(chunk);
  return text;
}
