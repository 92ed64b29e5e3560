/**
 * Tells Home Assistant, over a broker of the household's or the city's own, what a device is and what it measures now.
 *
 * A side view, and treated as one: it has a connection of its own with the device's availability as its will, nothing
 * waits for it, and what it could not tell is not kept. It is never the hub's broker, on which a device may speak on
 * its own branch only.
 */

import { Buffer } from "node:buffer";
import type { IClientOptions, MqttClient } from "mqtt";
import type { Clock } from "../../platform/clock.ts";
import type { Logger } from "../../platform/log.ts";
import type { LatestReading } from "../packs/intake.ts";
import {
  announcementOf,
  announcementTopic,
  availabilityTopic,
  loggingTopic,
  OFFLINE,
  ONLINE,
  valueTopic,
} from "./announcement.ts";
import type { AnnouncedValue } from "./announcement.ts";
import { UNKNOWN } from "./ledger-state.ts";
import type { LedgerState } from "./ledger-state.ts";
import { NOTHING_RECALLED, recall } from "./recollection.ts";
import type { Recollection } from "./recollection.ts";

/** What is told of an agent. */
export interface AgentView {
  /** The newest value of every quantity. */
  readonly latest: readonly LatestReading[];
  /** Whether what is measured is signed and reaches the hub. */
  readonly ledger: LedgerState;
}

/** What an announcer is made of. */
export interface AnnouncerParts {
  readonly device: string;
  readonly origin: string;
  readonly version: string;
  /** Home Assistant's discovery prefix. */
  readonly prefix: string;
  readonly expireAfterSeconds: number;
  /** The streams that its sensors may have. */
  readonly streams: readonly string[];
  readonly look: () => AgentView;
  /** Makes a client of the broker with these options. Called once. */
  readonly connect: (options: IClientOptions) => MqttClient;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How often values are told, at most; also how soon a new one is. */
const TELL_EVERY_MS = 5_000;
const RECONNECT_MS = 15_000;
const CONNECT_MS_MAX = 15_000;
const LEAVE_MS_MAX = 2_000;
/** Quantities beyond this are not announced: a home-made board may name as many as it likes. */
const VALUES_MAX = 200;
/** Where Home Assistant says that it has started, unless that was changed there: whatever its discovery prefix is. */
const USUAL_BIRTH_TOPIC = "homeassistant/status";
/** How long a broker may take to hand over what it has kept; one that has kept nothing says nothing. */
const RECALL_MS = 1_000;

/** See the head of the file. */
export class Announcer {
  private readonly parts: AnnouncerParts;
  private readonly told = new Map<string, number>();
  private client: MqttClient | undefined;
  private announced = "";
  private ledger: LedgerState | undefined;
  private hasFailed = false;
  /** Absent until the broker has been asked. */
  private recalled: Recollection | undefined;
  /** Home Assistant has just been told of something new, and may not have listened to its values yet. */
  private mayHaveMissed = false;

  constructor(parts: AnnouncerParts) {
    this.parts = parts;
  }

  /** Connects, announces and tells until the signal; then says `offline`. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const client = this.parts.connect(this.options());
    this.client = client;
    client.on("connect", () => this.arrive(client));
    client.on("message", (topic, body, { retain }) => this.hear(client, topic, body, retain));
    client.on("error", (error) => this.fail(error));
    client.on("close", () => this.fail(new Error("the connection was closed")));
    while (!signal.aborted) {
      this.tell(client);
      await this.parts.clock.sleep(TELL_EVERY_MS, signal).catch(() => undefined);
    }
    await this.leave(client);
  }

  /** Whether the broker is there. */
  get isConnected(): boolean {
    return this.client?.connected === true;
  }

  private options(): IClientOptions {
    const { device } = this.parts;
    const topic = availabilityTopic(device);
    return {
      protocolVersion: 4,
      clientId: `kerbstone-${device}`,
      clean: true,
      reconnectPeriod: RECONNECT_MS,
      reconnectOnConnackError: true,
      connectTimeout: CONNECT_MS_MAX,
      queueQoSZero: false,
      resubscribe: false,
      will: { topic, payload: Buffer.from(OFFLINE), qos: 1, retain: true },
    };
  }

