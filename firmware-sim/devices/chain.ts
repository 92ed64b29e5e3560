/**
 * A device's chain, and what the hub says of it (docs/formats.md, sections 3 and 10): which statement is next, what may be
 * forgotten, where a gap is left, and which of the hub's promises were broken.
 *
 * Pure: statements and answers in, decisions out. It keeps what the hub has not called stored, and nothing else. A real
 * agent keeps more, for longer, on a disk (docs/edge.md); towards the hub both behave alike.
 */
import { equalBytes } from "../../ledger/bytes.ts";
import type { RefusalCode } from "../../ledger/errors.ts";
import { encodeGap } from "../../ledger/kinds/gap.ts";
import type { Reason } from "../../ledger/kinds/reason.ts";
import type { Hash } from "../../ledger/sha256.ts";
import { signStatement } from "../../ledger/statement.ts";
import type { Draft, Statement } from "../../ledger/statement.ts";
import type { Ack, Nack } from "../../platform/ack.ts";
import type { Identity } from "./identity.ts";
import { STREAM } from "./identity.ts";

/** A statement that the hub has not called stored. */
export interface Pending {
  readonly statement: Statement;
  /** Monotonic; of the first time that it was sent, `undefined` before. */
  firstSentMs: number | undefined;
  /** Monotonic; of the latest time. */
  sentMs: number;
  /** Whether it has had its PUBACK: the hub has decided about it, and keeps that. */
  isConfirmed: boolean;
  /** Whether the hub, asked on a new connection, knew nothing of it although it was confirmed. */
  isInDoubt: boolean;
  refused: RefusalCode | undefined;
}

/** What an ack has changed. */
export interface AckEffect {
  /** What is stored now and was not before, in order. */
  readonly stored: readonly Pending[];
  /** How many statements of this run are sealed now and were not before. */
  readonly sealed: number;
}

/** What a nack asks for: to send again or anew at once, to wait before that, nothing, or to be silent for good. */
export type NackEffect = "go-on" | "pause" | "ignored" | "halted";

/** Bounds and choices of a chain. */
export interface ChainLimits {
  /** Statements that wait for the hub's ack; at the bound nothing more is signed. */
  readonly pendingMax: number;
  /**
   * How many numbers are left out where the key has spoken before, in a run whose counter nobody has kept.
   *
   * More than can have been under way then, and drawn anew for each run: no number is ever signed twice.
   */
  readonly leap: number;
}

/** Refusals that no other statement of this key will escape. */
const KEY_CODES: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  "unknown-key",
  "revoked-key",
  "wrong-issuer",
  "wrong-role",
]);
/** Refusals that pass with time. */
const PASSING_CODES: ReadonlySet<RefusalCode> = new Set<RefusalCode>(["quota", "future"]);
/** With so many refusals in a row, and nothing stored between them, each is followed by a pause. */
const REFUSALS_IN_A_ROW_MAX = 4;

/** See the head of the file. */
export class DeviceChain {
  readonly identity: Identity;
  /** What the hub should never have said, in words, for the owner to take. */
  readonly faults: string[] = [];
  /** Statements of this run by sort; those signed anew behind a gap count again. */
  signed = 0;
  gaps = 0;
  #leftBehind = 0;
  readonly #limits: ChainLimits;
  #pending: Pending[] = [];
  /** So many of `#pending`, from the front, have been sent on this connection. */
  #sent = 0;
  #next: number | undefined;
  #prev: Hash | undefined;
  #stored = -1;
  #storedHash: Hash | undefined;
  #sealed = -1;
  #sealedCounted = -1;
  /** Numbers that are in the log, and those below them that gaps have left out: a number's rank is what is left. */
  readonly #leftOut: { readonly at: number; readonly total: number }[] = [];
  #isReady = false;
  #isHalted = false;
  #refusalsInARow = 0;
  #resending: number | undefined;

  constructor(identity: Identity, limits: ChainLimits) {
    this.identity = identity;
    this.#limits = limits;
  }

  /** The greatest number that the hub has called stored, -1 before. */
  get stored(): number {
    return this.#stored;
  }

  /** The greatest number that the hub has called sealed, -1 before. */
  get sealed(): number {
    return this.#sealed;
  }

  /** What is signed and not stored, in order. */
  get pending(): readonly Pending[] {
    return this.#pending;
  }

  /** Whether the hub has spoken on this connection, and something may be sent. */
  get isReady(): boolean {
    return this.#isReady && !this.#isHalted;
  }

  /** Whether the key is refused, or somebody else has signed with it: nothing is signed or sent any more. */
  get isHalted(): boolean {
    return this.#isHalted;
  }

