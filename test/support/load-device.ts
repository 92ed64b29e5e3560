/**
 * A device that keeps a hub busy and believes nothing: it signs one statement after the other, sends them in order, comes
 * back after every cut, and goes on from what the hub says that it holds (docs/formats.md, section 10).
 *
 * It remembers every promise that it was given, a PUBACK as well as an ack, and what contradicts one. Its statements are
 * all kept, for the test to find them in the log.
 */
import { Buffer } from "node:buffer";
import mqtt from "mqtt";
import type { MqttClient } from "mqtt";
import { signLoginToken } from "../../ledger/login-token.ts";
import { decodeHex, encodeHex, encodeUtf8 } from "../../ledger/bytes.ts";
import { kidHex } from "../../ledger/key.ts";
import { provePossession } from "../../ledger/kinds/possession.ts";
import { encodePack } from "../../ledger/senml.ts";
import { asHash, sha256 } from "../../ledger/sha256.ts";
import type { Hash } from "../../ledger/sha256.ts";
import { nobleSigner } from "../../ledger/signature.ts";
import type { Signer } from "../../ledger/signature.ts";
import { signStatement } from "../../ledger/statement.ts";
import type { Statement } from "../../ledger/statement.ts";
import { systemClock } from "../../platform/clock.ts";

const POSITION = { lat: 51.59, lon: -2.99 };
const STREAM = "air";
const RECONNECT_MS = 50;
/** How often a device that has nothing to send looks again. */
const IDLE_MS = 20;

/** What of an ack counts here. */
interface Ack {
  readonly kid: string;
  readonly stored: number;
  readonly hash: string;
  readonly sealed: number;
}

/** How hard a device works. */
export interface LoadPace {
  /** Statements under way at the same time. */
  readonly window: number;
  /** After each acknowledgement, before the next statement takes its place. */
  readonly pauseMs: number;
}

/** One device. `run` once the hub has enrolled it. */
export class LoadDevice {
  readonly name: string;
  readonly origin: string;
  readonly signer: Signer;
  readonly kid: string;
  /** Everything that was ever signed, by `seq`. */
  readonly statements: Statement[] = [];
  /** The greatest `seq` that an ack has called stored or sealed, -1 before. */
  stored = -1;
  sealed = -1;
  /** The greatest `seq` that came with a PUBACK. */
  confirmed = -1;
  /** What the hub should never have said, in words. */
  readonly violations: string[] = [];
  /** Connections that came as far as an ack. */
  sessions = 0;
  readonly #pace: LoadPace;
  #enrolled: Hash | undefined;

  constructor(name: string, origin: string, pace: LoadPace = { window: 4, pauseMs: 5 }) {
    this.name = name;
    this.origin = origin;
    this.signer = nobleSigner(sha256(encodeUtf8(`key of ${name}`)));
    this.kid = kidHex(this.signer.publicKey);
    this.#pace = pace;
  }

  /** What the operator enrols it by. */
  get request(): string {
    const { name, origin, signer } = this;
    return JSON.stringify({
      kerbstone: "enrolment/v1",
      origin,
      name,
      role: "device",
      publicKey: encodeHex(signer.publicKey),
      pop: encodeHex(provePossession(origin, name, "device", signer)),
      streams: [STREAM],
      visibility: "public",
      everySeconds: 60,
      ...POSITION,
    });
  }

  /** The password of a connection that is begun now. */
  password(): string {
    const issuedAt = Math.floor(systemClock.nowMs() / 1000);
    return signLoginToken({ device: this.name, origin: this.origin, issuedAt }, this.signer);
  }

  topic(leaf: string): string {
    return `kerbstone/v1/${this.name}/${leaf}`;
  }

  /** Signs the next statement of the chain, one reading whose value is its `seq`. `enrolled` is needed for the first. */
  sign(enrolled: Hash | undefined = this.#enrolled): Statement {
    const seq = this.statements.length;
    const prev = this.statements.at(-1)?.hash ?? enrolled;
    if (prev === undefined) throw new Error(`${this.name} does not know its enrolment yet`);
    const iat = Math.floor(systemClock.nowMs() / 1000);
    // Times apart by the number, so that no two values share a point of a time series.
    const reading = { quantity: "pm25", unit: "ug/m3", value: seq / 10, time: iat - 100_000 + seq };
    const payload = encodePack(this.name, POSITION, [reading]);
    const draft = { kind: "readings", stream: STREAM, iat, payload } as const;
    const statement = signStatement({ issuer: this.name, seq, prev }, draft, this.signer);
    this.statements.push(statement);
    return statement;
  }

  /** Sends until the signal, reconnecting after every cut; signs new statements as long as `isSigning` says so. */
  async run(
    port: number,
    signal: AbortSignal,
    isSigning: () => boolean = () => true,
  ): Promise<void> {
    while (!signal.aborted) {
      await this.#session(port, signal, isSigning);
      await systemClock.sleep(RECONNECT_MS, signal).catch(() => undefined);
    }
  }

