/**
 * Sends the outbox to the hub, in order, over one connection after another (docs/edge.md, "Sending").
 *
 * The outbox is the only queue: a small window of statements is under way, and what a connection took with it is sent
 * again on the next one, from where the hub's ack says. What answers mean is delivery.ts's.
 */

import { signLoginToken } from "../../ledger/login-token.ts";
import type { Signer } from "../../ledger/signature.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Logger } from "../../platform/log.ts";
import type { Random } from "../../platform/random.ts";
import { BackOff } from "../../platform/back-off.ts";
import { networkWords } from "../../platform/network-words.ts";
import type { ClockSource } from "../time/clock-source.ts";
import { HubConnection } from "./hub-connection.ts";
import type { ConnectHub } from "./hub-connection.ts";
import type { Counters } from "../counters.ts";
import type { Advice, Delivery } from "./delivery.ts";
import type { OutboxRecord } from "../outbox/outbox-format.ts";
import { statementBody } from "./statement-body.ts";
import type { Outbox } from "../outbox/outbox.ts";

/** Bounds of sending. */
export interface SendingLimits {
  /** Statements handed to the broker and not acknowledged by it. */
  readonly windowStatements: number;
  /** Statements that the broker has taken and the hub not yet acknowledged. */
  readonly aheadStatementsMax: number;
  /** A backlog must not crowd out the other devices. */
  readonly statementsPerSecondMax: number;
  /** Limit of each wait on a connection. */
  readonly waitMs: number;
  /** A connection on which the hub says nothing for this long, though it should, is given up. */
  readonly silenceMsMax: number;
  readonly reconnectFirstMs: number;
  readonly reconnectMostMs: number;
  /** How long a device that has stopped stays away: another one may have a better right to the name. */
  readonly stoppedReconnectMs: number;
}

/** The limits that are used unless the user sets others. */
export const SENDING_LIMITS: SendingLimits = {
  windowStatements: 16,
  aheadStatementsMax: 256,
  statementsPerSecondMax: 100,
  waitMs: 15_000,
  silenceMsMax: 45_000,
  reconnectFirstMs: 1_000,
  reconnectMostMs: 60_000,
  stoppedReconnectMs: 3_600_000,
};

const TURN_MS = 200;

/** What a publisher is made of. */
export interface PublisherParts {
  readonly device: string;
  readonly origin: string;
  readonly signer: Signer;
  readonly connect: ConnectHub;
  readonly clock: Clock;
  readonly random: Random;
  readonly time: ClockSource;
  readonly outbox: Outbox;
  readonly delivery: Delivery;
  readonly counters: Counters;
  readonly logger: Logger;
  readonly limits?: Partial<SendingLimits>;
}

/** That there is no connection. */
export interface Apartness {
  /** By the monotonic clock. */
  readonly sinceMs: number;
  /** Why the newest attempt failed, or the last connection ended; absent before the first. */
  readonly reason: string | undefined;
}

/** What belongs to one connection. */
interface Link {
  readonly connection: HubConnection;
  inFlight: number;
  /** When the hub last said something, or was last asked to. */
  lastWordMs: number;
  pausedUntilMs: number;
  nextSendMs: number;
  /** A statement whose bytes cannot be read, until the hub has all before it. */
  holeAt: number | undefined;
  /** The rate is reached, and a timer is set for the next ones. */
  isTurnAwaited: boolean;
  isFilling: boolean;
  fillAgain: boolean;
  /** Cancels of pending timers. */
  readonly timers: Set<() => void>;
}

/** See the head of the file. */
export class Publisher {
  private readonly parts: PublisherParts;
  private readonly limits: SendingLimits;
  private readonly reconnects: BackOff;
  private readonly pauses: BackOff;
  private link: Link | undefined;
  private failuresInARow = 0;
  private wasRefused = false;
  private apartNow: Apartness | undefined;

  constructor(parts: PublisherParts) {
    this.parts = parts;
    this.limits = { ...SENDING_LIMITS, ...parts.limits };
    const { reconnectFirstMs: firstMs, reconnectMostMs: mostMs } = this.limits;
    this.reconnects = new BackOff(parts.random, { firstMs, mostMs });
    this.pauses = new BackOff(parts.random, { firstMs, mostMs });
  }

  /** Whether there is a connection on which the hub has spoken. */
  get isConnected(): boolean {
    return this.link !== undefined && !this.link.connection.isClosed;
  }

  /** Whether the broker has refused the newest login: it knows this device no more, or not yet. */
  get isLoginRefused(): boolean {
    return this.wasRefused;
  }

