/**
 * One MQTT 3.1.1 connection of a simulated device, over any stream: packets out, packets in, and nothing done by itself.
 *
 * On `mqtt-packet`, the codec under mqtt.js and aedes. A whole client has queues, timers and a store for each connection;
 * for ten thousand of them this takes half the memory and half the processor (docs/simulate.md, "Devices for load"). It is
 * also told to do what no client would: a misbehaving device needs that.
 */
import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { generate, parser, writeToStream } from "mqtt-packet";
import type { IConnectPacket, Packet, Parser } from "mqtt-packet";

/** What the owner of a link hears. Nothing is said after `closed`, which is said once. */
export interface LinkListener {
  /** The hub has said something, whatever it was; called before the others. */
  heard?(): void;
  /** CONNACK, with its return code (MQTT 3.1.1, 3.2.2.3). */
  connected(code: number): void;
  /** A message; the bytes are a view that holds during the call. */
  message(topic: string, body: Uint8Array): void;
  /** The connection is over, whoever has ended it. */
  closed(reason: string): void;
}

/** How a device logs in. */
export interface Login {
  readonly clientId: string;
  readonly username: string;
  readonly password: string;
  readonly will?: { readonly topic: string; readonly payload: string };
}

/** How a message is published. */
export interface PublishOptions {
  readonly qos: 0 | 1;
  readonly retain: boolean;
}

/** The broker answers 0x80 to a subscription that it does not grant (MQTT 3.1.1, 3.9.3). */
export const NOT_GRANTED = 0x80;

/** Seconds between two packets, at most; the link does not see to that itself. */
export const KEEPALIVE_SECONDS = 60;

/** More than a broker of ours ever has to say in one packet. */
const INBOUND_BYTES_MAX = 1_048_576;
const MESSAGE_ID_MAX = 65_535;

/** See the head of the file. */
export class MqttLink {
  readonly stream: Duplex;
  readonly #listener: LinkListener;
  readonly #parser: Parser;
  readonly #acknowledged = new Map<number, () => void>();
  readonly #granted = new Map<number, (granted: readonly number[]) => void>();
  #messageId = 0;
  #isClosed = false;

  /** Takes a stream that is open or being opened, and owns it from here on. */
  constructor(stream: Duplex, listener: LinkListener) {
    this.stream = stream;
    this.#listener = listener;
    this.#parser = parser({ protocolVersion: 4 });
    this.#parser.on("packet", (packet) => this.#hear(packet));
    this.#parser.on("error", (error: Error) => this.close(`not MQTT: ${error.message}`));
    stream.on("data", (chunk: Buffer) => {
      if (this.#parser.parse(chunk) > INBOUND_BYTES_MAX) this.close("a packet without end");
    });
    stream.on("error", (error: NodeJS.ErrnoException) => this.close(error.code ?? error.message));
    stream.on("end", () => this.close("closed by the hub"));
    stream.on("close", () => this.close("closed by the hub"));
  }

  /** Whether it is over. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Messages that have not had their PUBACK. */
  get underWay(): number {
    return this.#acknowledged.size;
  }

  /** Sends CONNECT, for a clean session. */
  connect({ clientId, username, password, will }: Login): void {
    const packet: IConnectPacket = {
      cmd: "connect",
      protocolId: "MQTT",
      protocolVersion: 4,
      clean: true,
      clientId,
      keepalive: KEEPALIVE_SECONDS,
      username,
      password: Buffer.from(password),
    };
    if (will !== undefined) {
      packet.will = { ...will, payload: Buffer.from(will.payload), qos: 1, retain: true };
    }
    this.write(generate(packet));
  }

  /** Subscribes with QoS 1; `done` is told what was granted for each, `NOT_GRANTED` for no. */
  subscribe(topics: readonly string[], done: (granted: readonly number[]) => void): void {
    const messageId = this.#nextId();
    this.#granted.set(messageId, done);
    const subscriptions = topics.map((topic) => ({ topic, qos: 1 as const }));
    this.#send({ cmd: "subscribe", messageId, subscriptions });
  }

  /** Publishes; `done` is called at PUBACK, and never if the connection ends before. The bytes must not change. */
  publish(
    topic: string,
    body: Uint8Array,
    { qos, retain }: PublishOptions,
    done: () => void = () => undefined,
  ): void {
    const payload = Buffer.from(body.buffer, body.byteOffset, body.length);
    if (qos === 0) {
      this.#send({ cmd: "publish", topic, payload, qos, retain, dup: false });
      return;
    }
    const messageId = this.#nextId();
    this.#acknowledged.set(messageId, done);
    this.#send({ cmd: "publish", topic, payload, qos, retain, dup: false, messageId });
  }

  /** Sends PINGREQ. */
  ping(): void {
    this.#send({ cmd: "pingreq" });
  }

  /** Writes bytes that may be no packet at all. */
  write(bytes: Uint8Array): void {
    if (!this.#isClosed) this.stream.write(bytes);
  }

  /** Says goodbye (DISCONNECT) and ends the connection. */
  leave(): void {
    if (this.#isClosed) return;
    this.#send({ cmd: "disconnect" });
    this.stream.end();
  }

  /** Ends the connection at once. */
  close(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.stream.destroy();
    this.#acknowledged.clear();
    this.#granted.clear();
    this.#listener.closed(reason);
  }

  #send(packet: Packet): void {
    if (!this.#isClosed) writeToStream(packet, this.stream);
  }

  #hear(packet: Packet): void {
    if (this.#isClosed) return;
    this.#listener.heard?.();
    switch (packet.cmd) {
      case "connack":
        return this.#listener.connected(packet.returnCode ?? 0);
      case "puback":
        return this.#settle(this.#acknowledged, packet.messageId, undefined);
      case "suback":
        return this.#settle(this.#granted, packet.messageId, packet.granted as number[]);
      case "publish": {
        const { topic, payload, qos, messageId } = packet;
        if (qos === 1 && messageId !== undefined) this.#send({ cmd: "puback", messageId });
        return this.#listener.message(topic, asBytes(payload));
      }
      case "pingresp":
        return;
      default:
        return this.close(`a ${packet.cmd} packet, which no broker sends here`);
    }
  }

  #settle<T>(waiting: Map<number, (answer: T) => void>, id: number | undefined, answer: T): void {
    const done = id === undefined ? undefined : waiting.get(id);
    if (id !== undefined) waiting.delete(id);
    done?.(answer);
  }

  #nextId(): number {
    do {
      this.#messageId = (this.#messageId % MESSAGE_ID_MAX) + 1;
    } while (this.#acknowledged.has(this.#messageId) || this.#granted.has(this.#messageId));
    return this.#messageId;
  }
}

function asBytes(payload: string | Buffer): Uint8Array {
  return typeof payload === "string" ? Buffer.from(payload) : payload;
}
