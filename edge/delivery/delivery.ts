/**
 * What the hub's answers mean for the outbox: what is sent next, what is let go, where a gap is left, when to stop.
 *
 * Acks and nacks are worked off one after another. The rules are those of docs/formats.md, section 10, and docs/edge.md,
 * "Gaps" and "Stopping": nothing is let go without a receipt that holds, no number is signed twice, and no answer,
 * however often it comes, makes the device send the same thing for ever without a pause. Sending is publisher.ts's.
 */

import { equalBytes } from "../../ledger/bytes.ts";
import { Refusal } from "../../ledger/errors.ts";
import type { RefusalCode } from "../../ledger/errors.ts";
import type { Reason } from "../../ledger/kinds/reason.ts";
import { sha256 } from "../../ledger/sha256.ts";
import type { Hash } from "../../ledger/sha256.ts";
import { decodeStatement } from "../../ledger/statement.ts";
import type { Logger } from "../../platform/log.ts";
import { parseAck, parseNack } from "../../platform/ack.ts";
import type { Ack, Nack } from "../../platform/ack.ts";
import type { ClockSource } from "../time/clock-source.ts";
import type { Counters } from "../counters.ts";
import { counterLost, foreignStatements } from "./halt.ts";
import type { Halt, HaltMarks } from "./halt.ts";
import type { OutboxRecord } from "../outbox/outbox-format.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { Recovery } from "./recovery.ts";
import type { Repair } from "./repair.ts";
import type { ReceiptTrust, RetentionLevel } from "./receipt-trust.ts";

/** What a delivery is made of. */
export interface DeliveryParts {
  /** 16 hex digits. */
  readonly kid: string;
  readonly level: RetentionLevel;
  /** Whether packs travel beside statements that hide them. */
  readonly isRestricted: boolean;
  readonly trust: ReceiptTrust;
  readonly outbox: Outbox;
  readonly repair: Repair;
  readonly time: ClockSource;
  readonly marks: HaltMarks;
  /** How far the hub had acknowledged, as an earlier run has noted; -1 where nobody knows. */
  readonly acknowledgedBefore: number;
  readonly counters: Counters;
  readonly logger: Logger;
}

/** What the publisher is to do after an answer. */
export type Advice = "go-on" | "pause";

/** Refusals in a row, with nothing accepted between them, after which sending is slowed down. */
const REFUSALS_IN_A_ROW_MAX = 4;
const ANSWERS_WAITING_MAX = 1_024;

/** Refusals that no other statement of this key will escape. */
const KEY_CODES: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  "unknown-key",
  "revoked-key",
  "wrong-issuer",
  "wrong-role",
]);

/** See the head of the file. */
export class Delivery {
  private readonly parts: DeliveryParts;
  private cursor = 0;
  private isReady = false;
  private stored = -1;
  private storedHash: Hash | undefined;
  private refusalsInARow = 0;
  private rewoundTo = -1;
  /** Sent again after a broken chain, and not decided by the hub yet: until then others only repeat the complaint. */
  private resending: number | undefined;
  private haltNow: Halt | undefined;
  /** The stop is not on the disk yet. */
  private isUnmarked = false;
  private isGivingBack = true;
  private readonly recovery: Recovery;
  private waiting = 0;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(parts: DeliveryParts) {
    this.parts = parts;
    this.recovery = new Recovery(parts);
  }

  /** Why nothing is signed or sent any more; `undefined` in good times. */
  get halted(): Halt | undefined {
    return this.haltNow;
  }

  /** The greatest number that the hub says it has stored. */
  get storedSeq(): number {
    return this.stored;
  }

  /** Whether the hub has answered on this connection. */
  get hasSpoken(): boolean {
    return this.isReady || this.haltNow !== undefined;
  }

  /** Whether the hub has said, on this connection, from where it wants to go on. */
  get isReadyToSend(): boolean {
    return this.isReady && this.haltNow === undefined;
  }

