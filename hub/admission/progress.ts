/**
 * How far each device's chain has come: stored, sealed, cosigned (docs/formats.md, section 10).
 *
 * Follows the log's events, so that an ack costs no search. Everything is derived: at the start it is found again from
 * the newest part of the log.
 */

import type { KeyState } from "../../ledger/registry.ts";
import { Refusal } from "../../ledger/errors.ts";
import type { Hash } from "../../ledger/sha256.ts";
import { decodeStatement } from "../../ledger/statement.ts";
import type { Statement } from "../../ledger/statement.ts";
import type { HubLog } from "../log.ts";

/** A statement of a key, by its own number and its place in the log. */
export interface Mark {
  readonly seq: number;
  readonly index: number;
}

/** Where a key's chain stands. Absent marks have not been reached. */
export interface KeyProgress {
  /** The newest durable statement, and what the next one must name as `prev`. */
  stored: Mark | undefined;
  hash: Hash;
  /** The newest statement in a sealed block. */
  sealed: Mark | undefined;
  /** The newest statement in a block that the quorum has cosigned, as far as is known. */
  cosigned: Mark | undefined;
  /** The last statement before the newest seal that is known of, while later ones come in. */
  beforeSeal: Mark | undefined;
  /** Sealed marks that the quorum has not reached, one a block, oldest first. */
  awaiting: Mark[];
}

/** Above this, an old awaiting mark is merged into its successor: `cosigned` then lags, and never overstates. */
const AWAITING_MAX = 64;

/** How far back the start looks for cosigned statements. Beyond, the next cosigned block says it anew. */
const LOOK_BACK_ENTRIES_MAX = 50_000;

type ProgressLog = Pick<
  HubLog,
  | "state"
  | "sealedSize"
  | "entries"
  | "entry"
  | "findBySeq"
  | "findByHash"
  | "onAccepted"
  | "onSealed"
>;

/** The progress of all device keys of one log. */
export class Progress {
  readonly #log: ProgressLog;
  readonly #keys = new Map<string, KeyProgress>();

  private constructor(log: ProgressLog) {
    this.#log = log;
  }

  /** Finds where all chains stand, and follows the log from there. Nothing may be decided meanwhile. */
  static async open(log: ProgressLog, cosignedSize: number | undefined): Promise<Progress> {
    const progress = new Progress(log);
    for (const key of log.state.registry.all()) {
      if (key.role === "device") progress.#enter(key);
    }
    await progress.#findReached(cosignedSize ?? 0);
    log.onAccepted((entries) => {
      for (const entry of entries) progress.#accept(entry.index, entry.statement);
    });
    log.onSealed((block) => progress.#seal(block.index));
    return progress;
  }

  /** Where a key stands; `undefined` for a kid that is no device's. */
  of(kid: string): KeyProgress | undefined {
    const known = this.#keys.get(kid);
    if (known !== undefined) return known;
    const key = this.#log.state.registry.key(kid);
    return key?.role === "device" && key.lastSeq === -1 ? this.#enter(key) : undefined;
  }

  /** Notes that the quorum has cosigned the log up to `size`. */
  cosign(size: number): void {
    for (const progress of this.#keys.values()) {
      const { awaiting } = progress;
      const reached = awaiting.findLastIndex((mark) => mark.index < size);
      if (reached === -1) continue;
      progress.cosigned = awaiting[reached];
      awaiting.splice(0, reached + 1);
    }
  }

  #enter(key: KeyState): KeyProgress {
    const index = key.lastSeq < 0 ? undefined : this.#log.findBySeq(key.kid, key.lastSeq)?.index;
    const progress: KeyProgress = {
      stored: index === undefined ? undefined : { seq: key.lastSeq, index },
      hash: key.lastHash,
      sealed: undefined,
      cosigned: undefined,
      beforeSeal: undefined,
      awaiting: [],
    };
    this.#keys.set(key.kid, progress);
    return progress;
  }

  /** Finds the newest statement below each boundary: what the first one above it names as its predecessor. */
  async #findReached(cosignedSize: number): Promise<void> {
    const { sealedSize, state } = this.#log;
    const from = Math.max(cosignedSize, sealedSize - LOOK_BACK_ENTRIES_MAX);
    const firstOpen = new Map<string, Statement>();
    const firstUncosigned = new Map<string, Statement>();
    for await (const { index, bytes } of this.#log.entries(
      Math.min(from, sealedSize),
      state.size,
    )) {
      const statement = decodeStatement(bytes);
      if (statement instanceof Refusal)
        throw new Error(`entry ${index} of the log is no statement`);
      if (!this.#keys.has(statement.kid)) continue;
      if (!firstUncosigned.has(statement.kid)) firstUncosigned.set(statement.kid, statement);
      if (index >= sealedSize && !firstOpen.has(statement.kid)) {
        firstOpen.set(statement.kid, statement);
      }
    }
    for (const [kid, progress] of this.#keys) {
      progress.sealed = await this.#before(firstOpen.get(kid), progress);
      const reached = await this.#before(firstUncosigned.get(kid), progress);
      if (reached !== undefined && reached.index < cosignedSize) progress.cosigned = reached;
      const { sealed } = progress;
      if (sealed !== undefined && sealed.index >= cosignedSize) progress.awaiting = [sealed];
    }
  }

  /** The predecessor of a statement in its chain; the newest of all where there is no such statement. */
  async #before(next: Statement | undefined, progress: KeyProgress): Promise<Mark | undefined> {
    if (next === undefined) return progress.stored;
    const index = this.#log.findByHash(next.prev);
    const bytes = index === undefined ? undefined : await this.#log.entry(index);
    const statement = bytes === undefined ? undefined : decodeStatement(bytes);
    if (index === undefined || statement === undefined || statement instanceof Refusal) {
      return undefined;
    }
    // Before its first statement stands the entry that enrolled the key.
    return statement.kid === next.kid ? { seq: statement.seq, index } : undefined;
  }

  #accept(index: number, statement: Statement): void {
    const progress = this.of(statement.kid) ?? this.#enterFirst(statement);
    if (progress === undefined) return;
    const seal = this.#log.state.head?.index ?? -1;
    const { stored } = progress;
    if (stored !== undefined && stored.index < seal && index > seal) progress.beforeSeal = stored;
    progress.stored = { seq: statement.seq, index };
    progress.hash = statement.hash;
  }

  /** A key whose first statement is durable before anybody has asked for the key. */
  #enterFirst(statement: Statement): KeyProgress | undefined {
    const key = this.#log.state.registry.key(statement.kid);
    return key?.role === "device" ? this.#enter(key) : undefined;
  }

  #seal(sealIndex: number): void {
    for (const progress of this.#keys.values()) {
      const { stored, beforeSeal, sealed, awaiting } = progress;
      const newest = [stored, beforeSeal].find(
        (mark) => mark !== undefined && mark.index < sealIndex,
      );
      if (newest === undefined || newest.index === sealed?.index) continue;
      progress.sealed = newest;
      awaiting.push(newest);
      if (awaiting.length > AWAITING_MAX) awaiting.splice(1, 1);
    }
  }
}
