/**
 * Following a log entry by entry: full admission, and the tiles that the entries make (docs/formats.md, 6 and 8).
 *
 * Auditors and peers both stand on this: an auditor compares the tiles with those that were published, a peer keeps
 * them as its own. Nothing of what a log says about itself is believed; everything is made again from the entries.
 */

import { apply, judge } from "./admission.ts";
import { Refusal } from "./errors.ts";
import { decodeErase } from "./kinds/erase.ts";
import type { Kind } from "./kinds/kind.ts";
import { LogState } from "./log-state.ts";
import type { Hash } from "./sha256.ts";
import { verifyAhead, verifyInline } from "./signature-batch.ts";
import type { VerifyMany } from "./signature-batch.ts";
import type { Verify } from "./signature.ts";
import { decodeStatement } from "./statement.ts";
import type { Statement } from "./statement.ts";
import { TileBuilder } from "./tile.ts";
import type { TileFile } from "./tile.ts";

/** An entry that does not follow. */
export interface ReplayRefusal {
  readonly index: number;
  readonly refusal: Refusal;
}

/** What following needs from its surroundings. */
export interface ReplayParts {
  readonly verify: Verify;
  /** Checks signatures in bulk; by default one after the other. */
  readonly verifyMany?: VerifyMany | undefined;
  /** Reads an entry that was taken before; asked for by erasures only. */
  readonly entry: (index: number) => Promise<Uint8Array | undefined>;
}

/** A batch of entries, taken apart and on its way through signature checking. */
export interface PreparedEntries {
  readonly entries: readonly Uint8Array[];
  readonly statements: readonly (Statement | Refusal)[];
  readonly verify: Promise<Verify>;
}

/** Follows one log. After a refusal it stands where the last good entry left it, and takes nothing more. */
export class Replay {
  readonly state: LogState;
  /** How many entries of each kind were taken. */
  readonly counts: Map<Kind, number> = new Map();
  private readonly tiles: TileBuilder;
  private readonly parts: ReplayParts;

  /** Begins at `state`, and at the tiles that belong to it; by default at the beginning of a log. */
  constructor(
    parts: ReplayParts,
    state: LogState = new LogState(),
    tiles: TileBuilder = new TileBuilder(),
  ) {
    if (state.size !== tiles.size) throw new RangeError("state and tiles are of different sizes");
    this.parts = parts;
    this.state = state;
    this.tiles = tiles;
  }

  /**
   * Takes entries apart and sends their signatures to be checked.
   *
   * May be called for the next batch while one is being taken: keys that are enrolled meanwhile are checked later.
   */
  prepare(entries: readonly Uint8Array[]): PreparedEntries {
    const statements = entries.map(decodeStatement);
    const verifyMany = this.parts.verifyMany ?? verifyInline(this.parts.verify);
    const verify = verifyAhead(this.state, statements, verifyMany, this.parts.verify);
    // The rejection is seen by whoever takes the batch; until then it must not count as unhandled.
    verify.catch(() => undefined);
    return { entries, statements, verify };
  }

  /** Admits a batch in order. Gives the tiles that it fills or changes, or the first entry that does not follow. */
  async take(batch: PreparedEntries): Promise<TileFile[] | ReplayRefusal> {
    const verify = await batch.verify;
    const erased = await this.readErased(batch.statements);
    const leaves: Hash[] = [];
    for (const statement of batch.statements) {
      const index = this.state.size;
      if (statement instanceof Refusal) return { index, refusal: statement };
      const entry = (at: number): Uint8Array | undefined =>
        erased.get(at) ?? batch.entries[at - this.tiles.size];
      const admission = judge(this.state, statement, { verify, entry });
      if (admission instanceof Refusal) return { index, refusal: admission };
      leaves.push(apply(this.state, admission));
      this.counts.set(statement.kind, (this.counts.get(statement.kind) ?? 0) + 1);
    }
    return this.tiles.grow(batch.entries, leaves);
  }

  /** Fetches the older entries that erasures of a batch speak of, since admission itself cannot wait. */
  private async readErased(
    statements: readonly (Statement | Refusal)[],
  ): Promise<Map<number, Uint8Array>> {
    const found = new Map<number, Uint8Array>();
    for (const statement of statements) {
      if (statement instanceof Refusal || statement.kind !== "erase") continue;
      const erase = decodeErase(statement.payload);
      if (erase instanceof Refusal || erase.entry >= this.tiles.size) continue;
      const entry = await this.parts.entry(erase.entry);
      if (entry !== undefined) found.set(erase.entry, entry);
    }
    return found;
  }
}