  async #session(port: number, signal: AbortSignal, isSigning: () => boolean): Promise<void> {
    const client = mqtt.connect({
      host: "127.0.0.1",
      port,
      protocolVersion: 4,
      clientId: this.name,
      username: this.name,
      password: this.password(),
      reconnectPeriod: 0,
      connectTimeout: 10_000,
    });
    const session = new Session(this, client, this.#pace, isSigning);
    const end = (): void => void client.end(true);
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    await session.ended;
    signal.removeEventListener("abort", end);
  }

  /** Takes an ack: checks it against what was promised before. Gives the `seq` to go on with. */
  takeAck(ack: Ack): number {
    if (ack.kid !== this.kid) this.violations.push(`an ack for key ${ack.kid}`);
    if (ack.stored < this.stored) {
      this.violations.push(`stored fell from ${this.stored} to ${ack.stored}`);
    }
    if (ack.sealed < this.sealed) {
      this.violations.push(`sealed fell from ${this.sealed} to ${ack.sealed}`);
    }
    if (ack.stored >= this.statements.length) {
      this.violations.push(`${ack.stored} is stored, of ${this.statements.length} ever signed`);
      return this.statements.length;
    }
    const own = this.statements[ack.stored]?.hash;
    if (own !== undefined && encodeHex(own) !== ack.hash) {
      this.violations.push(`another statement is stored as ${ack.stored}`);
    }
    if (ack.stored === -1) this.#enrolled = asHash(decodeHex(ack.hash)!);
    this.stored = Math.max(this.stored, ack.stored);
    this.sealed = Math.max(this.sealed, ack.sealed);
    return ack.stored + 1;
  }
}

/** One connection, from CONNECT to its end. */
class Session {
  /** Settles when the connection is over. */
  readonly ended: Promise<void>;
  readonly #device: LoadDevice;
  readonly #client: MqttClient;
  readonly #pace: LoadPace;
  readonly #isSigning: () => boolean;
  readonly #stop = new AbortController();
  /** Settles the statements that are under way when the connection ends. */
  readonly #unanswered = new Set<() => void>();
  #next: number | undefined;

  constructor(device: LoadDevice, client: MqttClient, pace: LoadPace, isSigning: () => boolean) {
    this.#device = device;
    this.#client = client;
    this.#pace = pace;
    this.#isSigning = isSigning;
    this.ended = new Promise((resolve) => {
      client.once("close", () => {
        this.#stop.abort(new Error("the connection is over"));
        for (const giveUp of this.#unanswered) giveUp();
        client.end(true);
        resolve();
      });
    });
    // What went wrong shows in "close", which follows.
    client.on("error", () => undefined);
    client.on("message", (topic, body) => this.#hear(topic, body.toString()));
    client.once("connect", () => {
      client.subscribe([device.topic("ack"), device.topic("nack")], { qos: 1 });
    });
  }

  #hear(topic: string, text: string): void {
    const device = this.#device;
    if (topic === device.topic("nack")) {
      device.violations.push(`a nack: ${text}`);
      return;
    }
    const isFirst = this.#next === undefined;
    const ack = JSON.parse(text) as Ack;
    if (isFirst && ack.stored < device.confirmed) {
      device.violations.push(`${device.confirmed} had its PUBACK, only ${ack.stored} is stored`);
    }
    const expected = device.takeAck(ack);
    if (!isFirst) return;
    this.#next = expected;
    device.sessions += 1;
    for (let lane = 0; lane < this.#pace.window; lane++) void this.#work();
  }

  async #work(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const statement = this.#take();
      if (statement !== undefined && !(await this.#publish(statement))) return;
      const pauseMs = statement === undefined ? IDLE_MS : this.#pace.pauseMs;
      if (pauseMs > 0) await systemClock.sleep(pauseMs, signal).catch(() => undefined);
    }
  }

  #take(): Statement | undefined {
    const { statements } = this.#device;
    const seq = this.#next!;
    if (seq >= statements.length && !this.#isSigning()) return undefined;
    this.#next = seq + 1;
    return statements[seq] ?? this.#device.sign();
  }

  /** Whether it was acknowledged before the connection ended. */
  #publish({ bytes, seq }: Statement): Promise<boolean> {
    return new Promise((resolve) => {
      const giveUp = (): void => resolve(false);
      this.#unanswered.add(giveUp);
      const topic = this.#device.topic("statement");
      this.#client.publish(topic, Buffer.from(bytes), { qos: 1 }, (error) => {
        this.#unanswered.delete(giveUp);
        const isConfirmed = error === null || error === undefined;
        if (isConfirmed) this.#device.confirmed = Math.max(this.#device.confirmed, seq);
        resolve(isConfirmed);
      });
    });
  }
}
