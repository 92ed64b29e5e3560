/**
 * Which signed statements are still to be sent: the bookkeeping of gaps.
 *
 * A gap takes the place of everything from its `from` up to itself; what was good in there is signed anew behind it,
 * one by one. Fed with records in the order of their numbers, when they are made and when an outbox is read again, so
 * that an interrupted renewal goes on where it stopped. Pure; knows numbers, not bytes.
 */

import type { RecordEntry } from "./outbox-format.ts";

interface Range {
  readonly from: number;
  /** Inclusive. */
  readonly to: number;
}

/** See the head of the file. */
export class Succession {
  private readonly replaced: Range[] = [];
  private renewal: { range: Range; refused: number | undefined; done: number } | undefined;

  /** Takes note of the next record. */
  note(entry: Pick<RecordEntry, "seq" | "replaces" | "gap">): void {
    if (entry.gap) {
      const range = { from: entry.gap.from, to: entry.seq - 1 };
      this.replaced.push(range);
      this.renewal = { range, refused: entry.gap.refused, done: range.from - 1 };
    } else if (entry.replaces !== undefined) this.renewed(entry.replaces);
  }

  /** Says that `seq` and all before it need not be signed anew any more. */
  renewed(seq: number): void {
    if (this.renewal) this.renewal.done = Math.max(this.renewal.done, seq);
  }

  /** The least number from `seq` on that no gap has replaced. */
  nextLive(seq: number): number {
    let at = seq;
    for (let again = true; again;) {
      const range = this.replaced.find(({ from, to }) => from <= at && at <= to);
      again = range !== undefined;
      if (range) at = range.to + 1;
    }
    return at;
  }

  /** The next statement whose payload the newest gap left out and nobody has signed anew; there may be no record of it. */
  nextToRenew(): number | undefined {
    if (!this.renewal) return undefined;
    const { range, refused, done } = this.renewal;
    let at = done + 1;
    while (at <= range.to) {
      const older = this.replaced.find((r) => r !== range && r.from <= at && at <= r.to);
      if (older) at = older.to + 1;
      else if (at === refused) at += 1;
      else break;
    }
    if (at <= range.to) return at;
    this.renewal = undefined;
    return undefined;
  }

  /** Says whether `first` to `last` are all replaced, and all that was good in there is signed anew. */
  isSpent(first: number, last: number): boolean {
    const settledBefore = this.renewal ? this.renewal.range.from : Infinity;
    return last < settledBefore && this.nextLive(first) > last;
  }

  /** Forgets about everything up to `seq`. */
  forget(seq: number): void {
    const kept = this.replaced.filter(({ to }) => to > seq);
    this.replaced.splice(0, this.replaced.length, ...kept);
  }
}
