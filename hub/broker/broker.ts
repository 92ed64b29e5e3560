/**
 * The hub's MQTT broker: aedes 1.2, with our own rules at each of its hooks (docs/formats.md, section 10).
 *
 * aedes acknowledges a publication as soon as `authorizePublish` calls back, so admission happens inside that hook: the
 * PUBACK leaves once the statement is durably decided. An error from the hook ends the connection and makes clients
 * resend for ever, so it answers only abuse of topics; what is wrong with a statement is admission's to say. A hook that
 * throws would end the process: each is wrapped. Which bytes arrive at all is the packet guard's matter.
 */

import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { Aedes } from "aedes";
import type { AuthenticateError, Client, ConnectPacket, PublishPacket, Subscription } from "aedes";
import { encodeUtf8 } from "../../ledger/bytes.ts";
import type { KeyState } from "../../ledger/registry.ts";
import { HUB_STATUS_TOPIC, topicOf } from "../../ledger/topic.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Logger } from "../../platform/log.ts";
import { checkLogin } from "./login.ts";
import type { ConnectRequest } from "./login.ts";
import { PacketGuard } from "./packet-guard.ts";
import type { Presence } from "./presence.ts";
import { RetainedMessages } from "./retained.ts";
import { Sessions } from "./session.ts";
import type { Session } from "./session.ts";
import { judgePublication, maySubscribe, PACKET_BYTES_MAX } from "./topics.ts";

/** What the broker asks of the hub. */
export interface BrokerPorts {
  readonly origin: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly presence: Presence;
  liveKey(name: string): KeyState | undefined;
  /** Takes a statement's message, whose bytes nobody changes; calls `decided` once, when the decision is durable, or never if the hub must stop. */
  admit(device: string, body: Uint8Array, decided: () => void): void;
  /** True while admission has enough to do: whoever sends meanwhile is not read. */
  isBusy(): boolean;
  /** Publishes the device's ack as of now: a subscription to it is about to begin. */
  refreshAck(device: string): Promise<void>;
}

/** Bounds, all of them on what strangers and devices can make the hub hold. */
export interface BrokerLimits {
  readonly connectionsMax: number;
  /** Statements of one device between arrival and decision. A connection is not read above this. */
  readonly inFlightMax: number;
  /** From the opening of a connection to its CONNECT. */
  readonly connectTimeoutMs: number;
  /** How long a client may leave the hub's answers unread. */
  readonly drainTimeoutMs: number;
}

export const BROKER_LIMITS: BrokerLimits = {
  connectionsMax: 20_000,
  inFlightMax: 256,
  connectTimeoutMs: 10_000,
  drainTimeoutMs: 30_000,
};

const CONNECT_BYTES_MAX = 4096;
const UNREAD_BYTES_MAX = 262_144;

const MQTT_3_1 = 3;
/** CONNACK with the code for an unacceptable protocol level (MQTT 3.1.1, 3.2.2.3), which aedes gives only by itself. */
const WRONG_VERSION = Uint8Array.of(0x20, 2, 0, 1);

interface Connection {
  readonly guard: PacketGuard;
  request: ConnectRequest | undefined;
  session: Session | undefined;
  /** Whether the log says already why the connection ends. */
  isLogged: boolean;
}

/** aedes without the routing of statements: nobody may subscribe to them, so there is nobody to look for. */
class StatementSparingAedes extends Aedes {
  override publish(packet: PublishPacket, ...rest: unknown[]): void {
    const done = rest.at(-1);
    if (packet.topic.endsWith(STATEMENT_LEAF)) {
      if (typeof done === "function") done(null);
      return;
    }
    // aedes itself passes the client between the two, which its types do not say.
    super.publish(packet, ...(rest as [() => void]));
  }
}

const STATEMENT_LEAF = "/statement";

