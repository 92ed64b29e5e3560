/** The broker with honest clients by mqtt.js and enemies on bare sockets; admission is played by the test. */

import { Buffer } from "node:buffer";
import { once } from "node:events";
import { Duplex } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { generate } from "mqtt-packet";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { Broker, BROKER_LIMITS } from "../../../hub/broker/broker.ts";
import { listenMqtt } from "../../../hub/broker/listener.ts";
import type { Listener } from "../../../hub/broker/listener.ts";
import { Presence } from "../../../hub/broker/presence.ts";
import { signLoginToken } from "../../../ledger/login-token.ts";
import { encodeUtf8 } from "../../../ledger/bytes.ts";
import { freshKey } from "../../../ledger/registry.ts";
import type { KeyState } from "../../../ledger/registry.ts";
import { ZERO_HASH } from "../../../ledger/sha256.ts";
import { systemClock } from "../../../platform/clock.ts";
import { silentLogger } from "../../../platform/log.ts";
import { Scope } from "../../support/scope.ts";
import {
  closed,
  connect,
  Inbox,
  ORIGIN,
  rawSocket,
  testDevice,
  topic,
} from "../support/devices.ts";
import type { TestDevice } from "../support/devices.ts";

interface Admitted {
  readonly device: string;
  readonly body: Uint8Array;
  readonly decided: () => void;
}

const air = testDevice("air-1");
const noise = testDevice("noise-1");
const stranger = testDevice("stranger");

let scope: Scope;
let broker: Broker;
let listener: Listener;
let presence: Presence;
let admitted: Admitted[];
let arrival: () => void;
let isBusy: boolean;
let keys: Map<string, KeyState>;
let acksAsked: string[];
let logged: { fields: object; message: string }[];

function keyOf(device: TestDevice): KeyState {
  const { publicKey } = device.signer;
  return freshKey({ publicKey, name: device.name, role: "device" }, { index: 1, hash: ZERO_HASH });
}

beforeEach(async () => {
  await scope?.end();
  scope = new Scope();
  presence = new Presence();
  admitted = [];
  acksAsked = [];
  logged = [];
  const note = (fields: object, message: string): void => void logged.push({ fields, message });
  isBusy = false;
  arrival = () => undefined;
  keys = new Map([air, noise].map((device) => [device.name, keyOf(device)]));
  broker = await Broker.open(
    {
      origin: ORIGIN,
      clock: systemClock,
      logger: { debug: note, info: note, warn: note, error: note },
      presence,
      liveKey: (name) => keys.get(name),
      admit: (device, body, decided) => {
        admitted.push({ device, body, decided });
        arrival();
      },
      isBusy: () => isBusy,
      refreshAck: async (device) => {
        acksAsked.push(device);
        await broker.publishAck(device, encodeUtf8(`{"for":"${device}"}`));
      },
    },
    { ...BROKER_LIMITS, inFlightMax: 8, connectionsMax: 20 },
  );
  const options = { host: "127.0.0.1", port: 0, connectionsMax: 100 };
  listener = await listenMqtt(options, (socket) => broker.accept(socket));
  scope.defer(() => listener.close());
  scope.defer(() => broker.close());
});

afterAll(() => scope.end());

/** Waits until admission has been handed so many statements. */
async function arrived(count: number): Promise<void> {
  while (admitted.length < count) await new Promise<void>((resolve) => (arrival = resolve));
}

/** Waits for the next change of presence. */
function presenceChange(): Promise<{ device: string; online: boolean }> {
  return new Promise((resolve) => {
    const end = presence.onPresence((change) => {
      end();
      resolve(change);
    });
  });
}

function connectPacket(
  device: TestDevice,
  version:
    { protocolId: "MQTT"; protocolVersion: 4 } | { protocolId: "MQIsdp"; protocolVersion: 3 } = {
    protocolId: "MQTT",
    protocolVersion: 4,
  },
): Buffer {
  const issuedAt = Math.floor(Date.now() / 1000);
  const token = signLoginToken({ device: device.name, origin: ORIGIN, issuedAt }, device.signer);
  return generate({
    cmd: "connect",
    ...version,
    clean: true,
    clientId: device.name,
    username: device.name,
    keepalive: 0,
    password: Buffer.from(token),
  });
}

/** A statement of the first device whose body is one byte. */
function statementPacket(number: number): Buffer {
  return generate({
    cmd: "publish",
    topic: topic(air, "statement"),
    payload: Buffer.from([number]),
    qos: 1,
    messageId: number + 1,
    dup: false,
    retain: false,
  });
}

const will = {
  topic: topic(air, "status"),
  payload: Buffer.from("offline"),
  qos: 1,
  retain: true,
} as const;

