/** The lines of a broker against a real one in this process: what they share, what ends one of them, what ends all. */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { Buffer } from "node:buffer";
import { Aedes } from "aedes";
import { describe, expect, test } from "vitest";
import { decodeUtf8 } from "../../../../ledger/bytes.ts";
import type { MqttAddress } from "../../../../edge/sensors/lines/address.ts";
import { Broker } from "../../../../edge/sensors/lines/broker.ts";
import {
  type ConnectBroker,
  connectBroker,
} from "../../../../edge/sensors/lines/broker-transport.ts";
import type { Connection } from "../../../../edge/sensors/lines/line.ts";
import { type Clock, ManualClock, systemClock } from "../../../../platform/clock.ts";
import { silentLogger } from "../../../../platform/log.ts";
import { seededRandom } from "../../../../platform/random.ts";
import { eventually } from "../../../support/process.ts";
import { testScope } from "../../../support/scope.ts";

const scope = testScope();

interface Heard {
  /** Topic and payload of each message. */
  readonly said: string[];
  readonly closed: (string | undefined)[];
  refused: number;
}

/** A server on a free port whose connections can be cut. */
async function listen(
  serve: (socket: Socket) => void,
): Promise<{ port: number; server: Server; cut: () => void }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = (): void => sockets.splice(0).forEach((socket) => socket.resetAndDestroy());
  scope.defer(() => {
    cut();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, server, cut };
}

/** A broker with nobody at it, and what the edge makes of it. */
async function world(): Promise<{
  aedes: Aedes;
  broker: Broker;
  cut: () => void;
  warnings: string[];
  publish: (topic: string, payload: string | Buffer, retain?: boolean) => Promise<void>;
}> {
  const aedes = await Aedes.createBroker();
  scope.defer(() => new Promise<void>((resolve) => aedes.close(() => resolve())));
  const { port, cut } = await listen((socket) => void aedes.handle(socket));
  const warnings: string[] = [];
  const logger = {
    ...silentLogger,
    warn: (_: object, message: string): void => void warnings.push(message),
  };
  const publish = (topic: string, payload: string | Buffer, retain = false): Promise<void> =>
    new Promise((resolve, reject) => {
      aedes.publish(
        { cmd: "publish", topic, payload, qos: 1, retain, dup: false },
        (error?: Error | null) => (error ? reject(error) : resolve()),
      );
    });
  return { aedes, broker: brokerAt(port, systemClock, logger), cut, warnings, publish };
}

function brokerAt(
  port: number,
  clock: Clock,
  logger = silentLogger,
  connect: ConnectBroker = connectBroker,
): Broker {
  const access = { url: `mqtt://127.0.0.1:${port}` };
  return new Broker({ access, connect, clock, random: seededRandom(1), logger });
}

async function open(
  broker: Broker,
  filter: string,
  more: Partial<MqttAddress> & { signal?: AbortSignal } = {},
): Promise<{ heard: Heard; connection: Connection }> {
  const { signal = new AbortController().signal, ...address } = more;
  const heard: Heard = { said: [], closed: [], refused: 0 };
  const connection = await broker.connectTo({ kind: "mqtt", filter, ...address })(
    {
      bytes: (chunk) => {
        const { topic, payload, retained } = JSON.parse(decodeUtf8(chunk)!) as Record<
          string,
          unknown
        >;
        heard.said.push(`${topic as string} ${JSON.stringify(payload)}${retained ? " kept" : ""}`);
        return undefined;
      },
      closed: (cause) => heard.closed.push(cause?.message),
      refused: (bytes) => (heard.refused += bytes),
    },
    signal,
  );
  scope.defer(() => connection.close());
  return { heard, connection };
}

const until = (what: string, isSo: () => boolean): Promise<boolean> =>
  eventually(what, () => isSo() || undefined);

