/**
 * One MQTT connection (MQTT 3.1.1), from CONNECT to the end, over a client of its own.
 *
 * mqtt.js is kept from everything that it would do by itself: it does not reconnect, its session is clean, nothing is
 * put into its queue while it is offline. Its promises may never settle after a refusal, so every wait here has a limit,
 * and whatever goes wrong ends the connection; the next one is made anew.
 */

import { Buffer } from "node:buffer";
import type { IClientOptions, IClientPublishOptions, MqttClient } from "mqtt";
import { topicOf } from "../../ledger/topic.ts";
import type { Clock } from "../../platform/clock.ts";

/** Makes an MQTT client with these options; the transport is the caller's choice. Called once for each connection. */
export type ConnectHub = (options: IClientOptions) => MqttClient;

/** What a connection is made of. */
export interface HubConnectionParts {
  readonly connect: ConnectHub;
  readonly clock: Clock;
  readonly device: string;
  /** A fresh token. */
  readonly password: string;
  /** Limit of each single wait. */
  readonly waitMs: number;
  /** Ends an opening that is under way. */
  readonly signal: AbortSignal;
  /** Takes the bodies of messages; must not throw. */
  readonly heard: (leaf: "ack" | "nack", body: Uint8Array) => void;
}

const KEEPALIVE_SECONDS = 30;
/** How long DISCONNECT may take to get out, once `offline` is acknowledged. */
const GOODBYE_MS = 1_000;

/** See the head of the file. */
export class HubConnection {
  /** Settles, never rejecting, when the connection is over; with the reason, if it was not `close`. */
  readonly ended: Promise<Error | undefined>;
  private readonly parts: HubConnectionParts;
  private readonly client: MqttClient;
  private readonly connected: Promise<void>;
  private end!: (reason: Error | undefined) => void;
  private isOver = false;
  private readonly waits = new Set<(reason: Error) => void>();

  private constructor(parts: HubConnectionParts) {
    const { device, heard } = parts;
    this.parts = parts;
    this.ended = new Promise((resolve) => {
      this.end = resolve;
    });
    const client = parts.connect(optionsOf(parts));
    this.client = client;
    this.connected = new Promise((resolve) => {
      client.once("connect", () => resolve());
    });
    // Errors may come at any time, also after the end: without a listener they would end the process.
    client.on("error", (error) => this.fail(error));
    client.on("close", () => this.fail(new Error("the connection was closed")));
    client.on("message", (topic, body) => {
      if (this.isOver) return;
      if (topic === topicOf(device, "ack")) heard("ack", body);
      else if (topic === topicOf(device, "nack")) heard("nack", body);
    });
  }

  /** Connects, subscribes, and says `online`. Rejects, with the connection ended, when any of it fails or takes too long. */
  static async open(parts: HubConnectionParts): Promise<HubConnection> {
    const connection = new HubConnection(parts);
    const abort = (): void => connection.fail(new Error("the program is stopping"));
    parts.signal.addEventListener("abort", abort, { once: true });
    try {
      await connection.limited(connection.connected, "CONNACK");
      await connection.subscribe();
      await connection.publish("status", "online", { qos: 1, retain: true });
      return connection;
    } catch (error) {
      connection.fail(error as Error);
      throw error;
    } finally {
      parts.signal.removeEventListener("abort", abort);
    }
  }

  /** Whether it is over. */
  get isClosed(): boolean {
    return this.isOver;
  }

  /** Publishes; resolves at PUBACK for QoS 1. A rejection has ended the connection. */
  async publish(
    leaf: "statement" | "status" | "state",
    body: Uint8Array | string,
    options: IClientPublishOptions,
  ): Promise<void> {
    const payload = typeof body === "string" ? body : Buffer.from(body);
    const done = new Promise<void>((resolve, reject) => {
      if (this.isOver) throw new Error("the connection is over");
      this.client.publish(topicOf(this.parts.device, leaf), payload, options, (error) =>
        error ? reject(error) : resolve(),
      );
    });
    try {
      await this.limited(done, "PUBACK");
    } catch (error) {
      this.fail(error as Error);
      throw error;
    }
  }

  /** Ends the connection at once. The broker will publish the will. */
  fail(reason: Error): void {
    if (this.isOver) return;
    this.isOver = true;
    this.client.end(true);
    for (const abandon of this.waits) abandon(reason);
    this.end(reason);
  }

  /** Says `offline`, and ends the connection in good order. Never rejects. */
  async close(): Promise<void> {
    if (this.isOver) return;
    try {
      await this.publish("status", "offline", { qos: 1, retain: true });
      this.isOver = true;
      const ended = new Promise<void>((resolve) => {
        this.client.end(false, {}, () => resolve());
      });
      await this.limited(ended, "end", GOODBYE_MS);
    } catch {
      // Over in any case: whoever looks will see the will.
    }
    this.isOver = true;
    this.client.end(true);
    this.end(undefined);
  }

  private subscribe(): Promise<void> {
    const topics = [topicOf(this.parts.device, "ack"), topicOf(this.parts.device, "nack")];
    const granted = new Promise<void>((resolve, reject) => {
      this.client.subscribe(topics, { qos: 1 }, (error, grants) => {
        const isRefused = grants?.some(({ qos }) => (qos as number) > 2) ?? true;
        if (error || isRefused) reject(error ?? new Error("the broker refused the subscription"));
        else resolve();
      });
    });
    return this.limited(granted, "SUBACK");
  }

  /** Waits for `work`, for the limit, or for the end of the connection, whichever comes first. */
  private limited<T>(
    work: Promise<T>,
    what: string,
    waitMs: number = this.parts.waitMs,
  ): Promise<T> {
    const { clock } = this.parts;
    return new Promise<T>((resolve, reject) => {
      const abandon = (reason: Error): void => {
        settle();
        reject(reason);
      };
      const cancel = clock.after(waitMs, () => abandon(new Error(`no ${what} in ${waitMs} ms`)));
      const settle = (): void => {
        cancel();
        this.waits.delete(abandon);
      };
      this.waits.add(abandon);
      work.then((value) => {
        settle();
        resolve(value);
      }, abandon);
    });
  }
}

function optionsOf({ device, password, waitMs }: HubConnectionParts): IClientOptions {
  return {
    clientId: device,
    username: device,
    password,
    protocolVersion: 4,
    clean: true,
    reconnectPeriod: 0,
    connectTimeout: waitMs,
    keepalive: KEEPALIVE_SECONDS,
    queueQoSZero: false,
    resubscribe: false,
    will: {
      topic: topicOf(device, "status"),
      payload: Buffer.from("offline"),
      qos: 1,
      retain: true,
    },
  };
}
