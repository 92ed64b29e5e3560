/**
 * Whether a hub speaks of this card's chain, and how a card goes on whose chain is not the hub's (docs/edge.md, "Stopping").
 *
 * Going on is a person's decision, who vouches that no other machine has the key.
 */

import { equalBytes } from "../../ledger/bytes.ts";
import type { Logger } from "../../platform/log.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { ClockSource } from "../time/clock-source.ts";
import type { Ack } from "../../platform/ack.ts";
import type { HaltMarks } from "./halt.ts";
import type { Repair } from "./repair.ts";

/** What a recovery is made of. */
export interface RecoveryParts {
  readonly outbox: Outbox;
  readonly marks: HaltMarks;
  readonly repair: Repair;
  readonly time: ClockSource;
  readonly logger: Logger;
  /** How far the hub had acknowledged, as an earlier run has noted; -1 where nobody knows. */
  readonly acknowledgedBefore: number;
}

/** A leap over more numbers than the largest outbox has room for: whatever was signed before it is below. */
const LEAP = 2 ** 28;

/** See the head of the file. */
export class Recovery {
  private readonly parts: RecoveryParts;

  constructor(parts: RecoveryParts) {
    this.parts = parts;
  }

  /** Whether the hub holds something under this key that this card, which has a chain, has not signed. */
  async isForeign(ack: Ack): Promise<boolean> {
    const { outbox } = this.parts;
    const tail = outbox.tail!;
    const lastSigned = (tail.follows < tail.seq ? tail.follows : tail.seq) - 1;
    if (ack.stored > lastSigned) return true;
    const own = await outbox.hashAt(ack.stored);
    return own !== undefined && !equalBytes(own, ack.hash);
  }

  /**
   * Goes on where a person has said so; false where no clock lets a gap be signed yet.
   *
   * `stored` is how far the hub had acknowledged in this run, -1 for nowhere.
   */
  async goOn(ack: Ack, stored: number): Promise<boolean> {
    const { outbox, marks, time, logger, repair } = this.parts;
    if (time.nowMs() === undefined) return false;
    await outbox.flush();
    const { tail } = outbox;
    const follows = ack.stored + 1;
    if (tail === undefined && ack.stored < 0) {
      await outbox.anchor({ seq: 0, follows: 0, prev: ack.hash });
    } else if (tail === undefined || (await this.isForeign(ack))) {
      await this.leap(ack, stored);
    } else if (ack.stored < outbox.knownFrom!) {
      repair.dueReason = "released";
      await outbox.anchor({ seq: tail.seq, follows, prev: ack.hash });
    }
    await repair.finish();
    await marks.recovered();
    logger.warn({ stored: ack.stored, next: outbox.tail?.seq }, "goes on after a recovery");
    return true;
  }

  private async leap(ack: Ack, stored: number): Promise<void> {
    const { outbox, repair, acknowledgedBefore } = this.parts;
    const follows = ack.stored + 1;
    repair.dueReason = "counter-lost";
    const seq = Math.max(outbox.tail?.seq ?? 0, follows) + LEAP;
    // What this card has said under the same numbers as another one is not in the ledger.
    const from = Math.max(acknowledgedBefore, stored, outbox.oldest - 1) + 1;
    const own = from < follows ? { from, to: ack.stored } : undefined;
    await outbox.anchor({ seq, follows, prev: ack.hash }, own);
  }
}
