/**
 * A hub that forgets, over the scripted one: it restarts as it was, or as it was some time ago, and a mirror keeps what
 * was promised.
 *
 * How much may be forgotten without breaking a promise is the retention level's: nothing of what is `stored`, nothing that
 * is `sealed`, or nothing that is `cosigned`. Beyond that it is a disaster, which ends when the mirror's copy is put back.
 */

import { encodeHex } from "../../../ledger/bytes.ts";
import type { RefusalCode } from "../../../ledger/errors.ts";
import type { Statement } from "../../../ledger/statement.ts";
import type { RetentionLevel } from "../../../edge/delivery/receipt-trust.ts";
import type { Clock } from "../../../platform/clock.ts";
import type { ScriptedHub } from "../delivery/scripted-hub.ts";

/** As the real hub's: a statement that claims to be later than this is refused. */
const AHEAD_MS_MAX = 300_000;
/** Genesis, its seal, the enrolment. */
const ENTRIES_MIN = 3;

/** See the head of the file. */
export class FlakyHub {
  readonly hub: ScriptedHub;
  /** Whether more is forgotten than was promised to be kept. */
  isAmnesiac = false;
  /** Refusals still to come, and with which code. */
  refusals: { code: RefusalCode; left: number } = { code: "malformed", left: 0 };
  /** Statements that were refused for what they are, by their hashes in hex. */
  readonly refused = new Map<string, Statement>();
  private readonly codes = new Map<string, RefusalCode>();
  private readonly level: RetentionLevel;
  private kept: Uint8Array[] = [];

  constructor(hub: ScriptedHub, level: RetentionLevel, clock: Clock) {
    this.hub = hub;
    this.level = level;
    hub.refuse = (statement) => this.refuse(statement, clock.nowMs());
  }

  /** Everything that the level promises to keep. */
  get promised(): readonly Uint8Array[] {
    return this.level === "stored" ? this.hub.entries : this.kept;
  }

  /** Closes a block. A hub that has lost its memory signs nothing: its mirrors would tell. */
  async seal(isCosigned: boolean): Promise<void> {
    if (this.isAmnesiac) return;
    await this.hub.seal(isCosigned);
    if (isCosigned || this.level === "sealed") this.kept = [...this.hub.entries];
  }

  /** Restarts with a share of what it need not have kept; with all of it for 1. */
  goBack(share: number): void {
    const { entries } = this.hub;
    const least = Math.max(ENTRIES_MIN, this.isAmnesiac ? 0 : this.promised.length);
    const most = entries.length;
    const size = least >= most ? most : least + Math.round(share * (most - least));
    this.hub.become(entries.slice(0, size));
  }

  /** Restarts without some of what it had promised to keep. */
  forget(share: number): void {
    if (this.level === "stored" || this.kept.length <= ENTRIES_MIN) return;
    this.isAmnesiac = true;
    const size = ENTRIES_MIN + Math.floor(share * (this.kept.length - ENTRIES_MIN));
    this.hub.become(this.hub.entries.slice(0, size));
  }

  /** Is restored from the mirror after such a loss. */
  restore(): void {
    if (!this.isAmnesiac) return;
    this.isAmnesiac = false;
    this.hub.become(this.kept);
  }

  private refuse(statement: Statement, nowMs: number): RefusalCode | undefined {
    const key = encodeHex(statement.hash);
    if (this.refused.has(key)) return this.codes.get(key);
    if (statement.iat * 1000 > nowMs + AHEAD_MS_MAX) return "future";
    // It has lost its memory, and not its mind: what it took once it takes again.
    if (this.refusals.left <= 0 || this.isAmnesiac) return undefined;
    this.refusals.left -= 1;
    const { code } = this.refusals;
    // These are no statement's fault: the same may be taken the next time.
    if (["quota", "broken-chain", "revoked-key"].includes(code)) return code;
    this.refused.set(key, statement);
    this.codes.set(key, code);
    return code;
  }
}
