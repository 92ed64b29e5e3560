/**
 * From where a device misbehaves: its own key and chain, a connection to the hub, somebody whose name can be stolen, and
 * what was overheard. Says what the hub made of it.
 *
 * Its chain is kept lawful in between, by what the hub calls stored: a device is judged by each of its statements, not by
 * what it did before.
 */
import { sha256 } from "../../../ledger/sha256.ts";
import type { Hash } from "../../../ledger/sha256.ts";
import type { RefusalCode } from "../../../ledger/errors.ts";
import type { Signer } from "../../../ledger/signature.ts";
import { signStatement } from "../../../ledger/statement.ts";
import type { ChainPosition, Draft, Statement } from "../../../ledger/statement.ts";
import { topicOf } from "../../../ledger/topic.ts";
import type { Identity } from "../identity.ts";
import { STREAM } from "../identity.ts";
import type { Login } from "../mqtt-link.ts";
import { loginOf, secondsOf } from "../session.ts";
import type { PackSource } from "../pack-source.ts";
import type { DeviceWorld } from "../virtual-device.ts";
import type { MisbehaviourName } from "./behaviour.ts";
import type { Capture } from "./capture.ts";
import { Contact } from "./contact.ts";
import type { ContactParts, Opening } from "./contact.ts";
import type { Trials } from "./trials.ts";

/** What a desk is made of. */
export interface DeskParts {
  readonly world: DeviceWorld;
  readonly behaviour: MisbehaviourName;
  readonly identity: Identity;
  readonly source: PackSource;
  readonly trials: Trials;
  readonly capture: Capture;
  /** An enrolled device whose name and kid are known, as everybody knows them. */
  readonly victim: Pick<Identity, "name" | "signer">;
  /** A key that nobody has enrolled. */
  readonly otherKey: Signer;
  readonly signal: AbortSignal;
  /** Of each wait for an answer. */
  readonly answerMs: number;
}

/** The connection ended where nothing was done that should end it, or could not be opened: nothing was found out. */
export class Interruption extends Error {
  override readonly name = "Interruption";
  /** Whether the hub let the device in before: then it is not simply away. */
  readonly wasOpen: boolean;

  constructor(reason: string, wasOpen: boolean) {
    super(reason);
    this.wasOpen = wasOpen;
  }
}

/**
 * One bad deed after another: each call does the next of its kind, and says what came of it.
 *
 * Rejects with an `Interruption` where nothing was found out; the same turn is then tried again.
 */
export type Misbehaviour = (desk: Desk, turn: number) => Promise<void>;

/** How a lawful publication of a statement is made. */
export const AS_STATEMENT = { qos: 1, retain: false } as const;

/** See the head of the file. */
export class Desk {
  readonly parts: DeskParts;
  readonly topic: string;
  #contact: Contact | undefined;
  #position: ChainPosition | undefined;

  constructor(parts: DeskParts) {
    this.parts = parts;
    this.topic = topicOf(parts.identity.name, "statement");
  }