describe("lines of one broker", () => {
  test("share a connection, and hear what is theirs", async () => {
    const { aedes, broker, publish } = await world();
    const [a, b, c] = await Promise.all([
      open(broker, "a/+"),
      open(broker, "b"),
      open(broker, "b"),
    ]);
    expect(aedes.connectedClients).toBe(1);
    await publish("a/1", '{"t":1}');
    await publish("b", "21.5");
    await publish("c", "x");
    await until("the messages", () => c.heard.said.length === 1);
    expect([a, b, c].map(({ heard }) => heard.said)).toEqual([
      ['a/1 {"t":1}'],
      ["b 21.5"],
      ["b 21.5"],
    ]);
    // One of two that hear the same goes; the other one still hears it.
    await b.connection.close();
    await b.connection.close();
    expect(b.heard.closed).toEqual([undefined]);
    // What is asked of the broker is answered in order: whatever the closing has asked is done by then.
    const d = await open(broker, "d");
    await publish("b", "22");
    await until("the next message", () => c.heard.said.length === 2);
    expect(b.heard.said).toHaveLength(1);
    for (const { connection } of [a, c, d]) await connection.close();
    await until("the end of the connection", () => aedes.connectedClients === 0);
  });

  test("whose filters overlap get a connection each, and hear each message once", async () => {
    const { aedes, broker, publish } = await world();
    const lines = [
      await open(broker, "z/kitchen"),
      await open(broker, "z/+"),
      await open(broker, "z/#"),
    ];
    expect(aedes.connectedClients).toBe(3);
    lines.push(await open(broker, "z/kitchen"), await open(broker, "other"));
    expect(aedes.connectedClients).toBe(3);
    await publish("z/kitchen", "1");
    await publish("other", "end");
    await until("the end", () => lines[4]!.heard.said.length === 1);
    for (const { heard } of lines.slice(0, 4)) {
      await until("the message", () => heard.said.length > 0);
      expect(heard.said).toEqual(["z/kitchen 1"]);
    }
  });

  test("hear besides what their driver needs, and nothing twice for it", async () => {
    const { broker, publish } = await world();
    const besides = ["z/a/availability", "z/a", "z/bridge/state", "z/bridge/+"];
    const { heard } = await open(broker, "z/a", { besides });
    await publish("z/a/availability", "online");
    await publish("z/bridge/state", "online");
    await publish("z/bridge/info", "x");
    await publish("z/a", "1");
    await until("the messages", () => heard.said.length === 3);
    expect(heard.said.toSorted()).toEqual([
      "z/a 1",
      'z/a/availability "online"',
      'z/bridge/state "online"',
    ]);
  });

  test("are told what the broker had kept, as such", async () => {
    const { broker, publish } = await world();
    await publish("a", "old", true);
    const { heard } = await open(broker, "a");
    await until("the kept message", () => heard.said.length === 1);
    await publish("a", "new", true);
    await until("the new message", () => heard.said.length === 2);
    expect(heard.said).toEqual(['a "old" kept', 'a "new"']);
    // Another line for the same is told as well.
    const second = await open(broker, "a");
    await until("the kept message", () => second.heard.said.length === 1);
    expect(second.heard.said).toEqual(['a "new" kept']);
  });

  test("are all closed when the broker is lost, and open again", async () => {
    const { aedes, broker, cut, publish } = await world();
    const [a, b] = [await open(broker, "a"), await open(broker, "b")];
    cut();
    await until("the loss", () => a.heard.closed.length + b.heard.closed.length === 2);
    expect(a.heard.closed[0]).toMatch(/ECONNRESET|closed/);
    await a.connection.close();
    const again = await Promise.all([open(broker, "a"), open(broker, "b")]);
    expect(aedes.connectedClients).toBe(1);
    await publish("b", "1");
    await until("a message", () => again[1].heard.said.length === 1);
    expect(b.heard).toMatchObject({ said: [], closed: [expect.any(String)] });
  });

  test("do not suffer for one that the broker refuses", async () => {
    const { aedes, broker, publish } = await world();
    aedes.authorizeSubscribe = (_, subscription, done) =>
      done(null, subscription.topic === "secret" ? null : subscription);
    const a = await open(broker, "a");
    await expect(open(broker, "secret")).rejects.toThrow("the broker refuses secret");
    await publish("a", "1");
    await until("a message", () => a.heard.said.length === 1);
    expect(a.heard.closed).toEqual([]);
  });

  test("are heard where the broker does not say who is there", async () => {
    const { aedes, broker, publish } = await world();
    aedes.authorizeSubscribe = (_, subscription, done) =>
      done(null, subscription.topic === "bridge/state" ? null : subscription);
    const besides = ["bridge/state", "a/availability"];
    const { heard } = await open(broker, "a", { besides });
    await publish("bridge/state", "online");
    await publish("a/availability", "online");
    await publish("a", "1");
    await until("a message", () => heard.said.length >= 2);
    expect(heard.said).toEqual(['a/availability "online"', "a 1"]);
    expect(heard.closed).toEqual([]);
  });
});

