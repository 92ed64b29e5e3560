/**
 * A hub that believes everything and keeps nothing, so that what an agent costs is measured and not what a hub does: a real
 * broker, and acks as the real one paces them.
 */

import { Buffer } from "node:buffer";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { Aedes } from "aedes";
import { encodeHex } from "../../ledger/bytes.ts";
import { Refusal } from "../../ledger/errors.ts";
import { sha256 } from "../../ledger/sha256.ts";
import type { Hash } from "../../ledger/sha256.ts";
import { decodeStatement } from "../../ledger/statement.ts";

const ACK_EVERY_MS = 1_000;

/** Which device it knows, and what it has of it: statements up to `stored`, whose hash is `hash`. */
export interface TrustingHubStart {
  readonly device: string;
  /** 16 hex digits. */
  readonly kid: string;
  readonly stored: number;
  readonly hash: Hash;
}

/** See the head of the file. */
export class TrustingHub {
  readonly port: number;
  /** Statements taken. */
  taken = 0;
  /** Live views taken. */
  states = 0;
  private readonly broker: Aedes;
  private readonly server: Server;
  private readonly beat: NodeJS.Timeout;
  private readonly device: string;
  private readonly kid: string;
  private stored: number;
  private hash: Hash;
  private isAckDue = false;

  private constructor(
    { device, kid, stored, hash }: TrustingHubStart,
    broker: Aedes,
    server: Server,
  ) {
    this.device = device;
    this.kid = kid;
    this.stored = stored;
    this.hash = hash;
    this.broker = broker;
    broker.authorizePublish = (_client, { topic, payload }, done) => {
      const body = typeof payload === "string" ? Buffer.from(payload) : payload;
      if (topic.endsWith("/statement")) this.take(body);
      if (topic.endsWith("/state")) this.states += 1;
      done(null);
    };
    broker.on("subscribe", () => this.ack());
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
    this.beat = setInterval(() => this.isAckDue && this.ack(), ACK_EVERY_MS);
  }

  static async start(start: TrustingHubStart): Promise<TrustingHub> {
    const broker = new Aedes();
    await broker.listen();
    const server = createServer((socket) => {
      broker.handle(socket);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    return new TrustingHub(start, broker, server);
  }

  async close(): Promise<void> {
    clearInterval(this.beat);
    this.server.close();
    await new Promise<void>((resolve) => this.broker.close(() => resolve()));
    if (this.server.listening) await once(this.server, "close");
  }

  private take(body: Uint8Array): void {
    const statement = decodeStatement(body);
    if (statement instanceof Refusal || statement.seq !== this.stored + 1) return;
    this.stored = statement.seq;
    this.hash = sha256(body);
    this.taken += 1;
    this.isAckDue = true;
  }

  private ack(): void {
    this.isAckDue = false;
    const { kid, stored, hash } = this;
    const body = { kid, stored, hash: encodeHex(hash), sealed: stored, bodies: stored };
    this.broker.publish(
      {
        cmd: "publish",
        topic: `kerbstone/v1/${this.device}/ack`,
        payload: Buffer.from(JSON.stringify(body)),
        qos: 1,
        retain: true,
        dup: false,
      },
      () => undefined,
    );
  }
}
