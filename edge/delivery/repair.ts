/**
 * Mending a chain: gaps, and the signing anew of what was good behind them (docs/edge.md, "Gaps").
 *
 * What is interrupted, by a crash or a full disk, is found again from the outbox and finished by `finish`.
 */

import { Refusal } from "../../ledger/errors.ts";
import type { RefusalCode } from "../../ledger/errors.ts";
import type { Reason } from "../../ledger/kinds/reason.ts";
import { openPack } from "../../ledger/preimage.ts";
import { decodePack } from "../../ledger/senml.ts";
import type { Pack } from "../../ledger/senml.ts";
import type { NoteName } from "../../ledger/quantity.ts";
import type { Hash } from "../../ledger/sha256.ts";
import { decodeStatement } from "../../ledger/statement.ts";
import type { Statement } from "../../ledger/statement.ts";
import type { Chain } from "../signing/chain.ts";
import type { ClockSource } from "../time/clock-source.ts";
import type { Counters } from "../counters.ts";
import type { OutboxRecord } from "../outbox/outbox-format.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { Quarantine } from "../outbox/quarantine.ts";
import { checkClip, checkPack } from "../signing/self-check.ts";
import { statementBody } from "./statement-body.ts";

/** What mending takes. */
export interface RepairParts {
  readonly device: string;
  /** The stream in whose name gaps are signed. */
  readonly stream: string;
  readonly outbox: Outbox;
  readonly chain: Chain;
  readonly time: ClockSource;
  readonly quarantine: Quarantine;
  /** Hears of dropped readings that only a statement owned up to which will not come into the ledger. */
  readonly owe: (stream: string, count: number) => void;
  readonly counters: Counters;
  /** Told of each statement that a gap left out: as what it was signed anew, or that nothing is left of it. */
  readonly renewed?: (seq: number, as: Statement | undefined) => void;
}

/** Where to leave a gap, and why. */
export interface GapWish {
  readonly from: number;
  /** The hash at `from - 1`. */
  readonly prev: Hash;
  readonly reason: Reason;
  /** The statement that was refused, if one was. */
  readonly refused?: number | undefined;
}

const RENEWALS_A_FLUSH = 64;
const DROPPED: NoteName = "dropped";

/** See the head of the file. Methods that return promises are not to overlap: delivery.ts calls them in turn. */
export class Repair {
  /** Why numbers were skipped, where a gap is due; forgotten in a crash, and then "lost". */
  dueReason: Reason = "lost";
  private readonly parts: RepairParts;
  private readonly refusedStreams = new Set<string>();
  private readonly refused = new Set<number>();
  private isDone = false;

  constructor(parts: RepairParts) {
    this.parts = parts;
  }

  /** Whether there is nothing that `finish` would have to do. */
  get isFinished(): boolean {
    return this.isDone;
  }

  /** Puts a refused statement away. After `wrong-stream` nothing else of its stream is signed, until a restart. */
  async noteRefused(record: OutboxRecord, code: RefusalCode): Promise<void> {
    this.refused.add(record.seq);
    await this.putAway(record, code);
    const statement = decodeStatement(record.statement);
    if (code === "wrong-stream" && !(statement instanceof Refusal)) {
      this.refusedStreams.add(statement.stream);
    }
  }

  /** Puts a statement away that will not come into the ledger; what it owned up to is owed again. */
  private async putAway(record: OutboxRecord, code: RefusalCode): Promise<void> {
    const { quarantine, device, owe } = this.parts;
    // Whole, with what a restricted statement hides: it may be all that is left of it.
    const body = statementBody(record);
    if (await quarantine.has(record.seq, body)) return;
    // Only once, also over restarts: rather a count too low than one too high.
    if (!(await quarantine.put(record.seq, code, body))) return;
    const pack = packIn(record, device);
    const dropped = pack?.readings.find(({ quantity }) => quantity === DROPPED)?.value;
    if (typeof dropped === "number") owe(pack!.stream, dropped);
  }

  /** Whether the hub has told why it refuses the statement `seq`. */
  isRefused(seq: number): boolean {
    return this.refused.has(seq);
  }

  /** Whether the hub takes nothing of a stream. */
  isRefusedStream(stream: string): boolean {
    return this.refusedStreams.has(stream);
  }

  /** Forgets refusals up to `seq`: the hub has gone on. */
  forget(seq: number): void {
    for (const refused of this.refused) if (refused <= seq) this.refused.delete(refused);
  }