describe("login", () => {
  test("lets a device in with its token, and nobody else", async () => {
    await connect(scope, listener.port, air);
    expect(broker.isConnected("air-1")).toBe(true);
    await expect(connect(scope, listener.port, stranger)).rejects.toMatchObject({ code: 5 });
    const asAir = { clientId: "air-1", username: "air-1" };
    await expect(connect(scope, listener.port, noise, asAir)).rejects.toMatchObject({ code: 4 });
    await expect(connect(scope, listener.port, noise, { password: "x" })).rejects.toMatchObject({
      code: 4,
    });
    await expect(
      connect(scope, listener.port, noise, { issuedAt: 1_790_000_000 }),
    ).rejects.toMatchObject({
      code: 4,
    });
    await expect(connect(scope, listener.port, noise, { clean: false })).rejects.toMatchObject({
      code: 2,
    });
    expect(broker.isConnected("noise-1")).toBe(false);
    expect(broker.isConnected("air-1")).toBe(true);
  });

  test("refuses MQTT 5", async () => {
    await expect(connect(scope, listener.port, air, { protocolVersion: 5 })).rejects.toThrow();
  });

  test("refuses MQTT 3.1 with the code for the version", async () => {
    const socket = await rawSocket(scope, listener.port);
    const answer: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => answer.push(chunk));
    const end = once(socket, "close");
    const packet = connectPacket(air, { protocolId: "MQIsdp", protocolVersion: 3 });
    socket.write(packet);
    await end;
    expect(Buffer.concat(answer)).toEqual(Buffer.from([0x20, 2, 0, 1]));
    expect(broker.isConnected("air-1")).toBe(false);
  });

  test("logs one line about each stranger, without a stack", async () => {
    const beginnings: Uint8Array[] = [
      connectPacket(stranger),
      connectPacket(air, { protocolId: "MQIsdp", protocolVersion: 3 }),
      Buffer.from("GET / HTTP/1.1\r\n\r\n"),
      Buffer.from([0x10, 0xff, 0xff, 0x7f]),
      Buffer.from([0x10, 2, 0, 9]),
    ];
    for (const bytes of beginnings) {
      logged = [];
      const socket = await rawSocket(scope, listener.port);
      const end = once(socket, "close");
      socket.resume();
      socket.write(bytes);
      await end;
      await nextTurn();
      expect(logged).toHaveLength(1);
      expect(Object.values(logged[0]!.fields).some((value) => value instanceof Error)).toBe(false);
    }
  });

  test("refuses a will that is not the device's own offline", async () => {
    const other = { ...will, topic: topic(noise, "status") };
    await expect(connect(scope, listener.port, air, { will: other })).rejects.toMatchObject({
      code: 5,
    });
  });

  test("closes connections above the bound", async () => {
    const sockets = await Promise.all(
      Array.from({ length: 20 }, () => rawSocket(scope, listener.port)),
    );
    while (broker.connectionCount < 20) await once(await rawSocket(scope, listener.port), "close");
    const late = await rawSocket(scope, listener.port);
    await once(late, "close");
    expect(sockets.filter((socket) => !socket.destroyed).length).toBeGreaterThan(0);
  });

  test("notices when devices come and go", async () => {
    expect(presence.isOnline("air-1")).toBeUndefined();
    const coming = presenceChange();
    const client = await connect(scope, listener.port, air);
    expect(await coming).toEqual({ device: "air-1", online: true });
    const going = presenceChange();
    await client.endAsync();
    expect(await going).toEqual({ device: "air-1", online: false });
    expect(presence.isOnline("air-1")).toBe(false);
  });
});