  /** On a new connection. */
  private arrive(client: MqttClient): void {
    const { device, prefix, logger, clock } = this.parts;
    if (this.hasFailed || this.announced === "")
      logger.info({}, "connected to Home Assistant's broker");
    this.hasFailed = false;
    // Once a connection: what a broker has kept comes again with every subscription.
    const births = [...new Set([USUAL_BIRTH_TOPIC, `${prefix}/status`])];
    client.subscribe(births, { qos: 1 }, () => undefined);
    this.publish(client, availabilityTopic(device), ONLINE, true);
    if (this.recalled === undefined) {
      client.subscribe(announcementTopic(device, prefix), { qos: 1 }, () => undefined);
      clock.after(RECALL_MS, () => this.remember(client, NOTHING_RECALLED));
    } else this.greet(client);
  }

  private hear(client: MqttClient, topic: string, body: Buffer, isKept: boolean): void {
    const { device, prefix, streams } = this.parts;
    if (topic === announcementTopic(device, prefix)) {
      if (isKept) this.remember(client, recall(body.toString(), this.parts, streams));
    } else if (!isKept && body.toString() === ONLINE) {
      // Home Assistant has been started again, and has forgotten what was not retained.
      this.greet(client);
    }
  }

  private remember(client: MqttClient, recollection: Recollection): void {
    const { device, prefix } = this.parts;
    if (this.recalled !== undefined || !client.connected) return;
    this.recalled = recollection;
    client.unsubscribe(announcementTopic(device, prefix), () => undefined);
    this.greet(client);
  }

  /** Says everything anew. */
  private greet(client: MqttClient): void {
    this.announced = "";
    this.ledger = undefined;
    this.told.clear();
    this.tell(client);
  }

  /** Tells what is new since the last time. */
  private tell(client: MqttClient): void {
    if (!client.connected || this.recalled === undefined) return;
    const { device, prefix, look } = this.parts;
    const { kept, gone } = this.recalled;
    if (this.mayHaveMissed) this.told.clear();
    this.mayHaveMissed = false;
    const { latest, ledger } = look();
    const readings = latest.slice(0, VALUES_MAX);
    const announcement = announcementOf(
      { ...this.parts, values: readings.map(announcedValue), others: { ...gone, ...kept } },
      prefix,
    );
    if (announcement.body !== this.announced) {
      this.announced = announcement.body;
      this.mayHaveMissed = true;
      this.publish(client, announcement.topic, announcement.body, true);
    }
    if (ledger !== this.ledger) this.publish(client, loggingTopic(device), ledger, true);
    this.ledger = ledger;
    for (const reading of readings) {
      const topic = valueTopic(device, reading);
      if (this.told.get(topic) === reading.atMs) continue;
      this.told.set(topic, reading.atMs);
      this.publish(client, topic, stateOf(reading), false);
    }
  }

  private publish(client: MqttClient, topic: string, body: string, retain: boolean): void {
    // What is retained must arrive; a value that is lost is followed by the next.
    client.publish(topic, body, { qos: retain ? 1 : 0, retain }, () => undefined);
  }

  private async leave(client: MqttClient): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.parts.clock.after(LEAVE_MS_MAX, resolve);
      const done = (): void => {
        cancel();
        resolve();
      };
      if (!client.connected) done();
      else
        client.publish(
          availabilityTopic(this.parts.device),
          OFFLINE,
          { qos: 1, retain: true },
          done,
        );
    });
    client.removeAllListeners("close");
    client.end(true);
  }

  private fail(error: Error): void {
    // A broker that is away for a night is worth one line.
    if (!this.hasFailed)
      this.parts.logger.warn({ reason: error.message }, "no connection to Home Assistant's broker");
    this.hasFailed = true;
  }
}

function announcedValue({ stream, quantity, unit, value }: LatestReading): AnnouncedValue {
  return { stream, quantity, unit, type: typeof value as AnnouncedValue["type"] };
}

/** A value that its sensor disowns is unknown: automations have no use for it. */
function stateOf({ value, fault }: LatestReading): string {
  return fault === true ? UNKNOWN : String(value);
}