  /** Leaves out everything from a number on, and signs anew what was good in there. False while there is no clock. */
  async leaveGap(wish: GapWish): Promise<boolean> {
    const { outbox, time } = this.parts;
    const nowMs = time.nowMs();
    if (nowMs === undefined) return false;
    // What is signed anew is read back from the disk.
    await outbox.flush();
    this.isDone = false;
    this.signGap(wish, nowMs);
    await this.finish();
    return true;
  }

  /** Signs a gap that is due, and what an unfinished one left out. Does nothing while there is no clock or no chain. */
  async finish(): Promise<void> {
    const { outbox, chain, time } = this.parts;
    const nowMs = time.nowMs();
    if (nowMs === undefined || outbox.tail === undefined) return;
    this.isDone = false;
    await outbox.flush();
    if (chain.needsGap) {
      const { follows: from, prev } = outbox.tail;
      this.signGap({ from, prev, reason: this.dueReason }, nowMs);
      this.dueReason = "lost";
      await outbox.flush();
    }
    await this.renewAll(Math.floor(nowMs / 1000));
    this.isDone = true;
  }

  private signGap({ from, prev, reason, refused }: GapWish, nowMs: number): void {
    const { chain, stream, counters } = this.parts;
    const iat = Math.floor(nowMs / 1000);
    chain.signGap({
      from,
      prev,
      reason,
      stream,
      iat,
      ...(refused === undefined ? {} : { refused }),
    });
    counters.gapsSigned += 1;
    if (refused !== undefined) this.parts.renewed?.(refused, undefined);
  }

  private async renewAll(iat: number): Promise<void> {
    const { outbox } = this.parts;
    let unflushed = 0;
    for (let seq = outbox.nextToRenew(); seq !== undefined; seq = outbox.nextToRenew()) {
      const record = await outbox.read(seq);
      const renewed = record && (await this.renew(record, iat));
      if (renewed) unflushed += 1;
      else outbox.skipRenewal(seq);
      this.parts.renewed?.(seq, renewed);
      if (unflushed === RENEWALS_A_FLUSH) {
        await outbox.flush();
        unflushed = 0;
      }
    }
    await outbox.flush();
  }

  /** Signs the payload of a statement anew; `undefined` where there is nothing left in it that could be. */
  private async renew(record: OutboxRecord, iat: number): Promise<Statement | undefined> {
    const { chain, device, quarantine, counters } = this.parts;
    const statement = decodeStatement(record.statement);
    if (statement instanceof Refusal || statement.kind === "gap") return undefined;
    // What was refused before a restart is known by the quarantine.
    if (this.refused.has(record.seq) || (await quarantine.has(record.seq, statementBody(record))))
      return undefined;
    const { kind, stream, payload, seq } = statement;
    const code = this.refusedStreams.has(stream)
      ? "wrong-stream"
      : refusalOf({ ...statement, iat }, device, record.preimage)?.code;
    if (code !== undefined) {
      counters.packsRefused += 1;
      await this.putAway(record, code);
      return undefined;
    }
    const { preimage } = record;
    const renewed = chain.sign(
      { kind, stream, iat, payload },
      { replaces: seq, ...(preimage ? { preimage } : {}) },
    );
    counters.statementsRenewed += 1;
    return renewed;
  }
}

/** What a statement says in its pack, if it has one; at whatever time. */
function packIn({ statement: bytes, preimage }: OutboxRecord, device: string): PackIn | undefined {
  const statement = decodeStatement(bytes);
  if (statement instanceof Refusal) return undefined;
  const pack =
    statement.kind === "readings"
      ? decodePack(statement.payload, device, Number.MAX_SAFE_INTEGER)
      : preimage && openPack(statement, preimage);
  if (pack === undefined || pack instanceof Refusal) return undefined;
  return { stream: statement.stream, readings: pack.readings };
}

interface PackIn extends Pick<Pack, "readings"> {
  readonly stream: string;
}

/** What a statement's pack or clip would be refused for, if it were signed at its `iat`. */
function refusalOf(
  statement: Statement,
  device: string,
  preimage: Uint8Array | undefined,
): Refusal | undefined {
  if (statement.kind === "readings") return checkPack(statement.payload, device, statement.iat);
  if (statement.kind === "clip") return checkClip(statement.payload, statement.iat);
  if (preimage === undefined) return undefined;
  const pack = openPack(statement, preimage);
  return pack instanceof Refusal ? pack : undefined;
}