describe("publishing", () => {
  test("acknowledges a statement when it is decided, not before", async () => {
    const client = await connect(scope, listener.port, air);
    let isAcknowledged = false;
    const publishing = client.publishAsync(topic(air, "statement"), "abc", { qos: 1 }).then(() => {
      isAcknowledged = true;
    });
    await arrived(1);
    // A whole round trip on the same connection, answered in order, and still no PUBACK.
    await client.subscribeAsync(topic(air, "nack"), { qos: 1 });
    expect(isAcknowledged).toBe(false);
    expect(admitted[0]).toMatchObject({ device: "air-1", body: encodeUtf8("abc") });
    admitted[0]!.decided();
    await publishing;
  });

  test.each([
    ["another device's topic", topic(noise, "statement"), { qos: 1, retain: false }],
    ["its ack", topic(air, "ack"), { qos: 1, retain: true }],
    ["the hub's status", "kerbstone/v1/hub/status", { qos: 1, retain: true }],
    ["$SYS", "$SYS/broker/new/clients", { qos: 0, retain: false }],
    ["a statement with QoS 2", topic(air, "statement"), { qos: 2, retain: false }],
    ["a retained statement", topic(air, "statement"), { qos: 1, retain: true }],
    ["a topic of a hundred levels", `a${"/a".repeat(120)}`, { qos: 0, retain: false }],
  ] as const)("ends the connection at %s", async (_name, to, options) => {
    const client = await connect(scope, listener.port, air);
    client.publish(to, "online", options, () => undefined);
    await closed(client);
    expect(admitted).toHaveLength(0);
  });

  test("keeps the live state, and lets no other device see it", async () => {
    const client = await connect(scope, listener.port, air);
    await client.publishAsync(topic(air, "state"), '{"pm25":7}', { qos: 0, retain: true });
    await client.subscribeAsync(topic(air, "nack"), { qos: 1 });
    expect(new TextDecoder().decode(presence.stateOf("air-1"))).toBe('{"pm25":7}');
  });

  test("does not read on while a device has too much in flight", async () => {
    const stream = new Duplex({
      read: () => undefined,
      write: (_chunk, _encoding, done) => done(),
    });
    scope.defer(() => stream.destroy());
    broker.accept(stream);
    stream.push(connectPacket(air));
    while (!broker.isConnected("air-1")) await nextTurn();
    // Each in a segment of its own: of these, aedes reads the next one however many are undecided.
    for (let i = 0; i < 40; i++) {
      stream.push(statementPacket(i));
      await nextTurn();
    }
    await arrived(8);
    for (let i = 0; i < 20; i++) await nextTurn();
    expect(admitted).toHaveLength(8);
    for (let done = 0; done < 40; done++) {
      await arrived(done + 1);
      admitted[done]!.decided();
      broker.resume();
    }
    expect(admitted.map((message) => message.body[0])).toEqual(
      Array.from({ length: 40 }, (_, i) => i),
    );
  });

  test("does not read on while admission is busy", async () => {
    isBusy = true;
    const client = await connect(scope, listener.port, air);
    const first = client.publishAsync(topic(air, "statement"), "1", { qos: 1 });
    await arrived(1);
    admitted[0]!.decided();
    await first;
    const second = client.publishAsync(topic(air, "statement"), "2", { qos: 1 });
    broker.resume();
    const other = await connect(scope, listener.port, noise);
    await other.subscribeAsync(topic(noise, "nack"));
    expect(admitted).toHaveLength(1);
    isBusy = false;
    broker.resume();
    await arrived(2);
    admitted[1]!.decided();
    await second;
  });
});

describe("subscribing", () => {
  test("grants the device's own replies and the hub's status, and nothing else", async () => {
    const client = await connect(scope, listener.port, air);
    const wanted = ["ack", "nack"]
      .map((leaf) => topic(air, leaf))
      .concat("kerbstone/v1/hub/status");
    const unwanted = [
      "#",
      "kerbstone/v1/+/ack",
      topic(noise, "ack"),
      topic(air, "state"),
      "$SYS/#",
    ];
    for (const name of wanted) {
      const [grant] = await client.subscribeAsync(name, { qos: 1 });
      expect(grant?.qos).toBe(1);
    }
    for (const name of unwanted) {
      await expect(client.subscribeAsync(name, { qos: 1 })).rejects.toThrow(
        /Unspecified|failure|error/i,
      );
    }
    expect(client.connected).toBe(true);
  });

  test("brings the newest ack and the hub's status at once, retained, one each", async () => {
    await broker.publishHubStatus(encodeUtf8('{"online":true}'));
    const client = await connect(scope, listener.port, air);
    const inbox = new Inbox(client);
    await client.subscribeAsync([topic(air, "ack"), "kerbstone/v1/hub/status"], { qos: 1 });
    await inbox.json(topic(air, "ack"));
    await inbox.json("kerbstone/v1/hub/status");
    expect(inbox.all.every((message) => message.retain)).toBe(true);
    expect(inbox.all).toHaveLength(2);
    expect(acksAsked).toEqual(["air-1"]);
    await broker.publishAck("air-1", encodeUtf8('{"stored":1}'));
    expect(await inbox.json(topic(air, "ack"), (ack) => ack["stored"] === 1)).toEqual({
      stored: 1,
    });
  });
});

