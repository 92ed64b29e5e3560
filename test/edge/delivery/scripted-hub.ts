/**
 * A hub in memory for tests of the agent: a real broker (aedes) and real admission, and whatever else a test wants to
 * go wrong.
 */

import { Buffer } from "node:buffer";
import { duplexPair } from "node:stream";
import type { Duplex } from "node:stream";
import { Aedes } from "aedes";
import { MqttClient } from "mqtt";
import { admit } from "../../../ledger/admission.ts";
import { decodeCbor } from "../../../ledger/cbor.ts";
import { encodeHex, encodeUtf8, equalBytes } from "../../../ledger/bytes.ts";
import { signCheckpoint, formatCheckpointText } from "../../../ledger/checkpoint.ts";
import { cosign } from "../../../ledger/cosignature.ts";
import { Refusal } from "../../../ledger/errors.ts";
import type { RefusalCode } from "../../../ledger/errors.ts";
import { Fault } from "../../../ledger/fault.ts";
import { encodeEnrol } from "../../../ledger/kinds/enrol.ts";
import { encodeGenesis } from "../../../ledger/kinds/genesis.ts";
import type { Kind } from "../../../ledger/kinds/kind.ts";
import { provePossession } from "../../../ledger/kinds/possession.ts";
import { encodeSeal } from "../../../ledger/kinds/seal.ts";
import { LogState } from "../../../ledger/log-state.ts";
import { inclusionPath, leafHash, MerkleFrontier } from "../../../ledger/merkle.ts";
import { formatVkey, TYPE_COSIGNATURE, TYPE_ED25519, vkeyOf } from "../../../ledger/note.ts";
import { parsePolicy } from "../../../ledger/policy.ts";
import type { Policy } from "../../../ledger/policy.ts";
import { formatProof } from "../../../ledger/proof.ts";
import { sha256, ZERO_HASH } from "../../../ledger/sha256.ts";
import type { Hash } from "../../../ledger/sha256.ts";
import type { Signer } from "../../../ledger/signature.ts";
import { decodeStatement, signStatement } from "../../../ledger/statement.ts";
import type { Statement } from "../../../ledger/statement.ts";
import type { Clock } from "../../../platform/clock.ts";
import { opensslVerify } from "../../../platform/native-verify.ts";
import type { ConnectHub } from "../../../edge/delivery/hub-connection.ts";
import { nativeSigner } from "../../support/native-signer.ts";

/** The log's name. */
export const ORIGIN = "kerbstone.example/test";

const MIRROR = "mirror.example";

/** A message that reached the hub. */
export interface Received {
  readonly seq: number;
  readonly outcome: "accepted" | "repeat" | RefusalCode;
}

/** See the head of the file. Everything public may be changed by a test at any time. */
export class ScriptedHub {
  readonly signer: Signer = nativeSigner(new Uint8Array(32).fill(1));
  readonly mirror: Signer = nativeSigner(new Uint8Array(32).fill(2));
  readonly received: Received[] = [];
  readonly states: string[] = [];
  /** Preimages that came beside statements, by number. */
  readonly preimages: Map<number, Uint8Array> = new Map();
  /** Refuses a statement before admission looks at it. */
  refuse: (statement: Statement) => RefusalCode | undefined = () => undefined;
  /** Lets a statement vanish, though its PUBACK goes out: as through a broker whose hub is away. */
  drop: (statement: Statement) => boolean = () => false;
  /** Changes a receipt on its way. */
  forge: (receipt: string) => string = (receipt) => receipt;
  /** How many of the next logins are refused. */
  loginsToRefuse = 0;
  logins = 0;
  /** Connections that were begun, whatever became of them. */
  connections = 0;
  /** Ends each connection after so many chunks of bytes, counted in both directions. */
  cutAfterChunks: number = Infinity;
  /** The greatest number whose preimage is held, and those before it; all unless a test says less. */
  bodiesHeld: number = Infinity;
  /** Whether acks are sent at all. */
  isSilent = false;
  state: LogState = new LogState();
  entries: Uint8Array[] = [];
  device = "";
  status: string | undefined;
  private readonly clock: Clock;
  private readonly broker: Aedes;
  private readonly open = new Set<Duplex>();
  private readonly decoded = new WeakMap<Uint8Array, Statement>();
  private proofs: { sealed: number; text: string; cosigned: string } | undefined;

  private constructor(clock: Clock, broker: Aedes) {
    this.clock = clock;
    this.broker = broker;
    this.say("genesis", {
      v: 1,
      origin: ORIGIN,
      createdMs: clock.nowMs(),
      hub: this.signer.publicKey,
      registrars: [],
      blockSeconds: 10,
    });
    this.appendSeal();
  }