  /** Where its chain stands: what the next lawful statement has to say. Known once `contact` has been opened. */
  get position(): ChainPosition {
    if (this.#position === undefined)
      throw new Error("the hub has not said where the chain stands");
    return this.#position;
  }

  /** POSIX seconds. */
  get iat(): number {
    return secondsOf(this.parts.world.clock);
  }

  /** Its own connection, logged in and subscribed; opened where there is none. */
  async contact(): Promise<Contact> {
    if (this.#contact !== undefined && this.#contact.endReason === undefined) return this.#contact;
    const opening = await this.open(this.login());
    if (opening.kind === "refused") throw new Interruption(`CONNACK ${opening.code}`, true);
    if (opening.kind === "ended") throw new Interruption(opening.reason, false);
    return this.take(opening.contact);
  }

  /** Makes an open contact its own: subscribes, and hears where the chain stands. */
  async take(contact: Contact): Promise<Contact> {
    const { name } = this.parts.identity;
    await contact.subscribe([topicOf(name, "ack"), topicOf(name, "nack")]);
    const ack = await contact.until(() => contact.ack);
    if (ack === undefined) {
      contact.close();
      throw this.#interruption(contact);
    }
    this.#contact?.close();
    this.#contact = contact;
    this.#position = { issuer: name, seq: ack.stored + 1, prev: ack.hash };
    return contact;
  }

  /** Dials and logs in, as whoever the login says. */
  async open(login: Login): Promise<Opening> {
    const { world, signal } = this.parts;
    const through = await world.gate.enter(signal);
    try {
      signal.throwIfAborted();
      return await Contact.open(this.contactParts, login);
    } finally {
      through();
    }
  }

  /** What a bare connection is made of. */
  get contactParts(): ContactParts {
    const { world, answerMs } = this.parts;
    return { dial: world.dial, clock: world.clock, limitMs: answerMs };
  }

  /** A login in its own name, with its own key unless another one is given. */
  login(identity: Identity = this.parts.identity): Login {
    const { world } = this.parts;
    return loginOf(identity, world.origin, world.clock);
  }

  /** A pack as its sensor would give it now. */
  pack(): Uint8Array {
    return this.parts.source.next(this.parts.world.clock.nowMs());
  }

  /** Signs readings as the next statement of its chain, or as the changes say. Nothing is sent, nothing is remembered. */
  sign(
    changes: Partial<Draft & ChainPosition> = {},
    signer: Signer = this.parts.identity.signer,
  ): Statement {
    const { issuer, seq, prev } = { ...this.position, ...changes };
    const { kind = "readings", stream = STREAM, iat = this.iat, payload = this.pack() } = changes;
    return signStatement({ issuer, seq, prev }, { kind, stream, iat, payload }, signer);
  }

  /** Publishes what should be refused; gives the code of the nack, `undefined` where none came. */
  async refusalOf(bytes: Uint8Array, hash: Hash = sha256(bytes)): Promise<RefusalCode | undefined> {
    const contact = await this.contact();
    contact.link.publish(this.topic, bytes, AS_STATEMENT);
    const nack = await contact.until(() => contact.nackOf(hash));
    if (nack === undefined && contact.endReason !== undefined) throw this.#interruption(contact);
    return nack?.code;
  }

  /** Publishes a lawful statement and waits until it is stored; then the chain goes on behind it. Gives why not, if so. */
  async store(statement: Statement): Promise<string | undefined> {
    const contact = await this.contact();
    contact.link.publish(this.topic, statement.bytes, AS_STATEMENT);
    const { seq, hash } = statement;
    const outcome = await contact.until(() => {
      const nack = contact.nackOf(hash);
      if (nack !== undefined) return `refused: ${nack.code}`;
      return (contact.ack?.stored ?? -1) >= seq ? "stored" : undefined;
    });
    if (outcome === undefined && contact.endReason !== undefined) throw this.#interruption(contact);
    if (outcome !== "stored") return outcome ?? "no answer";
    const { issuer } = this.position;
    this.#position = { issuer, seq: seq + 1, prev: hash };
    this.parts.capture.note({ device: issuer, bytes: statement.bytes });
    return undefined;
  }

  /** Says something lawful, which has to be stored whatever was done before. */
  async goOn(): Promise<Statement> {
    await this.contact();
    const statement = this.sign();
    const fault = await this.store(statement);
    this.expect("goes-on", fault === undefined, fault ?? "");
    return statement;
  }

  /** Publishes what should end the connection; whether it did, without a PUBACK. */
  async endedBy(
    topic: string,
    body: Uint8Array,
    options: { qos: 0 | 1; retain: boolean },
  ): Promise<boolean> {
    const contact = await this.contact();
    let isAcknowledged = false;
    contact.link.publish(topic, body, options, () => {
      isAcknowledged = true;
    });
    return (await contact.ended()) && !isAcknowledged;
  }

  /** Notes what came of an expectation. `instead` says what happened, where that was not it. */
  expect(expectation: string, isKept: boolean, instead: string): void {
    const { trials, behaviour, identity, signal } = this.parts;
    // What the end of the run cuts off proves nothing.
    if (!isKept && signal.aborted) return;
    trials.note(behaviour, expectation, { isKept, device: identity.name, instead });
  }

  /** Notes whether something was refused as it should be. */
  expectRefusal(expectation: string, code: RefusalCode | undefined, wanted: RefusalCode): void {
    const instead = code === undefined ? "no nack came" : `refused with ${code}`;
    this.expect(expectation, code === wanted, instead);
  }

  /** Ends the connection. */
  close(): void {
    this.#contact?.close();
  }

  #interruption(contact: Contact): Interruption {
    return new Interruption(contact.endReason ?? "no answer", true);
  }
}