describe("a second connection of the same device", () => {
  test("replaces the first, whose will does not overwrite the new status", async () => {
    const changes: unknown[] = [];
    const first = await connect(scope, listener.port, air, { will });
    await first.publishAsync(topic(air, "status"), "online", { qos: 1, retain: true });
    presence.onPresence((change) => changes.push(change));
    const second = await connect(scope, listener.port, air, { will });
    await closed(first);
    expect(broker.isConnected("air-1")).toBe(true);
    expect(presence.isOnline("air-1")).toBe(true);
    expect(changes).toEqual([]);
    expect(retainedStatus()).toBe("online");
    const going = presenceChange();
    second.stream.destroy();
    await going;
    expect(retainedStatus()).toBe("offline");
  });

  test("may come from many at once: one of them stays", async () => {
    const attempts = await Promise.allSettled(
      Array.from({ length: 8 }, () => connect(scope, listener.port, air)),
    );
    const clients = attempts.flatMap((attempt) =>
      attempt.status === "fulfilled" ? [attempt.value] : [],
    );
    const last = await connect(scope, listener.port, air);
    await Promise.all(clients.map((client) => closed(client)));
    expect(last.connected).toBe(true);
    const publishing = last.publishAsync(topic(air, "statement"), "x", { qos: 1 });
    await arrived(1);
    admitted[0]!.decided();
    await publishing;
  });

  function retainedStatus(): string {
    return new TextDecoder().decode(broker.retained(topic(air, "status")));
  }
});

describe("revocation", () => {
  test("ends the connections of that key, and lets them in no more", async () => {
    const client = await connect(scope, listener.port, air);
    const other = await connect(scope, listener.port, noise);
    keys.delete("air-1");
    broker.disconnect(air.kid);
    await closed(client);
    expect(other.connected).toBe(true);
    await expect(connect(scope, listener.port, air)).rejects.toMatchObject({ code: 5 });
  });
});

describe("enemies on bare sockets", () => {
  test.each([
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
    ["zeros", Buffer.alloc(100)],
    ["a CONNECT of a megabyte", Buffer.from([0x10, 0x80, 0x80, 0x40, 0])],
    ["a PUBLISH before CONNECT", Buffer.from([0x30, 5, 0, 3, 0x61, 0x2f, 0x62])],
    ["random bytes", Buffer.from("10ff8301deadbeef".repeat(20), "hex")],
  ])("%s ends the connection", async (_name, bytes) => {
    const socket = await rawSocket(scope, listener.port);
    socket.write(bytes);
    socket.resume();
    await once(socket, "close");
    expect((await connect(scope, listener.port, air)).connected).toBe(true);
  });

  test("half a CONNECT is not waited for", async () => {
    const impatient = await Broker.open(
      {
        origin: ORIGIN,
        clock: systemClock,
        logger: silentLogger,
        presence: new Presence(),
        liveKey: () => undefined,
        admit: () => undefined,
        isBusy: () => false,
        refreshAck: async () => undefined,
      },
      { ...BROKER_LIMITS, connectTimeoutMs: 20 },
    );
    scope.defer(() => impatient.close());
    const stream = new Duplex({
      read: () => undefined,
      write: (_chunk, _encoding, done) => done(),
    });
    impatient.accept(stream);
    stream.push(connectPacket(air).subarray(0, 20));
    await new Promise((resolve) => stream.once("close", resolve));
    expect(impatient.connectionCount).toBe(0);
  });

  test("an oversized packet ends the connection before its body is read", async () => {
    const socket = await rawSocket(scope, listener.port);
    socket.write(connectPacket(air));
    const [connack] = (await once(socket, "data")) as [Buffer];
    expect(connack).toEqual(Buffer.from([0x20, 2, 0, 0]));
    socket.resume();
    socket.write(Buffer.from([0x32, 0xff, 0xff, 0xff, 0x7f]));
    await once(socket, "close");
    expect(admitted).toHaveLength(0);
  });

  test.each(Array.from({ length: 16 }, (_, type) => type))(
    "a packet of type %i out of nowhere harms nobody else",
    async (type) => {
      for (const flags of [0, 2, 4, 6]) {
        const socket = await rawSocket(scope, listener.port);
        socket.write(connectPacket(air));
        await once(socket, "data");
        socket.resume();
        socket.write(Buffer.from([(type << 4) | flags, 2, 0, 9]));
        const isOurs = [3, 4, 8, 10, 12, 14].includes(type);
        if (!isOurs || (type === 3 && flags > 2)) await once(socket, "close");
        socket.destroy();
      }
      expect((await connect(scope, listener.port, air)).connected).toBe(true);
    },
  );

  test("the largest pair that is allowed gets through", async () => {
    const client = await connect(scope, listener.port, air);
    const publishing = client.publishAsync(topic(air, "statement"), Buffer.alloc(131_200), {
      qos: 1,
    });
    await arrived(1);
    admitted[0]!.decided();
    await publishing;
  });

  test("statements sent together with CONNECT wait for the login, and come in order", async () => {
    const socket = await rawSocket(scope, listener.port);
    const statements = Array.from({ length: 20 }, (_, i) => statementPacket(i));
    socket.write(Buffer.concat([connectPacket(air), ...statements]));
    await arrived(20);
    expect(admitted.map((message) => message.body[0])).toEqual(statements.map((_, i) => i));
  });
});