/** The broker of one hub. Streams come in through `accept`; it opens no port itself. */
export class Broker {
  readonly #ports: BrokerPorts;
  readonly #limits: BrokerLimits;
  readonly #aedes: Aedes;
  readonly #retained = new RetainedMessages();
  readonly #sessions = new Sessions();
  readonly #connections = new WeakMap<Client, Connection>();
  readonly #streams = new Set<Duplex>();
  readonly #held = new Set<Session>();

  private constructor(ports: BrokerPorts, limits: BrokerLimits) {
    this.#ports = ports;
    this.#limits = limits;
    this.#aedes = new StatementSparingAedes({
      // No limit on deliveries under way: one frozen client would hold up all others' acks.
      concurrency: 0,
      connectTimeout: limits.connectTimeoutMs,
      drainTimeout: limits.drainTimeoutMs,
      persistence: this.#retained,
      preConnect: (client, packet, done) =>
        this.#guardHook(done, () => this.#preConnect(client, packet, done)),
      authenticate: (client, _username, _password, done) =>
        this.#guardHook(done, () => void this.#authenticate(client, done)),
      authorizePublish: (client, packet, done) =>
        this.#guardHook(done, () => this.#authorizePublish(client, packet, done)),
      authorizeSubscribe: (client, subscription, done) =>
        this.#guardHook(done, () => void this.#authorizeSubscribe(client, subscription, done)),
    });
    this.#listen();
  }

  /** Starts a broker without connections. */
  static async open(ports: BrokerPorts, limits: BrokerLimits = BROKER_LIMITS): Promise<Broker> {
    const broker = new Broker(ports, limits);
    await broker.#aedes.listen();
    return broker;
  }

  /** Serves MQTT on a stream until it ends. At the bound on connections the stream is closed at once. */
  accept(stream: Duplex): void {
    if (this.#streams.size >= this.#limits.connectionsMax || this.#aedes.closed) {
      stream.destroy();
      return;
    }
    this.#streams.add(stream);
    const guard = new PacketGuard(stream, {
      connectBytesMax: CONNECT_BYTES_MAX,
      packetBytesMax: PACKET_BYTES_MAX,
      unreadBytesMax: UNREAD_BYTES_MAX,
    });
    const client = this.#aedes.handle(stream);
    const connection: Connection = {
      guard,
      request: undefined,
      session: undefined,
      isLogged: false,
    };
    this.#connections.set(client, connection);
    stream.once("close", () => this.#ended(stream, connection));
  }

  /** How many streams are open, logged in or not. */
  get connectionCount(): number {
    return this.#streams.size;
  }

  /** Says whether a device is logged in. */
  isConnected(device: string): boolean {
    return this.#sessions.get(device) !== undefined;
  }

  /** The devices that are logged in. */
  connectedDevices(): string[] {
    return Array.from(this.#sessions.all(), (session) => session.device);
  }

  /** What a subscriber to the topic would be sent first. */
  retained(topic: string): Uint8Array | undefined {
    return this.#retained.payloadOf(topic);
  }

  /** Publishes a device's ack, retained; resolves when those who have subscribed by now have it on their way. */
  publishAck(device: string, body: Uint8Array): Promise<void> {
    return this.#publish(topicOf(device, "ack"), body, true);
  }

  /** Publishes a nack to a device; lost if it is not connected, and then sent again when its statement is. */
  publishNack(device: string, body: Uint8Array): void {
    void this.#publish(topicOf(device, "nack"), body, false);
  }

  /** Publishes what the hub says of itself, retained; resolves when it is on its way to all who have subscribed. */
  publishHubStatus(body: Uint8Array): Promise<void> {
    return this.#publish(HUB_STATUS_TOPIC, body, true);
  }

  /** Ends every connection that has logged in with this key. */
  disconnect(kid: string): void {
    for (const session of Array.from(this.#sessions.all())) {
      if (session.kid === kid) session.client.close();
    }
  }

  /** Reads connections again that were held while admission was busy. */
  resume(): void {
    if (this.#ports.isBusy()) return;
    for (const session of this.#held) {
      if (session.inFlight > this.#limits.inFlightMax / 2) continue;
      this.#held.delete(session);
      session.guard.release();
    }
  }

  /** Ends all connections. Nothing is admitted any more. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#aedes.close(() => resolve()));
    for (const stream of this.#streams) stream.destroy();
  }

  /** Never rejects: what is not delivered now is said again later. */
  async #publish(topic: string, payload: Uint8Array, retain: boolean): Promise<void> {
    if (this.#aedes.closed) return;
    const packet: PublishPacket = {
      cmd: "publish",
      topic,
      payload: Buffer.from(payload.buffer, payload.byteOffset, payload.length),
      qos: 1,
      retain,
      dup: false,
    };
    await new Promise<void>((resolve) => {
      this.#aedes.publish(packet, (error) => {
        if (error) this.#ports.logger.warn({ topic, error }, "could not publish");
        resolve();
      });
    });
  }

  #listen(): void {
    const { logger, presence } = this.#ports;
    this.#aedes.on("clientReady", (client) => {
      const session = this.#connections.get(client)?.session;
      if (session !== undefined && this.#sessions.isCurrent(session)) {
        presence.note(session.device, true);
      }
    });
    const noteFault = (client: Client, error: Error): void => {
      const connection = this.#connections.get(client);
      if (connection?.isLogged === true) return;
      if (connection !== undefined) connection.isLogged = true;
      // The other side's fault, or the line's: a stack would tell nothing.
      const device = connection?.session?.device;
      logger.info({ device, reason: error.message }, "an MQTT connection ended with an error");
    };
    this.#aedes.on("clientError", noteFault);
    this.#aedes.on("connectionError", noteFault);
    // Without a listener an "error" event would end the process.
    (this.#aedes as NodeJS.EventEmitter).on("error", (error: Error) => {
      logger.error({ error }, "the broker reports an error");
    });
  }

  #ended(stream: Duplex, connection: Connection): void {
    this.#streams.delete(stream);
    const { session } = connection;
    if (session === undefined) return;
    this.#held.delete(session);
    if (this.#sessions.end(session)) this.#ports.presence.note(session.device, false);
  }

  /** Runs a hook; a throw of ours refuses this one request instead of ending the hub. */
  #guardHook(done: (error: AuthenticateError, result: never) => void, run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#ports.logger.error({ error }, "a broker hook failed");
      done(refusal(3, "internal error"), undefined as never);
    }
  }

  /** Ends clients of MQTT 3.1, which aedes would serve; those of MQTT 5 it refuses itself. */
  #preConnect(
    client: Client,
    packet: ConnectPacket,
    done: (error: AuthenticateError | null, isWelcome: boolean) => void,
  ): void {
    if (packet.protocolVersion !== MQTT_3_1) return done(null, this.#noteConnect(client, packet));
    client.conn.write(WRONG_VERSION);
    done(refusal(2, "MQTT 3.1 is not spoken here, only 3.1.1"), false);
  }

  /** Keeps what `authenticate` is not given. aedes goes on only after `true`. */
  #noteConnect(client: Client, packet: ConnectPacket): boolean {
    const connection = this.#connections.get(client);
    if (connection === undefined) return false;
    const { will, password } = packet;
    connection.request = {
      clientId: packet.clientId,
      username: packet.username,
      password: password === undefined ? undefined : new Uint8Array(password),
      isClean: packet.clean === true,
      will: will === undefined ? undefined : asPublication(will),
    };
    return true;
  }

  async #authenticate(
    client: Client,
    done: (error: AuthenticateError | null, success: boolean | null) => void,
  ): Promise<void> {
    try {
      const fault = await this.#login(client);
      if (fault === undefined) done(null, true);
      else done(fault, null);
    } catch (error) {
      this.#ports.logger.error({ error }, "a login failed by a fault of the hub");
      done(refusal(3, "internal error"), null);
    }
  }

  async #login(client: Client): Promise<AuthenticateError | undefined> {
    const { clock, logger, origin } = this.#ports;
    const connection = this.#connections.get(client);
    const request = connection?.request;
    if (connection === undefined || request === undefined) return refusal(5, "no CONNECT");
    const liveKey = (name: string): KeyState | undefined => this.#ports.liveKey(name);
    const key = await checkLogin(request, { origin, nowMs: clock.nowMs(), liveKey });
    if ("returnCode" in key) {
      const device = request.clientId.slice(0, 64);
      logger.warn({ device, reason: key.text }, "a login was refused");
      connection.isLogged = true;
      return refusal(key.returnCode, key.text);
    }
    // The registry and the connection may both have changed while the token was checked.
    if (liveKey(key.name) !== key) return refusal(5, "the key was revoked");
    if (client.closed) return refusal(5, "the connection is closed");
    const { guard } = connection;
    const session: Session = { device: key.name, kid: key.kid, client, guard, inFlight: 0 };
    connection.session = session;
    return (await this.#sessions.begin(session)) ? undefined : refusal(3, "replaced");
  }

  #authorizePublish(
    client: Client | null,
    packet: PublishPacket,
    done: (error?: Error | null) => void,
  ): void {
    const session = client === null ? undefined : this.#connections.get(client)?.session;
    if (session === undefined) return done(new Error("not logged in"));
    // What a connection says while it closes is its will. One that has been replaced is half-open, and its `offline`
    // would stand over the newer connection's `online`.
    if (session.client.closed && !this.#sessions.isCurrent(session)) {
      return done(new Error("a newer connection speaks for this device"));
    }
    const leaf = judgePublication(session.device, asPublication(packet));
    if (typeof leaf === "object") {
      const { device } = session;
      this.#ports.logger.warn({ device, reason: leaf.fault }, "a publication was refused");
      return done(new Error(leaf.fault));
    }
    if (leaf === "statement") return this.#admit(session, packet, done);
    if (leaf === "state")
      this.#ports.presence.noteState(session.device, viewOf(packet.payload).slice());
    done(null);
  }

  #admit(session: Session, packet: PublishPacket, done: (error?: Error | null) => void): void {
    session.inFlight += 1;
    if (session.inFlight >= this.#limits.inFlightMax || this.#ports.isBusy()) {
      session.guard.hold();
      this.#held.add(session);
    }
    this.#ports.admit(session.device, viewOf(packet.payload), () => {
      session.inFlight -= 1;
      if (!session.client.closed) done(null);
    });
  }

  async #authorizeSubscribe(
    client: Client,
    subscription: Subscription,
    done: (error: Error | null, subscription?: Subscription | null) => void,
  ): Promise<void> {
    const session = this.#connections.get(client)?.session;
    const { topic } = subscription;
    // Without a subscription aedes answers 0x80 (MQTT 3.1.1, 3.9.3), and the connection stays.
    if (session === undefined || !maySubscribe(session.device, topic)) return done(null, null);
    if (topic === topicOf(session.device, "ack")) await this.#refreshAck(session.device);
    done(null, subscription);
  }

  /** Retains the newest ack before the subscription begins, so that aedes sends just this one. */
  async #refreshAck(device: string): Promise<void> {
    try {
      await this.#ports.refreshAck(device);
    } catch (error) {
      this.#ports.logger.error({ device, error }, "could not compose an ack");
    }
  }
}

/** The payload as plain bytes: a view into the connection's read buffer, which it keeps alive. */
function viewOf(payload: string | Buffer): Uint8Array {
  if (typeof payload === "string") return encodeUtf8(payload);
  return new Uint8Array(payload.buffer, payload.byteOffset, payload.length);
}

function asPublication(packet: {
  topic: string;
  payload: string | Buffer;
  qos?: number;
  retain?: boolean;
}): { topic: string; qos: number; retain: boolean; payload: Uint8Array } {
  const { payload } = packet;
  return {
    topic: packet.topic,
    qos: packet.qos ?? 0,
    retain: packet.retain ?? false,
    payload: viewOf(payload),
  };
}

function refusal(returnCode: 2 | 3 | 4 | 5, text: string): AuthenticateError {
  return Object.assign(new Error(text), { returnCode }) as AuthenticateError;
}
