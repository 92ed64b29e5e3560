/**
 * Which signed statements are still to be sent: the bookkeeping of gaps.
 *
 * A gap takes the place of everything from its `from` up to itself; what was good in there is signed anew behind it,
 * one by one, in the order in which it was signed first. Fed with records in the order of their numbers, when they are
 * made and when an outbox is read again, so that an interrupted renewal goes on where it stopped; whatever is new comes
 * behind it, and shows that it is over. Pure; knows numbers, not bytes.
 */

/** What a record says of others. */
export interface Links {
  readonly seq: number;
  /** The older statement whose payload was signed anew in this one. */
  readonly replaces?: number;
  /** Present in a gap statement: it takes the place of everything from `from` up to itself. */
  readonly gap?: { readonly from: number; readonly refused?: number };
}

/** Numbers from `from` to `to`, inclusive. */
export interface NumberRange {
  readonly from: number;
  readonly to: number;
}

/** Statements with consecutive numbers that sign anew what was signed first under as many consecutive numbers. */
export interface RenewedRun extends NumberRange {
  /** The number under which the payload of `from` was signed first. */
  readonly first: number;
}

/** All that a succession knows, as a segment's header keeps it. */
export interface SuccessionSnapshot {
  /** What gaps have taken the place of. */
  readonly replaced: readonly NumberRange[];
  /** What is to be signed anew, in that order. */
  readonly pending: readonly NumberRange[];
  readonly renewals: readonly RenewedRun[];
}

/** See the head of the file. */
export class Succession {
  private replaced: readonly NumberRange[];
  private pending: readonly NumberRange[];
  private renewals: readonly RenewedRun[];

  constructor(snapshot: SuccessionSnapshot = { replaced: [], pending: [], renewals: [] }) {
    this.replaced = snapshot.replaced;
    this.pending = snapshot.pending;
    this.renewals = snapshot.renewals;
  }

  /** What it knows now. */
  get snapshot(): SuccessionSnapshot {
    const { replaced, pending, renewals } = this;
    return { replaced, pending, renewals };
  }

  /** Takes note of the next record. */
  note({ seq, gap, replaces }: Links): void {
    if (gap) {
      const range = { from: gap.from, to: seq - 1 };
      // A gap has no payload that could be signed anew.
      const gaps = this.replaced.map(({ to }) => to + 1);
      const live = [gap.refused, ...gaps].reduce(without, this.liveIn(range));
      // What an older gap left out may still wait, or wait again where its renewal was lost with the power.
      this.pending = this.inOrder([...this.pending, ...live]);
      this.replaced = [...this.replaced, range];
    } else if (replaces !== undefined) {
      this.noteRenewal(seq, this.firstOf(replaces));
      this.renewed(replaces);
    } else if (this.pending.length > 0) this.pending = [];
  }

  /**
   * Says that `seq` need not be signed anew any more. Of others it says nothing: where an unsynced batch has lost its middle
   * in a power cut, later ones are there and earlier ones are not.
   */
  renewed(seq: number): void {
    this.pending = without(this.pending, seq);
  }

  /** Says that what is live in a range is to be signed anew, although no gap has left it out. */
  want(range: NumberRange): void {
    this.pending = this.inOrder([...this.pending, ...this.liveIn(range)]);
  }

  /** Whether anything from `first` to `last` is still to be signed anew. */
  isWanted(first: number, last: number): boolean {
    return this.pending.some(({ from, to }) => from <= last && first <= to);
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
    return !this.isWanted(first, last) && this.nextLive(first) > last;
  }

  /** Forgets about everything up to `seq`. */
  forget(seq: number): void {
    if (this.replaced.some(({ to }) => to <= seq))
      this.replaced = this.replaced.filter(({ to }) => to > seq);
    if (this.renewals.some(({ to }) => to <= seq))
      this.renewals = this.renewals.filter(({ to }) => to > seq);
  }

  private inOrder(ranges: readonly NumberRange[]): readonly NumberRange[] {
    return ranges.toSorted((a, b) => this.firstOf(a.from) - this.firstOf(b.from));
  }

  private noteRenewal(seq: number, first: number): void {
    const last = this.renewals.at(-1);
    const isNext = last?.to === seq - 1 && last.first + (seq - last.from) === first;
    this.renewals = isNext
      ? [...this.renewals.slice(0, -1), { ...last, to: seq }]
      : [...this.renewals, { from: seq, to: seq, first }];
  }

  /** The number under which a statement's payload was signed first. */
  private firstOf(seq: number): number {
    const run = this.renewals.findLast(({ from, to }) => from <= seq && seq <= to);
    return run ? run.first + (seq - run.from) : seq;
  }

  /** The numbers of a range that no gap has replaced, cut where the order of first signing is. */
  private liveIn({ from, to }: NumberRange): NumberRange[] {
    const live: NumberRange[] = [];
    const runs = this.renewals.flatMap((run) => [run.from, run.to + 1]);
    const cuts = [...runs, ...this.replaced.map((range) => range.from)].toSorted((a, b) => a - b);
    for (let at = this.nextLive(from); at <= to;) {
      const end = Math.min(to, (cuts.find((cut) => cut > at) ?? Infinity) - 1);
      live.push({ from: at, to: end });
      at = this.nextLive(end + 1);
    }
    return live;
  }
}

function without(ranges: readonly NumberRange[], seq: number | undefined): readonly NumberRange[] {
  if (seq === undefined || !ranges.some(({ from, to }) => from <= seq && seq <= to)) return ranges;
  return ranges.flatMap(({ from, to }) => {
    if (seq < from || to < seq) return [{ from, to }];
    const parts = [
      { from, to: seq - 1 },
      { from: seq + 1, to },
    ];
    return parts.filter((part) => part.from <= part.to);
  });
}
