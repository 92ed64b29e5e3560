/**
 * One connection of an honest device, from CONNECT to its end (docs/formats.md, section 10): log in, subscribe, say
 * `online`, hear how far the hub is, then send in order with a small window.
 *
 * What may be sent and what answers mean is chain.ts's; coming back is virtual-device.ts's.
 */
import { signLoginToken } from "../../ledger/login-token.ts";
import { topicOf } from "../../ledger/topic.ts";
import { parseAck, parseNack } from "../../platform/ack.ts";
import { BackOff } from "../../platform/back-off.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Random } from "../../platform/random.ts";
import type { DeviceChain, Pending } from "./chain.ts";
import type { Identity } from "./identity.ts";
import { KEEPALIVE_SECONDS, MqttLink, NOT_GRANTED } from "./mqtt-link.ts";
import type { Login } from "./mqtt-link.ts";
import { countIn } from "./tally.ts";
import type { Tally } from "./tally.ts";
import type { Dial } from "./transport.ts";

/** What a session works with. */
export interface SessionParts {
  readonly origin: string;
  readonly chain: DeviceChain;
  readonly dial: Dial;
  readonly clock: Clock;
  readonly random: Random;
  readonly tally: Tally;
  readonly limits: SessionLimits;
  /** Called when the hub has sent its first ack, and after each answer: there may be room to sign. */
  readonly onRoom: () => void;
  /** Called with what an ack calls stored for the first time, if it is anything. */
  readonly onStored?: ((stored: readonly Pending[]) => void) | undefined;
  /** Called once, when the connection is over. */
  readonly onEnd: (end: SessionEnd) => void;
}

/** Bounds of a session. */
export interface SessionLimits {
  /** Statements without PUBACK. */
  readonly windowStatements: number;
  /** From dialling to the hub's first ack. */
  readonly openingMs: number;
  /** How long the hub may say nothing: longer than between two pings, which it has to answer. */
  readonly silenceMsMax: number;
}

/** How a session ended. */
export interface SessionEnd {
  readonly reason: string;
  /** Whether it came as far as the hub's ack. */
  readonly wasReady: boolean;
  /** Of CONNACK, where the login was refused. */
  readonly refusedBy?: number | undefined;
}

/** How often a connection is looked after. */
const TEND_MS = 15_000;
const PAUSE_LIMITS = { firstMs: 1000, mostMs: 60_000 };

/** See the head of the file. */
export class Session {
  readonly #parts: SessionParts;
  readonly #link: MqttLink;
  readonly #beganMs: number;
  readonly #pauses: BackOff;
  #lastHeardMs: number;
  #lastSentMs: number;
  #isReady = false;
  #refusedBy: number | undefined;
  #pausedUntilMs = 0;
  #cancelTend: () => void = () => undefined;

