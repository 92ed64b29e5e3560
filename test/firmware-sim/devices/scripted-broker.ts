/**
 * A broker that does as it likes: over real sockets, for what no hub of ours would do.
 *
 * Unless told otherwise it believes everybody: lets all in, grants all, calls whatever comes stored, and refuses nothing.
 */
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { generate, parser } from "mqtt-packet";
import type { IPublishPacket, Packet } from "mqtt-packet";
import { encodeHex } from "../../../ledger/bytes.ts";
import { kidHex } from "../../../ledger/key.ts";
import { Refusal } from "../../../ledger/errors.ts";
import { decodeStatement } from "../../../ledger/statement.ts";
import type { Statement } from "../../../ledger/statement.ts";
import { topicOf } from "../../../ledger/topic.ts";
import { makeIdentity } from "../../../firmware-sim/devices/identity.ts";
import type { Scope } from "../../support/scope.ts";

/** What the broker is to do otherwise. */
export interface BrokerScript {
  /** CONNACK's code for a client id; 0 unless given. */
  readonly login?: (clientId: string) => number;
  /** Whether a statement that was acknowledged is called stored in the acks that follow. */
  readonly stores?: (statement: Statement) => boolean;
}

/** Where a device's chain stands, as the broker tells it. */
interface Told {
  stored: number;
  hash: string;
}

/** See the head of the file. */
export class ScriptedBroker {
  readonly port: number;
  /** Statements that had their PUBACK. */
  acknowledged = 0;
  connections = 0;
  readonly #seed: string;
  readonly #script: BrokerScript;
  readonly #told = new Map<string, Told>();
  readonly #sockets = new Set<Socket>();

  private constructor(port: number, seed: string, script: BrokerScript) {
    this.port = port;
    this.#seed = seed;
    this.#script = script;
  }

  /** Listens on a free port of loopback. `seed` is that of the devices: acks name their keys. */
  static async start(
    scope: Scope,
    seed: string,
    script: BrokerScript = {},
  ): Promise<ScriptedBroker> {
    const server = createServer((socket) => broker.#serve(socket));
    scope.defer(() => {
      for (const socket of broker.#sockets) socket.destroy();
      server.close();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const broker = new ScriptedBroker((server.address() as AddressInfo).port, seed, script);
    return broker;
  }

  /** Forgets everything, and cuts all connections. */
  cutAndForget(): void {
    this.#told.clear();
    this.cut();
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    this.connections += 1;
    let name = "";
    const packets = parser({ protocolVersion: 4 });
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk) => packets.parse(chunk));
    packets.on("error", () => undefined);
    packets.on("packet", (packet) => {
      if (packet.cmd === "connect") name = packet.clientId;
      this.#answer(socket, name, packet);
    });
  }

  #answer(socket: Socket, name: string, packet: Packet): void {
    const say = (answer: Packet): boolean => socket.write(generate(answer));
    switch (packet.cmd) {
      case "connect":
        say({ cmd: "connack", returnCode: this.#script.login?.(name) ?? 0, sessionPresent: false });
        return;
      case "subscribe":
        say({
          cmd: "suback",
          messageId: packet.messageId!,
          granted: packet.subscriptions.map(() => 1),
        });
        this.#ack(socket, name);
        return;
      case "publish":
        this.#take(packet);
        if (packet.qos === 1) say({ cmd: "puback", messageId: packet.messageId! });
        this.#ack(socket, name);
        return;
      case "pingreq":
        say({ cmd: "pingresp" });
        return;
      default:
    }
  }

  #take({ topic, payload }: IPublishPacket): void {
    const [, , name, leaf] = topic.split("/");
    if (leaf !== "statement" || name === undefined) return;
    const statement = decodeStatement(new Uint8Array(Buffer.from(payload)));
    if (statement instanceof Refusal) return;
    this.acknowledged += 1;
    if (this.#script.stores?.(statement) === false) return;
    this.#told.set(name, { stored: statement.seq, hash: encodeHex(statement.hash) });
  }

  #ack(socket: Socket, name: string): void {
    const told = this.#told.get(name) ?? { stored: -1, hash: "11".repeat(32) };
    const kid = kidHex(makeIdentity(this.#seed, name).signer.publicKey);
    const payload = JSON.stringify({ kid, ...told, sealed: -1, bodies: -1 });
    const topic = topicOf(name, "ack");
    socket.write(generate({ cmd: "publish", topic, payload, qos: 0, retain: true, dup: false }));
  }
}