  /** Whether the hub knows less than was let go here, as after a restored backup: then there is nothing to send. */
  get isHubBehind(): boolean {
    return this.isReady && this.stored < (this.parts.outbox.knownFrom ?? -1);
  }

  /** Whether something was sent on this connection that the hub has not stored yet. */
  get isWaiting(): boolean {
    return this.isReadyToSend && this.cursor - 1 > this.stored;
  }

  /** Finds out whether the device was stopped before, and finishes what a crash interrupted. */
  async start(): Promise<void> {
    this.haltNow = await this.parts.marks.halted();
    await this.settle();
  }

  /** Says that a connection begins: what was sent before may or may not have arrived. */
  beginConnection(): void {
    this.isReady = false;
    this.resending = undefined;
    this.rewoundTo = -1;
  }

  /** The next statement to be sent; `undefined` when there is none, or the hub has not spoken yet. */
  next(): number | undefined {
    if (!this.isReadyToSend || this.isHubBehind) return undefined;
    return this.parts.outbox.nextLive(this.cursor);
  }

  /** Says that `seq` has been handed to the connection. */
  sent(seq: number): void {
    this.cursor = seq + 1;
  }

  /** Says that the broker has taken `seq`: what the hub says from now on, it says with that in mind. */
  decided(seq: number): void {
    if (seq === this.resending) this.resending = undefined;
  }

  /** Takes an ack. Rejects with the disk's error, after which the next ack, or `settle`, goes on. */
  hearAck(body: Uint8Array): Promise<Advice> {
    const ack = parseAck(body);
    if (ack?.kid !== this.parts.kid) {
      this.parts.counters.acksIgnored += 1;
      return Promise.resolve("go-on");
    }
    this.parts.counters.acks += 1;
    return this.inTurn(() => this.takeAck(ack));
  }

  /** Takes a nack. Rejections as of `hearAck`; the hub says it again when the statement is sent again. */
  hearNack(body: Uint8Array): Promise<Advice> {
    const nack = parseNack(body);
    const isOurs = nack !== undefined && (nack.kid === null || nack.kid === this.parts.kid);
    const { counters } = this.parts;
    counters[isOurs ? "nacks" : "nacksIgnored"] += 1;
    if (!isOurs) return Promise.resolve("go-on");
    counters.nacksByCode[nack.code] = (counters.nacksByCode[nack.code] ?? 0) + 1;
    return this.inTurn(() => this.takeNack(nack));
  }

  /** Deals with a statement that is due and cannot be read back: a gap, once the hub has all before it. */
  hearHole(seq: number): Promise<Advice> {
    return this.inTurn(async () => {
      if (this.parts.outbox.nextLive(seq) !== seq || (await this.parts.outbox.read(seq)))
        return "go-on";
      if (this.stored !== seq - 1) return "go-on";
      this.parts.counters.statementsLost += 1;
      this.parts.logger.error({ seq }, "a statement on disk is damaged, and is left out");
      return this.leaveGap(seq, "lost");
    });
  }

  /**
   * Signs a gap that is due, and anew what an unfinished one left out; writes down a stop that could not be. Needs a clock;
   * safe to repeat.
   */
  settle(): Promise<Advice> {
    return this.inTurn(async () => {
      if (this.haltNow) await this.mark();
      else await this.parts.repair.finish();
      return "go-on";
    });
  }

  /** Whether `settle` has something to do. */
  get isUnsettled(): boolean {
    return this.isUnmarked || (this.haltNow === undefined && !this.parts.repair.isFinished);
  }

