/**
 * What every framer must do, whatever its protocol: the suite that each of them runs.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes } from "../../../../ledger/bytes.ts";
import type { Framer } from "../../../../edge/sensors/framers/framer.ts";

/** A framer and what to feed it. */
export interface FramerCase<F> {
  readonly make: () => Framer<F>;
  /** Good frames as bytes, complete with their last byte or with the line end behind it. */
  readonly frames: fc.Arbitrary<Uint8Array>;
  /** Good frames of which no part makes a frame together with other bytes; `frames` unless given. */
  readonly plainFrames?: fc.Arbitrary<Uint8Array>;
  /** What a sender puts before a frame to be safe from what came before. */
  readonly framesApart?: Uint8Array;
  /** Bytes of the longest frame. */
  readonly bytesMax: number;
}

const NOTHING = new Uint8Array(0);

/** Runs the suite. */
export function describeFramer<F>(name: string, of: FramerCase<F>): void {
  const apart = of.framesApart ?? NOTHING;
  const plainFrames = of.plainFrames ?? of.frames;
  const noise = fc.uint8Array({ maxLength: 40 });

  /** What a fresh framer gives for these pieces, all at once in time. */
  function framesOf(...pieces: Uint8Array[]): F[] {
    const framer = of.make();
    return pieces.flatMap((piece) => framer.push(piece, 0)).map(({ frame }) => frame);
  }

  function expectFound(stream: Uint8Array, ...good: Uint8Array[]): void {
    const found = framesOf(stream).map((frame) => JSON.stringify(frame));
    for (const bytes of good) {
      const at = found.indexOf(JSON.stringify(framesOf(bytes)[0]));
      expect(at).toBeGreaterThanOrEqual(0);
      found.splice(0, at + 1);
    }
  }

  /**
   * Expects the good frame behind leftovers, unless these and its beginning make a sound frame by chance: then nobody
   * could tell which of the two was meant, and the framers' contract says that the good one is lost.
   */
  function expectFoundBehind(leftovers: Uint8Array, good: Uint8Array): void {
    const before = concatBytes(leftovers, apart);
    const begun = framesOf(concatBytes(before, good.subarray(0, -1)));
    if (begun.length > framesOf(before).length) return;
    expectFound(concatBytes(before, good), good);
  }

  describe(name, () => {
    test("gives a whole frame once", () => {
      fc.assert(
        fc.property(of.frames, (frame) => {
          const framer = of.make();
          expect(framer.push(frame, 7)).toMatchObject([{ atMs: 7 }]);
          expect(framer.counters()).toEqual({ framesGood: 1, framesBad: 0, bytesSkipped: 0 });
        }),
      );
    });

    test("gives the same wherever its input is split, and byte by byte", () => {
      fc.assert(
        fc.property(of.frames, noise, of.frames, (first, between, second) => {
          const stream = concatBytes(first, between, apart, second);
          const whole = framesOf(stream);
          for (let at = 0; at <= stream.length; at++) {
            expect(framesOf(stream.subarray(0, at), stream.subarray(at))).toEqual(whole);
          }
          expect(framesOf(...Array.from(stream, (byte) => Uint8Array.of(byte)))).toEqual(whole);
        }),
        { numRuns: 40 },
      );
    });

    test("does not keep the memory that it is given", () => {
      fc.assert(
        fc.property(of.frames, fc.nat(), (frame, cut) => {
          const framer = of.make();
          const at = cut % frame.length;
          const chunk = frame.slice(0, at);
          const early = framer.push(chunk, 0);
          chunk.fill(0);
          expect(early.length + framer.push(frame.subarray(at), 0).length).toBe(1);
        }),
      );
    });

    test("finds good frames behind and between noise", () => {
      fc.assert(
        fc.property(noise, plainFrames, noise, plainFrames, (before, first, between, second) => {
          const stream = concatBytes(before, apart, first, between, apart, second);
          expectFound(stream, first, second);
        }),
        { numRuns: 500 },
      );
    });

    test("finds the good frame behind one with noise inside, at every place", () => {
      fc.assert(
        fc.property(
          plainFrames,
          fc.uint8Array({ minLength: 1, maxLength: 12 }),
          (frame, inside) => {
            for (let at = 0; at <= frame.length; at++) {
              const broken = concatBytes(frame.subarray(0, at), inside, frame.subarray(at));
              expectFoundBehind(broken, frame);
            }
          },
        ),
      );
    });

    test("finds the good frame behind one that was cut, at every place", () => {
      fc.assert(
        fc.property(plainFrames, plainFrames, (cut, good) => {
          for (let at = 0; at < cut.length; at++) {
            expectFoundBehind(cut.subarray(0, at), good);
            expectFoundBehind(cut.subarray(at), good);
          }
        }),
      );
    });

    test("finds the good frame behind one with a flipped bit, at every place", () => {
      fc.assert(
        fc.property(plainFrames, plainFrames, fc.nat(7), (hurt, good, bit) => {
          for (let at = 0; at < hurt.length; at++) {
            const broken = hurt.slice();
            broken[at] = broken[at]! ^ (1 << bit);
            expectFoundBehind(broken, good);
          }
        }),
      );
    });

    test("gives up on half a frame after 500 ms of silence, and not before", () => {
      fc.assert(
        fc.property(of.frames, fc.nat(), (frame, cut) => {
          const at = 1 + (cut % (frame.length - apart.length - 1));
          const [head, tail] = [frame.subarray(0, at), frame.subarray(at)];
          const patient = of.make();
          patient.push(head, 0);
          expect(patient.silence(499)).toEqual([]);
          expect(patient.push(tail, 499)).toHaveLength(1);
          const silenced = of.make();
          silenced.push(head, 0);
          expect(silenced.push(frame, 500)).toHaveLength(1);
          expect(silenced.counters().framesGood).toBe(1);
          expect(silenced.counters().bytesSkipped).toBe(at);
        }),
      );
    });

    test("remembers less than a frame, whatever arrives", () => {
      fc.assert(
        fc.property(fc.uint8Array({ minLength: 2000, maxLength: 4000 }), (bytes) => {
          const framer = of.make();
          framer.push(bytes, 0);
          const before = framer.counters().bytesSkipped;
          framer.silence(10_000);
          expect(framer.counters().bytesSkipped - before).toBeLessThan(of.bytesMax);
        }),
        { numRuns: 20 },
      );
    });
  });
}