  /** Since when there is no connection, and why; `undefined` while there is one. */
  get apart(): Apartness | undefined {
    return this.apartNow;
  }

  /** Connects, sends, and connects again, until the signal; then says `offline` and resolves. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger, counters } = this.parts;
    this.part(undefined);
    while (!signal.aborted) {
      try {
        const reason = await this.connectOnce(signal);
        this.part(reason?.message);
        if (reason) logger.info({ reason: reason.message }, "the connection to the hub ended");
        this.failuresInARow = 0;
      } catch (error) {
        counters.connectionsFailed += 1;
        this.failuresInARow += 1;
        this.wasRefused = isRefusal(error);
        this.part(reasonOf(error));
        // The first one is news; an hour without network is not worth a thousand lines.
        const level = this.failuresInARow === 1 ? "warn" : "debug";
        logger[level]({ reason: reasonOf(error) }, "no connection to the hub");
      }
      await clock.sleep(this.reconnectWaitMs(), signal).catch(() => undefined);
    }
  }

  private part(reason: string | undefined): void {
    const sinceMs = this.apartNow?.sinceMs ?? this.parts.clock.monotonicMs();
    this.apartNow = { sinceMs, reason };
  }

  /** A hub lets one device of a name in, and throws the one before it out: one that has stopped must not do that all day. */
  private reconnectWaitMs(): number {
    const waitMs = this.reconnects.nextMs();
    return this.parts.delivery.halted ? this.limits.stoppedReconnectMs : waitMs;
  }

  /** Says that there is something new in the outbox. */
  wake(): void {
    if (this.link) void this.fill(this.link);
  }

  /** Publishes the unsigned live view, if there is a connection; it is not kept for later. */
  publishState(state: string): void {
    if (!this.isConnected) return;
    this.link!.connection.publish("state", state, { qos: 0, retain: true }).catch(() => undefined);
  }

  private async connectOnce(signal: AbortSignal): Promise<Error | undefined> {
    const { clock, device, connect, delivery, counters } = this.parts;
    delivery.beginConnection();
    const beganMs = clock.monotonicMs();
    const early: (() => void)[] = [];
    const connection = await HubConnection.open({
      connect,
      clock,
      device,
      password: this.token(),
      waitMs: this.limits.waitMs,
      signal,
      heard: (leaf, body) => {
        if (this.link) this.hear(this.link, leaf, body);
        else early.push(() => this.hear(this.link!, leaf, body));
      },
    });
    counters.connections += 1;
    this.wasRefused = false;
    this.apartNow = undefined;
    this.parts.logger.info({}, "connected to the hub");
    const link = this.begin(connection);
    this.link = link;
    for (const hear of early) hear();
    const close = (): void => void connection.close();
    signal.addEventListener("abort", close, { once: true });
    if (signal.aborted) close();
    const reason = await connection.ended;
    signal.removeEventListener("abort", close);
    for (const cancel of link.timers) cancel();
    this.link = undefined;
    // Two machines that throw each other out must not do so once a second for ever.
    if (clock.monotonicMs() - beganMs >= this.limits.reconnectMostMs) this.reconnects.reset();
    return reason;
  }

  private token(): string {
    const { device, origin, time, signer } = this.parts;
    const nowMs = time.nowMs();
    if (nowMs === undefined) throw new Error("no clock is believed yet, so no login can be signed");
    return signLoginToken({ device, origin, issuedAt: Math.floor(nowMs / 1000) }, signer);
  }

  private begin(connection: HubConnection): Link {
    const nowMs = this.parts.clock.monotonicMs();
    const link: Link = {
      connection,
      inFlight: 0,
      lastWordMs: nowMs,
      pausedUntilMs: nowMs,
      nextSendMs: nowMs,
      holeAt: undefined,
      isTurnAwaited: false,
      isFilling: false,
      fillAgain: false,
      timers: new Set(),
    };
    this.watch(link);
    return link;
  }

  /** Gives up a connection on which the hub owes an answer and says nothing. */
  private watch(link: Link): void {
    const { clock, delivery } = this.parts;
    const { silenceMsMax } = this.limits;
    this.later(link, silenceMsMax / 2, () => {
      const nowMs = clock.monotonicMs();
      const owes =
        link.inFlight > 0 ||
        delivery.isWaiting ||
        !delivery.hasSpoken ||
        // What is due is not there: only the hub's next word can tell what is to be sent instead.
        (link.holeAt !== undefined && link.holeAt === delivery.next());
      if (owes && nowMs - Math.max(link.lastWordMs, link.pausedUntilMs) >= silenceMsMax) {
        link.connection.fail(new Error(`the hub has said nothing for ${silenceMsMax} ms`));
      } else this.watch(link);
    });
  }

