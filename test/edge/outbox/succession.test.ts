/** What gaps leave out, and what of it is signed anew, in which order. */

import fc from "fast-check";
import { expect, test } from "vitest";
import { Succession } from "../../../edge/outbox/succession.ts";

/** Everything that waits to be signed anew, in order. */
function pendingOf(succession: Succession): number[] {
  const copy = new Succession(succession.snapshot);
  const pending: number[] = [];
  for (let seq = copy.nextToRenew(); seq !== undefined; seq = copy.nextToRenew()) {
    pending.push(seq);
    copy.renewed(seq);
  }
  return pending;
}

/** Notes plain statements up to `to`, from `from` on. */
function plain(succession: Succession, from: number, to: number): void {
  for (let seq = from; seq <= to; seq++) succession.note({ seq });
}

test("what a gap left out is to be signed anew, but for what was refused", () => {
  const succession = new Succession();
  plain(succession, 0, 9);
  succession.note({ seq: 10, gap: { from: 4, refused: 6 } });
  expect(pendingOf(succession)).toEqual([4, 5, 7, 8, 9]);
  expect(succession.nextLive(3)).toBe(3);
  expect(succession.nextLive(4)).toBe(10);
});

test("a gap in the middle of the signing anew: what was not signed anew yet still is, and in its place", () => {
  const succession = new Succession();
  plain(succession, 0, 9);
  succession.note({ seq: 10, gap: { from: 4 } });
  succession.note({ seq: 11, replaces: 4 });
  succession.note({ seq: 12, replaces: 5 });
  // The hub refuses the first gap, or lost its place: another one from the same number on.
  succession.note({ seq: 13, gap: { from: 4 } });
  expect(pendingOf(succession)).toEqual([11, 12, 6, 7, 8, 9]);
});

test("where a batch lost its middle with the power, what was in there is signed anew, in its place", () => {
  const succession = new Succession();
  plain(succession, 0, 5);
  succession.note({ seq: 6, gap: { from: 0 } });
  // 8 and 9, which signed 1 and 2 anew, are torn.
  succession.note({ seq: 7, replaces: 0 });
  succession.note({ seq: 10, replaces: 3 });
  succession.note({ seq: 11, replaces: 4 });
  expect(pendingOf(succession)).toEqual([1, 2, 5]);
  // The hole is found, and left out with all behind it; whoever looks for 8 and 9 finds nothing there.
  succession.note({ seq: 12, gap: { from: 8 } });
  expect(pendingOf(succession)).toEqual([1, 2, 10, 11, 5, 8, 9]);
});

test("whatever is new comes behind the signing anew, and shows that it is over", () => {
  const succession = new Succession();
  plain(succession, 0, 5);
  succession.note({ seq: 6, gap: { from: 2, refused: 2 } });
  succession.note({ seq: 7, replaces: 3 });
  succession.note({ seq: 8 });
  expect(pendingOf(succession)).toEqual([]);
});

test("what is wished for besides comes in its place, before what is younger", () => {
  const succession = new Succession();
  plain(succession, 0, 9);
  succession.note({ seq: 10, gap: { from: 6 } });
  succession.want({ from: 2, to: 4 });
  expect(pendingOf(succession)).toEqual([2, 3, 4, 6, 7, 8, 9]);
});

test("a run of renewals ends where one was left out", () => {
  const succession = new Succession();
  plain(succession, 0, 5);
  succession.note({ seq: 6, gap: { from: 0 } });
  succession.note({ seq: 7, replaces: 0 });
  // There was nothing left of it.
  succession.renewed(1);
  succession.note({ seq: 8, replaces: 2 });
  succession.note({ seq: 9, replaces: 3 });
  expect(succession.snapshot.renewals).toEqual([
    { from: 7, to: 7, first: 0 },
    { from: 8, to: 9, first: 2 },
  ]);
});

test("a range is wanted, and spent, by each of its ends", () => {
  const succession = new Succession();
  plain(succession, 0, 5);
  succession.note({ seq: 6, gap: { from: 2, refused: 5 } });
  const wanted = [
    [0, 1],
    [0, 2],
    [4, 9],
    [5, 9],
  ] as const;
  expect(wanted.map(([first, last]) => succession.isWanted(first, last))).toEqual([
    false,
    true,
    true,
    false,
  ]);
  for (const seq of [2, 3, 4]) succession.renewed(seq);
  expect(succession.isSpent(2, 5)).toBe(true);
  // The gap is still to be sent.
  expect(succession.isSpent(2, 6)).toBe(false);
});

