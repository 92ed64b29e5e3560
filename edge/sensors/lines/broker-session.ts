/**
 * One connection to the LAN's broker (MQTT 3.1.1), from CONNECT to its end, and the lines that share it.
 *
 * As with the hub, mqtt.js is kept from all that it would do by itself: no reconnecting, a clean session, nothing queued.
 * Every wait has a limit, and whatever goes wrong ends the connection for all of its lines; each of them tries again in
 * its own time (broker.ts).
 */

import { encodeHex } from "../../../ledger/bytes.ts";
import type { IClientOptions, IPublishPacket, MqttClient } from "mqtt";
import type { Clock } from "../../../platform/clock.ts";
import type { Random } from "../../../platform/random.ts";
import { formatMessage } from "../framers/message.ts";
import { matchesTopic } from "../topic-filter.ts";
import type { ConnectBroker } from "./broker-transport.ts";
import type { BrokerAccess } from "./lan-access.ts";
import type { ConnectionEvents } from "./line.ts";
import { MessageQuota } from "./message-quota.ts";

/** What a session is made of. */
export interface BrokerSessionParts {
  readonly access: BrokerAccess;
  readonly connect: ConnectBroker;
  readonly clock: Clock;
  readonly random: Random;
  /** Told when a message was too long, once a session. */
  readonly trimmed: () => void;
}

/** A line that hears messages. */
export interface Subscriber {
  /**
   * All that it hears, what it is there for first. No topic is matched by two of them, and by no others of the session
   * unless they are the same.
   */
  readonly filters: readonly string[];
  readonly events: ConnectionEvents;
}

interface Member extends Subscriber {
  readonly quota: MessageQuota;
  /** Whether whoever added it has been told so. */
  isSubscribed: boolean;
  /** What came before the line knew that it is open. */
  held: Uint8Array[] | undefined;
}

const WAIT_MS = 8_000;
const KEEPALIVE_SECONDS = 30;
const GOODBYE_MS = 1_000;
/** A board with twenty sensors, each of which speaks once a second. */
const QUOTA = { perSecond: 20, atOnce: 200 };

/** See the head of the file. */
export class BrokerSession {
  private readonly parts: BrokerSessionParts;
  private readonly client: MqttClient;
  private readonly connected: Promise<void>;
  private readonly members = new Set<Member>();
  private readonly waits = new Set<(reason: Error) => void>();
  private readonly ended: (reason: Error) => void;
  private hasSaidTrimmed = false;
  private isOver = false;

  private constructor(parts: BrokerSessionParts, ended: (reason: Error) => void) {
    this.parts = parts;
    this.ended = ended;
    this.client = parts.connect(parts.access, optionsOf(parts), () => this.noteTrimmed());
    this.connected = new Promise((resolve) => {
      this.client.once("connect", () => resolve());
    });
    // Errors may come at any time, also after the end: without a listener they would end the process.
    this.client.on("error", (error) => this.fail(error));
    this.client.on("close", () => this.fail(new Error("the broker has closed the connection")));
    this.client.on("message", (topic, payload, packet) => this.hear(topic, payload, packet));
  }

  /** Connects. Rejects when that fails or takes too long; `ended` is told of every end that was not asked for. */
  static async open(
    parts: BrokerSessionParts,
    ended: (reason: Error) => void,
  ): Promise<BrokerSession> {
    const session = new BrokerSession(parts, ended);
    await session.limited(session.connected, "answer of the broker");
    return session;
  }

  /** Whether it is over. */
  get isClosed(): boolean {
    return this.isOver;
  }

  /** Subscribes a line; gives what ends that. A rejection has ended the whole session, or the line was refused. */
  async add(subscriber: Subscriber): Promise<() => void> {
    if (this.isOver) throw new Error("the connection to the broker is over");
    const { clock } = this.parts;
    const quota = new MessageQuota(QUOTA, clock.monotonicMs());
    const member: Member = { ...subscriber, quota, isSubscribed: false, held: [] };
    this.members.add(member);
    try {
      const [filter = "", ...besides] = member.filters;
      await this.subscribe([filter]);
      // Many brokers let one hear a board and not who is there: that must not keep its values out.
      if (besides.length > 0)
        await this.subscribe(besides).catch((error: unknown) => this.unlessOver(error));
    } catch (error) {
      this.remove(member);
      throw error;
    }
    member.isSubscribed = true;
    // Whoever waits for this promise runs before the timer does.
    clock.after(0, () => this.release(member));
    return () => this.remove(member);
  }

