/** Devices as the tests need them: a key, a token, an MQTT client by mqtt.js, a raw socket for their enemies. */

import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import type { Socket } from "node:net";
import mqtt from "mqtt";
import type { IClientOptions, MqttClient } from "mqtt";
import { signLoginToken } from "../../../ledger/login-token.ts";
import { encodeUtf8 } from "../../../ledger/bytes.ts";
import { kidHex } from "../../../ledger/key.ts";
import { sha256 } from "../../../ledger/sha256.ts";
import { nobleSigner } from "../../../ledger/signature.ts";
import type { Signer } from "../../../ledger/signature.ts";
import type { Scope } from "../../support/scope.ts";

export const ORIGIN = "kerbstone.test/hub";

/** A device's key, made from its name. */
export interface TestDevice {
  readonly name: string;
  readonly signer: Signer;
  readonly kid: string;
}

/** Makes a device; the same name and generation give the same key. */
export function testDevice(name: string, generation = 0): TestDevice {
  const signer = nobleSigner(sha256(encodeUtf8(`${name} ${generation}`)));
  return { name, signer, kid: kidHex(signer.publicKey) };
}

/** A topic of the device's own branch. */
export function topic(device: TestDevice | string, leaf: string): string {
  return `kerbstone/v1/${typeof device === "string" ? device : device.name}/${leaf}`;
}

/** How a test client deviates from an honest one. */
export interface ClientChanges extends Partial<IClientOptions> {
  readonly issuedAt?: number;
}

/** Opens a client that never comes back by itself; resolves once it is logged in, rejects if it is not let in. */
export async function connect(
  scope: Scope,
  port: number,
  device: TestDevice,
  changes: ClientChanges = {},
): Promise<MqttClient> {
  const { issuedAt = Math.floor(Date.now() / 1000), ...options } = changes;
  const client = mqtt.connect({
    host: "127.0.0.1",
    port,
    protocolVersion: 4,
    clientId: device.name,
    username: device.name,
    password: signLoginToken({ device: device.name, origin: ORIGIN, issuedAt }, device.signer),
    reconnectPeriod: 0,
    connectTimeout: 20_000,
    ...options,
  });
  scope.defer(() => client.endAsync(true));
  await new Promise<void>((resolve, reject) => {
    client.once("connect", () => resolve());
    client.once("error", reject);
    client.once("close", () => reject(new Error("the connection was closed before CONNACK")));
  });
  client.on("error", () => undefined);
  return client;
}

/** Resolves when the client's connection is gone. */
export async function closed(client: MqttClient): Promise<void> {
  if (!client.connected) return;
  await new Promise<void>((resolve) => client.once("close", () => resolve()));
}

/** Collects messages by topic, and lets a test wait for the next one that fits. */
export class Inbox {
  readonly all: { topic: string; text: string; retain: boolean }[] = [];
  readonly #waiting: (() => void)[] = [];

  constructor(client: MqttClient) {
    client.on("message", (from, payload, packet) => {
      this.all.push({ topic: from, text: payload.toString(), retain: packet.retain });
      for (const wake of this.#waiting.splice(0)) wake();
    });
  }

  /** Waits until so many messages have come on the topic. */
  async count(from: string, least: number): Promise<void> {
    while (this.all.filter((message) => message.topic === from).length < least) await this.#next();
  }

  #next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Waits for a message on the topic whose JSON fits, also among those that have come already. */
  async json(from: string, fits: (value: Json) => boolean = () => true): Promise<Json> {
    for (;;) {
      for (const message of this.all) {
        if (message.topic !== from) continue;
        const value = JSON.parse(message.text) as Json;
        if (fits(value)) return value;
      }
      await this.#next();
    }
  }
}

/** What acks and nacks look like to a test. */
export type Json = Record<string, string | number | null | undefined>;

/** Opens a bare TCP connection. */
export async function rawSocket(scope: Scope, port: number): Promise<Socket> {
  const socket = connectTcp(port, "127.0.0.1");
  scope.defer(() => socket.destroy());
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}