  private async takeAck(ack: Ack): Promise<Advice> {
    if (this.haltNow) return "go-on";
    const { outbox, marks, repair } = this.parts;
    if (await marks.isRecovering()) {
      if (!(await this.recovery.goOn(ack, this.stored))) return "go-on";
    } else if (outbox.tail === undefined) {
      if (ack.stored >= 0) return this.halt(counterLost(ack.stored));
      await outbox.anchor({ seq: 0, follows: 0, prev: ack.hash });
    } else if (await this.recovery.isForeign(ack)) {
      return this.halt(foreignStatements(ack.stored));
    }
    if (ack.stored > this.stored) this.refusalsInARow = 0;
    repair.forget(ack.stored);
    this.stored = ack.stored;
    this.storedHash = ack.hash;
    if (!this.isReady || ack.stored >= this.cursor) this.cursor = ack.stored + 1;
    this.isReady = true;
    if (this.isHubBehind) {
      const text = "the hub has forgotten statements that were let go here; it has to be restored";
      this.parts.logger.error({ stored: ack.stored, knownFrom: outbox.knownFrom }, text);
    }
    await this.release(ack);
    await repair.finish();
    return "go-on";
  }

  private async release(ack: Ack): Promise<void> {
    const { outbox, level, isRestricted, trust, counters, logger } = this.parts;
    const reached = level === "stored" ? ack.stored : Math.min(ack[level] ?? -1, ack.stored);
    if (reached < outbox.oldest) return;
    if (level !== "stored") {
      const receipt = level === "sealed" ? ack.sealedReceipt : ack.cosignedReceipt;
      const record = await outbox.read(reached);
      if (receipt === undefined || record === undefined) return;
      // After a leap the number may be another card's: what it says of that card is nothing to let go by.
      const hash = await outbox.hashAt(reached);
      if (hash && !equalBytes(hash, sha256(record.statement))) return;
      const fault = trust.check(level, record.statement, receipt);
      if (fault) {
        counters.receiptsRefused += 1;
        const { code, text } = fault;
        logger.warn({ seq: reached, code, text }, "a receipt does not hold, nothing is let go");
        return;
      }
      counters.receiptsAccepted += 1;
    }
    const oldest = outbox.oldest;
    try {
      // Also where the last of them hides nothing, as a gap does: those before it do.
      await outbox.letGo(isRestricted ? Math.min(reached, ack.bodies) : reached);
      this.isGivingBack = true;
    } catch (error) {
      // Nothing depends on it: the next ack tries again. Once is enough to say so.
      if (this.isGivingBack) logger.warn({ error }, "the disk gives no space back");
      this.isGivingBack = false;
    }
    counters.statementsLetGo += outbox.oldest - oldest;
  }

  private async takeNack(nack: Nack): Promise<Advice> {
    if (this.haltNow || !this.isReady) return "go-on";
    const record = await this.findRefused(nack);
    if (record === undefined) {
      this.parts.counters.nacksIgnored += 1;
      return "go-on";
    }
    const { code, text } = nack;
    this.parts.logger.warn({ seq: record.seq, code, text }, "the hub refused a statement");
    if (KEY_CODES.has(code)) {
      // Not kept over a restart: an operator may enrol the key meanwhile.
      this.haltNow = {
        reason: "key-refused",
        text: `The hub refuses this device: ${code}. ${text}`,
      };
      return "pause";
    }
    if (code === "quota" || (code === "future" && this.isClockStillAhead(record))) {
      this.rewind(record.seq);
      return "pause";
    }
    return code === "broken-chain"
      ? this.takeBrokenChain(nack, record.seq)
      : this.takeRefusal(nack, record);
  }

  private async takeRefusal(nack: Nack, record: OutboxRecord): Promise<Advice> {
    await this.parts.repair.noteRefused(record, nack.code);
    const expected = Math.min(nack.expected ?? record.seq, record.seq);
    // Where the hub still lacks something before it, that comes first; this one will be refused again in its turn.
    const earlier = await this.behind(expected);
    if (earlier !== undefined && earlier < record.seq) return this.resendFrom(earlier);
    return this.leaveGap(expected, "refused", record.seq);
  }