  /** Ends the session at once; its lines hear of it. */
  fail(reason: Error): void {
    if (this.isOver) return;
    this.isOver = true;
    this.client.end(true);
    for (const abandon of this.waits) abandon(reason);
    this.ended(reason);
    const lost = [...this.members].filter(({ isSubscribed }) => isSubscribed);
    this.members.clear();
    for (const { events } of lost) events.closed(reason);
  }

  /** Says goodbye, within a limit. Never rejects. */
  async close(): Promise<void> {
    if (this.isOver) return;
    this.isOver = true;
    const gone = new Promise<void>((resolve) => {
      this.client.end(false, {}, () => resolve());
    });
    await this.limited(gone, "end", GOODBYE_MS).catch(() => undefined);
    this.client.end(true);
  }

  private subscribe(filters: readonly string[]): Promise<void> {
    const granted = new Promise<void>((resolve, reject) => {
      this.client.subscribe([...filters], { qos: 1 }, (error, grants) => {
        const isRefused = grants?.some(({ qos }) => (qos as number) > 2) ?? true;
        if (error || isRefused)
          reject(new Error(`the broker refuses ${filters.join(" and ")}`, { cause: error }));
        else resolve();
      });
    });
    return this.limited(granted, "answer to the subscription");
  }

  private unlessOver(error: unknown): void {
    if (this.isOver) throw error;
  }

  private remove(member: Member): void {
    if (!this.members.delete(member) || this.isOver) return;
    const others = [...this.members].flatMap(({ filters }) => filters);
    const unused = member.filters.filter((filter) => !others.includes(filter));
    // Nobody waits for the answer: what still comes is matched by nobody.
    if (unused.length > 0) this.client.unsubscribe(unused, () => undefined);
  }

  private hear(topic: string, payload: Uint8Array, { retain }: IPublishPacket): void {
    if (this.isOver) return;
    let line: Uint8Array | undefined;
    for (const member of this.members) {
      if (!member.filters.some((filter) => matchesTopic(filter, topic))) continue;
      line ??= formatMessage(topic, payload, retain);
      const isWelcome = member.quota.take(this.parts.clock.monotonicMs());
      if (line === undefined || !isWelcome) member.events.refused?.(payload.length);
      else if (member.held === undefined) member.events.bytes(line);
      else member.held.push(line);
    }
  }

  /** Hands a line what has come while it was not open yet; the quota has bounded it. */
  private release(member: Member): void {
    const { held = [] } = member;
    member.held = undefined;
    if (this.members.has(member)) for (const line of held) member.events.bytes(line);
  }

  private noteTrimmed(): void {
    if (!this.hasSaidTrimmed) this.parts.trimmed();
    this.hasSaidTrimmed = true;
  }

  /** Waits for `work`, for the limit, or for the end of the session. A wait that is too long ends the session. */
  private limited<T>(work: Promise<T>, what: string, waitMs = WAIT_MS): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const settle = (): void => {
        cancel();
        this.waits.delete(abandon);
      };
      const abandon = (reason: Error): void => {
        settle();
        reject(reason);
      };
      const cancel = this.parts.clock.after(waitMs, () => {
        const reason = new Error(`no ${what} in ${waitMs} ms`);
        abandon(reason);
        this.fail(reason);
      });
      this.waits.add(abandon);
      work.then(
        (value) => {
          settle();
          resolve(value);
        },
        (error: unknown) => abandon(error as Error),
      );
    });
  }
}

function optionsOf({ access, random }: BrokerSessionParts): IClientOptions {
  const { username, password } = access;
  return {
    // Brokers need not take more than 23 letters and digits [MQTT-3.1.3-5].
    clientId: `kerbstone${encodeHex(random.bytes(6))}`,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    protocolVersion: 4,
    clean: true,
    reconnectPeriod: 0,
    connectTimeout: WAIT_MS,
    keepalive: KEEPALIVE_SECONDS,
    queueQoSZero: false,
    resubscribe: false,
  };
}