  /** Whether another statement may be signed: the chain has a beginning, and there is room. */
  get hasRoom(): boolean {
    return (
      this.#next !== undefined && !this.#isHalted && this.#pending.length < this.#limits.pendingMax
    );
  }

  /** Signs readings as the next statement. Throws `RangeError` where `hasRoom` is false. */
  sign(payload: Uint8Array, iat: number): Statement {
    if (!this.hasRoom) throw new RangeError("the chain takes no statement now");
    return this.#append({ kind: "readings", stream: STREAM, iat, payload });
  }

  /** Says that a connection begins: what was sent before may or may not have arrived. */
  beginConnection(): void {
    this.#isReady = false;
    this.#sent = 0;
    this.#resending = undefined;
  }

  /** The next statement to be sent on this connection; `undefined` where there is none, or the hub has not spoken. */
  due(): Pending | undefined {
    return this.isReady ? this.#pending[this.#sent] : undefined;
  }

  /** Says that what `due` gave has been sent. */
  sentDue(nowMs: number): void {
    const pending = this.#pending[this.#sent]!;
    pending.sentMs = nowMs;
    pending.firstSentMs ??= nowMs;
    this.#sent += 1;
  }

  /** Says that a statement has had its PUBACK. */
  confirm(pending: Pending): void {
    pending.isConfirmed = true;
    if (pending.statement.seq === this.#resending) this.#resending = undefined;
  }

  /** Takes an ack. At `iat` a gap is signed, if one is due. */
  hearAck(ack: Ack, iat: number): AckEffect {
    if (ack.kid !== this.identity.kid) {
      this.faults.push(`an ack for key ${ack.kid}`);
      return { stored: [], sealed: 0 };
    }
    this.#compare(ack);
    if (this.#isHalted) return { stored: [], sealed: 0 };
    if (this.#next === undefined) this.#begin(ack, iat);
    const stored = this.#take(ack);
    if (!this.#isReady) {
      for (const pending of this.#pending) pending.isInDoubt ||= pending.isConfirmed;
      this.#isReady = true;
    }
    return { stored, sealed: this.#takeSealed(ack.sealed) };
  }

  /** Takes a nack, and leaves a gap where the refused statement was. */
  hearNack(nack: Nack, iat: number): NackEffect {
    const at = this.#pending.findIndex(({ statement }) => equalBytes(statement.hash, nack.hash));
    const refused = this.#pending[at];
    if (refused === undefined || this.#isHalted) return "ignored";
    const { code } = nack;
    if (KEY_CODES.has(code)) {
      refused.refused = code;
      this.#isHalted = true;
      return "halted";
    }
    if (PASSING_CODES.has(code)) {
      this.#sent = Math.min(this.#sent, at);
      return "pause";
    }
    return this.#mend(refused, nack, iat);
  }

  /** Confirmed, neither stored nor refused: what the hub has taken, and shows to nobody. */
  lost(): Pending[] {
    return this.#pending.filter(({ isConfirmed, refused }) => isConfirmed && refused === undefined);
  }

  /** How many were refused, or stood behind one that was: what was good among them has been signed anew. */
  get withdrawn(): number {
    return this.#leftBehind + this.#pending.filter(({ refused }) => refused !== undefined).length;
  }

  /** Neither confirmed nor refused. */
  undelivered(): Pending[] {
    return this.#pending.filter(
      ({ isConfirmed, refused }) => !isConfirmed && refused === undefined,
    );
  }

  /** Compares an ack with what was said before, and with what was signed. */
  #compare(ack: Ack): void {
    const { stored, sealed } = ack;
    if (stored < this.#stored) this.#fault(`stored fell from ${this.#stored} to ${stored}`, true);
    if (sealed < this.#sealed) this.#fault(`sealed fell from ${this.#sealed} to ${sealed}`);
    if (sealed > stored) this.#fault(`${sealed} is sealed, of ${stored} stored`);
    if (this.#next === undefined || stored < this.#stored) return;
    if (stored >= this.#next) {
      this.#fault(`${stored} is stored, and ${this.#next - 1} is the last that was signed`, true);
      return;
    }
    const own = this.#hashAt(stored);
    if (own === undefined || !equalBytes(own, ack.hash)) {
      this.#fault(`another statement than ours is stored as ${stored}`, true);
    }
  }

  /** Notes a fault; the device then cannot go on if it has let go of what would be needed, or its key is another's too. */
  #fault(text: string, isFinal = false): void {
    this.faults.push(text);
    this.#isHalted ||= isFinal;
  }

  /** Begins where the hub says. A key that has spoken before leaps, so that no number is ever signed twice. */
  #begin(ack: Ack, iat: number): void {
    this.#stored = ack.stored;
    this.#storedHash = ack.hash;
    this.#sealedCounted = ack.stored;
    this.#next = ack.stored + 1;
    this.#prev = ack.hash;
    if (ack.stored < 0) return;
    this.#next += this.#limits.leap;
    this.#appendGap(ack.stored + 1, "counter-lost", iat);
  }

  #take(ack: Ack): Pending[] {
    const count = this.#pending.findIndex(({ statement }) => statement.seq > ack.stored);
    const stored = this.#pending.splice(0, count === -1 ? this.#pending.length : count);
    this.#sent = Math.max(0, this.#sent - stored.length);
    if (stored.length > 0) this.#refusalsInARow = 0;
    for (const { isInDoubt, statement } of stored) {
      if (isInDoubt) this.#fault(`${statement.seq} had its PUBACK, and had to be sent again`);
    }
    this.#stored = ack.stored;
    this.#storedHash = ack.hash;
    return stored;
  }

  #takeSealed(sealed: number): number {
    this.#sealed = Math.max(this.#sealed, sealed);
    if (sealed <= this.#sealedCounted) return 0;
    const more = this.#rank(sealed) - this.#rank(this.#sealedCounted);
    this.#sealedCounted = sealed;
    return more;
  }

  /** How many numbers up to this one are not left out. */
  #rank(seq: number): number {
    const below = this.#leftOut.findLast(({ at }) => at <= seq);
    return seq + 1 - (below?.total ?? 0);
  }

  #mend(refused: Pending, nack: Nack, iat: number): NackEffect {
    const { seq } = refused.statement;
    const isChain = nack.code === "broken-chain";
    const expected = nack.expected ?? (isChain ? this.#stored + 1 : seq);
    if (isChain) {
      // The hub is ahead of what we know, and its ack is under way; or this is an echo of what is being mended.
      if (expected > seq || expected === this.#resending) return "ignored";
    } else refused.refused = nack.code;
    this.#refusalsInARow += 1;
    const from = Math.min(expected, seq);
    const at = this.#pending.findIndex(({ statement }) => statement.seq === from);
    const first = this.#pending[at];
    if (from < seq && first !== undefined && first.refused === undefined) {
      this.#sent = Math.min(this.#sent, at);
      this.#resending = from;
    } else if (!this.#leaveGap(from, iat)) return "pause";
    return this.#refusalsInARow > REFUSALS_IN_A_ROW_MAX ? "pause" : "go-on";
  }

  /** Leaves out everything from `from` on, and signs anew what was good in there. */
  #leaveGap(from: number, iat: number): boolean {
    const prev = this.#hashAt(from - 1);
    if (prev === undefined) return false;
    const at = this.#pending.findIndex(({ statement }) => statement.seq >= from);
    const dropped = this.#pending.splice(at === -1 ? this.#pending.length : at);
    this.#leftBehind += dropped.length;
    this.#sent = Math.min(this.#sent, this.#pending.length);
    this.#prev = prev;
    this.#appendGap(from, "refused", iat);
    for (const { statement, refused } of dropped) {
      const { kind, stream, payload } = statement;
      if (refused === undefined && kind !== "gap") this.#append({ kind, stream, iat, payload });
    }
    return true;
  }

  #appendGap(from: number, reason: Reason, iat: number): void {
    const to = this.#next! - 1;
    const total = (this.#leftOut.at(-1)?.total ?? 0) + to - from + 1;
    this.#leftOut.push({ at: to + 1, total });
    this.gaps += 1;
    this.#append({ kind: "gap", stream: STREAM, iat, payload: encodeGap({ from, to, reason }) });
  }

  #append(draft: Draft): Statement {
    const { name, signer } = this.identity;
    const position = { issuer: name, seq: this.#next!, prev: this.#prev! };
    const statement = signStatement(position, draft, signer);
    this.#next = statement.seq + 1;
    this.#prev = statement.hash;
    this.signed += 1;
    this.#pending.push({
      statement,
      firstSentMs: undefined,
      sentMs: 0,
      isConfirmed: false,
      isInDoubt: false,
      refused: undefined,
    });
    return statement;
  }

  /** The hash of an own statement, as far as it is still known: the last that is stored, and all behind it. */
  #hashAt(seq: number): Hash | undefined {
    if (seq === this.#stored) return this.#storedHash;
    return this.#pending.find(({ statement }) => statement.seq === seq)?.statement.hash;
  }
}