  private async takeBrokenChain(nack: Nack, seq: number): Promise<Advice> {
    const expected = nack.expected ?? this.stored + 1;
    // The hub has other statements where this one belongs: its next ack tells, and stops the device.
    if (expected > seq) return "go-on";
    const earlier = await this.behind(expected);
    if (earlier !== undefined && earlier === this.resending) return "go-on";
    if (earlier !== undefined && earlier < seq) return this.resendFrom(earlier);
    return this.leaveGap(expected, "refused");
  }

  /** The statement that a hub wants which expects `expected`: that number, or a gap from there on. */
  private async behind(expected: number): Promise<number | undefined> {
    const { outbox, repair } = this.parts;
    const seq = outbox.nextLive(expected);
    if (seq === undefined || repair.isRefused(seq)) return undefined;
    if (seq === expected) return seq;
    return (await outbox.read(seq))?.gap?.from === expected ? seq : undefined;
  }

  /** Finds the statement that a nack speaks of, if it is one that was sent, is ours, and is not given up already. */
  private async findRefused(nack: Nack): Promise<OutboxRecord | undefined> {
    const { outbox } = this.parts;
    const first = nack.seq ?? this.stored + 1;
    const last = nack.seq ?? this.cursor - 1;
    for (let seq = first; seq <= last; seq++) {
      if (outbox.nextLive(seq) !== seq || seq <= this.stored) continue;
      if (nack.seq === null && seq - first > ANSWERS_WAITING_MAX) return undefined;
      const hash = await outbox.hashAt(seq);
      if (hash && equalBytes(hash, nack.hash)) return outbox.read(seq);
    }
    return undefined;
  }

  /** A statement from the future waits, unless the clock has been put right since: then it is signed anew. */
  private isClockStillAhead(record: OutboxRecord): boolean {
    const statement = decodeStatement(record.statement);
    const nowMs = this.parts.time.nowMs();
    return (
      statement instanceof Refusal || nowMs === undefined || statement.iat * 1000 <= nowMs + 1000
    );
  }

  private resendFrom(seq: number): Advice {
    // A hub that gets on asks for ever later ones.
    const isAgain = seq <= this.rewoundTo;
    this.rewoundTo = seq;
    this.resending = seq;
    this.rewind(seq);
    if (isAgain) this.refusalsInARow += 1;
    return this.refusalsInARow > REFUSALS_IN_A_ROW_MAX ? "pause" : "go-on";
  }

  private rewind(seq: number): void {
    this.cursor = Math.min(this.cursor, seq);
  }

  /** Leaves out everything from `from` on, and goes on behind the gap. */
  private async leaveGap(from: number, reason: Reason, refused?: number): Promise<Advice> {
    const { outbox, repair } = this.parts;
    const prev = from === this.stored + 1 ? this.storedHash : await outbox.hashAt(from - 1);
    if (prev === undefined || !(await repair.leaveGap({ from, prev, reason, refused })))
      return "pause";
    this.rewind(from);
    this.refusalsInARow += 1;
    return this.refusalsInARow > REFUSALS_IN_A_ROW_MAX ? "pause" : "go-on";
  }

  private async halt(halt: Halt): Promise<Advice> {
    this.haltNow = halt;
    this.parts.logger.error({ reason: halt.reason }, halt.text);
    // A lost counter is found out again at the next start; a clone might sign before the hub speaks.
    this.isUnmarked = halt.reason === "foreign-statements";
    await this.mark();
    return "pause";
  }

  /** Writes down that the device has stopped. */
  private async mark(): Promise<void> {
    if (!this.isUnmarked || this.haltNow === undefined) return;
    await this.parts.marks.halt(this.haltNow);
    this.isUnmarked = false;
  }

  private inTurn(work: () => Promise<Advice>): Promise<Advice> {
    if (this.waiting >= ANSWERS_WAITING_MAX) {
      this.parts.counters.nacksIgnored += 1;
      return Promise.resolve("pause");
    }
    this.waiting += 1;
    const done = this.turn.then(work).finally(() => {
      this.waiting -= 1;
    });
    this.turn = done.catch(() => undefined);
    return done;
  }
}