  /** Runs something on a connection after a while, if there still is one. */
  private later(link: Link, ms: number, run: () => void): void {
    const cancel = this.parts.clock.after(ms, () => {
      link.timers.delete(cancel);
      if (!link.connection.isClosed) run();
    });
    link.timers.add(cancel);
  }

  private hear(link: Link, leaf: "ack" | "nack", body: Uint8Array): void {
    const { delivery, clock, logger } = this.parts;
    link.lastWordMs = clock.monotonicMs();
    const storedBefore = delivery.storedSeq;
    const heard = leaf === "ack" ? delivery.hearAck(body) : delivery.hearNack(body);
    heard.then(
      (advice) => {
        if (delivery.storedSeq > storedBefore) this.pauses.reset();
        link.holeAt = undefined;
        this.follow(link, advice);
      },
      (error: unknown) => {
        logger.error({ error }, "an answer of the hub could not be dealt with");
        // Whatever the disk refuses, what it holds already is still sent.
        this.follow(link, "go-on");
      },
    );
  }

  private follow(link: Link, advice: Advice): void {
    if (advice === "pause") this.pause(link);
    else void this.fill(link);
  }

  private pause(link: Link): void {
    const { clock } = this.parts;
    const waitMs = this.pauses.nextMs();
    link.pausedUntilMs = clock.monotonicMs() + waitMs;
    this.later(link, waitMs, () => void this.fill(link));
  }

  /** Sends as much as the limits allow. Calls while it runs make it look once more. */
  private async fill(link: Link): Promise<void> {
    link.fillAgain = true;
    if (link.isFilling) return;
    link.isFilling = true;
    try {
      while (link.fillAgain) {
        link.fillAgain = false;
        while (await this.sendNext(link));
      }
    } catch (error) {
      link.connection.fail(error as Error);
    } finally {
      link.isFilling = false;
    }
  }

  /** Sends the next statement; false when there is none, or it has to wait. */
  private async sendNext(link: Link): Promise<boolean> {
    const { delivery, outbox, clock } = this.parts;
    const seq = delivery.next();
    if (seq === undefined || seq === link.holeAt || !this.mayStart(link, seq)) return false;
    const record = await outbox.read(seq);
    if (link.connection.isClosed) return false;
    if (delivery.next() !== seq) return true;
    if (record === undefined) {
      link.holeAt = seq;
      this.follow(link, await delivery.hearHole(seq));
      return true;
    }
    const nowMs = clock.monotonicMs();
    if (link.inFlight === 0 && !delivery.isWaiting) link.lastWordMs = nowMs;
    link.nextSendMs = Math.max(nowMs, link.nextSendMs) + 1000 / this.limits.statementsPerSecondMax;
    delivery.sent(seq);
    this.send(link, record);
    return true;
  }

  private mayStart(link: Link, seq: number): boolean {
    const { clock, delivery } = this.parts;
    const { windowStatements, aheadStatementsMax } = this.limits;
    const nowMs = clock.monotonicMs();
    if (link.connection.isClosed || link.pausedUntilMs > nowMs) return false;
    if (link.inFlight >= windowStatements) return false;
    if (seq > delivery.storedSeq + aheadStatementsMax && delivery.isWaiting) return false;
    if (link.isTurnAwaited) return false;
    // A second's worth may go at once; then a few wait for their turn together, so that nobody wakes up for each.
    const earlyMs = link.nextSendMs - nowMs - 1000;
    if (earlyMs <= 0) return true;
    link.isTurnAwaited = true;
    this.later(link, earlyMs + TURN_MS, () => {
      link.isTurnAwaited = false;
      void this.fill(link);
    });
    return false;
  }

  private send(link: Link, record: OutboxRecord): void {
    const { clock, counters, delivery } = this.parts;
    const { seq } = record;
    link.inFlight += 1;
    counters.statementsPublished += 1;
    link.connection.publish("statement", statementBody(record), { qos: 1 }).then(
      () => {
        link.inFlight -= 1;
        link.lastWordMs = clock.monotonicMs();
        delivery.decided(seq);
        void this.fill(link);
      },
      // The connection has ended with it. Nothing is tried from here: the next connection begins at the hub's ack.
      () => undefined,
    );
  }
}

/** CONNACK 4 and 5 (MQTT 3.1.1, section 3.2.2.3) come to a device that is not enrolled, or no more. */
function isRefusal(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === 4 || code === 5;
}

/** What a person may do something about. */
function reasonOf(error: unknown): string {
  return `${networkWords(error)}${isRefusal(error) ? "; is the device enrolled, and its clock right?" : ""}`;
}