  constructor(parts: SessionParts) {
    const { chain, clock, random, dial } = parts;
    this.#parts = parts;
    this.#beganMs = clock.monotonicMs();
    this.#lastHeardMs = this.#beganMs;
    this.#lastSentMs = this.#beganMs;
    this.#pauses = new BackOff(random, PAUSE_LIMITS);
    chain.beginConnection();
    this.#link = new MqttLink(dial(), {
      heard: () => {
        this.#lastHeardMs = clock.monotonicMs();
      },
      connected: (code) => this.#connected(code),
      message: (topic, body) => this.#hear(topic, body),
      closed: (reason) => this.#closed(reason),
    });
    this.#link.connect(loginOf(chain.identity, parts.origin, clock));
    this.#tendLater(Math.min(TEND_MS, parts.limits.openingMs));
  }

  /** Whether the hub has said how far it is. */
  get isReady(): boolean {
    return this.#isReady && !this.#link.isClosed;
  }

  /** Whether another statement would be sent at once. */
  get hasWindow(): boolean {
    return this.isReady && this.#link.underWay < this.#parts.limits.windowStatements;
  }

  /** Sends what is due, as far as the window allows. */
  pump(): void {
    const { chain, clock, tally } = this.#parts;
    if (!this.isReady || this.#pausedUntilMs > clock.monotonicMs()) return;
    while (this.hasWindow) {
      const pending = chain.due();
      if (pending === undefined) return;
      const nowMs = clock.monotonicMs();
      chain.sentDue(nowMs);
      tally.published += 1;
      this.#lastSentMs = nowMs;
      const topic = topicOf(chain.identity.name, "statement");
      const { bytes } = pending.statement;
      this.#link.publish(topic, bytes, { qos: 1, retain: false }, () => this.#confirmed(pending));
    }
  }

  /** Says `offline`, and goodbye. */
  leave(): void {
    if (!this.isReady) return this.#link.close("left");
    const topic = topicOf(this.#parts.chain.identity.name, "status");
    this.#link.publish(topic, OFFLINE, { qos: 1, retain: true }, () => this.#link.leave());
  }

  /** Ends the connection at once, as a cut line would. */
  cut(reason: string): void {
    this.#link.close(reason);
  }

  #connected(code: number): void {
    const { chain } = this.#parts;
    if (code !== 0) {
      this.#refusedBy = code;
      return this.#link.close(`login refused, CONNACK ${code}`);
    }
    const { name } = chain.identity;
    this.#link.subscribe([topicOf(name, "ack"), topicOf(name, "nack")], (granted) => {
      if (granted.includes(NOT_GRANTED)) return this.#link.close("the subscription was refused");
      this.#link.publish(topicOf(name, "status"), ONLINE, { qos: 1, retain: true });
    });
  }

  #hear(topic: string, body: Uint8Array): void {
    const { name } = this.#parts.chain.identity;
    if (topic === topicOf(name, "ack")) this.#hearAck(body);
    else if (topic === topicOf(name, "nack")) this.#hearNack(body);
  }

  #hearAck(body: Uint8Array): void {
    const { chain, clock, tally, onStored, onRoom } = this.#parts;
    const ack = parseAck(body);
    if (ack === undefined) return tally.noteFault(`${chain.identity.name}: an ack that is none`);
    const { signed, gaps } = chain;
    const { stored, sealed } = chain.hearAck(ack, secondsOf(clock));
    this.#noteSigned(signed, gaps);
    const nowMs = clock.monotonicMs();
    for (const { firstSentMs } of stored) tally.toStored.record(nowMs - (firstSentMs ?? nowMs));
    tally.stored += stored.length;
    tally.sealed += sealed;
    if (stored.length > 0) {
      this.#pauses.reset();
      onStored?.(stored);
    }
    if (!this.#isReady && chain.isReady) {
      this.#isReady = true;
      tally.connectedNow += 1;
      tally.connections += 1;
    }
    this.#takeFaults();
    this.pump();
    onRoom();
  }

  #hearNack(body: Uint8Array): void {
    const { chain, clock, tally, onRoom } = this.#parts;
    const nack = parseNack(body);
    if (nack === undefined) return tally.noteFault(`${chain.identity.name}: a nack that is none`);
    const { signed, gaps } = chain;
    const effect = chain.hearNack(nack, secondsOf(clock));
    this.#noteSigned(signed, gaps);
    if (effect !== "ignored") countIn(tally.nacks, nack.code);
    if (effect === "pause") this.#pause();
    if (effect === "halted") this.#link.close("the key was refused");
    this.pump();
    onRoom();
  }

  #noteSigned(signedBefore: number, gapsBefore: number): void {
    const { chain, tally } = this.#parts;
    tally.signed += chain.signed - signedBefore;
    tally.gaps += chain.gaps - gapsBefore;
  }

  #takeFaults(): void {
    const { chain, tally } = this.#parts;
    for (const fault of chain.faults.splice(0)) tally.noteFault(`${chain.identity.name}: ${fault}`);
    if (chain.isHalted) this.#link.close("the hub has broken a promise");
  }

  #confirmed(pending: Pending): void {
    const { chain, tally, onRoom } = this.#parts;
    if (!pending.isConfirmed) tally.confirmed += 1;
    tally.toConfirmed.record(this.#lastHeardMs - pending.sentMs);
    chain.confirm(pending);
    this.pump();
    onRoom();
  }

  #pause(): void {
    const { clock } = this.#parts;
    const waitMs = this.#pauses.nextMs();
    this.#pausedUntilMs = clock.monotonicMs() + waitMs;
    clock.after(waitMs, () => this.pump());
  }

  /** Keeps the connection alive, and gives it up where nobody is there. */
  #tend(): void {
    const { clock, limits } = this.#parts;
    const nowMs = clock.monotonicMs();
    if (!this.#isReady && nowMs >= this.#beganMs + limits.openingMs) {
      return this.#link.close("the hub did not answer in time");
    }
    if (nowMs >= this.#lastHeardMs + limits.silenceMsMax) {
      return this.#link.close("the hub has fallen silent");
    }
    if (this.#isReady && nowMs - this.#lastSentMs >= (KEEPALIVE_SECONDS * 1000) / 2) {
      this.#link.ping();
      this.#lastSentMs = nowMs;
    }
    this.#tendLater(TEND_MS);
  }

  #tendLater(ms: number): void {
    this.#cancelTend = this.#parts.clock.after(ms, () => this.#tend());
  }

  #closed(reason: string): void {
    const { tally, onEnd } = this.#parts;
    this.#cancelTend();
    if (this.#isReady) tally.connectedNow -= 1;
    onEnd({ reason, wasReady: this.#isReady, refusedBy: this.#refusedBy });
  }
}

/** The login of a device, with a fresh token. */
export function loginOf(identity: Identity, origin: string, clock: Clock): Login {
  const { name, signer } = identity;
  const password = signLoginToken({ device: name, origin, issuedAt: secondsOf(clock) }, signer);
  const will = { topic: topicOf(name, "status"), payload: "offline" };
  return { clientId: name, username: name, password, will };
}

/** Whole POSIX seconds. */
export function secondsOf(clock: Clock): number {
  return Math.floor(clock.nowMs() / 1000);
}

const ONLINE = new TextEncoder().encode("online");
const OFFLINE = new TextEncoder().encode("offline");