  static async open(clock: Clock): Promise<ScriptedHub> {
    const broker = new Aedes();
    await broker.listen();
    const hub = new ScriptedHub(clock, broker);
    broker.authenticate = (_client, _name, _password, done) => {
      hub.logins += 1;
      if (hub.loginsToRefuse > 0) {
        hub.loginsToRefuse -= 1;
        done(Object.assign(new Error("no"), { returnCode: 5 }), false);
      } else done(null, true);
    };
    broker.authorizePublish = (_client, { topic, payload }, done) => {
      const body = typeof payload === "string" ? encodeUtf8(payload) : payload;
      if (topic.endsWith("/statement")) hub.take(body);
      if (topic.endsWith("/state")) hub.states.push(Buffer.from(body).toString());
      if (topic.endsWith("/status")) hub.status = Buffer.from(body).toString();
      done(null);
    };
    broker.on("subscribe", () => void hub.ack());
    return hub;
  }

  get vkey(): string {
    return formatVkey(vkeyOf(ORIGIN, TYPE_ED25519, this.signer.publicKey));
  }

  /** Trusts this hub, with the one mirror as its quorum. */
  get policy(): Policy {
    const policy = parsePolicy(this.policyText);
    if (policy instanceof Fault) throw new Error(policy.text);
    return policy;
  }

  get policyText(): string {
    const mirror = formatVkey(vkeyOf(MIRROR, TYPE_COSIGNATURE, this.mirror.publicKey));
    return `log ${this.vkey}\nwitness m ${mirror}\nquorum m\n`;
  }

  /** Connects a device through memory. */
  get connect(): ConnectHub {
    return (options) =>
      new MqttClient(() => {
        const [near, far] = duplexPair();
        // A pair in memory does not close together, as the two ends of a socket do.
        near.on("close", () => far.destroy());
        far.on("close", () => near.destroy());
        let chunks = 0;
        const count = (): void => {
          chunks += 1;
          if (chunks < this.cutAfterChunks) return;
          near.destroy();
        };
        this.accept(far);
        const write = near.write.bind(near) as (...args: unknown[]) => boolean;
        near.write = ((...args: unknown[]) => {
          const isTaken = write(...args);
          count();
          return isTaken;
        }) as typeof near.write;
        near.on("data", count);
        return near;
      }, options);
  }

  /** Takes a connection: the broker's end of whatever a test has put between it and the device. */
  accept(stream: Duplex): void {
    this.connections += 1;
    this.open.add(stream);
    stream.on("close", () => this.open.delete(stream));
    this.broker.handle(stream);
  }

  /** Becomes a hub with these entries and no others, as after a restart on another disk. */
  become(entries: readonly Uint8Array[]): void {
    this.cut();
    this.state = new LogState();
    this.entries = [];
    this.proofs = undefined;
    for (const entry of entries) {
      const code = this.admit(this.decode(entry));
      if (code !== undefined) throw new Error(`an old entry is refused: ${code}`);
    }
  }

  enrol(
    name: string,
    signer: Signer,
    streams: string[] = ["air"],
    visibility: "public" | "restricted" = "public",
  ): void {
    this.device = name;
    this.say("enrol", {
      role: "device",
      name,
      key: signer.publicKey,
      pop: provePossession(ORIGIN, name, "device", signer),
      streams,
      visibility,
      everySeconds: 60,
      ...(visibility === "public"
        ? { lat: 1, lon: 2 }
        : { private: sha256(encodeUtf8("behind a salt")) }),
    });
  }

  /** Seals, cosigns unless told otherwise, and says so. */
  async seal(isCosigned = true): Promise<void> {
    this.appendSeal();
    const size = this.entries.length;
    const root = this.state.frontier.root();
    const note = signCheckpoint({ origin: ORIGIN, size, root }, this.signer);
    const text = formatCheckpointText({ origin: ORIGIN, size, root });
    const seconds = Math.floor(this.clock.nowMs() / 1000);
    const cosigned = note + cosign(text, MIRROR, this.mirror, seconds);
    const index = this.statements().at(-1)?.index;
    if (index === undefined) return;
    const path = await inclusionPath(index, size, (level, at) => {
      const frontier = new MerkleFrontier();
      const leaves = this.entries.slice(at * 2 ** level, (at + 1) * 2 ** level);
      for (const entry of leaves) frontier.push(leafHash(entry));
      return Promise.resolve(frontier.root());
    });
    this.proofs = {
      sealed: this.statements().at(-1)!.statement.seq,
      text: formatProof({ index, path, checkpoint: note }),
      cosigned: isCosigned ? formatProof({ index, path, checkpoint: cosigned }) : "",
    };
    await this.ack();
  }

  /** The device's admitted statements. */
  statements(): { index: number; statement: Statement }[] {
    return this.entries.flatMap((entry, index) => {
      const statement = this.decode(entry);
      return statement.issuer === this.device ? [{ index, statement }] : [];
    });
  }

  private decode(entry: Uint8Array): Statement {
    const known = this.decoded.get(entry);
    if (known) return known;
    const statement = decodeStatement(entry);
    if (statement instanceof Refusal) throw new Error("an entry is no statement");
    this.decoded.set(entry, statement);
    return statement;
  }