test("a gap has nothing to be signed anew", () => {
  const succession = new Succession();
  plain(succession, 0, 3);
  succession.note({ seq: 4, gap: { from: 2 } });
  succession.note({ seq: 5, gap: { from: 1 } });
  expect(pendingOf(succession)).toEqual([1, 2, 3]);
});

test("where the first kept statements are replaced, a gap from further back is known", () => {
  const succession = new Succession();
  plain(succession, 0, 5);
  succession.note({ seq: 6, gap: { from: 4 } });
  expect(succession.beginOf(6)).toBe(4);
  expect(succession.beginOf(7)).toBe(7);
  expect(succession.beginOf(3)).toBe(3);
  succession.forget(4);
  expect(succession.beginOf(6)).toBe(4);
  succession.forget(5);
  expect(succession.beginOf(6)).toBe(6);
});

test("a leap is not counted through", () => {
  const succession = new Succession();
  plain(succession, 0, 2);
  succession.note({ seq: 2 ** 40, gap: { from: 1 } });
  expect(succession.nextToRenew()).toBe(1);
  succession.renewed(1);
  succession.renewed(2);
  expect(succession.nextToRenew()).toBe(3);
  succession.skip(2 ** 40 - 1);
  expect(succession.nextToRenew()).toBeUndefined();
});

test("a year of statements signed anew, and once more, is told in a few numbers", () => {
  const succession = new Succession();
  plain(succession, 0, 1);
  let seq = 500_000;
  succession.note({ seq, gap: { from: 0 } });
  for (let old = 0; old < 2_000; old++) succession.note({ seq: (seq += 1), replaces: old });
  succession.note({ seq: (seq += 1), gap: { from: 0 } });
  const { replaced, pending, renewals } = succession.snapshot;
  expect([replaced.length, pending.length, renewals.length]).toEqual([2, 2, 1]);
  expect(pending[0]).toEqual({ from: 500_001, to: 502_000 });
});

test("from a snapshot it goes on as if there had been no restart", () => {
  const event = fc.oneof(
    { weight: 4, arbitrary: fc.constant("plain" as const) },
    { weight: 4, arbitrary: fc.constant("renew" as const) },
    { weight: 1, arbitrary: fc.record({ back: fc.nat({ max: 12 }) }) },
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), fc.nat(), (events, cut) => {
      const straight = new Succession();
      let restarted = new Succession();
      let seq = 0;
      for (const [at, what] of events.entries()) {
        if (at === cut % 60) restarted = new Succession(restarted.snapshot);
        const wanted = straight.nextToRenew();
        const record =
          what === "plain" || (what === "renew" && wanted === undefined)
            ? { seq }
            : what === "renew"
              ? { seq, replaces: wanted! }
              : { seq, gap: { from: Math.max(0, seq - 1 - what.back) } };
        if (record.gap && record.gap.from >= seq) continue;
        straight.note(record);
        restarted.note(record);
        seq += 1;
      }
      expect(restarted.snapshot).toEqual(straight.snapshot);
    }),
  );
});

test("whatever gaps come, each payload is signed anew as long as it is in no live statement, and no payload is twice", () => {
  const event = fc.oneof(
    { weight: 3, arbitrary: fc.constant("go on" as const) },
    { weight: 1, arbitrary: fc.record({ back: fc.nat({ max: 15 }) }) },
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 80 }), (events) => {
      const succession = new Succession();
      /** Payloads by number; gaps have none. */
      const payloads: (number | undefined)[] = [];
      let fresh = 0;
      for (const what of events) {
        const seq = payloads.length;
        const wanted = succession.nextToRenew();
        if (what !== "go on" && seq > 0) {
          succession.note({ seq, gap: { from: Math.max(0, seq - 1 - what.back) } });
          payloads.push(undefined);
        } else if (wanted !== undefined) {
          succession.note({ seq, replaces: wanted });
          payloads.push(payloads[wanted]);
        } else {
          succession.note({ seq });
          payloads.push(fresh++);
        }
      }
      const live = payloads.filter((_, seq) => succession.nextLive(seq) === seq);
      const waiting = pendingOf(succession).map((seq) => payloads[seq]);
      const all = [...live, ...waiting].filter((payload) => payload !== undefined);
      // In order, too: what waits comes behind what is live.
      expect(all).toEqual(Array.from({ length: fresh }, (_, i) => i));
    }),
    { numRuns: 500 },
  );
});
