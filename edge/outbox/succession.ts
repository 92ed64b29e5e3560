/**
 * Which signed statements are still to be sent: the bookkeeping of gaps.
 *
 * A gap takes the place of everything from its `from` up to itself; what was good in there is signed anew behind it,
 * one by one, in the order in which it was measured. Fed with records in the order of their numbers, when they are made and
 * when an outbox is read again, so that an interrupted renewal goes on where it stopped; whatever is new comes behind
 * it, and shows that it is over. Pure; knows numbers, not bytes.
 */

import type { RecordEntry } from "./outbox-format.ts";

/** Numbers from `from` to `to`, inclusive. */
interface Range {
  readonly from: number;
  readonly to: number;
}

/** See the head of the file. */
export class Succession {
  private readonly replaced: Range[] = [];
  /** What is to be signed anew, in the order in which it was signed first. */
  private pending: Range[] = [];
  /** By number, the one under which the same payload was signed first. */
  private readonly firsts = new Map<number, number>();

  /** Takes note of the next record. */
  note(entry: Pick<RecordEntry, "seq" | "replaces" | "gap">): void {
    if (entry.gap) {
      const { from, refused } = entry.gap;
      const range = { from, to: entry.seq - 1 };
      const live = without(this.liveIn(range), refused);
      // What an older gap left out may still wait, or wait again where its renewal was lost with the power.
      this.pending = [...this.pending, ...live].toSorted((a, b) => this.first(a) - this.first(b));
      this.replaced.push(range);
    } else if (entry.replaces !== undefined) {
      this.firsts.set(entry.seq, this.firsts.get(entry.replaces) ?? entry.replaces);
      this.renewed(entry.replaces);
    } else this.pending = [];
  }

  /**
   * Says that `seq` need not be signed anew any more. Of others it says nothing: where an unsynced batch has lost its middle in
   * a power cut, later ones are there and earlier ones are not.
   */
  renewed(seq: number): void {
    this.pending = without(this.pending, seq);
  }

  /** Says that there are no records from the next one to be renewed up to `seq`. */
  skip(seq: number): void {
    const [first, ...rest] = this.pending;
    if (first === undefined) return;
    this.pending = seq < first.to ? [{ from: seq + 1, to: first.to }, ...rest] : rest;
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

  /** The least number from which on all up to `seq` is replaced; `seq` itself where nothing just before it is. */
  beginOf(seq: number): number {
    const reaching = this.replaced.filter(({ from, to }) => from <= seq && seq <= to + 1);
    return Math.min(seq, ...reaching.map(({ from }) => from));
  }

  /** The next statement whose payload a gap left out and nobody has signed anew; there may be no record of it. */
  nextToRenew(): number | undefined {
    return this.pending[0]?.from;
  }

  /** Says whether `first` to `last` are all replaced, and all that was good in there is signed anew. */
  isSpent(first: number, last: number): boolean {
    const isPending = this.pending.some(({ from, to }) => from <= last && first <= to);
    return !isPending && this.nextLive(first) > last;
  }

  /** Forgets about everything up to `seq`. */
  forget(seq: number): void {
    const kept = this.replaced.filter(({ to }) => to > seq);
    this.replaced.splice(0, this.replaced.length, ...kept);
    for (const renewal of this.firsts.keys()) if (renewal <= seq) this.firsts.delete(renewal);
  }

  private first({ from }: Range): number {
    return this.firsts.get(from) ?? from;
  }

  /** The numbers of a range that no gap has replaced; those that were signed anew before each by itself. */
  private liveIn({ from, to }: Range): Range[] {
    const live: Range[] = [];
    const renewals = [...this.firsts.keys()].flatMap((seq) => [seq, seq + 1]);
    const gaps = this.replaced.map((range) => range.from);
    const starts = [...renewals, ...gaps].toSorted((a, b) => a - b);
    for (let at = this.nextLive(from); at <= to;) {
      const end = Math.min(to, (starts.find((start) => start > at) ?? Infinity) - 1);
      live.push({ from: at, to: end });
      at = this.nextLive(end + 1);
    }
    return live;
  }
}

function without(ranges: readonly Range[], seq: number | undefined): Range[] {
  return ranges.flatMap(({ from, to }) => {
    if (seq === undefined || seq < from || to < seq) return [{ from, to }];
    const parts = [
      { from, to: seq - 1 },
      { from: seq + 1, to },
    ];
    return parts.filter((part) => part.from <= part.to);
  });
}