  /** Says how far the device has come. */
  async ack(): Promise<void> {
    const key = this.state.registry.liveKey(this.device);
    if (this.isSilent || key === undefined) return;
    const { proofs } = this;
    await this.publish("ack", {
      kid: key.kid,
      stored: key.lastSeq,
      hash: encodeHex(key.lastHash),
      sealed: proofs?.sealed ?? -1,
      cosigned: proofs?.cosigned ? proofs.sealed : -1,
      bodies: Math.min(key.lastSeq, this.bodiesHeld),
      height: this.state.head?.height ?? -1,
      ...(proofs ? { sealedReceipt: this.forge(proofs.text) } : {}),
      ...(proofs?.cosigned ? { cosignedReceipt: this.forge(proofs.cosigned) } : {}),
    });
  }

  /** Sends the device whatever a test wants to. */
  publish(leaf: "ack" | "nack", body: unknown): Promise<void> {
    return new Promise((resolve, reject) => {
      this.broker.publish(
        {
          cmd: "publish",
          topic: `kerbstone/v1/${this.device}/${leaf}`,
          payload: Buffer.from(JSON.stringify(body)),
          qos: 1,
          retain: leaf === "ack",
          dup: false,
        },
        (error) => (error ? reject(error) : resolve()),
      );
    });
  }

  /** Cuts all connections. */
  cut(): void {
    for (const stream of this.open) stream.destroy();
  }

  close(): Promise<void> {
    this.cut();
    return new Promise((resolve) => this.broker.close(() => resolve()));
  }

  private take(body: Uint8Array): void {
    const hash = sha256(body);
    const pair = pairIn(body);
    const statement = decodeStatement(pair?.statement ?? body);
    if (pair && !(statement instanceof Refusal)) this.preimages.set(statement.seq, pair.preimage);
    if (statement instanceof Refusal) {
      void this.nack(null, hash, statement.code);
      return;
    }
    if (this.drop(statement)) return;
    const known = this.statements().find((admitted) => admitted.statement.seq === statement.seq);
    if (known && equalBytes(known.statement.bytes, statement.bytes)) {
      this.note(statement, "repeat");
      return;
    }
    const scripted = this.refuse(statement);
    const outcome = scripted ?? this.admit(statement);
    this.note(statement, outcome ?? "accepted");
    if (outcome !== undefined) void this.nack(statement, statement.hash, outcome);
  }

  private admit(statement: Statement): RefusalCode | undefined {
    const admission = admit(this.state, statement, {
      verify: opensslVerify,
      entry: () => undefined,
    });
    if (admission instanceof Refusal) return admission.code;
    this.entries.push(statement.bytes);
    return undefined;
  }

  private note(statement: Statement, outcome: Received["outcome"]): void {
    this.received.push({ seq: statement.seq, outcome });
    void this.ack();
  }

  private nack(statement: Statement | null, hash: Hash, code: RefusalCode): Promise<void> {
    const key = this.state.registry.liveKey(this.device);
    return this.publish("nack", {
      kid: statement?.kid ?? null,
      seq: statement?.seq ?? null,
      hash: encodeHex(hash),
      code,
      text: "as the test wants it",
      expected: (key?.lastSeq ?? -1) + 1,
    });
  }

  private appendSeal(): void {
    const { head, size, firstOpen, frontier } = this.state;
    this.say("seal", {
      height: (head?.height ?? -1) + 1,
      first: firstOpen,
      count: size - firstOpen,
      size,
      root: frontier.root(),
      prev: head?.hash ?? ZERO_HASH,
      timeMs: Math.max(this.clock.nowMs(), head?.timeMs ?? 0),
    });
  }

  /** Appends an entry of the hub's own. */
  private say(kind: Kind & keyof typeof ENCODERS, payload: object): void {
    const hub = this.state.hub;
    const statement = signStatement(
      { issuer: "hub", seq: (hub?.lastSeq ?? -1) + 1, prev: hub?.lastHash ?? ZERO_HASH },
      {
        kind,
        stream: kind === "enrol" ? "registry" : "log",
        iat: Math.floor(this.clock.nowMs() / 1000),
        payload: ENCODERS[kind](payload as never),
      },
      this.signer,
    );
    const code = this.admit(statement);
    if (code !== undefined) throw new Error(`the scripted hub's own ${kind} is refused: ${code}`);
  }
}

const ENCODERS = { genesis: encodeGenesis, enrol: encodeEnrol, seal: encodeSeal };

/** Takes a restricted device's pair apart. */
function pairIn(body: Uint8Array): { statement: Uint8Array; preimage: Uint8Array } | undefined {
  const pair = body[0] === 0x82 ? decodeCbor(body) : undefined;
  if (!Array.isArray(pair)) return undefined;
  const [statement, preimage] = pair as unknown[];
  if (!(statement instanceof Uint8Array) || !(preimage instanceof Uint8Array)) return undefined;
  return { statement, preimage };
}