describe("messages", () => {
  test("that are too many are dropped, and counted", async () => {
    const { broker, publish } = await world();
    const { heard } = await open(broker, "a");
    for (let at = 0; at < 400; at++) await publish("a", "12");
    await until("all of them", () => heard.said.length + heard.refused / 2 === 400);
    expect(heard.said.length).toBeGreaterThanOrEqual(200);
    expect(heard.refused).toBeGreaterThan(0);
  });

  test("that are too long come empty, are said once, and hold up nobody", async () => {
    const { broker, publish, warnings } = await world();
    const { heard } = await open(broker, "a/+");
    for (let round = 0; round < 3; round++) await publish("a/long", Buffer.alloc(1_000_000, "x"));
    await publish("a/short", "1");
    await until("the short one", () => heard.said.includes("a/short 1"));
    expect(heard.said).toEqual([...Array.from({ length: 3 }, () => 'a/long ""'), "a/short 1"]);
    expect(warnings).toEqual(["a message of the LAN's broker is too long, and empty now"]);
  });

  test("that are no text are refused", async () => {
    const { broker, publish } = await world();
    const { heard } = await open(broker, "a");
    await publish("a", Buffer.from([0xc3, 0x28]));
    await publish("a", "1");
    await until("the good one", () => heard.said.length === 1);
    expect(heard.refused).toBe(2);
  });
});

describe("a broker that", () => {
  test("is not there is left alone for a second, whoever asks", async () => {
    const { port, server } = await listen(() => undefined);
    await new Promise<void>((resolve) => server.close(() => resolve()));
    const clock = new ManualClock(0);
    const attempts: number[] = [];
    const counted: ConnectBroker = (...args) => {
      attempts.push(clock.monotonicMs());
      return connectBroker(...args);
    };
    const broker = brokerAt(port, clock, silentLogger, counted);
    const all = Array.from({ length: 20 }, () =>
      open(broker, "a").catch((error: unknown) => error),
    );
    for (const result of await Promise.all(all))
      expect(result).toMatchObject({ code: "ECONNREFUSED" });
    const next = open(broker, "a").catch((error: unknown) => error);
    await clock.advance(2_000);
    expect(await next).toMatchObject({ code: "ECONNREFUSED" });
    expect(attempts).toEqual([0, 1_000]);
  });

  test("takes connections and says nothing is left after a while", async () => {
    const { port } = await listen((socket) => socket.on("error", () => undefined));
    const clock = new ManualClock(0);
    const opening = expect(open(brokerAt(port, clock), "a")).rejects.toThrow(
      "no answer of the broker in 8000 ms",
    );
    await clock.advance(8_000);
    await opening;
  });

  test("is not waited for after an abort", async () => {
    const { aedes, broker } = await world();
    const abort = new AbortController();
    const opening = open(broker, "a", { signal: abort.signal });
    abort.abort(new Error("enough"));
    await expect(opening).rejects.toThrow("enough");
    await until("nobody is left", () => aedes.connectedClients === 0);
    await expect(open(broker, "a", { signal: abort.signal })).rejects.toThrow("enough");
  });
});
